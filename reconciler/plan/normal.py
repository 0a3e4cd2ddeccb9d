"""Take AWS's known defaults out of a document: what is left is what makes it different.

Called by `plan.spec_hash` and `plan.releases`, so that pasted defaults change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.names import Path
from reconciler.plan.canonical import (
    canonical_service,
    canonical_task_definition,
    comparable,
)
from reconciler.shapes.default_values import NO_DEFAULT, default_of, is_default
from reconciler.shapes.tables import SERVICE, Kind

_EMPTY: tuple[Any, ...] = ({}, [], None)


def normal(document: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """Return the comparable form of a document without known defaults and without empty containers."""
    canonical = canonical_service if kind == SERVICE else canonical_task_definition
    tidy = canonical(document)
    return dict(_strip(comparable(tidy, kind), tidy, kind, ()))


def _strip(value: Mapping[str, Any], whole: Mapping[str, Any], kind: Kind, path: Path) -> Any:
    result: dict[str, Any] = {}
    for name, inner in value.items():
        where = (*path, name)
        default = default_of(kind, where, whole, value)
        if default is not NO_DEFAULT and is_default(inner, default):
            continue
        kept = _strip(inner, whole, kind, where) if isinstance(inner, Mapping) else inner
        if kept not in _EMPTY:
            result[name] = kept
    return result
