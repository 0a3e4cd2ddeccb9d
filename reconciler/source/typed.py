"""Trees → API documents: every scalar gets the type of its field, every mistake its place.

Called by `workload`, `autoscaling` and `redis`. Types, names, enumerations and limits are botocore's
(`shapes.botocore_model`); what only AWS's prose says is in `shapes.limits`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.diagnostics import Origin
from reconciler.model.names import Path, dotted
from reconciler.plan.canonical import item_key
from reconciler.shapes.botocore_model import Shape, suggest
from reconciler.shapes.limits import INTEGER, MAX_INT, MAX_LONG, MAY_BE_NEGATIVE, NUMBER, RANGES
from reconciler.shapes.tables import Kind, ListRule, is_map, list_rule
from reconciler.source.nodes import Broken, Entry, Mapping, Node, Null, Scalar, Sequence, describe
from reconciler.source.report import Report, show

_MANY = 40  # enumerations longer than this are not listed whole

OMIT = object()
"""What a value becomes that is null or wrong: the field is left out."""


@dataclass
class Typing:
    """Converts the tree of one document and notes where each value stands.

    `label` begins every message (`services.web`), `prefix` every path in `origins`. `partial` is for
    parts that are not used by themselves: nothing is required of them.
    """

    label: str
    prefix: str
    kind: Kind
    report: Report
    partial: bool = False
    origins: dict[Path, Origin] = field(default_factory=dict)
    nulled: set[Path] = field(default_factory=set)
    """Paths that were set to null by hand: nothing is written down there."""
    carried: set[Path] = field(default_factory=set)
    """Paths of `${live}`: the value is taken from the live task definition."""
    may_carry: bool = False
    """Whether there is a live task definition to take values from."""

    def convert(self, node: Node, shape: Shape, path: Path = ()) -> Any:
        """Return the value of `node` as `shape` wants it, or OMIT."""
        if isinstance(node, Null):
            self.nulled.add(path)
            return OMIT
        if isinstance(node, Broken):
            return OMIT
        if isinstance(node, Scalar) and node.live:
            return self._live(node, path)
        if path:
            self.origins[(self.prefix, *path)] = node.place.origin
        if isinstance(node, Scalar) and node.parts and _may_defer(node, shape):
            return node.value
        by_kind = {"structure": self._structure, "list": self._list, "map": self._map}
        return by_kind.get(shape.kind, self._scalar)(node, shape, path)

    def error(self, node: Node, message: str, rule: str, path: Path) -> Any:
        """Report a mistake at a node and return OMIT."""
        where = f"{self.label}.{dotted(path)}" if path else self.label
        self.report.error(node.place, message, rule, path=where)
        return OMIT

    def _live(self, node: Scalar, path: Path) -> Any:
        """Note a value that stays as it is live, where it can be found again: in a container, by names."""
        if self.partial:  # a template does not know yet whose it will be
            return OMIT
        if not self.may_carry:
            message = "${live} is a value of a service's task definition, and there is none here"
            return self.error(node, message, "live-value", path)
        inside = path[0] in ("containerDefinitions", "volumes") and len(path) > 2  # noqa: PLR2004 - a list, an item, a field
        if not self._by_names(path) or not inside or path[-1] in ("name", "image"):
            message = "${live} stands for a field of a container or a volume, not for this"
            return self.error(node, message, "live-value", path)
        self.carried.add(path)
        self.nulled.add(path)  # nothing is written down there
        self.origins[(self.prefix, *path)] = node.place.origin
        return OMIT

    def _by_names(self, path: Path) -> bool:
        """Whether no step is an index of a list: behind these a value may be another tomorrow."""
        ends = [end for end, step in enumerate(path) if step.isdigit()]
        return all(self._has_names(path[:end]) for end in ends)

    def _has_names(self, path: Path) -> bool:
        rule = list_rule(self.kind, path)
        return is_map(self.kind, path) or (rule is not None and bool(rule.key))

    def _structure(self, node: Node, shape: Shape, path: Path) -> Any:
        if shape.is_document:
            return _json(node)
        if not isinstance(node, Mapping):
            return self.error(node, f"must be a map, not {describe(node)}", "wrong-type", path)
        result: dict[str, Any] = {}
        for name, entry in node.entries.items():
            member = shape.members.get(name)
            if member is None:
                hint = suggest(name, shape.members)
                where = f"{self.label}.{dotted(path)}" if path else self.label
                self.report.error(
                    entry.place, f"unknown field '{name}'{hint}", "unknown-field", path=where
                )
                continue
            if name not in shape.required and _is_unset(entry.value, member):
                continue
            value = self.convert(entry.value, member, (*path, name))
            if value is not OMIT:
                result[name] = self._in_range(entry.value, value, (shape.name, name), (*path, name))
                self._origin((*path, name), entry)
        if path and not self.partial:
            self._required(node, shape, path)
        return {k: v for k, v in result.items() if v is not OMIT}

    def _origin(self, path: Path, entry: Entry) -> None:
        """Note a field's place: its key, or where the value stands that a reference brought here."""
        source = entry.value.source if isinstance(entry.value, Scalar) else None
        self.origins[(self.prefix, *path)] = (source or entry.place).origin

    def _required(self, node: Mapping, shape: Shape, path: Path) -> None:
        given = [n for n, e in node.entries.items() if not isinstance(e.value, Null)]
        if shape.is_union and len(given) != 1:
            names = ", ".join(shape.members)
            self.error(node, f"takes exactly one of {names}", "required", path)
        for name in shape.required:
            entry = node.entries.get(name)
            if entry is None or isinstance(entry.value, Null):
                self.error(node, f"'{name}' is required", "required", path)

    def _list(self, node: Node, shape: Shape, path: Path) -> Any:
        if not isinstance(node, Sequence):
            return self.error(node, f"must be a list, not {describe(node)}", "wrong-type", path)
        assert shape.element is not None  # noqa: S101 - lists have one in botocore's model
        rule = list_rule(self.kind, path)
        result = []
        for index, item in enumerate(node.items):
            step = str(index)
            if rule is not None and rule.key and isinstance(item, Mapping):
                texts = {
                    k: e.value.text for k, e in item.entries.items() if isinstance(e.value, Scalar)
                }
                step = item_key(rule, texts) or step
            value = self.convert(item, shape.element, (*path, step))
            if value is not OMIT:
                self._named(item, rule, (*path, step))
                result.append(value)
        return self._length(node, shape, len(result), "items", path, result)

    def _named(self, item: Node, rule: ListRule | None, path: Path) -> None:
        """Require the name of a pair, which botocore's model calls optional and ECS does not."""
        if rule is None or not rule.value or not isinstance(item, Mapping) or self.partial:
            return
        for part in rule.key:
            entry = item.entries.get(part.names[0])
            if entry is None or isinstance(entry.value, Null):
                self.error(item, f"'{part.names[0]}' is required", "required", path)

    def _map(self, node: Node, shape: Shape, path: Path) -> Any:
        if not isinstance(node, Mapping):
            return self.error(node, f"must be a map, not {describe(node)}", "wrong-type", path)
        assert shape.element is not None  # noqa: S101 - maps have one in botocore's model
        result = {}
        for name, entry in node.entries.items():
            value = self.convert(entry.value, shape.element, (*path, name))
            if value is not OMIT:
                result[name] = value
                self._origin((*path, name), entry)
        return result

    def _scalar(  # noqa: PLR0911 - one answer per kind
        self, node: Node, shape: Shape, path: Path
    ) -> Any:
        if not isinstance(node, Scalar):
            return self.error(
                node, f"must be a single value, not {describe(node)}", "wrong-type", path
            )
        text = node.text
        match shape.kind:
            case "boolean":
                if text not in ("true", "false"):
                    message = f"must be true or false, not {self._shown(text, shape)}"
                    return self.error(node, message, "wrong-type", path)
                return text == "true"
            case "integer" | "long":
                return self._integer(node, shape, path)
            case "double" | "float":
                return self._float(node, shape, path)
            case "string":
                return self._string(node, shape, path)
            case _:
                return text

    def _integer(self, node: Scalar, shape: Shape, path: Path) -> Any:
        if not INTEGER.fullmatch(node.text):
            message = f"must be a whole number, not {self._shown(node.text, shape)}"
            return self.error(node, message, "wrong-type", path)
        value = int(node.text)
        top = MAX_INT if shape.kind == "integer" else MAX_LONG
        least = shape.minimum if shape.minimum is not None else -top
        most = shape.maximum if shape.maximum is not None else top
        if not least <= value <= most:
            return self.error(
                node, f"must be from {least} to {most}, not {value}", "out-of-range", path
            )
        return value

    def _float(self, node: Scalar, shape: Shape, path: Path) -> Any:
        value = float(node.text) if NUMBER.fullmatch(node.text) else math.nan
        if not math.isfinite(value):
            message = f"must be a number, not {self._shown(node.text, shape)}"
            return self.error(node, message, "wrong-type", path)
        return value

    def _string(self, node: Scalar, shape: Shape, path: Path) -> Any:
        if shape.choices and node.text not in shape.choices:
            hint = suggest(node.text, shape.choices)
            listed = ", ".join(shape.choices[:_MANY])
            message = f"{show(node.text)} is not one of {listed}{hint}"
            return self.error(node, message, "enum", path)
        return self._length(node, shape, len(node.text), "characters", path, node.text)

    def _length(  # noqa: PLR0913, PLR0917 - one limit, two callers
        self, node: Node, shape: Shape, length: int, unit: str, path: Path, value: Any
    ) -> Any:
        least, most = shape.minimum, shape.maximum
        if least is not None and length < least:
            return self.error(node, f"needs at least {least} {unit}", "out-of-range", path)
        if most is not None and length > most:
            return self.error(
                node, f"has {length} {unit}, at most {most} are possible", "out-of-range", path
            )
        return value

    def _in_range(self, node: Node, value: Any, where: tuple[str, str], path: Path) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            return value
        least, most = RANGES.get(where, (None, None))
        if least is not None and most is not None and not least <= value <= most:
            return self.error(
                node, f"must be from {least} to {most}, not {value}", "out-of-range", path
            )
        if value < 0 and where[1] not in MAY_BE_NEGATIVE:
            return self.error(node, f"must not be negative, but is {value}", "out-of-range", path)
        return value

    def _shown(self, text: str, shape: Shape) -> str:
        return "this text" if shape.is_sensitive else show(text)


def _is_unset(node: Node, shape: Shape) -> bool:
    if not isinstance(node, Scalar) or node.live or node.parts:
        return False
    return shape.is_unset(node.text)


def _may_defer(node: Scalar, shape: Shape) -> bool:
    """Say whether a look-up may yield the field: a scalar, or as a whole a list of scalars."""
    if shape.is_document or shape.kind not in ("structure", "map", "list"):
        return True
    element = shape.element if shape.kind == "list" else None
    scalars = element is not None and element.kind not in ("structure", "map", "list")
    return scalars and len(node.parts) == 1


def _json(node: Node) -> Any:
    """Return a free-form value as JSON would read it: plain numbers, true and false are typed."""
    match node:
        case Mapping(entries=entries):
            return {k: _json(e.value) for k, e in entries.items()}
        case Sequence(items=items):
            return [_json(i) for i in items]
        case Scalar(text=text, plain=plain):
            return _json_scalar(text) if plain else node.value
        case _:
            return None


def _json_scalar(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if INTEGER.fullmatch(text):
        return int(text)
    if NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text
