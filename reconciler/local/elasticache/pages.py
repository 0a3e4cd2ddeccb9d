"""What a Describe call finds: one by its name, or lists in pages of MaxRecords with an opaque Marker."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from reconciler.local.elasticache.errors import CacheError, invalid
from reconciler.local.elasticache.state import Document

Item = TypeVar("Item")

_FEWEST, _MOST = 20, 100


def page(params: Mapping[str, Any], name: str, items: Sequence[Any]) -> Document:
    """Return the page that the request asks for, with a Marker when more follow.

    Source: MaxRecords in botocore's ElastiCache model: default 100, minimum 20, maximum 100.
    """
    size = int(params.get("MaxRecords", _MOST))
    if not _FEWEST <= size <= _MOST:
        raise invalid(f"Value {size} for MaxRecords must be between {_FEWEST} and {_MOST}.")
    start = _start(params.get("Marker"))
    answer: Document = {name: list(items[start : start + size])}
    if start + size < len(items):
        answer["Marker"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
    return answer


def found(table: Mapping[str, Item], name: Any, code: str) -> Item:
    """Return what has a name, in any case of letters; raises CacheError with `code` (`…NotFound…`)."""
    item = table.get(str(name or "").lower())
    if item is None:
        raise CacheError(code, f"{code.partition('NotFound')[0]} {name} not found.")
    return item


def one_or_all(table: Mapping[str, Item], name: Any, code: str) -> list[Item]:
    """Return what a Describe call asks for: the one of that name, or all of them in order."""
    return [found(table, name, code)] if name else [table[key] for key in sorted(table)]


def _start(marker: Any) -> int:
    if not marker:
        return 0
    try:
        return int(base64.urlsafe_b64decode(str(marker)))
    except (ValueError, binascii.Error) as error:
        raise invalid("The Marker is not valid.") from error
