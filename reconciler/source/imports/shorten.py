"""Canonical documents → what a person would write: defaults left out, short forms, one level.

Called by `workload`. The way back of `source.short` and `source.lift`; docs/desired-state.md has the
table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.names import Path
from reconciler.shapes.botocore_model import Shape, input_of
from reconciler.shapes.default_values import ABSENT, NO_DEFAULT, default_of
from reconciler.shapes.tables import SERVICE, TASK_DEFINITION, Kind
from reconciler.source.imports.tree import Keys, is_empty

_LONGEST_COMMAND = 100
# Words that neither a shell nor `shlex` reads in any other way.
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_GIB = 1024


def short_service(service: Mapping[str, Any]) -> Keys:
    """Return the fields of a CreateService document that have to be declared, in their short form."""
    kept = _Declared(service, SERVICE).of(service, input_of("CreateService"), ())
    network = kept.get("networkConfiguration", {})
    if network.keys() == {"awsvpcConfiguration"}:
        kept["networkConfiguration"] = network["awsvpcConfiguration"]
    if kept.get("schedulingStrategy") == "DAEMON":
        kept.pop("desiredCount", None)  # ECS counts the instances
    return Keys(kept)


def short_task(task: Mapping[str, Any]) -> Keys:
    """Return the fields of a task definition that have to be declared; its containers by name."""
    kept = _Declared(task, TASK_DEFINITION).of(task, input_of("RegisterTaskDefinition"), ())
    for name in ("cpu", "memory"):
        if name in kept:
            kept[name] = _size(kept[name], cpu=name == "cpu")
    containers = kept.pop("containerDefinitions", [])
    by_name = {c["name"]: short_container(c) for c in containers}
    return Keys({**kept, "containerDefinitions": Keys(by_name)})


def short_container(container: Mapping[str, Any]) -> Keys:
    """Return a container without its name, in its short form."""
    kept = Keys((k, v) for k, v in container.items() if k != "name")
    for name, keys in (("environment", ("name", "value")), ("secrets", ("name", "valueFrom"))):
        if name in kept:
            kept[name] = Keys((i[keys[0]], i.get(keys[1], "")) for i in kept[name])
    for name in ("command", "entryPoint"):
        if name in kept:
            kept[name] = _words(kept[name])
    if "dependsOn" in kept:
        kept["dependsOn"] = _dependencies(kept["dependsOn"])
    if "portMappings" in kept:
        kept["portMappings"] = [_port(p) for p in kept["portMappings"]]
    if "healthCheck" in kept:
        kept["healthCheck"] = _health_check(kept["healthCheck"])
    return kept


@dataclass(frozen=True)
class _Declared:
    """Takes AWS's known defaults, and empty maps and lists, out of one document."""

    whole: Mapping[str, Any]
    kind: Kind

    def of(self, value: Any, shape: Shape | None, path: Path) -> Any:
        """Return what of a value has to be declared; a structure keeps what its type requires."""
        match value:
            case Mapping():
                return self._map(value, shape, path)
            case list() | tuple():
                element = shape.element if shape else None
                return [self.of(item, element, (*path, "*")) for item in value]
            case _:
                return value

    def _map(self, value: Mapping[str, Any], shape: Shape | None, path: Path) -> dict[str, Any]:
        if shape is not None and shape.is_union:
            return dict(value)  # which of its members is there is what it says
        kept: dict[str, Any] = {}
        for name, inner in value.items():
            default = default_of(self.kind, (*path, name), self.whole, value)
            if default is not NO_DEFAULT and inner == default:
                continue
            shorter = self.of(inner, _member(shape, name), (*path, name))
            if not is_empty(shorter):
                kept[name] = shorter
            elif default is ABSENT and not is_empty(inner):
                kept[name] = inner  # that it is there at all is worth saying
        if not kept and path[-1:] != ("*",):
            return {}
        required = shape.required if shape else ()
        return kept | {n: value[n] for n in required if n in value and n not in kept}


def _member(shape: Shape | None, name: str) -> Shape | None:
    if shape is None:
        return None
    return shape.members.get(name) if shape.kind == "structure" else shape.element


def _size(text: str, *, cpu: bool) -> Any:
    if not text.isdigit():
        return text
    units = int(text)
    if not cpu and units >= _GIB and units % _GIB == 0:
        return f"{units // _GIB}GB"
    return units


def _words(words: list[str]) -> str | list[str]:
    text = " ".join(words)
    plain = bool(words) and all(_PLAIN_WORD.fullmatch(word) for word in words)
    return text if plain and len(text) <= _LONGEST_COMMAND else words


def _dependencies(items: list[dict[str, str]]) -> Any:
    short = Keys((i["containerName"], i["condition"]) for i in items if len(i) == 2)  # noqa: PLR2004 - no more
    return short if len(short) == len(items) else items


def _port(mapping: dict[str, Any]) -> Any:
    return mapping["containerPort"] if mapping.keys() == {"containerPort"} else mapping


def _health_check(check: dict[str, Any]) -> Any:
    command = check.get("command", [])
    alone = check.keys() == {"command"} and len(command) == 2  # noqa: PLR2004 - the word and its text
    return command[1] if alone and command[0] == "CMD-SHELL" else check
