"""Three tiers: declared and different, undeclared but not AWS's default, and silent with its rule.

Called by `plan.service_side`, `plan.revision` and `plan.autoscaling.compare` on canonical documents.
Says what differs, not why and not what to do about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.names import Path, dotted
from reconciler.model.plan import Suppressed, UndeclaredChange
from reconciler.plan.canonical import Items, comparable
from reconciler.plan.mask import mask_value
from reconciler.plan.paths import MISSING
from reconciler.shapes.botocore_model import required_at
from reconciler.shapes.default_values import (
    ABSENT,
    NO_DEFAULT,
    default_of,
    default_row,
    is_default,
    unpredictable,
)
from reconciler.shapes.tables import AUTOSCALING, SERVICE, TASK_DEFINITION, Kind, is_map

_OPERATIONS: dict[Kind, str] = {
    SERVICE: "CreateService",
    TASK_DEFINITION: "RegisterTaskDefinition",
}
_ITEM_PARENTS = frozenset({("loadBalancers",), ("serviceRegistries",)})
"""A new load balancer is one difference, a new container one for each of its fields."""


@dataclass(frozen=True)
class Difference:
    """One differing place; MISSING stands for nothing on that side. Values are not masked."""

    path: Path
    observed: Any
    desired: Any


@dataclass
class Comparison:
    """The three tiers, each in the order of the paths."""

    differences: list[Difference] = field(default_factory=list)
    undeclared: list[UndeclaredChange] = field(default_factory=list)
    suppressed: list[Suppressed] = field(default_factory=list)


def compare(desired: Mapping[str, Any], live: Mapping[str, Any], kind: Kind) -> Comparison:
    """Compare two canonical documents of one kind.

    Only declared fields make differences; lists and the user's maps are declared as a whole. Pasted
    defaults make none, and a field that AWS adds tomorrow is silent.
    """
    walk = _Walk(kind, live={**desired, **live})
    walk.maps(comparable(desired, kind), comparable(live, kind), ())
    return walk.found


def removed(
    before: Mapping[str, Any], desired: Mapping[str, Any], live: Mapping[str, Any], kind: Kind
) -> list[Difference]:
    """Return the places that `before` declared, `desired` does not, and live AWS still has.

    `desired` of a difference is the known default, MISSING where none is known. Items of declared
    lists are not among them: `compare` finds those.
    """
    found: list[Difference] = []
    sides = (comparable(before, kind), comparable(desired, kind), comparable(live, kind))
    _removed(sides, kind, (), live, found)
    return found


def same(one: Any, other: Any) -> bool:
    """Say whether two values mean the same: equal, or both empty."""
    return bool(one == other) or (_is_empty(one) and _is_empty(other))


def shown_path(kind: Kind, path: Path) -> str:
    """Spell a path for people: task definition fields go without prefix unless both sides have them."""
    if kind not in (SERVICE, AUTOSCALING) and path[0] in ("tags", "placementConstraints"):
        return dotted((kind, *path))
    return dotted(path)


class _Walk:
    def __init__(self, kind: Kind, live: Mapping[str, Any]) -> None:
        self.kind = kind
        self.whole = live
        self.found = Comparison()

    def maps(self, desired: Mapping[str, Any], live: Mapping[str, Any], path: Path) -> None:
        for name in sorted(desired.keys() | live.keys(), key=_order):
            where = (*path, name)
            if name not in live:
                self._only_desired(desired[name], {**live, **desired}, where)
            elif name not in desired:
                self._only_live(live[name], desired, live, where)
            else:
                self._both(desired[name], live[name], where)

    def _both(self, desired: Any, live: Any, path: Path) -> None:
        if isinstance(desired, Mapping) and isinstance(live, Mapping):
            self.maps(_as_items_of(live, desired), live, path)
        elif not same(desired, live):
            self._differs(path, live, desired)

    def _only_desired(self, desired: Any, parent: Mapping[str, Any], path: Path) -> None:
        default = default_of(self.kind, path, self.whole, parent)
        if _is_empty(desired):
            self._suppress(path, None, "declared empty, and nothing is live")
            return
        if _is_default(desired, default):
            self._suppress(path, None, f"declared is {self._default_rule(path)}")
            return
        if isinstance(desired, Mapping) and not isinstance(desired, Items) and path:
            if self._is_item(path):
                self._differs(path, MISSING, desired)
            else:
                self.maps(desired, {}, path)
        elif isinstance(desired, Items):
            for name in sorted(desired, key=_order):
                self._new_item(desired[name], (*path, name))
        else:
            self._differs(path, MISSING, desired)

    def _new_item(self, value: Any, path: Path) -> None:
        if isinstance(value, Mapping) and not self._is_item(path):
            self.maps(value, {}, path)
        else:
            self._differs(path, MISSING, value)

    def _only_live(
        self, live: Any, desired: Mapping[str, Any], parent: Mapping[str, Any], path: Path
    ) -> None:
        if isinstance(desired, Items) or is_map(self.kind, path[:-1]):
            self._differs(path, live, MISSING)
        else:
            self._undeclared(live, parent, path)

    def _undeclared(self, live: Any, parent: Mapping[str, Any], path: Path) -> None:
        if reason := unpredictable(self.kind, path):
            self._suppress(path, live, reason)
            return
        default = default_of(self.kind, path, self.whole, parent)
        if default is NO_DEFAULT:
            if isinstance(live, Mapping) and live:
                for name in sorted(live, key=_order):
                    self._undeclared(live[name], live, (*path, name))
            else:
                self._suppress(path, live, "not declared, and no default of AWS is known")
        elif _is_empty(live) or _is_default(live, default):
            self._suppress(path, live, self._default_rule(path))
        else:
            shown = None if default is ABSENT else default
            text = shown_path(self.kind, path)
            self.found.undeclared.append(UndeclaredChange(text, _shown(path, live), shown))

    def _default_rule(self, path: Path) -> str:
        row = default_row(self.kind, path)
        return f"AWS's default [{row.source if row else ''}]"

    def _differs(self, path: Path, live: Any, desired: Any) -> None:
        self.found.differences.append(Difference(path, live, desired))

    def _suppress(self, path: Path, live: Any, rule: str) -> None:
        text = shown_path(self.kind, path)
        self.found.suppressed.append(Suppressed(text, _shown(path, live), rule))

    def _is_item(self, path: Path) -> bool:
        """Whether the place is one small item of a list: a load balancer, but not a container."""
        return path[:-1] in _ITEM_PARENTS


def _shown(path: Path, value: Any) -> Any:
    """Return a value for people: an empty list looks like one, whatever it is compared as."""
    return [] if isinstance(value, Items) and not value else mask_value(path, value)


def _as_items_of(live: Mapping[str, Any], desired: Mapping[str, Any]) -> Mapping[str, Any]:
    # An empty declared list came as a plain empty map when its rule has no key: it still is a list.
    return Items(desired) if isinstance(live, Items) else desired


def _removed(
    sides: tuple[Any, Any, Any],
    kind: Kind,
    path: Path,
    whole: Mapping[str, Any],
    found: list[Difference],
) -> None:
    before, desired, live = sides
    if isinstance(desired, Items) or is_map(kind, path):
        if isinstance(desired, Items):
            for name in sorted(before.keys() & desired.keys() & live.keys()):
                inner = (before[name], desired[name], live[name])
                if all(isinstance(side, Mapping) for side in inner):
                    _removed(inner, kind, (*path, name), whole, found)
        return
    for name in sorted(before.keys() & live.keys()):
        where = (*path, name)
        if name not in desired:
            found.extend(_taken_back((before[name], live[name]), live, kind, where, whole))
            continue
        inner = (before[name], desired[name], live[name])
        if all(isinstance(side, Mapping) for side in inner):
            _removed(inner, kind, where, whole, found)


def _taken_back(
    sides: tuple[Any, Any],
    parent: Mapping[str, Any],
    kind: Kind,
    path: Path,
    whole: Mapping[str, Any],
) -> list[Difference]:
    before, live = sides
    default = default_of(kind, path, whole, parent)
    open_map = isinstance(live, Mapping) and not isinstance(live, Items)
    if default is NO_DEFAULT and open_map and isinstance(before, Mapping):
        # Only what we had set: the neighbours may be somebody else's.
        inner = [
            _taken_back((before[n], live[n]), live, kind, (*path, n), whole)
            for n in sorted(before.keys() & live.keys())
        ]
        flat = [difference for differences in inner for difference in differences]
        gone = {d.path[-1] for d in flat if d.desired is MISSING and d.path[:-1] == path}
        # Without what it requires the whole structure cannot stand.
        operation = _OPERATIONS.get(kind)
        needed = gone & required_at(operation, path) if operation else set()
        return [Difference(path, live, MISSING)] if needed else flat
    if _is_empty(live) or _is_default(live, default):
        return []
    known = default is not NO_DEFAULT and default is not ABSENT
    return [Difference(path, live, default if known else MISSING)]


def _is_default(value: Any, default: Any) -> bool:
    return default is not NO_DEFAULT and (same(value, default) or is_default(value, default))


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping | list) and not value)


def _order(name: str) -> tuple[int, int, str]:
    """Sort list indexes as numbers, everything else as text."""
    return (0, int(name), "") if name.isdigit() else (1, 0, name)
