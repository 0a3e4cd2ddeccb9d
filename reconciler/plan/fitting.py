"""A value from outside → the type of the field that it is for. Called by `plan.lookups`.

As `source` types what stands in the files, from the same model of botocore; a text is read as a
number where the field is one, and never a number as a list.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from reconciler.model.lookups import Value
from reconciler.shapes.botocore_model import Shape
from reconciler.shapes.limits import INTEGER, MAX_INT, MAX_LONG, NUMBER

_MANY = 12


class Misfit(ValueError):
    """A value that the field does not take; the message goes on after "… but"."""

    def __init__(self, value: Value, message: str) -> None:
        """Remember the value, for whoever may show it."""
        super().__init__(message)
        self.value = value


def member_of(shape: Shape | None, name: str) -> Shape | None:
    """Return the type of a field; our names begin in lower case where some services' do not."""
    if shape is None:
        return None
    if shape.kind == "map":
        return shape.element
    return shape.members.get(name) or shape.members.get(name[:1].upper() + name[1:])


def scalar_text(value: Value) -> str:
    """Spell a value as part of a text. Raises Misfit for a list."""
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            raise Misfit(value, "a list cannot be part of a text")
        case _:
            return str(value)


def fit(value: Value, shape: Shape | None) -> Any:
    """Return the value as the field wants it. Raises Misfit. Without a shape it becomes a text."""
    if shape is None:
        return scalar_text(value)
    if shape.is_document:
        return list(value) if isinstance(value, tuple) else value
    if isinstance(value, tuple) != (shape.kind == "list"):
        wants = "a list (a StringList of SSM, a list of Terraform)"
        raise Misfit(
            value, f"the field takes {wants if shape.kind == 'list' else 'a single value'}"
        )
    by_kind: dict[str, Callable[[Any, Shape], Any]] = {
        "list": _list,
        "boolean": _boolean,
        "integer": _integer,
        "long": _integer,
        "double": _float,
        "float": _float,
    }
    return by_kind.get(shape.kind, _text)(value, shape)


def _list(value: tuple[Value, ...], shape: Shape) -> list[Any]:
    return [fit(item, shape.element) for item in value]


def _boolean(value: Value, _: Shape) -> bool:
    if scalar_text(value) not in ("true", "false"):
        raise Misfit(value, "the field takes true or false")
    return scalar_text(value) == "true"


def _integer(value: Value, shape: Shape) -> int:
    text = scalar_text(value)
    if not INTEGER.fullmatch(text):
        raise Misfit(value, "the field takes a whole number")
    top = MAX_INT if shape.kind == "integer" else MAX_LONG
    least = shape.minimum if shape.minimum is not None else -top
    most = shape.maximum if shape.maximum is not None else top
    if not least <= int(text) <= most:
        raise Misfit(value, f"the field takes {least} to {most}")
    return int(text)


def _float(value: Value, _: Shape) -> float:
    text = scalar_text(value)
    number = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(number):
        raise Misfit(value, "the field takes a number")
    return number


def _text(value: Value, shape: Shape) -> str:
    text = scalar_text(value)
    if shape.choices and text not in shape.choices:
        listed = ", ".join(shape.choices[:_MANY])
        raise Misfit(value, f"the field takes one of {listed}")
    return text
