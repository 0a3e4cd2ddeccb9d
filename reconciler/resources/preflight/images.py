"""Images for `doctor`: ECR has each of them. A plan learns that when it resolves their digests."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.aws.door import Aws
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import AccessDenied
from reconciler.model.finding import CheckState, Finding
from reconciler.resources import image


def registry(aws: Aws, desired: DesiredApp) -> Iterator[Finding]:
    """Look for each image; one outside ECR is not asked for."""
    for reference in sorted(desired.image_references()):
        name = f"image {reference}"
        try:
            digest = image.resolve(aws, reference)
        except AccessDenied as error:
            wanted = error.permission or error.operation
            message = f"the role lacks {wanted}"
            yield Finding(name, CheckState.UNSEEN, message, (), wanted)
            continue
        if digest is None:
            yield Finding(name, CheckState.FAILED, "ECR has no such image")
        elif digest == reference and "@" not in reference:
            yield Finding(name, CheckState.WARNING, "not in ECR: its registry is not asked")
        else:
            yield Finding(name, CheckState.OK, digest.rpartition("@")[2])
