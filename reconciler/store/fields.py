"""Typed access to a stored item: what is not as we write it raises CorruptLedger with its place.

Used by the decoders of this package. A message names table, key and attribute, never the value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from reconciler.model.errors import CorruptLedger

SCHEMA = 1
"""The schema version `v` of every item we write. A higher one is of a newer program: not for us."""

MOST = 2**31 - 1
"""The largest whole number that we write: counters and seconds stay far below it."""

_E = TypeVar("_E", bound=StrEnum)


def canonical_json(value: Any) -> str:
    """Return the one text for a JSON value: sorted keys, no spaces, no escapes of plain text.

    Raises TypeError or ValueError for what is not JSON.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


class Fields:
    """One stored item, in plain values, with its table and key for messages."""

    def __init__(self, table: str, key: str, item: Mapping[str, Any]) -> None:
        self.table = table
        self.key = key
        self.item = item
        version = self.integer("v")
        if version > SCHEMA:
            raise CorruptLedger(
                f"{table}: item {key} was written by a newer version of reconciler "
                f"(schema {version}, this one knows {SCHEMA}): upgrade this program"
            )

    def wrong(self, attribute: str, expected: str) -> CorruptLedger:
        """Return the error for an attribute that is missing or of another form."""
        found = "missing" if attribute not in self.item else "of another form"
        return CorruptLedger(
            f"{self.table}: item {self.key}: attribute '{attribute}' is {found}, expected {expected}; "
            "it was not written by reconciler or was changed by hand"
        )

    def text(self, attribute: str, default: str | None = None) -> str:
        """Return a string; `default` makes the attribute optional."""
        value = self.item.get(attribute, default)
        if not isinstance(value, str):
            raise self.wrong(attribute, "text")
        return value

    def optional(self, attribute: str) -> str | None:
        """Return a string, or None when it is not there."""
        return self.text(attribute) if attribute in self.item else None

    def integer(self, attribute: str, default: int | None = None, least: int = 0) -> int:
        """Return a whole number, `least` to MOST; `default` makes the attribute optional."""
        value = self.item.get(attribute, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MOST:
            raise self.wrong(attribute, f"a whole number from {least} to {MOST}")
        return value

    def exit_code(self, attribute: str) -> int | None:
        """Return a process's exit code, None when it is not there; Windows has negative ones."""
        return self.integer(attribute, least=-MOST - 1) if attribute in self.item else None

    def boolean(self, attribute: str, *, default: bool) -> bool:
        """Return a truth value, `default` when it is not there."""
        value = self.item.get(attribute, default)
        if not isinstance(value, bool):
            raise self.wrong(attribute, "true or false")
        return value

    def mapping(self, attribute: str) -> Mapping[str, Any]:
        """Return a map, empty when it is not there."""
        value = self.item.get(attribute, {})
        if not isinstance(value, Mapping):
            raise self.wrong(attribute, "a map")
        return value

    def texts(self, attribute: str) -> list[str]:
        """Return a list of strings, empty when it is not there."""
        value = self.item.get(attribute, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.wrong(attribute, "a list of texts")
        return value

    def maps(self, attribute: str) -> list[Mapping[str, Any]]:
        """Return a list of maps, empty when it is not there."""
        value = self.item.get(attribute, [])
        if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
            raise self.wrong(attribute, "a list of maps")
        return value

    def document(self, attribute: str) -> Mapping[str, Any]:
        """Return a JSON object that is stored as text."""
        try:
            value = json.loads(self.text(attribute))
        except ValueError:
            raise self.wrong(attribute, "a JSON object as text") from None
        if not isinstance(value, dict):
            raise self.wrong(attribute, "a JSON object as text")
        return value

    def choice(self, attribute: str, kind: type[_E]) -> _E:
        """Return a member of an enumeration."""
        try:
            return kind(self.text(attribute))
        except ValueError:
            raise self.wrong(attribute, "one of " + ", ".join(kind)) from None

    def time(self, attribute: str) -> datetime:
        """Return a time with its zone."""
        try:
            value = datetime.fromisoformat(self.text(attribute))
        except ValueError:
            raise self.wrong(attribute, "an ISO 8601 time") from None
        if value.tzinfo is None:
            raise self.wrong(attribute, "an ISO 8601 time with a zone")
        return value

    def optional_time(self, attribute: str) -> datetime | None:
        """Return a time with its zone, or None when it is not there."""
        return self.time(attribute) if attribute in self.item else None
