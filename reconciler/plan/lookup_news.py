"""What look-ups give now beside what they gave when we last relied on them.

Called by `plan.lookups` and the steps of services, and by `controller.relied`, which journals it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.desired import (
    DesiredApp,
    DesiredAutoscaling,
    DesiredRedis,
    DesiredService,
    Workload,
)
from reconciler.model.lookups import Remembered, Unresolved, Value, Values
from reconciler.model.names import Address, Path
from reconciler.plan.mask import mask_value

NOTHING: Remembered = {}
_STEPS = re.compile(r"[^A-Za-z0-9_-]+")
_SHORT = 60


def with_news(service: DesiredService, values: Values, remembered: Remembered) -> DesiredService:
    """Return the service with the look-ups whose value is another than the one last relied on.

    Those of its autoscaling are told apart: they are relied on by its own calls.
    """
    if moved := _moved(service, values, remembered):
        service = replace(service, moved=moved)
    scaling = service.autoscaling
    if scaling is not None and (moved := _moved(scaling, values, remembered)):
        service = replace(service, autoscaling=replace(scaling, moved=moved))
    return service


def _moved(
    part: DesiredService | DesiredAutoscaling, values: Values, remembered: Remembered
) -> Mapping[str, tuple[Value | None, Value | None]]:
    names = {name for names in part.looked_up.values() for name in names}
    return moved_among(names, values, remembered.get(str(part.address), {}))


def moved_among(
    names: Iterable[str], values: Values, before: Mapping[str, Value | None]
) -> dict[str, tuple[Value | None, Value | None]]:
    """Return those of these look-ups that are not what they were `before`: then and now."""
    return {
        name: (before[name], value)
        for name, value in _told(values, names).items()
        if name in before and value != before[name]
    }


def relied_on(desired: DesiredApp, address: Address, values: Values) -> dict[str, Value | None]:
    """Return the look-ups that a resource's documents are made of, with their values.

    One that is absent has None: its default stands in for it, and may have to make way for a value.
    """
    workloads: list[Workload | DesiredAutoscaling | DesiredRedis] = [
        *desired.services,
        *(s.autoscaling for s in desired.services if s.autoscaling),
        *desired.migrations,
        *desired.jobs,
        *desired.redis,
    ]
    named = (w.looked_up.values() for w in workloads if w.address == address)
    return _told(values, {name for paths in named for path in paths for name in path})


def _told(values: Values, names: Iterable[str]) -> dict[str, Value | None]:
    """Return what is known of look-ups, by name: their values, None for what is certainly absent."""
    told: dict[str, Value | None] = {}
    for name in sorted(names):
        match values.get(name):
            case Unresolved(absent=absent):
                if absent:
                    told[name] = None
            case None:
                continue
            case value:
                told[name] = value
    return told


def moved_paths(part: DesiredService | DesiredAutoscaling) -> frozenset[Path]:
    """Return the places whose look-ups have other values than were last relied on."""
    looked_up = part.looked_up.items()
    return frozenset(path for path, names in looked_up if part.moved.keys() & set(names))


def moved_notes(part: DesiredService | DesiredAutoscaling) -> tuple[str, ...]:
    """Say which look-ups have other values now, and which."""
    return tuple(
        f"${{{name}}}: {_short(name, before)} → {_short(name, after)}"
        for name, (before, after) in sorted(part.moved.items())
    )


def shown_value(name: str, value: Value | None) -> Any:
    """Return a value as it may be shown and journaled: masked where its name promises a secret."""
    if value is None or name.startswith("secret:"):  # a version's number or id, never a value
        return value
    steps = tuple(step for step in _STEPS.split(name) if step)
    listed = list(value) if isinstance(value, tuple) else value
    return mask_value(("environment", *steps[-1:]), listed)


def _short(name: str, value: Value | None) -> str:
    if value is None:
        return "absent"
    shown = shown_value(name, value)
    text = ",".join(map(str, shown)) if isinstance(shown, list) else str(shown)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
