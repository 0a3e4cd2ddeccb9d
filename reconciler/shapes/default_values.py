"""What ECS fills in when nobody said anything: look-ups in the table of known defaults.

Read by `plan` to tell "somebody changed this" from "AWS wrote this", by `init` to leave out the latter.
A field without a row has no known default and is never reported. The data: `shapes.service_defaults`,
`shapes.task_definition_defaults`, `shapes.autoscaling_defaults`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from reconciler.model.names import Path
from reconciler.shapes.autoscaling_defaults import AUTOSCALING_ROWS, AUTOSCALING_UNKNOWN
from reconciler.shapes.default_row import (
    ABSENT,
    NO_DEFAULT,
    Absent,
    DefaultRow,
    NoDefault,
    UnknownRow,
)
from reconciler.shapes.service_defaults import SERVICE_ROWS, SERVICE_UNKNOWN
from reconciler.shapes.tables import AUTOSCALING, SERVICE, TASK_DEFINITION, Kind, matches
from reconciler.shapes.task_definition_defaults import (
    TASK_DEFINITION_ROWS,
    TASK_DEFINITION_UNKNOWN,
)

__all__ = [
    "ABSENT",
    "DEFAULT_ROWS",
    "NO_DEFAULT",
    "UNKNOWN_ROWS",
    "Absent",
    "NoDefault",
    "default_of",
    "default_row",
    "is_default",
    "unpredictable",
]

DEFAULT_ROWS: dict[Kind, tuple[DefaultRow, ...]] = {
    SERVICE: SERVICE_ROWS,
    TASK_DEFINITION: TASK_DEFINITION_ROWS,
    AUTOSCALING: AUTOSCALING_ROWS,
}

UNKNOWN_ROWS: dict[Kind, tuple[UnknownRow, ...]] = {
    SERVICE: SERVICE_UNKNOWN,
    TASK_DEFINITION: TASK_DEFINITION_UNKNOWN,
    AUTOSCALING: AUTOSCALING_UNKNOWN,
}


@lru_cache(maxsize=8192)  # every leaf of every comparison asks; the rows never change
def default_row(kind: Kind, path: Path) -> DefaultRow | None:
    """Return the row for the field at a comparable path, None when its default is not known."""
    return next((row for row in DEFAULT_ROWS[kind] if matches(row.pattern, path)), None)


@lru_cache(maxsize=8192)
def unpredictable(kind: Kind, path: Path) -> str:
    """Say why no default can be told for the field at `path` or for what holds it; else empty."""
    return next(
        (r.reason for r in UNKNOWN_ROWS[kind] if matches(r.pattern, path[: len(r.pattern)])), ""
    )


def default_of(
    kind: Kind, path: Path, whole: Mapping[str, Any], parent: Mapping[str, Any]
) -> Any | NoDefault | Absent:
    """Return the value ECS gives the field at `path` when nobody sets it.

    `whole` is the document and `parent` the map that holds the field: some defaults follow from
    others (`hostPort`, the percentages of a daemon service). NO_DEFAULT when it is not known.
    """
    row = default_row(kind, path)
    if row is None:
        return NO_DEFAULT
    return row.value(whole, parent) if callable(row.value) else row.value


def is_default(value: Any, default: Any) -> bool:
    """Say whether a value says no more than the default: an empty text does not where there is none."""
    return bool(value == default) or (default is ABSENT and value == "")
