"""`${…}`: replaces references in a document by what they name. Called by `document` after `extends`.

Pure and local: what only AWS can answer becomes a scalar with `parts`, for `plan.lookups` to fill in.
"""

from __future__ import annotations

from reconciler.model.lookups import Lookup, Part, spelled
from reconciler.plan.image_names import ImageName, parse_image
from reconciler.shapes.botocore_model import suggest
from reconciler.source.look_up_names import is_look_up, name_problem
from reconciler.source.nodes import (
    Broken,
    Entry,
    Mapping,
    Node,
    Null,
    Place,
    Scalar,
    Sequence,
    describe,
    height,
    size,
)
from reconciler.source.reference_text import Reference, Unclosed, split
from reconciler.source.report import Report, show

HEADER = ("app", "environment", "account", "region", "cluster")
MAX_TEXT = 64 * 1024
MAX_NODES = 200_000
MAX_NESTING = 32
MAX_DEPTH = 50
"""Levels of what a reference brings; the whole stays far from Python's recursion limit."""
_MAX_WALK = 150

LIVE = "live"
"""`${live}`: the value that the service's task definition has, never written down."""

_FAMILIES = (*HEADER, "vars", "images", "redis", "ssm", "cfn", "tfstate", "env")
_SPELLED = {
    "vars": "vars.NAME",
    "images": "images.NAME",
    "redis": "redis.NAME.url",
    "ssm": "ssm:/PATH",
    "cfn": "cfn:STACK.OUTPUT",
    "tfstate": "tfstate:ADDRESS",
    "env": "env:NAME",
}


class _Failed(Exception):
    """A value without meaning; why is in the report."""


class Resolver:
    """Resolves the references of one app's document. Each name is worked out once."""

    def __init__(self, document: Mapping, report: Report) -> None:
        self._document = document
        self._report = report
        self._known: dict[str, Node] = {}
        self._failed: set[str] = set()
        self._active: list[str] = []
        self._budget = MAX_NODES
        self._depth = 0

    def resolve(self, node: Node) -> Node:
        """Return the tree with every reference replaced; what has no meaning becomes `Broken`."""
        self._depth += 1
        try:
            if self._depth > _MAX_WALK:
                self._report.error(node.place, "references nested too deep", "too-deep")
                return Broken(node.place)
            return self._walk(node)
        finally:
            self._depth -= 1

    def _walk(self, node: Node) -> Node:
        match node:
            case Scalar(text=text, parts=()) if "${" in text:
                try:
                    return self._scalar(node)
                except _Failed:
                    return Broken(node.place)
            case Mapping(place=place, entries=entries):
                return Mapping(
                    place, {k: Entry(e.place, self.resolve(e.value)) for k, e in entries.items()}
                )
            case Sequence(place=place, items=items):
                return Sequence(place, [self.resolve(i) for i in items])
            case _:
                return node

    def _scalar(self, node: Scalar) -> Node:
        parts = self._parts(node.text, node.place)
        if len(parts) == 1 and isinstance(parts[0], Reference):
            value = self._value(parts[0], node)
            return self._placed(value, node.place)
        pieces: list[Part] = []
        failed = False
        for part in parts:
            try:
                pieces += [part] if isinstance(part, str) else self._pieces(part, node)
            except _Failed:
                failed = True
        if failed:
            raise _Failed
        return self._joined(pieces, node)

    def _joined(self, pieces: list[Part], node: Scalar) -> Scalar:
        """Return the scalar of literal texts and look-ups; texts side by side become one."""
        joined: list[Part] = []
        for piece in pieces:
            if isinstance(piece, str) and joined and isinstance(joined[-1], str):
                joined[-1] += piece
            else:
                joined.append(piece)
        text = spelled(tuple(joined))
        if len(text) > MAX_TEXT:
            self._fail(node.place, f"longer than {MAX_TEXT // 1024} KiB once resolved", "too-large")
        waits = any(isinstance(piece, Lookup) for piece in joined)
        return Scalar(text, node.place, plain=False, parts=tuple(joined) if waits else ())

    def _pieces(self, reference: Reference, node: Scalar) -> list[Part]:
        value = self._value(reference, node)
        token = node.text[reference.start : reference.end]
        if not isinstance(value, Scalar):
            message = f"{token} is {describe(value)}: it cannot be part of a text"
            self._fail(node.place.find(token), message, "wrong-type")
        assert isinstance(value, Scalar)  # noqa: S101 - _fail raised
        if value.live:
            message = f"{token} stands for a whole value: it cannot be part of a text"
            self._fail(node.place.find(token), message, "live-value")
        return list(value.parts) or [value.text]

    def _value(self, reference: Reference, node: Scalar) -> Node:
        token = node.text[reference.start : reference.end]
        place = node.place.find(token)
        if is_look_up(reference.name):
            return self._deferred(reference, node, place)
        value = self._look_up(reference.name, place, quiet=reference.default is not None)
        empty = (
            value is None
            or isinstance(value, Null)
            or (isinstance(value, Scalar) and not value.text and not value.live)
        )
        if empty and reference.default is not None:
            return self._default(reference.default, node.place)
        if isinstance(value, Null):
            message = f"{token} is null: give it a value or a default, ${{{reference.name}:-…}}"
            self._fail(place, message, "unknown-reference")
        if value is None or isinstance(value, Broken):
            raise _Failed
        return value

    def _deferred(self, reference: Reference, node: Scalar, place: Place) -> Scalar:
        """Return what cannot be known here, with its default; its name may hold what can."""
        name, default = reference.name, reference.default
        if "${" in name:
            inner = self._default(name, node.place)
            if not isinstance(inner, Scalar) or inner.parts:
                message = f"the name of {show('${' + name + '}')} cannot be told without asking AWS"
                self._fail(place, message, "unknown-reference")
            assert isinstance(inner, Scalar)  # noqa: S101 - _fail raised
            name = inner.text
        if problem := name_problem(name, self._document):
            self._fail(place, f"{show('${' + name + '}')}: {problem}", "unknown-reference")
        parts = None
        if default is not None:
            value = self._default(default, node.place)
            if not isinstance(value, Scalar):
                message = f"the default of {show('${' + name + '}')} must be a single value"
                self._fail(place, message, "wrong-type")
            assert isinstance(value, Scalar)  # noqa: S101 - _fail raised
            parts = value.parts or (value.text,)
        look_up = Lookup(name, parts)
        return Scalar(str(look_up), place, plain=False, parts=(look_up,))

    def _default(self, text: str, place: Place) -> Node:
        if len(self._active) > MAX_NESTING:
            self._fail(place, "references nested too deep", "too-deep")
        self._active.append("")
        try:
            inner = Scalar(text, place, plain=False)
            return self._scalar(inner) if "${" in text else inner
        finally:
            self._active.pop()

    def _look_up(self, name: str, place: Place, *, quiet: bool) -> Node | None:
        """Return what a name stands for; None when it is absent and `quiet` allows that."""
        if name in self._known:
            return self._known[name]
        if name in self._failed:
            raise _Failed
        if name in self._active:
            loop = " → ".join([*self._active[self._active.index(name) :], name])
            self._fail(place, f"references go in a circle: {loop}", "cycle")
        if len(self._active) > MAX_NESTING:
            self._fail(place, "references nested too deep", "too-deep")
        self._active.append(name)
        try:
            value = self._find(name, place, quiet=quiet)
        except _Failed:
            self._failed.add(name)
            raise
        finally:
            self._active.pop()
        if value is not None:
            self._known[name] = value
        return value

    def _find(self, name: str, place: Place, *, quiet: bool) -> Node | None:
        family, _, rest = name.partition(".")
        if name == LIVE:
            return Scalar("", place, plain=False, live=True)
        if family in HEADER and not rest:
            value = self._resolved(self._document.get(family))
            return value or self._unknown(name, place, quiet=quiet)
        if family == "vars" and rest:
            return self._variable(name, rest.split("."), place, quiet=quiet)
        if family == "images" and rest:
            return self._image(name, rest, place, quiet=quiet)
        choices = [_SPELLED.get(f, f) for f in _FAMILIES]
        hint = suggest(family, _FAMILIES) or f"; there are {', '.join(choices)}"
        message = f"unknown reference {show('${' + name + '}')}{hint}; write $${{ for a literal ${{"
        self._fail(place, message, "unknown-reference")
        return None

    def _variable(self, name: str, steps: list[str], place: Place, *, quiet: bool) -> Node | None:
        value: Node | None = self._document.get("vars")
        done = False  # a resolved text may hold a literal ${ and must not be read again
        for step in steps:
            if isinstance(value, Scalar) and not done:
                value, done = self._resolved(value), True
            if not isinstance(value, Mapping) or step not in value.entries:
                choices = value.entries.keys() if isinstance(value, Mapping) else ()
                return self._unknown(name, place, quiet=quiet, hint=suggest(step, choices))
            value = value.entries[step].value
        return value if done else self._resolved(value)

    def _image(self, name: str, rest: str, place: Place, *, quiet: bool) -> Node | None:
        key, _, part = rest.partition(".")
        images = self._document.mapping("images") or Mapping(place)
        value = self._resolved(images.get(key))
        if not isinstance(value, Scalar):
            return self._unknown(name, place, quiet=quiet, hint=suggest(key, images.entries))
        if not part:
            return value
        if value.parts:
            message = (
                f"images.{key} is {show(value.text)}: its {part} cannot be told without asking AWS"
            )
            self._fail(place, message, "unknown-reference")
        if part not in ("tag", "digest"):
            hint = "an image has .tag and .digest"
            self._fail(
                place, f"unknown reference {show('${' + name + '}')}: {hint}", "unknown-reference"
            )
        found = _image_part(parse_image(value.text), part)
        if found:
            return Scalar(found, place, plain=False)
        if not quiet:
            message = f"images.{key} has no {part}: it is {show(value.text)}"
            self._fail(place, message, "unknown-reference")
        return None

    def _unknown(self, name: str, place: Place, *, quiet: bool, hint: str = "") -> Node | None:
        if not quiet:
            message = f"unknown reference {show('${' + name + '}')}{hint}"
            self._fail(place, message, "unknown-reference")
        return None

    def _resolved(self, node: Node | None) -> Node | None:
        match node:
            case None:
                return None
            case Scalar(text=text, parts=()) if "${" in text:
                return self._scalar(node)
            case Scalar():
                return node
            case _:
                return self.resolve(node)

    def _placed(self, value: Node, place: Place) -> Node:
        if height(value) > MAX_DEPTH:
            self._fail(place, f"nested deeper than {MAX_DEPTH} levels", "too-deep")
        self._budget -= size(value)
        if self._budget < 0:
            self._fail(
                place, f"more than {MAX_NODES} values once references are resolved", "too-large"
            )
        match value:
            case Scalar(text=text, plain=plain, source=source, parts=parts, live=live):
                return Scalar(text, place, plain, source or value.place, parts, live)
            case Mapping(entries=entries):
                return Mapping(place, entries)
            case Sequence(items=items):
                return Sequence(place, items)
            case _:
                return value

    def _parts(self, text: str, place: Place) -> list[str | Reference]:
        parts = split(text)
        if isinstance(parts, Unclosed):
            message = "a reference without its }; write $${ for a literal ${"
            here = place.find(text[parts.start : parts.start + 12])
            self._fail(here, message, "bad-reference")
        assert isinstance(parts, list)  # noqa: S101 - _fail raised
        return parts

    def _fail(self, place: Place, message: str, rule: str) -> None:
        self._report.error(place, message, rule)
        raise _Failed


def _image_part(image: ImageName | None, part: str) -> str:
    if image is None:
        return ""
    return image.tag if part == "tag" else image.digest
