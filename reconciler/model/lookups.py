"""References that only AWS, a state file or the environment can answer: `${ssm:/path}` and its kin.

`source` leaves them in the documents as marked texts, `resources` reads what they name, and
`plan.lookups` puts the values in. Who sees a document before that sees the text as it was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

Value = str | int | float | bool | tuple["Value", ...]
"""What a look-up yields: a text, a number, true or false, or a list of them."""

Remembered = Mapping[str, Mapping[str, Value | None]]
"""Address as text → look-up → the value that the resource was last made of; None: absent, so its default."""


@dataclass(frozen=True)
class Lookup:
    """One look-up by its full name (`ssm:/path`, `redis.main.url`) and what stands in for it.

    `default` is text and look-ups in turn; None when there is none.
    """

    name: str
    default: tuple[Part, ...] | None = None

    def __str__(self) -> str:
        """Spell it as it is written in a file."""
        default = "" if self.default is None else f":-{spelled(self.default)}"
        return f"${{{self.name}{default}}}"


Part = str | Lookup


def spelled(parts: tuple[Part, ...]) -> str:
    """Return the text of parts, look-ups as they are written."""
    return "".join(str(part) for part in parts)


class Deferred(str):
    """A value with look-ups in it: the text as written, which no literal text can be confused with.

    `parts` are its literal texts and look-ups, in order.
    """

    __slots__ = ("parts",)
    parts: tuple[Part, ...]

    def __new__(cls, parts: tuple[Part, ...]) -> Self:
        """Make it of its parts."""
        made = super().__new__(cls, spelled(parts))
        made.parts = parts
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Return what a copy is made of: the parts, not the text."""
        return (self.parts,)

    @property
    def sole(self) -> Lookup | None:
        """The look-up that is the whole value and gives it its type; None for a text around one."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, Lookup) else None


@dataclass(frozen=True)
class Unresolved:
    """Why a look-up gave no value that can be used.

    `reason` is for a person. `blocked_by` is the address that has to come first (`redis/main`); when
    it is empty a person has to do something. `absent` when there is no such thing: only then does a
    default stand in for it.
    """

    name: str
    reason: str
    blocked_by: str = ""
    absent: bool = False
    cause: str = ""
    """What is behind it and alike for others too: a permission, a stack, a state; empty where nothing is."""
    place: str = ""
    """Where in the files the value is used, `file:line:column`."""


Values = Mapping[str, Value | Unresolved]
"""By full name, for every name that was looked up."""


def names_in(document: Any) -> Iterator[str]:
    """Yield the name of every look-up in a document, those of defaults too."""
    match document:
        case Deferred(parts=parts):
            yield from _names(parts)
        case str() | int() | None:  # most values by far, and cheaper to tell than a map
            return
        case Mapping():
            for value in document.values():
                yield from names_in(value)
        case list() | tuple():
            for value in document:
                yield from names_in(value)


def without_look_ups(document: Any) -> Any:
    """Return the document without the values that hold look-ups: what is known of it as it stands."""
    match document:
        case Mapping():
            kept = ((n, v) for n, v in document.items() if not isinstance(v, Deferred))
            return {name: without_look_ups(value) for name, value in kept}
        case list() | tuple():
            return [without_look_ups(v) for v in document if not isinstance(v, Deferred)]
        case _:
            return document


def marked(document: Any) -> Any:
    """Return the document with each look-up as a map of its own, so that no literal text equals it."""
    match document:
        case Deferred():
            return {"${}": str(document)}
        case Mapping():
            return {name: marked(value) for name, value in document.items()}
        case list() | tuple():
            return [marked(value) for value in document]
        case _:
            return document


def _names(parts: tuple[Part, ...]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Lookup):
            yield part.name
            yield from _names(part.default or ())
