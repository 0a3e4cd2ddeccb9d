"""What was read, with its place: the tree that all steps of `source` pass on to each other.

Every scalar is the text as written; the schema types it at the end. Trees are never changed, only
replaced: aliases and references share their parts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from reconciler.model.diagnostics import Origin
from reconciler.model.lookups import Deferred, Part

_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # as libyaml counts lines


@dataclass(frozen=True, eq=False)
class SourceFile:
    """One file: `name` as the user would type it, and what it holds."""

    name: str
    text: str = ""

    @cached_property
    def lines(self) -> list[str]:
        """The text's lines, without their ends."""
        return _BREAKS.split(self.text)

    def line(self, number: int) -> str:
        """Return a line by its number from 1; empty when there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


class Place(NamedTuple):
    """Where something stands; line and column count from 1, width in characters on that line."""

    file: SourceFile
    line: int = 1
    column: int = 1
    width: int = 1

    @property
    def origin(self) -> Origin:
        """The place as a value of the model."""
        return Origin(self.file.name, self.line, self.column)

    def without_text(self) -> Place:
        """Return the place without its file's text: for lines that must not be shown."""
        return self._replace(file=SourceFile(self.file.name))

    def find(self, token: str) -> Place:
        """Return the place of `token` in the value that starts here, or this place if it is not found."""
        start = self.column - 1
        for number in range(self.line, min(len(self.file.lines), self.line + 1000) + 1):
            column = self.file.line(number).find(token, start)
            if column >= 0:
                return Place(self.file, number, column + 1, len(token))
            start = 0
        return self


@dataclass(slots=True, eq=False)
class Scalar:
    """A text as written; `plain` when it stood without quotes.

    `source` is where the value itself stands when it came here by a reference. `parts` are its texts
    and look-ups when it holds what only AWS can answer; `text` then shows it as written. `live` marks
    `${live}`, a value that is in no file.
    """

    text: str
    place: Place
    plain: bool = True
    source: Place | None = None
    parts: tuple[Part, ...] = ()
    live: bool = False

    @property
    def value(self) -> str:
        """The text, marked when look-ups are to be filled in."""
        return Deferred(self.parts) if self.parts else self.text


@dataclass(slots=True, eq=False)
class Null:
    """`null` or `~`: removes what would be inherited."""

    place: Place


@dataclass(slots=True, eq=False)
class Broken:
    """A value whose mistake is reported already: it counts as present and is looked at no further."""

    place: Place


class Entry(NamedTuple):
    """A key's place and its value."""

    place: Place
    value: Node


@dataclass(slots=True, eq=False)
class Mapping:
    """Keys in the order written."""

    place: Place
    entries: dict[str, Entry] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        """Return a key's value; None when the key is absent or null."""
        entry = self.entries.get(key)
        return None if entry is None or isinstance(entry.value, Null) else entry.value

    def mapping(self, key: str) -> Mapping | None:
        """Return a key's value when it is a mapping."""
        value = self.get(key)
        return value if isinstance(value, Mapping) else None

    def text(self, key: str) -> str | None:
        """Return a key's text when it is a scalar."""
        value = self.get(key)
        return value.text if isinstance(value, Scalar) else None

    def only(self, keys: frozenset[str] | set[str]) -> Mapping:
        """Return the entries whose key is one of `keys`."""
        return Mapping(self.place, {k: e for k, e in self.entries.items() if k in keys})

    def without(self, keys: frozenset[str] | set[str]) -> Mapping:
        """Return the other entries."""
        return Mapping(self.place, {k: e for k, e in self.entries.items() if k not in keys})

    def plus(self, key: str, entry: Entry) -> Mapping:
        """Return the mapping with one entry set."""
        return Mapping(self.place, {**self.entries, key: entry})


@dataclass(slots=True, eq=False)
class Sequence:
    """A list."""

    place: Place
    items: list[Node] = field(default_factory=list)


Node = Scalar | Null | Broken | Mapping | Sequence


def describe(node: Node) -> str:
    """Name the kind of a node for messages."""
    match node:
        case Scalar():
            return "a single value"
        case Null() | Broken():
            return "null"
        case Mapping():
            return "a map"
        case Sequence():
            return "a list"


def plain(node: Node) -> object:
    """Return the node as dict, list, str and None."""
    match node:
        case Scalar(text=text):
            return text
        case Null() | Broken():
            return None
        case Mapping(entries=entries):
            return {k: plain(e.value) for k, e in entries.items()}
        case Sequence(items=items):
            return [plain(i) for i in items]


def size(node: Node) -> int:
    """Count the nodes of a tree, shared parts as often as they appear."""
    match node:
        case Mapping(entries=entries):
            return 1 + sum(size(e.value) for e in entries.values())
        case Sequence(items=items):
            return 1 + sum(size(i) for i in items)
        case _:
            return 1


def height(node: Node) -> int:
    """Count the levels of a tree."""
    match node:
        case Mapping(entries=entries):
            return 1 + max((height(e.value) for e in entries.values()), default=0)
        case Sequence(items=items):
            return 1 + max((height(i) for i in items), default=0)
        case _:
            return 1


def node_at(node: Node, path: tuple[str | int, ...]) -> Place:
    """Return the place of the value at `path`, or of the deepest parent that exists.

    A parent is pointed at by its key: that is where an absent field would have to be added.
    """
    place = node.place
    for step in path:
        if isinstance(node, Mapping) and step in node.entries:
            entry = node.entries[str(step)]
            node = entry.value
            place = node.place if isinstance(node, Scalar | Null | Broken) else entry.place
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            place = node.place
        else:
            break
    return place
