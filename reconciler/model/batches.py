"""Sequences in parts, as many items as one request takes. Called wherever AWS limits a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def batches(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in order, in parts of `size`, the last one shorter; nothing for no items."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
