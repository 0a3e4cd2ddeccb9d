"""What the converters share: other tools' files as nodes, AWS's names in other spellings, remarks with lines.

Pure; each converter is a function from texts to a `Converted`, written by `imports.files`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.errors import InvalidDesiredState
from reconciler.shapes.botocore_model import Shape, suggest
from reconciler.source.duration import parse_duration
from reconciler.source.imports.live import LiveService, Target
from reconciler.source.imports.tree import Keys
from reconciler.source.nodes import Mapping as Map
from reconciler.source.nodes import Node, Null, Place, Scalar, Sequence
from reconciler.source.parse import parse
from reconciler.source.report import Report

UNKNOWN_ACCOUNT = "000000000000"
_ACCOUNT = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):|\b(\d{12})\.dkr\.ecr\.")
_TABS = re.compile(r"^\t+", re.MULTILINE)
_WHOLE = re.compile(r"-?\d{1,18}")

Read = Callable[[str], str]
"""Reads a text of the other tool: references become ours."""


@dataclass(frozen=True)
class Remark:
    """Something a person has to look at, with the place in the other tool's file."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        """Spell it as compilers do."""
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Wanted:
    """What the command line says about the target; each may be left to the files."""

    environment: str | None = None
    app: str | None = None
    account: str | None = None
    region: str | None = None
    cluster: str | None = None


@dataclass(frozen=True)
class Converted:
    """The services of one app in AWS's words, our own sections beside them, and what was not converted."""

    target: Target
    services: tuple[LiveService, ...]
    remarks: tuple[Remark, ...]
    sections: Keys = field(default_factory=Keys)


LEFT_OUT = ": left out"
"""How a remark ends about what is not in the result."""


class Conversion:
    """Collects remarks, each once."""

    def __init__(self) -> None:
        self.remarks: list[Remark] = []

    def say(self, place: Place, message: str) -> None:
        """Add a remark."""
        remark = Remark(place.file.name, place.line, message)
        if remark not in self.remarks:
            self.remarks.append(remark)

    def read(self, name: str, text: str) -> Map:
        """Read YAML or JSON; raises InvalidDesiredState with every mistake."""
        report = Report()
        plain = _TABS.sub(lambda tabs: " " * len(tabs[0]), text)  # JSON may, YAML may not
        root = parse(name, plain.encode(), report)
        if root is None or report.errors:
            raise InvalidDesiredState(report.errors)
        return root

    def text(self, node: Map, key: str) -> str:
        """Return a key's text, empty where it is not set; what is none is a remark."""
        entry = node.entries.get(key)
        if entry is None or isinstance(entry.value, Null):
            return ""
        if isinstance(entry.value, Scalar):
            return entry.value.text
        self.say(entry.place, f"{key}: not a text{LEFT_OUT}")
        return ""

    def mapping(self, node: Map, key: str) -> Map:
        """Return a key's map, an empty one where it is not set; what is none is a remark."""
        entry = node.entries.get(key)
        if entry is not None and isinstance(entry.value, Map):
            return entry.value
        if entry is not None and not isinstance(entry.value, Null):
            self.say(entry.place, f"{key}: not a map{LEFT_OUT}")
        return Map(entry.place if entry is not None else node.place)

    def number(self, node: Node | None, default: int) -> int:
        """Return a whole number, of `8080/tcp` too; what is none is a remark, and `default`."""
        text = node.text.partition("/")[0] if isinstance(node, Scalar) else ""
        if _WHOLE.fullmatch(text):
            return int(text)
        if node is not None:
            self.say(node.place, f"not a whole number: {default} is written")
        return default

    def seconds(self, node: Map, key: str) -> int | None:
        """Return a duration as Go writes it, `1m30s`, in whole seconds; what is none is a remark."""
        text = self.text(node, key)
        if not text:
            return None
        try:
            return int(parse_duration(text).total_seconds())
        except ValueError:
            self.say(node.entries[key].place, f"{key}: not a duration{LEFT_OUT}")
            return None

    def spelled(self, node: Node, shape: Shape, path: str, read: Read = str) -> Any:
        """Return a value of AWS's type, whatever the spelling of its fields; unknown ones are remarks."""
        match node:
            case Map() if shape.kind == "structure":
                return self._structure(node, shape, path, read)
            case Map() if shape.kind == "map":
                return {k: read(_text(e.value)) for k, e in node.entries.items()}
            case Sequence(items=items) if shape.element is not None:
                return [self.spelled(i, shape.element, path, read) for i in items]
            case Scalar(text=text) if shape.kind != "structure":
                return _scalar(read(text), shape)
            case _:
                self.say(node.place, f"{path.rstrip('.')} is not what AWS has there{LEFT_OUT}")
                return None

    def _structure(self, node: Map, shape: Shape, path: str, read: Read) -> dict[str, Any]:
        names = by_spelling(shape)
        found = {}
        for key, entry in node.entries.items():
            member = names.get(squashed(key))
            if isinstance(entry.value, Null) or _is_unset(entry.value, shape, member):
                continue
            if member is None:
                meant = suggest(key, shape.members)
                self.say(entry.place, f"{path}{key} is unknown to AWS{meant}{LEFT_OUT}")
                continue
            value = self.spelled(entry.value, shape.members[member], f"{path}{member}.", read)
            if value is not None:
                found[member] = value
        return found


def squashed(key: str) -> str:
    """Return a field's name as all spellings have it: `task_role_arn`, `taskRoleArn`, `TaskRoleArn`."""
    return key.replace("_", "").replace("-", "").lower()


def by_spelling(shape: Shape) -> Mapping[str, str]:
    """Return AWS's names of a structure's fields by their squashed form."""
    return {squashed(name): name for name in shape.members}


def account_of(*texts: str) -> str:
    """Return the account that role ARNs or ECR hosts name, else UNKNOWN_ACCOUNT."""
    found = next((m for text in texts if (m := _ACCOUNT.search(text))), None)
    return (found[1] or found[2]) if found else UNKNOWN_ACCOUNT


def _is_unset(node: Node, shape: Shape, member: str | None) -> bool:
    if member is None or not isinstance(node, Scalar):
        return False
    return shape.members[member].is_unset(node.text)


def _text(node: Node) -> str:
    return node.text if isinstance(node, Scalar) else ""


def _scalar(text: str, shape: Shape) -> Any:
    match shape.kind:
        case "integer" | "long" if _WHOLE.fullmatch(text):
            return int(text)
        case "boolean" if text in ("true", "false"):
            return text == "true"
        case _:
            return text
