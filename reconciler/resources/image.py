"""image: from a tag to the digest it stands for, through ECR. Read only.

Called by `resources.observe` for references that the ledger has not pinned yet.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from reconciler.aws.door import Aws
from reconciler.model.errors import NotFound

ECR_HOST = re.compile(
    r"(?P<registry>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?"
)


class ImageReference(NamedTuple):
    """`host/path:tag` or `host/path@sha256:…`, taken apart. `tag` or `digest` is empty."""

    repository: str
    tag: str
    digest: str


def parse(reference: str) -> ImageReference:
    """Take an image reference apart; a colon before the last slash is a port, not a tag."""
    name, _, digest = reference.partition("@")
    slash = name.rfind("/")
    colon = name.rfind(":")
    if colon > slash:
        return ImageReference(name[:colon], name[colon + 1 :], digest)
    return ImageReference(name, "", digest)


def resolve(aws: Aws, reference: str) -> str | None:
    """Return `repository@sha256:…` for a reference, or None when ECR has no such image.

    A digest is itself; an image outside ECR is returned as declared: its registry is not asked.
    """
    image = parse(reference)
    if image.digest:
        return f"{image.repository}@{image.digest}"
    host, _, path = image.repository.partition("/")
    match = ECR_HOST.fullmatch(host)
    if match is None:
        return reference
    try:
        response = aws.call(
            "ecr",
            "DescribeImages",
            registryId=match["registry"],
            repositoryName=path,
            imageIds=[{"imageTag": image.tag}],
        )
    except NotFound:
        return None
    details = response.get("imageDetails", ())
    # An emulator was seen to answer an empty list where ECR raises ImageNotFoundException.
    return f"{image.repository}@{details[0]['imageDigest']}" if details else None
