"""Plain Python values and DynamoDB's typed ones, both ways.

Used by `store` and by whoever reads a claim cell. Numbers come back as int where they are whole, else
as float: the ledger stores whole numbers only. What an item must contain is `store.records`' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Item = Mapping[str, Mapping[str, Any]]
"""A typed item as botocore takes and returns it: `{"jn": {"N": "7"}}`."""


def to_value(value: Any) -> dict[str, Any]:  # noqa: PLR0911 - one for each type
    """Return the typed form of None, bool, int, str, bytes, list, mapping or set of text.

    Raises TypeError for anything else, floats included: DynamoDB would not give them back unchanged.
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": str(value)}
        case bytes():
            return {"B": value}
        case Mapping():
            return {"M": {str(k): to_value(v) for k, v in value.items()}}
        case list() | tuple():
            return {"L": [to_value(v) for v in value]}
        case set() | frozenset() if value and all(isinstance(v, str) for v in value):
            return {"SS": sorted(value)}
    raise TypeError(f"{type(value).__name__} cannot be stored in DynamoDB")


def from_value(typed: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - one for each type
    """Return the plain form of one typed value. Raises ValueError for an unknown type."""
    ((kind, value),) = typed.items()
    match kind:
        case "S":
            return value
        case "N":
            return _number(value)
        case "M":
            return {k: from_value(v) for k, v in value.items()}
        case "L":
            return [from_value(v) for v in value]
        case "B" | "BOOL":
            return value
        case "NULL":
            return None
        case "SS" | "BS":
            return frozenset(value)
        case "NS":
            return frozenset(_number(v) for v in value)
    raise ValueError(f"'{kind}' is not a type of DynamoDB")


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        value = float(text)
        return int(value) if value.is_integer() else value


def to_item(attributes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the typed form of a whole item."""
    return {name: to_value(value) for name, value in attributes.items()}


def from_item(item: Item) -> dict[str, Any]:
    """Return the plain form of a whole item."""
    return {name: from_value(value) for name, value in item.items()}
