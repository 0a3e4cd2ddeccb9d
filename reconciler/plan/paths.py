"""Read and change one place of a canonical document by its `Path`; documents are never changed in place.

Called by what compares, and by what makes a value to send. Lists are walked by natural key or index.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.model.names import Path
from reconciler.plan.canonical import item_key
from reconciler.shapes.tables import Kind, is_map, list_rule


class Missing:
    """What `lookup` returns where there is nothing."""


MISSING: Final = Missing()


def lookup(document: Any, kind: Kind, path: Path, walked: Path = ()) -> Any:
    """Return the value at `path`, MISSING when any segment of it does not exist."""
    if not path:
        return document
    name, rest = path[0], path[1:]
    match document:
        case Mapping():
            inner = document.get(name, MISSING)
            return inner if inner is MISSING else lookup(inner, kind, rest, (*walked, name))
        case list():
            index = _index(document, kind, walked, name)
            if index is None:
                return MISSING
            rule = list_rule(kind, walked)
            if rule is not None and rule.value and not rest:
                return document[index].get(rule.value, "")
            return lookup(document[index], kind, rest, (*walked, "*"))
        case _:
            return MISSING


def replaced(document: Any, kind: Kind, path: Path, value: Any) -> Any:
    """Return a copy with `value` at `path`; MISSING takes the place out. Missing maps are made."""

    def change(_: Any) -> Any:
        return value

    return _changed(document, kind, path, (), change)


def overlay(live: Any, declared: Any, kind: Kind, path: Path = ()) -> Any:
    """Return `declared` completed with what only `live` says: undeclared fields keep their values.

    Lists and the user's maps are declared as a whole; an item's undeclared fields are kept.
    """
    match live, declared:
        case Mapping(), Mapping() if not is_map(kind, path):
            merged = dict(live)
            for name, value in declared.items():
                merged[name] = overlay(live.get(name), value, kind, (*path, name))
            return merged
        case list(), list():
            rule = list_rule(kind, path)
            if rule is None or not rule.key or rule.value:
                return declared
            known = {item_key(rule, item): item for item in live}
            return [
                overlay(known.get(item_key(rule, item)), item, kind, (*path, "*"))
                for item in declared
            ]
        case _:
            return declared


def _index(items: list[Any], kind: Kind, path: Path, segment: str) -> int | None:
    rule = list_rule(kind, path)
    if rule is not None and rule.key:
        keys = [item_key(rule, item) if isinstance(item, Mapping) else "" for item in items]
        return keys.index(segment) if segment in keys else None
    return int(segment) if segment.isdigit() and int(segment) < len(items) else None


def _changed(
    document: Any, kind: Kind, path: Path, walked: Path, change: Callable[[Any], Any]
) -> Any:
    if not path:
        return change(document)
    name, rest = path[0], path[1:]
    if isinstance(document, list):
        index = _index(document, kind, walked, name)
        if index is None:
            return document
        inner = _changed(document[index], kind, rest, (*walked, "*"), change)
        kept = [] if inner is MISSING else [inner]
        return [*document[:index], *kept, *document[index + 1 :]]
    result = dict(document) if isinstance(document, Mapping) else {}
    inner = _changed(result.get(name, {}), kind, rest, (*walked, name), change)
    if inner is MISSING:
        result.pop(name, None)
    else:
        result[name] = inner
    return result
