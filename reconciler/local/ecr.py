"""ECR for repositories whose every tag exists: images, manifests, layers, and tags that move.

Other repositories and operations are moto's. Called by `front`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.local.images import Images
from reconciler.local.manifests import MANIFEST, Manifest

LAYERS_PREFIX = "/ecr-layers/"
Document = dict[str, Any]


class EcrError(Exception):
    """An API error with a code of botocore's ECR model."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Asked:
    """One request; `url` is where this endpoint listens, for layers to be downloaded."""

    images: Images
    account: str
    url: str
    params: Mapping[str, Any]

    @property
    def repository(self) -> str:
        """The repository that it is about."""
        return str(self.params.get("repositoryName") or "")


def handles(images: Images, operation: str, params: Mapping[str, Any]) -> bool:
    """Whether this request is about a repository whose every tag exists."""
    return operation in _OPERATIONS and images.has_every_tag(
        str(params.get("repositoryName") or "")
    )


def answer(operation: str, asked: Asked) -> Document:
    """Answer the request. Raises EcrError."""
    return _OPERATIONS[operation](asked)


def layer(images: Images, path: str) -> str | None:
    """Return what a download URL names, or None."""
    repository, _, digest = path.removeprefix(LAYERS_PREFIX).rpartition("/")
    return images.blob(repository, digest)


def _describe(asked: Asked) -> Document:
    """DescribeImages: an image that is not there is an error."""
    wanted = asked.params.get("imageIds")
    if wanted is None:
        digests = list(asked.images.known(asked.repository))
    else:
        digests = []
        for image_id in wanted:
            digest = _digest(asked, image_id)
            if not digest:
                raise _not_found(asked, image_id)
            digests.append(digest)
    return {"imageDetails": [_detail(asked, digest) for digest in digests]}


def _digest(asked: Asked, image_id: Mapping[str, Any]) -> str:
    """Return the digest that an image id names, or nothing."""
    tag, digest = str(image_id.get("imageTag") or ""), str(image_id.get("imageDigest") or "")
    found = asked.images.digest(asked.repository, tag) if tag else digest
    if digest and found != digest:
        return ""
    return found if asked.images.manifest(asked.repository, found) else ""


def _not_found(asked: Asked, image_id: Mapping[str, Any]) -> EcrError:
    parts = [f"{name}:'{image_id[name]}'" for name in sorted(image_id)]
    return EcrError(
        "ImageNotFoundException",
        f"The image with imageId {{{', '.join(parts)}}} does not exist within the repository with "
        f"name '{asked.repository}' in the registry with id '{asked.account}'",
    )


def _detail(asked: Asked, digest: str) -> Document:
    manifest = asked.images.manifest(asked.repository, digest)
    tags = asked.images.known(asked.repository).get(digest, [])
    detail = {
        "registryId": asked.account,
        "repositoryName": asked.repository,
        "imageDigest": digest,
        "imageSizeInBytes": 1,
        "imageManifestMediaType": manifest.media_type if manifest else MANIFEST,
    }
    return {**detail, "imageTags": tags} if tags else detail


def _list(asked: Asked) -> Document:
    """ListImages: every tag that was asked for or pushed, and images without a tag."""
    found: list[Document] = []
    for digest, tags in asked.images.known(asked.repository).items():
        found += [{"imageDigest": digest, "imageTag": tag} for tag in tags]
        found += [] if tags else [{"imageDigest": digest}]
    return {"imageIds": found}


def _batch_get(asked: Asked) -> Document:
    """BatchGetImage: images with their manifests; what is not there is a failure."""
    found, failures = [], []
    for image_id in asked.params.get("imageIds") or []:
        digest = _digest(asked, image_id)
        manifest = asked.images.manifest(asked.repository, digest)
        if manifest is None:
            failures.append(_failure(image_id))
            continue
        found.append(_image(asked, manifest, str(image_id.get("imageTag") or "")))
    return {"images": found, "failures": failures}


def _image(asked: Asked, manifest: Manifest, tag: str) -> Document:
    image_id = {"imageDigest": manifest.digest}
    return {
        "registryId": asked.account,
        "repositoryName": asked.repository,
        "imageId": {**image_id, "imageTag": tag} if tag else image_id,
        "imageManifest": manifest.text,
        "imageManifestMediaType": manifest.media_type,
    }


def _failure(image_id: Mapping[str, Any]) -> Document:
    return {
        "imageId": image_id,
        "failureCode": "ImageNotFound",
        "failureReason": "Requested image not found",
    }


def _put(asked: Asked) -> Document:
    """PutImage: the tag moves to the manifest."""
    params = asked.params
    media_type = str(params.get("imageManifestMediaType") or MANIFEST)
    manifest = Manifest(str(params.get("imageManifest") or ""), media_type)
    if params.get("imageDigest") not in (None, manifest.digest):
        raise EcrError("ImageDigestDoesNotMatchException", "The digest is not the manifest's.")
    tag = str(params.get("imageTag") or "")
    if not asked.images.put(asked.repository, tag, manifest):
        raise EcrError(
            "ImageAlreadyExistsException",
            f"Image with digest '{manifest.digest}' and tag '{tag}' already exists in the "
            f"repository with name '{asked.repository}' in registry with id '{asked.account}'",
        )
    return {"image": _image(asked, manifest, tag)}


def _delete(asked: Asked) -> Document:
    """BatchDeleteImage by tag: the tag exists no more."""
    gone, failures = [], []
    for image_id in asked.params.get("imageIds") or []:
        digest = _digest(asked, image_id)
        if not digest or not image_id.get("imageTag"):
            failures.append(_failure(image_id))
            continue
        asked.images.delete_tag(asked.repository, str(image_id["imageTag"]))
        gone.append({"imageDigest": digest, "imageTag": image_id["imageTag"]})
    return {"imageIds": gone, "failures": failures}


def _download(asked: Asked) -> Document:
    """GetDownloadUrlForLayer: also for an image's config, which tells its platform."""
    digest = str(asked.params.get("layerDigest") or "")
    if asked.images.blob(asked.repository, digest) is None:
        message = f"The layer with digest '{digest}' does not exist within the repository."
        raise EcrError("LayersNotFoundException", message)
    url = f"{asked.url}{LAYERS_PREFIX}{asked.repository}/{digest}"
    return {"downloadUrl": url, "layerDigest": digest}


_OPERATIONS: Mapping[str, Callable[[Asked], Document]] = {
    "BatchDeleteImage": _delete,
    "BatchGetImage": _batch_get,
    "DescribeImages": _describe,
    "GetDownloadUrlForLayer": _download,
    "ListImages": _list,
    "PutImage": _put,
}
