"""What is going to be written: maps with comments, references, lists and plain values.

Made by `shorten`, `share` and `files`, written by `emit`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Reference(str):
    """A text whose `${…}` are meant: everywhere else `${` is written `$${`."""

    __slots__ = ()


class Keys(dict[str, Any]):
    """A map to be written. `comments` stand above their key; `apart` puts blank lines between the keys.

    `block` gives each key a line of its own, however short they are.
    """

    def __init__(
        self,
        entries: Iterable[tuple[str, Any]] | dict[str, Any] = (),
        *,
        apart: bool = False,
        block: bool = False,
    ) -> None:
        super().__init__(entries)
        self.apart = apart
        self.block = block
        self.comments: dict[str, list[str]] = {}

    def say(self, key: str, *lines: str) -> None:
        """Put comment lines above a key."""
        self.comments.setdefault(key, []).extend(lines)


def is_empty(value: Any) -> bool:
    """Say whether there is nothing to write: null, or a map or list without content."""
    return value is None or (isinstance(value, dict | list) and not value)
