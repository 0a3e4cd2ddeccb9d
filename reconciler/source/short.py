"""Short forms of values → AWS's long ones, tree to tree. Called by `workload` before typing.

The table is in docs/desired-state.md. Whatever is not a short form is left as it stands: the schema
says what is wrong with it.
"""

from __future__ import annotations

import re
import shlex
from decimal import Decimal

from reconciler.model.lookups import Lookup, Part, spelled
from reconciler.model.names import Path, dotted
from reconciler.source.nodes import Entry, Mapping, Node, Null, Place, Scalar, Sequence
from reconciler.source.report import Report, show

_CPU = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,4})?|\.[0-9]{1,4}) *v[cC][pP][uU]")
_MEMORY = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,4})?|\.[0-9]{1,4}) *([gG]|[mM])(?:i?[bB])?")
_UNITS = re.compile(r"[0-9]{1,9}")
_IN_GIB = 1024
_SIGNS = 0x100000
"""The first code point of the last private plane; YAML allows it, Unicode gives it no meaning."""

# Whoever writes these wants a shell; ECS runs the command without one.
_SHELL = re.compile(r"&&|\|\||[|;<>&`]|\$(?:[A-Za-z_][A-Za-z0-9_]*|[({])|\n")
_NAMES_A_SHELL = re.compile(r"\s*(?:\S*/)?(?:ba|da|a|k|z)?sh\s+-[a-z]*c\s")


class Shorts:
    """Expands one workload's parts; `label` begins every message."""

    def __init__(self, label: str, report: Report) -> None:
        self._label = label
        self._report = report

    def container(self, container: Mapping, path: Path) -> Mapping:
        """Return a container in AWS's long form."""
        entries = dict(container.entries)
        for name, keys in (
            ("environment", ("name", "value")),
            ("secrets", ("name", "valueFrom")),
            ("dependsOn", ("containerName", "condition")),
        ):
            if name in entries:
                entries[name] = self._pairs(entries[name], keys, (*path, name))
        for name in ("command", "entryPoint"):
            if name in entries:
                entries[name] = self._words(entries[name], (*path, name))
        if "portMappings" in entries:
            entries["portMappings"] = _ports(entries["portMappings"])
        if "healthCheck" in entries:
            entries["healthCheck"] = _health_check(entries["healthCheck"])
        return Mapping(container.place, entries)

    def task(self, task: Mapping) -> Mapping:
        """Return a task definition with `tags` long and `cpu` and `memory` in CPU units and MiB."""
        entries = dict(task.entries)
        if "tags" in entries:
            entries["tags"] = self._pairs(entries["tags"], ("key", "value"), ("tags",))
        for name in ("cpu", "memory"):
            if name in entries:
                entries[name] = self._size(entries[name], name)
        return Mapping(task.place, entries)

    def service(self, service: Mapping) -> Mapping:
        """Return a service or launch with `tags` long."""
        entries = dict(service.entries)
        if "tags" in entries:
            entries["tags"] = self._pairs(entries["tags"], ("key", "value"), ("tags",))
        return Mapping(service.place, entries)

    def _error(self, place: Place, message: str, rule: str, path: Path) -> None:
        self._report.error(place, message, rule, path=f"{self._label}.{dotted(path)}")

    def _pairs(self, entry: Entry, keys: tuple[str, str], path: Path) -> Entry:
        if not isinstance(entry.value, Mapping):
            return entry
        items: list[Node] = []
        for name, inner in entry.value.entries.items():
            if isinstance(inner.value, Null):
                continue
            if isinstance(inner.value, Mapping | Sequence):
                self._error(inner.place, "must be a single value", "wrong-type", (*path, name))
                continue
            name_node = Scalar(name, inner.place, plain=False)
            pair = {keys[0]: Entry(inner.place, name_node), keys[1]: inner}
            items.append(Mapping(inner.place, pair))
        return Entry(entry.place, Sequence(entry.value.place, items))

    def _words(self, entry: Entry, path: Path) -> Entry:
        value = entry.value
        if not isinstance(value, Scalar) or value.live or _is_sole(value):
            return entry
        masked = _Masked(value)
        shell = _SHELL.search(_unquoted(masked.text))
        if shell:
            sign = show(shell[0].strip() or "a line break")
            message = f'{sign} needs a shell, and there is none: write ["sh", "-c", "…"]'
            self._error(value.place, message, "shell-syntax", path)
            return Entry(entry.place, Sequence(value.place))
        try:
            words = shlex.split(masked.text)
        except ValueError as broken:
            message = f"cannot be split into words: {str(broken).lower()}"
            self._error(value.place, message, "shell-syntax", path)
            words = []
        return Entry(entry.place, Sequence(value.place, [masked.scalar(w) for w in words]))

    def _size(self, entry: Entry, name: str) -> Entry:
        value = entry.value
        if not isinstance(value, Scalar) or value.parts:
            return entry
        units = parse_size(value.text, cpu=name == "cpu")
        if units is None:
            forms = "512 or 0.5 vCPU" if name == "cpu" else "1024 or 1GB"
            self._error(
                value.place, f"{show(value.text)} is no size: write {forms}", "size", (name,)
            )
            return entry
        return Entry(entry.place, Scalar(str(units), value.place, plain=False))


def parse_size(text: str, *, cpu: bool) -> int | None:
    """Read `512`, `0.5 vCPU` (CPU units) or `1024`, `1GB`, `512 MiB` (MiB); None for anything else."""
    text = text.strip()
    if _UNITS.fullmatch(text):
        return int(text)
    found = (_CPU if cpu else _MEMORY).fullmatch(text)
    if found is None:
        return None
    in_units = cpu or found[2] in "gG"
    units = Decimal(found[1]) * (_IN_GIB if in_units else 1)
    return int(units) if units == int(units) else None


class _Masked:
    """A text to be taken apart: each look-up is one sign in `text` that no file holds."""

    def __init__(self, value: Scalar) -> None:
        self._place = value.place
        self._look_ups = [p for p in value.parts if isinstance(p, Lookup)]
        signs = iter(range(_SIGNS, _SIGNS + len(self._look_ups)))
        parts = value.parts or (value.text,)
        self.text = "".join(p if isinstance(p, str) else chr(next(signs)) for p in parts)

    def scalar(self, word: str) -> Scalar:
        """Return a word of the text with its look-ups back in it."""
        parts: list[Part] = []
        for literal, sign in re.findall(
            "([^\U00100000-\U0010ffff]*)([\U00100000-\U0010ffff]?)", word
        ):
            parts += [literal] if literal else []
            parts += [self._look_ups[ord(sign) - _SIGNS]] if sign else []
        if not self._look_ups or all(isinstance(p, str) for p in parts):
            return Scalar(word, self._place, plain=False)
        return Scalar(spelled(tuple(parts)), self._place, plain=False, parts=tuple(parts))


def _is_sole(value: Scalar) -> bool:
    """Say whether a look-up is the whole value: it yields the words itself."""
    return len(value.parts) == 1


def _unquoted(text: str) -> str:
    """Return the text without what quotes protect from a shell, or give to one that is named."""
    if _NAMES_A_SHELL.match(text):
        text = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    return re.sub(r"'[^']*'", "", text)


def _ports(entry: Entry) -> Entry:
    if not isinstance(entry.value, Sequence):
        return entry
    items: list[Node] = []
    for item in entry.value.items:
        if isinstance(item, Scalar):
            protocol = Scalar("tcp", item.place, plain=False)
            port = {
                "containerPort": Entry(item.place, item),
                "protocol": Entry(item.place, protocol),
            }
            items.append(Mapping(item.place, port))
        else:
            items.append(item)
    return Entry(entry.place, Sequence(entry.value.place, items))


def _health_check(entry: Entry) -> Entry:
    value = entry.value
    if not isinstance(value, Scalar) or value.live:
        return entry
    shell = Scalar("CMD-SHELL", value.place, plain=False)
    command = Sequence(value.place, [shell, value])
    return Entry(entry.place, Mapping(value.place, {"command": Entry(entry.place, command)}))
