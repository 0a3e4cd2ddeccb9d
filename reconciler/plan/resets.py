"""What takes a field back that we had set and the files no longer name.

Called by `plan.service_side`. It is tried once: afterwards the ledger no longer says that the field
was ours. What there is to send: `shapes.effects.RESETS`, else AWS's default, else the field's absence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.model.names import Path
from reconciler.plan.compare import Difference
from reconciler.plan.paths import MISSING, overlay, replaced
from reconciler.shapes.default_values import unpredictable
from reconciler.shapes.effects import ONLY_WITH_STRATEGY, RESETS, service_effect
from reconciler.shapes.tables import SERVICE

_OWNERLESS = ("availabilityZoneRebalancing",)
"""Nobody else takes these over, so that it is worth a note that they stay."""


def resets_of(
    gone: Sequence[Difference], desired: Mapping[str, Any], live: Mapping[str, Any]
) -> tuple[list[Difference], list[str]]:
    """Give each removed place the value that takes it back, and a note where there is none.

    A `desired` of MISSING means: sent without it, inside a field that is still declared.
    """
    resets: list[Difference] = []
    lasting: list[str] = []
    whole: set[str] = set()
    for difference in gone:
        field, nested = difference.path[0], len(difference.path) > 1
        if not _can_be_reset(field):
            if field in _OWNERLESS:
                lasting.append(_stays(difference.path))
        elif field not in desired and field in RESETS:
            if field not in whole:
                resets.append(Difference((field,), live.get(field, MISSING), RESETS[field]))
            whole.add(field)
        elif difference.desired is not MISSING or (nested and field in desired):
            resets.append(difference)
        else:
            lasting.append(_stays(difference.path))
    return resets, lasting


def value_to_send(
    field: str,
    desired: Mapping[str, Any],
    live: Mapping[str, Any],
    resets: Sequence[Difference],
) -> Any:
    """Return the whole field as it is to be sent: undeclared parts of it as they are live."""
    value = live.get(field, {})
    for reset in resets:
        if reset.path == (field,):
            value = reset.desired
        elif reset.path[0] == field:
            value = replaced({field: value}, SERVICE, reset.path, reset.desired)[field]
    if field in desired:
        value = overlay(value, desired[field], SERVICE, (field,))
    if field == "deploymentConfiguration":
        value = _fitting(value, desired.get(field, {}))
    return value


def _fitting(value: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out live parts that belong to a strategy the service no longer has."""
    strategy = value.get("strategy", "ROLLING")
    return {
        name: part
        for name, part in value.items()
        if name in declared or ONLY_WITH_STRATEGY.get(name, strategy) == strategy
    }


def _can_be_reset(field: str) -> bool:
    if unpredictable(SERVICE, (field,)) and field not in RESETS:
        return False
    return service_effect(field).effect != "replace"


def _stays(path: Path) -> str:
    return f"{'.'.join(path)} is no longer declared; ECS has no value to reset it to, it stays"
