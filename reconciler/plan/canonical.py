"""One spelling for each document, so that comparing is all that is left to do.

`source` writes desired documents in this form, `resources` observed ones; the planner trusts it.
Defaults are not added here (`plan.normal` takes them out for comparing); nothing is validated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from reconciler.model.names import Path
from reconciler.shapes.tables import (
    READ_ONLY,
    SERVICE,
    TASK_DEFINITION,
    Kind,
    ListRule,
    list_rule,
)


class Items(dict[str, Any]):
    """A list in comparable form: a map by key or index. It is declared as a whole."""


_CPU = re.compile(r"\s*(\d*\.?\d+)\s*vcpu\s*", re.IGNORECASE)
_MEMORY = re.compile(r"\s*(\d*\.?\d+)\s*gi?b\s*", re.IGNORECASE)
_UNITS = 1024


def canonical_service(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a CreateService input in canonical form; also reads an element of DescribeServices.

    Read-only keys and nulls go, lists whose order means nothing are sorted, of what may come twice the
    last one stays. Values are copied.
    """
    return _document(document, SERVICE)


def canonical_task_definition(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a RegisterTaskDefinition input in canonical form; also reads a described revision.

    As `canonical_service`, and task-level `cpu` and `memory` become text in CPU units and MiB, as
    ECS answers them ("1 vCPU" is "1024", "0.5GB" is "512").
    """
    result = _document(document, TASK_DEFINITION)
    for name, pattern in (("cpu", _CPU), ("memory", _MEMORY)):
        if name in result:
            result[name] = _size(result[name], pattern)
    return result


def comparable(document: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """Return the document as nested maps: keyed lists by their key, other lists of maps by index.

    The keys are the segments of a `Path`. Lists of scalars stay lists, sorted when they are sets.
    Two items with the same key cannot be told apart by it: such a list is taken by index.
    """
    result = _comparable(document, kind, ())
    return dict(result)


def repeated_variables(task_definition: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the variables that a task definition as AWS answers it names twice, by container."""
    found: dict[str, tuple[str, ...]] = {}
    for container in task_definition.get("containerDefinitions", ()):
        names = [str(pair.get("name")) for pair in container.get("environment") or ()]
        twice = tuple(n for n in dict.fromkeys(names) if names.count(n) > 1)
        if twice:
            found[str(container.get("name"))] = twice
    return found


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, as hashed and as sort key."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def item_key(rule: ListRule, item: Mapping[str, Any]) -> str:
    """Return a list item's natural key as path segment, `80/tcp` for a port mapping."""
    parts = []
    for part in rule.key:
        found = (item[name] for name in part.names if item.get(name) is not None)
        value = next(found, part.default)
        parts.append("+".join(map(str, value)) if isinstance(value, list) else str(value))
    return "/".join(parts)


def _document(document: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    kept = {k: v for k, v in document.items() if k not in READ_ONLY[kind]}
    return dict(_canonical(kept, kind, ()))


def _canonical(value: Any, kind: Kind, path: Path) -> Any:
    match value:
        case str() | int() | None:  # most values by far, and cheaper to tell than a map
            return value
        case Mapping():
            return {
                str(k): _canonical(v, kind, (*path, str(k)))
                for k, v in value.items()
                if v is not None
            }
        case list() | tuple():
            rule = list_rule(kind, path)
            items = [_canonical(v, kind, (*path, "*")) for v in value if v is not None]
            if rule is None:
                return items
            if rule.last:
                items = list({item_key(rule, i): i for i in items}.values())
            return sorted(items, key=lambda i: _sort_key(rule, i)) if len(items) > 1 else items
        case _:
            return value


def _sort_key(rule: ListRule, item: Any) -> tuple[str, str]:
    key = item_key(rule, item) if rule.key and isinstance(item, Mapping) else ""
    return key, canonical_json(item)


def _comparable(value: Any, kind: Kind, path: Path) -> Any:
    match value:
        case str() | int() | None:
            return value
        case Mapping():
            return {str(k): _comparable(v, kind, (*path, str(k))) for k, v in value.items()}
        case list() | tuple() if value and all(isinstance(v, Mapping) for v in value):
            return _keyed(value, kind, path)
        case list() | tuple():
            rule = list_rule(kind, path)
            if rule is not None and rule.key and not value:
                return Items()
            return sorted(value, key=canonical_json) if rule and len(value) > 1 else list(value)
        case _:
            return value


def _keyed(items: list[Any] | tuple[Any, ...], kind: Kind, path: Path) -> dict[str, Any]:
    rule = list_rule(kind, path)
    if rule is None or not rule.key:
        keys = [str(i) for i in range(len(items))]
    else:
        keys = [item_key(rule, item) for item in items]
        if len(set(keys)) != len(keys):
            items = sorted(items, key=canonical_json)
            keys = [str(i) for i in range(len(items))]
            rule = None
    if rule is not None and rule.value:
        return Items((k, item.get(rule.value, "")) for k, item in zip(keys, items, strict=True))
    return Items(
        (k, _comparable(item, kind, (*path, "*"))) for k, item in zip(keys, items, strict=True)
    )


def _size(value: Any, pattern: re.Pattern[str]) -> str:
    text = str(value)
    found = pattern.fullmatch(text)
    if found is None:
        return text.strip()
    try:
        units = Decimal(found[1]) * _UNITS
    except InvalidOperation:  # pragma: no cover - the pattern only lets numbers through
        return text
    return str(int(units)) if units == int(units) else text
