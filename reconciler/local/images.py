"""Which folder, tag and digest stand behind an image reference. Used by the launcher and by ECR.

An image's name is the last path component of its repository. Digests are made up from repository
and tag, so they are stable over restarts; the tag of a digest is remembered once it was given out.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
        return self.repository.rsplit("/", 1)[-1]

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Read `[host/]repository[:tag][@digest]`."""
        rest, _, digest = text.partition("@")
        head, colon, tag = rest.rpartition(":")
        if not colon or "/" in tag:
            head, tag = rest, ""
        host, slash, path = head.partition("/")
        is_host = slash and ("." in host or ":" in host or host == "localhost")
        return cls(path if is_host else head, tag, digest)


def digest_of(repository: str, tag: str) -> str:
    """Return the digest that a tag of a repository has in the embedded world."""
    return "sha256:" + hashlib.sha256(f"{repository}:{tag}".encode()).hexdigest()


class Images:
    """Folders by image name, repositories whose every tag exists, and the tags given out."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self.folders = {name: Path(folder).resolve() for name, folder in folders.items()}
        self._lock = threading.Lock()
        self._repositories: set[str] = set()
        self._tags: dict[str, dict[str, str]] = {}
        self._refused: dict[str, str] = {}

    def open_repository(self, repository: str) -> None:
        """Let every tag of `repository` exist."""
        with self._lock:
            self._repositories.add(repository)

    def has_every_tag(self, repository: str) -> bool:
        """Whether every tag of `repository` exists: seeded, mapped to a folder, or the guard's."""
        name = repository.rsplit("/", 1)[-1]
        with self._lock:
            return repository in self._repositories or name == GUARD or name in self.folders

    def digest(self, repository: str, tag: str) -> str:
        """Return the tag's digest and remember the way back."""
        digest = digest_of(repository, tag)
        with self._lock:
            self._tags.setdefault(repository, {})[digest] = tag
        return digest

    def digest_in_use(self, text: str) -> str:
        """Return the digest behind an image reference, or nothing for a repository without tags."""
        reference = ImageReference.parse(text)
        if reference.digest or not self.has_every_tag(reference.repository):
            return reference.digest
        return self.digest(reference.repository, reference.tag or "latest")

    def tag_of(self, reference: ImageReference) -> str:
        """Return the tag of a reference, by its digest when it has no tag; empty when unknown."""
        if reference.tag:
            return reference.tag
        with self._lock:
            return self._tags.get(reference.repository, {}).get(reference.digest, "")

    def known(self, repository: str) -> dict[str, str]:
        """Return digest → tag of what was given out so far."""
        with self._lock:
            return dict(self._tags.get(repository, {}))

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
