"""ECR for repositories whose every tag exists: DescribeImages and BatchGetImage with stable digests.

Other repositories and operations are moto's. Called by `front`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.local.images import Images

OPERATIONS = ("DescribeImages", "BatchGetImage")
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class ImageNotFound(Exception):
    """A digest that was never given out; the message is ECR's."""


def handles(images: Images, operation: str, params: Mapping[str, Any]) -> bool:
    """Whether this request is about a repository whose every tag exists."""
    return operation in OPERATIONS and images.has_every_tag(str(params.get("repositoryName") or ""))


def answer(
    images: Images, account: str, operation: str, params: Mapping[str, Any]
) -> dict[str, Any]:
    """Answer the request. Raises ImageNotFound for DescribeImages of an unknown digest."""
    repository = str(params["repositoryName"])
    found, missing = _find(images, repository, params.get("imageIds"))
    if operation == "DescribeImages":
        if missing:
            wanted = missing[0].get("imageDigest")
            raise ImageNotFound(
                f"The image with imageId {{imageDigest:'{wanted}'}} does not exist within the "
                f"repository with name '{repository}' in the registry with id '{account}'"
            )
        return {"imageDetails": [_detail(account, repository, d, t) for d, t in found]}
    return {
        "images": [_image(account, repository, d, t) for d, t in found],
        "failures": [_failure(image_id) for image_id in missing],
    }


def _find(
    images: Images, repository: str, image_ids: list[dict[str, str]] | None
) -> tuple[list[tuple[str, str]], list[dict[str, str]]]:
    if image_ids is None:
        return list(images.known(repository).items()), []
    found, missing = [], []
    for image_id in image_ids:
        tag, digest = image_id.get("imageTag"), image_id.get("imageDigest", "")
        if tag:
            found.append((images.digest(repository, tag), tag))
        elif digest in images.known(repository):
            found.append((digest, images.known(repository)[digest]))
        else:
            missing.append(image_id)
    return found, missing


def _detail(account: str, repository: str, digest: str, tag: str) -> dict[str, Any]:
    return {
        "registryId": account,
        "repositoryName": repository,
        "imageDigest": digest,
        "imageTags": [tag],
        "imageSizeInBytes": 1,
        "imageManifestMediaType": _MANIFEST,
    }


def _image(account: str, repository: str, digest: str, tag: str) -> dict[str, Any]:
    return {
        "registryId": account,
        "repositoryName": repository,
        "imageId": {"imageDigest": digest, "imageTag": tag},
        "imageManifest": '{"schemaVersion":2}',
        "imageManifestMediaType": _MANIFEST,
    }


def _failure(image_id: dict[str, str]) -> dict[str, Any]:
    return {
        "imageId": image_id,
        "failureCode": "ImageNotFound",
        "failureReason": "Requested image not found",
    }
