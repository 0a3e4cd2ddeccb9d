"""One row of the table of AWS's defaults, and short ways to write many.

Used by the data in `shapes.service_defaults` and `shapes.task_definition_defaults`; read through
`shapes.default_values`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.model.names import Path

Derive = Callable[[Mapping[str, Any], Mapping[str, Any]], Any]
"""Computes a default from the whole document and from the map that holds the field."""


class Absent:
    """The default of a field that ECS leaves out until somebody sets it."""

    def __repr__(self) -> str:
        """Spell it as it is explained to people."""
        return "absent"


ABSENT: Final = Absent()


class NoDefault:
    """What `default_of` says of a field whose default is unknown."""


NO_DEFAULT: Final = NoDefault()


@dataclass(frozen=True)
class DefaultRow:
    """One known default. `value` may be a `Derive`; `source` says who told us."""

    pattern: Path
    value: Any
    source: str


@dataclass(frozen=True)
class UnknownRow:
    """A field that ECS fills in with what cannot be told beforehand; `reason` is what --explain says."""

    pattern: Path
    reason: str


def rows(source: str, base: Path, values: Mapping[str, Any]) -> tuple[DefaultRow, ...]:
    """Return one row for each dotted name below `base`."""
    return tuple(DefaultRow((*base, *k.split(".")), v, source) for k, v in values.items())


def unset(source: str, base: Path, names: str) -> tuple[DefaultRow, ...]:
    """Return rows of fields that are absent until somebody sets them."""
    return tuple(DefaultRow((*base, *n.split(".")), ABSENT, source) for n in names.split())


def empty(source: str, base: Path, names: str) -> tuple[DefaultRow, ...]:
    """Return rows of lists and maps that are empty, or absent, until somebody sets them."""
    return tuple(DefaultRow((*base, *n.split(".")), [], source) for n in names.split())
