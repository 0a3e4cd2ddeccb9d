"""Image names and the policy on them: only what names the same bits tomorrow can be rolled back to.

`parse_image` and the policy are for what stands in the files and what a look-up gave; `taken_apart` is
for what AWS answers, and for what has been checked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Names that people move from build to build; a version such as 7-alpine moves too but is a choice.
MOVING = frozenset(
    {
        *("latest", "main", "master", "trunk", "head", "current", "release", "next"),
        *("stable", "edge", "nightly", "canary", "rolling", "beta", "alpha"),
        *("prod", "production", "staging", "stage", "test", "testing"),
        *("dev", "devel", "develop", "development"),
    }
)
_IMAGE = re.compile(
    r"(?P<repository>[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5}(?=/))?(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*"
    r"|[A-Za-z0-9][A-Za-z0-9._-]*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class ImageName:
    """An image reference taken apart; `tag` and `digest` may be empty."""

    repository: str
    tag: str
    digest: str


def taken_apart(text: str) -> ImageName:
    """Take a reference apart as a registry would, whatever its form: a colon before a slash is a port."""
    name, _, digest = text.partition("@")
    colon = name.rfind(":")
    if colon > name.rfind("/"):
        return ImageName(name[:colon], name[colon + 1 :], digest)
    return ImageName(name, "", digest)


def parse_image(text: str) -> ImageName | None:
    """Read `repository[:tag][@sha256:…]`; None when it is not of that form."""
    found = _IMAGE.fullmatch(text)
    if found is None:
        return None
    return ImageName(found["repository"], found["tag"] or "", found["digest"] or "")


def tag_problem(image: ImageName) -> str:
    """Say why the image may be other bits tomorrow, empty when it may not."""
    if image.digest:
        return ""
    if not image.tag:
        return "has no tag, which means 'latest': name a tag or a digest"
    if image.tag.lower() in MOVING:
        return (
            f"the tag '{image.tag}' moves and cannot be rolled back: use a commit's tag or a digest"
        )
    return ""
