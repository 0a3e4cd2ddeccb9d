"""Images for `doctor`: their registries have each of them. A plan learns that when it resolves digests."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.aws.door import Aws
from reconciler.aws.registry import Closed, Registry
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import AccessDenied, RegistryError
from reconciler.model.finding import CheckState, Finding
from reconciler.model.lookups import Deferred
from reconciler.resources import image


def in_registries(
    aws: Aws, desired: DesiredApp, registry: Registry | None = None
) -> Iterator[Finding]:
    """Look for each image; without `registry` those outside ECR are not asked for."""
    for reference in sorted(desired.image_references()):
        if not isinstance(reference, Deferred):
            yield _found(aws, reference, registry)


def _found(aws: Aws, reference: str, registry: Registry | None) -> Finding:
    name = f"image {reference}"
    try:
        digest = image.resolve(aws, reference, registry)
    except AccessDenied as error:
        wanted = error.permission or error.operation
        return Finding(name, CheckState.UNSEEN, f"the role lacks {wanted}", (), wanted)
    except Closed as closed:
        return Finding(name, CheckState.UNSEEN, f"it cannot be pinned to a digest: {closed}")
    except RegistryError as error:
        return Finding(name, CheckState.FAILED, str(error))
    if digest is None:
        place = "ECR" if image.ecr_place(image.parse(reference).repository) else "its registry"
        return Finding(name, CheckState.FAILED, f"{place} has no such image")
    if digest == reference and "@" not in reference:
        return Finding(name, CheckState.WARNING, "not in ECR: its registry is not asked")
    return Finding(name, CheckState.OK, digest.rpartition("@")[2])
