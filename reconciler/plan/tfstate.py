"""Terraform state: an address → the value it has there. Pure; `resources.lookups` brings the text.

State version 4, as Terraform ≥ 0.12 and OpenTofu write it. Addresses are spelled as in Terraform:
`aws_subnet.private[0].id`, `aws_subnet.private[*].id`, `module.vpc["a"].aws_vpc.main.id`,
`data.aws_iam_role.x.arn`, `output.name`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.lookups import Value

VERSION = 4
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_INDEX = re.compile(r"\[(?:(\d{1,9})|\"((?:[^\"\\]|\\.)*)\"|'([^'\\]*)'|(\*))\]", re.ASCII)
_LONGEST = 1024


class AddressError(ValueError):
    """An address that is none; the message says where it stops making sense."""


class NotInState(ValueError):
    """The state has no such value, or one that must not be read; the message says why."""

    absent = False
    """Whether there is no such thing, so that a default may stand in for it."""


class _Absent(NotInState):
    absent = True


@dataclass(frozen=True)
class Index:
    """`[0]`, `["key"]` or, with `None`, `[*]`."""

    key: int | str | None


Step = str | Index


@dataclass(frozen=True)
class StateAddress:
    """An address taken apart.

    `module` is as a state spells it (`module.vpc["a"]`), empty for the root. `mode` is `managed`,
    `data` or `output`; an output has no `type`. `index` picks the instance, `path` an attribute.
    """

    module: str
    mode: str
    type: str
    name: str
    index: Index | None
    path: tuple[Step, ...]


def parse_address(text: str) -> StateAddress:
    """Take an address apart. Raises AddressError."""
    steps = list(_steps(text))
    module, steps = _module(steps)
    if steps[:1] == ["output"]:
        if module:
            raise AddressError("a state has the outputs of the root module only")
        match steps[1:]:
            case [str(name), *path]:
                return StateAddress("", "output", "", name, None, tuple(path))
        raise AddressError("write output.NAME")
    mode = "data" if steps[:1] == ["data"] else "managed"
    match steps[1:] if mode == "data" else steps:
        case [str(kind), str(name), Index() as index, *path] if path:
            return StateAddress(module, mode, kind, name, index, tuple(path))
        case [str(kind), str(name), str(first), *path]:
            return StateAddress(module, mode, kind, name, None, (first, *path))
    raise AddressError("write TYPE.NAME.ATTRIBUTE, as in aws_subnet.private[0].id")


def parse_state(text: str | bytes) -> Mapping[str, Any]:
    """Read a state. Raises NotInState when it is none of version 4."""
    try:
        state = json.loads(text)
    except (ValueError, RecursionError):
        raise NotInState("it is not a Terraform state: no JSON") from None
    if not isinstance(state, Mapping) or state.get("version") != VERSION:
        version = state.get("version") if isinstance(state, Mapping) else None
        said = f"version {version}" if isinstance(version, int) else "no version"
        raise NotInState(f"it is not a Terraform state of version {VERSION}: {said}")
    return state


def look_up(state: Mapping[str, Any], address: StateAddress) -> Value:
    """Return the value at an address. Raises NotInState.

    A sensitive output or attribute is refused: it would stand in a task definition in plain text.
    """
    if address.mode == "output":
        outputs = _map(state.get("outputs"))
        output = outputs.get(address.name)
        if not isinstance(output, Mapping):
            raise _Absent(f"the state has no output {address.name}")
        if output.get("sensitive"):
            raise NotInState(f"the output {address.name} is sensitive: hand it over by secrets:")
        return _value(_walk(output.get("value"), address.path))
    found = _instances(state, address)
    if address.index is not None and address.index.key is None:
        return tuple(_attribute(instance, address.path) for instance in found)
    return _attribute(_instance(found, address), address.path)


def _instances(state: Mapping[str, Any], address: StateAddress) -> list[Mapping[str, Any]]:
    """Return the resource's instances, in the order of their indexes."""
    what = f"{address.type}.{address.name}"
    wanted = (address.module, address.mode, address.type, address.name)
    for resource in _maps(state.get("resources")):
        have = (resource.get("module", ""), *(resource.get(k) for k in ("mode", "type", "name")))
        if have == wanted:
            return sorted(_maps(resource.get("instances")), key=_order)
    where = f" in {address.module}" if address.module else ""
    data = "data source" if address.mode == "data" else "resource"
    raise _Absent(f"the state has no {data} {what}{where}")


def _order(instance: Mapping[str, Any]) -> tuple[int, int, str]:
    key = instance.get("index_key")
    return (0, key, "") if isinstance(key, int) else (1, 0, str(key or ""))


def _instance(found: list[Mapping[str, Any]], address: StateAddress) -> Mapping[str, Any]:
    what = f"{address.type}.{address.name}"
    wanted = address.index.key if address.index else None
    for instance in found:
        key = instance.get("index_key")
        if key == wanted and type(key) is type(wanted):
            return instance
    keys = [i.get("index_key") for i in found]
    listed = ", ".join(f"[{json.dumps(k)}]" for k in keys if k is not None)
    if wanted is None and listed:
        raise NotInState(f"{what} has the instances {listed}: name one, or [*] for all")
    raise _Absent(f"{what} has no instance {json.dumps(wanted)}; it has {listed or 'one'}")


def _attribute(instance: Mapping[str, Any], path: tuple[Step, ...]) -> Value:
    for hidden in instance.get("sensitive_attributes") or ():
        steps = [_sensitive_step(step) for step in hidden] if isinstance(hidden, list) else []
        if steps and all(_meets(a, b) for a, b in zip(steps, path, strict=False)):
            raise NotInState(f"{_spelled(path)} is sensitive: hand it over by secrets:")
    return _value(_walk(instance.get("attributes"), path))


def _sensitive_step(step: Any) -> Any:
    """Return a step of `sensitive_attributes`: `{type: get_attr, value: x}`, or an index in a map."""
    value = step.get("value") if isinstance(step, Mapping) else step
    return value.get("value") if isinstance(value, Mapping) else value


def _meets(hidden: Any, step: Step) -> bool:
    key = step.key if isinstance(step, Index) else step
    return key is None or hidden is None or str(hidden) == str(key)


def _walk(value: Any, path: tuple[Step, ...]) -> Any:
    for position, step in enumerate(path):
        key = step.key if isinstance(step, Index) else step
        match value, key:
            case list(), None:
                return [_walk(item, path[position + 1 :]) for item in value]
            case dict(), str() if key in value:
                value = value[key]
            case list(), int() if key < len(value):
                value = value[key]
            case _:
                raise _Absent(f"there is no {_spelled(path[: position + 1])}")
    return value


def _value(found: Any) -> Value:
    match found:
        case str() | bool() | int() | float():
            return found
        case list():
            return tuple(_value(item) for item in found)
        case None:
            raise _Absent("it is null")
        case _:
            raise NotInState("it is a map: name one of its attributes")


def _steps(text: str) -> Iterator[Step]:
    if len(text) > _LONGEST:
        raise AddressError(f"longer than {_LONGEST} characters")
    position = 0
    while position < len(text):
        index = _INDEX.match(text, position)
        if index is not None and position > 0:
            yield Index(_key(index))
            position = index.end()
            continue
        dot = text.startswith(".", position)
        name = _NAME.match(text, position + dot)
        if name is None or dot != (position > 0):
            raise AddressError(f"cannot be read from '{text[position : position + 20]}' on")
        yield name[0]
        position = name.end()


def _key(found: re.Match[str]) -> int | str | None:
    number, double, single, _ = found.groups()
    if number is not None:
        return int(number)
    if double is not None:
        try:
            return str(json.loads(f'"{double}"'))
        except ValueError:
            raise AddressError(f"{found[0]} has an escape that JSON does not know") from None
    return str(single) if single is not None else None


def _module(steps: list[Step]) -> tuple[str, list[Step]]:
    """Take the modules off the front; return them as a state spells them."""
    spelled: list[str] = []
    while steps[:1] == ["module"]:
        match steps:
            case [_, str(name), Index(key=key), *rest] if key is not None:
                spelled.append(f"module.{name}[{json.dumps(key, ensure_ascii=False)}]")
            case [_, str(name), *rest]:
                spelled.append(f"module.{name}")
            case _:
                raise AddressError("write module.NAME")
        steps = list(rest)
    return ".".join(spelled), steps


def _spelled(path: tuple[Step, ...]) -> str:
    parts = []
    for step in path:
        if isinstance(step, Index):
            parts.append("[*]" if step.key is None else f"[{json.dumps(step.key)}]")
        else:
            parts.append(f".{step}")
    return "".join(parts).lstrip(".")


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _maps(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
