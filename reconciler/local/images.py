"""Which folder, tag and digest stand behind an image reference. Used by `launch`, `ecr` and `seed`.

An image's name is the last path component of its repository. Images are made up from repository and
tag, so digests are stable over restarts; the tag of a digest is remembered once it was given out.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.local.manifests import (
    DEFAULT_PLATFORMS,
    BuiltImage,
    Manifest,
    Platform,
    build,
)
from reconciler.model.names import last_part
from reconciler.plan.image_names import taken_apart

GUARD = "reconciler-guard"


@dataclass(frozen=True)
class ImageReference:
    """An image as a container names it. `repository` has no registry host."""

    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """The last path component, which `--image NAME=DIR` names."""
        return last_part(self.repository)

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Read `[host/]repository[:tag][@digest]`."""
        name = taken_apart(text)
        host, slash, path = name.repository.partition("/")
        is_host = slash and ("." in host or ":" in host or host == "localhost")
        return cls(path if is_host else name.repository, name.tag, name.digest)


@dataclass
class _Repository:
    """What was given out or pushed: tag → digest, digest → the tag it first had, documents."""

    tags: dict[str, str] = field(default_factory=dict)
    first_tags: dict[str, str] = field(default_factory=dict)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    blobs: dict[str, str] = field(default_factory=dict)
    pushes: int = 0


class Images:
    """Folders by image name, repositories whose every tag exists, and the tags given out.

    A tag that nobody pushed exists from the moment it is asked for, with a digest of its own that stays
    the same. Pushing moves a tag; the digests that it had stay known, as in ECR.
    """

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self.folders = {name: Path(folder).resolve() for name, folder in folders.items()}
        self._lock = threading.RLock()
        self._repositories: dict[str, _Repository] = {}
        self._open: set[str] = set()
        self._refused: dict[str, str] = {}

    def open_repository(self, repository: str) -> None:
        """Let every tag of `repository` exist."""
        with self._lock:
            self._open.add(repository)

    def has_every_tag(self, repository: str) -> bool:
        """Whether every tag of `repository` exists: seeded, mapped to a folder, or the guard's."""
        name = last_part(repository)
        with self._lock:
            return repository in self._open or name == GUARD or name in self.folders

    def digest(self, repository: str, tag: str) -> str:
        """Return the tag's digest and remember the way back; nothing for a tag that was deleted."""
        with self._lock:
            known = self._of(repository)
            if tag not in known.tags:
                self._add(repository, tag, build(f"{repository}:{tag}", DEFAULT_PLATFORMS))
            return known.tags[tag]

    def push(
        self, repository: str, tag: str, platforms: Sequence[Platform] = DEFAULT_PLATFORMS
    ) -> str:
        """Push another image under a tag and return its digest: for these platforms only."""
        with self._lock:
            self._of(repository).pushes += 1
            name = f"{repository}:{tag} push {self._of(repository).pushes}"
            return self._add(repository, tag, build(name, platforms))

    def put(self, repository: str, tag: str, manifest: Manifest) -> bool:
        """Take a manifest that somebody pushed; False when the tag names it already."""
        with self._lock:
            if tag and self._of(repository).tags.get(tag) == manifest.digest:
                return False
            self._add(repository, tag, BuiltImage(manifest))
            return True

    def delete_tag(self, repository: str, tag: str) -> None:
        """Let a tag exist no more; its digest stays."""
        with self._lock:
            self._of(repository).tags[tag] = ""

    def _of(self, repository: str) -> _Repository:
        return self._repositories.setdefault(repository, _Repository())

    def _add(self, repository: str, tag: str, image: BuiltImage) -> str:
        known, digest = self._of(repository), image.top.digest
        for manifest in (image.top, *image.children):
            known.manifests[manifest.digest] = manifest
        known.blobs |= image.blobs
        known.first_tags.setdefault(digest, tag)
        if tag:
            known.tags[tag] = digest
        return digest

    def digest_in_use(self, text: str) -> str:
        """Return the digest behind an image reference; of any registry, since any image runs here."""
        reference = ImageReference.parse(text)
        if reference.digest:
            return reference.digest
        return self.digest(reference.repository, reference.tag or "latest")

    def tag_of(self, reference: ImageReference) -> str:
        """Return the tag of a reference, by its digest when it has no tag; empty when unknown."""
        if reference.tag:
            return reference.tag
        with self._lock:
            return self._of(reference.repository).first_tags.get(reference.digest, "")

    def known(self, repository: str) -> dict[str, list[str]]:
        """Return digest → the tags that name it now, of what was given out or pushed so far."""
        with self._lock:
            repo = self._of(repository)
            return {
                digest: sorted(t for t, d in repo.tags.items() if d == digest)
                for digest in repo.first_tags
            }

    def manifest(self, repository: str, digest: str) -> Manifest | None:
        """Return a manifest, an index or what an index refers to."""
        with self._lock:
            return self._of(repository).manifests.get(digest)

    def blob(self, repository: str, digest: str) -> str | None:
        """Return a layer or a config of an image."""
        with self._lock:
            return self._of(repository).blobs.get(digest)

    def refuse(self, text: str, reason: str) -> None:
        """Let pulls of images whose reference or tag is `text` fail with `reason`."""
        with self._lock:
            self._refused[text] = reason

    def refusal(self, text: str) -> str:
        """Return why an image cannot be pulled, or nothing."""
        reference = ImageReference.parse(text)
        tag = self.tag_of(reference)
        names = (text, tag, f"{reference.name}:{tag}", f"{reference.repository}:{tag}")
        with self._lock:
            return next((self._refused[n] for n in names if n in self._refused), "")
