"""image: from a tag to the digest it stands for, and to the platforms it runs on. Read only.

Called by `resources.digests` for references that the ledger has not pinned yet, and by
`resources.freshness` for what pinned tags mean now: ECR through AWS, other registries through
`aws.registry`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from reconciler.aws.door import Aws
from reconciler.aws.registry import MANIFESTS, Registry, config_of, platform_of, platforms_of
from reconciler.model.errors import NotFound
from reconciler.plan.image_names import taken_apart

ECR_HOST = re.compile(
    r"(?P<registry>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?"
)

UNTAGGED = "latest"
"""What Docker and ECS take for an image that names neither tag nor digest."""

TAGS_A_CALL = 100
"""Tags of one repository in one DescribeImages (botocore: DescribeImagesRequest.imageIds)."""

Ask = Callable[..., dict[str, Any]]
"""`Aws.call`, or the same with less patience (`resources.preflight.reader`)."""


def resolve(aws: Aws, reference: str, registry: Registry | None = None) -> str | None:
    """Return `repository@sha256:…` for a reference, or None when its registry has no such image.

    A digest is itself. Without `registry` an image outside ECR is returned as declared.
    Raises AwsError; for other registries Closed and RegistryError.
    """
    image = taken_apart(reference)
    if image.digest:
        return f"{image.repository}@{image.digest}"
    place = ecr_place(image.repository)
    if place is not None:
        tag = image.tag or UNTAGGED
        digest = digests_in_ecr(aws.in_region(place.region).call, place, [tag]).get(tag, "")
    elif registry is None:
        return reference
    else:
        digest = registry.digest(image.repository, image.tag or UNTAGGED) or ""
    return f"{image.repository}@{digest}" if digest else None


def platforms(aws: Aws, pinned: str, registry: Registry | None = None) -> frozenset[str]:
    """Return what `repository@sha256:…` runs on, as `linux/arm64`; nothing where nobody says.

    Raises AwsError, Closed, RegistryError.
    """
    image = taken_apart(pinned)
    place = ecr_place(image.repository)
    if place is None:
        return registry.platforms(image.repository, image.digest) if registry else frozenset()
    ecr = aws.in_region(place.region)
    answer = ecr.call(
        "ecr",
        "BatchGetImage",
        registryId=place.registry,
        repositoryName=place.path,
        imageIds=[{"imageDigest": image.digest}],
        acceptedMediaTypes=list(MANIFESTS),
    )
    found = answer.get("images") or [{}]
    manifest = _document(found[0].get("imageManifest", ""))
    config = config_of(manifest)
    if not config or registry is None:
        return platforms_of(manifest)
    layer = ecr.call(
        "ecr",
        "GetDownloadUrlForLayer",
        registryId=place.registry,
        repositoryName=place.path,
        layerDigest=config,
    )
    return platform_of(registry.fetch(str(layer.get("downloadUrl", "")), config))


class EcrPlace(NamedTuple):
    """Where a repository is in ECR."""

    region: str
    registry: str
    path: str


def ecr_place(repository: str) -> EcrPlace | None:
    """Return region, account and path of a repository in ECR, None when it is elsewhere."""
    host, _, path = repository.partition("/")
    match = ECR_HOST.fullmatch(host)
    return EcrPlace(match["region"], match["registry"], path) if match else None


def digests_in_ecr(ask: Ask, place: EcrPlace, tags: Sequence[str]) -> dict[str, str]:
    """Return the digests of a repository's tags, at most `TAGS_A_CALL`; without those that are gone.

    One call while all of them are there. One that is gone fails the whole of it, and then each half is
    asked by itself: BatchGetImage, which answers for each tag, counts as a pull of the image, on which
    lifecycle policies decide, and asks upstream behind a pull-through cache. Raises AwsError.
    """
    wanted = [{"imageTag": tag} for tag in tags]
    try:
        answer = ask(
            "ecr",
            "DescribeImages",
            registryId=place.registry,
            repositoryName=place.path,
            imageIds=wanted,
        )
    except NotFound as error:
        if len(tags) == 1 or error.code == "RepositoryNotFoundException":
            return {}
        middle = len(tags) // 2
        first, second = tags[:middle], tags[middle:]
        return digests_in_ecr(ask, place, first) | digests_in_ecr(ask, place, second)
    # An emulator was seen to answer an empty list where ECR raises ImageNotFoundException.
    details = answer.get("imageDetails") or ()
    if len(tags) == 1:
        return {tags[0]: str(details[0]["imageDigest"])} if details else {}
    return {
        tag: str(detail["imageDigest"])
        for detail in details
        for tag in detail.get("imageTags", ())
        if tag in tags
    }


def _document(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, Mapping) else {}
