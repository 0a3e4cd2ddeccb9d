"""Image manifests, indexes and their config blobs as the OCI image specification writes them.

Every tag of the embedded ECR is an index for two platforms unless something else was pushed. Digests
are those of the documents, so a client that checks them is content. Used by `images` and `ecr`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
Platform = tuple[str, str]
"""Operating system and architecture, as in `linux`, `arm64`."""
DEFAULT_PLATFORMS: Sequence[Platform] = (("linux", "amd64"), ("linux", "arm64"))


@dataclass(frozen=True)
class Manifest:
    """One manifest or index: its text, media type and digest."""

    text: str
    media_type: str

    @property
    def digest(self) -> str:
        """The digest that names it."""
        return digest_of(self.text)


@dataclass
class BuiltImage:
    """An image as it is pushed: what a tag names, what that refers to, and the blobs by digest."""

    top: Manifest
    children: list[Manifest] = field(default_factory=list)
    blobs: dict[str, str] = field(default_factory=dict)


def digest_of(text: str) -> str:
    """Return the digest of a document."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def build(name: str, platforms: Sequence[Platform]) -> BuiltImage:
    """Make an image that differs from every other `name`: an index, or one manifest for one platform."""
    blobs: dict[str, str] = {}
    children = [_manifest(name, platform, blobs) for platform in platforms]
    if len(children) == 1:
        return BuiltImage(children[0], [], blobs)
    entries = [
        {**_descriptor(MANIFEST, child.text), "platform": {"architecture": arch, "os": system}}
        for child, (system, arch) in zip(children, platforms, strict=True)
    ]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    return BuiltImage(Manifest(_json(index), INDEX), children, blobs)


def _manifest(name: str, platform: Platform, blobs: dict[str, str]) -> Manifest:
    system, architecture = platform
    config = _json(
        {
            "architecture": architecture,
            "os": system,
            "config": {"Labels": {"org.opencontainers.image.ref.name": name}},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
    )
    layer = f"the files of {name} for {system}/{architecture} are a folder of this machine"
    blobs |= {digest_of(config): config, digest_of(layer): layer}
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(_CONFIG, config),
        "layers": [_descriptor(_LAYER, layer)],
    }
    return Manifest(_json(document), MANIFEST)


def _descriptor(media_type: str, text: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(text), "size": len(text)}


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
