"""What look-ups give now beside what they gave when we last relied on them.

Called by `plan.lookups` and the steps of services, and by `controller.relied`, which journals it. Pure.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from reconciler.model.desired import (
    DesiredApp,
    DesiredJob,
    DesiredMigration,
    DesiredRedis,
    DesiredService,
)
from reconciler.model.lookups import Remembered, Unresolved, Value, Values
from reconciler.model.names import Address, Path
from reconciler.plan.mask import mask_value

NOTHING: Remembered = {}
_STEPS = re.compile(r"[^A-Za-z0-9_-]+")
_SHORT = 60


def with_news(service: DesiredService, values: Values, remembered: Remembered) -> DesiredService:
    """Return the service with the look-ups whose value is another than the one last relied on."""
    before = remembered.get(str(service.address), {})
    names = {name for names in service.looked_up.values() for name in names} & before.keys()
    now = {name: values.get(name) for name in sorted(names)}
    moved = {
        name: (before[name], value)
        for name, value in now.items()
        if value is not None and not isinstance(value, Unresolved) and value != before[name]
    }
    return replace(service, moved=moved) if moved else service


def relied_on(desired: DesiredApp, address: Address, values: Values) -> dict[str, Value]:
    """Return the look-ups that a resource's documents are made of, with their values."""
    workloads: list[DesiredService | DesiredMigration | DesiredJob | DesiredRedis] = [
        *desired.services,
        *desired.migrations,
        *desired.jobs,
        *desired.redis,
    ]
    named = (w.looked_up.values() for w in workloads if w.address == address)
    names = sorted({name for paths in named for path in paths for name in path})
    found = ((name, values.get(name)) for name in names)
    return {n: v for n, v in found if v is not None and not isinstance(v, Unresolved)}


def moved_paths(service: DesiredService) -> frozenset[Path]:
    """Return the places of a service whose look-ups have other values than were last relied on."""
    looked_up = service.looked_up.items()
    return frozenset(path for path, names in looked_up if service.moved.keys() & set(names))


def moved_notes(service: DesiredService) -> tuple[str, ...]:
    """Say which look-ups have other values now, and which."""
    return tuple(
        f"${{{name}}}: {_short(shown_value(name, before))} → {_short(shown_value(name, after))}"
        for name, (before, after) in sorted(service.moved.items())
    )


def shown_value(name: str, value: Value) -> Any:
    """Return a value as it may be shown and journaled: masked where its name promises a secret."""
    if name.startswith("secret:"):  # a version's number or id, never a value
        return value
    steps = tuple(step for step in _STEPS.split(name) if step)
    listed = list(value) if isinstance(value, tuple) else value
    return mask_value(("environment", *steps[-1:]), listed)


def _short(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
