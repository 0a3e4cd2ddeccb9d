"""What is really wanted of a service: the declaration, with our written defaults only where they may be.

Called by `plan.service_steps` and `plan.compared`. A default we wrote down counts when a service is
created and on services that we made; one that was adopted keeps the live value it had then (`kept`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.desired import DesiredService
from reconciler.model.names import Path
from reconciler.model.observed import ServiceRecord
from reconciler.plan.compare import compare
from reconciler.plan.ownership import without_tags
from reconciler.plan.paths import MISSING, lookup, replaced
from reconciler.shapes.tables import SERVICE, TASK_DEFINITION, Kind

Sides = dict[Kind, Mapping[str, Any]]


@dataclass(frozen=True)
class Effective:
    """The documents to compare and to send, and the written paths that stay as they were found."""

    service: Mapping[str, Any]
    task_definition: Mapping[str, Any]
    kept: frozenset[Path] = frozenset()
    carried: frozenset[Path] = frozenset()
    """`${live}`: in `task_definition` with the live revision's value, never in what is remembered."""
    lost: frozenset[Path] = frozenset()
    """`${live}` without a live value."""


def for_creation(service: DesiredService) -> Effective:
    """Return the declaration with every written default; there is nothing live to carry over."""
    return Effective(service.service, service.task_definition, lost=service.carried)


def for_existing(
    service: DesiredService,
    record: ServiceRecord | None,
    live_service: Mapping[str, Any],
    live_task_definition: Mapping[str, Any] | None,
) -> Effective:
    """Return the declaration for a service that exists.

    With a record, written defaults count except where adoption kept a live value; without one
    (adoption, or a lost ledger) they give way to any live value. `live_task_definition` is None when
    it was not read: then the record's is taken.
    """
    wanted: Sides = {SERVICE: _unscaled(service), TASK_DEFINITION: service.task_definition}
    live: Sides = {SERVICE: live_service}
    if live_task_definition is not None:
        live[TASK_DEFINITION] = live_task_definition
    if record is None:
        kept = _differing(service.written, wanted, live)
    else:
        kept = kept_paths(record) & service.written
        live[TASK_DEFINITION] = record.applied.get(TASK_DEFINITION) or live_task_definition or {}
    for path in sorted(kept):
        side = _side(path)
        # On a service the kept field is simply not ours; a revision has to be complete.
        value = lookup(live[side], side, path[1:]) if side == TASK_DEFINITION else MISSING
        wanted[side] = replaced(wanted[side], side, path[1:], value)
    values = {p: _live_value(live_task_definition, p) for p in service.carried}
    carried = {p: value for p, value in values.items() if value is not MISSING}
    for path, value in sorted(carried.items()):
        wanted[TASK_DEFINITION] = replaced(
            wanted[TASK_DEFINITION], TASK_DEFINITION, path[1:], value
        )
    # Without a description of the live revision nothing is compared or sent either.
    lost = service.carried - carried.keys() if live_task_definition is not None else frozenset()
    return Effective(
        wanted[SERVICE], wanted[TASK_DEFINITION], kept, frozenset(carried), frozenset(lost)
    )


def _unscaled(service: DesiredService) -> Mapping[str, Any]:
    """Return the declaration without its count when autoscaling is declared: then that is for creation."""
    if service.autoscaling is None:
        return service.service
    return {k: v for k, v in service.service.items() if k != "desiredCount"}


def kept_paths(record: ServiceRecord) -> frozenset[Path]:
    """Return the written paths for which adoption left the live value alone."""
    return frozenset(tuple(path) for path in record.applied.get("kept", ()))


def applied(effective: Effective, pinned: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the ledger is to remember once all of it has been sent."""
    content = without_tags(pinned)
    for path in effective.carried:
        content = replaced(content, TASK_DEFINITION, path[1:], MISSING)
    return _remembered(effective.service, content, effective.kept)


def partly_applied(
    effective: Effective, record: ServiceRecord | None, sent: Iterable[str]
) -> dict[str, Any]:
    """Return what to remember when only the service fields `sent` are sent; the rest waits."""
    before: Mapping[str, Any] = record.applied if record else {}
    service = dict(before.get(SERVICE, {}))
    for name in (*sent, "serviceName"):
        if name in effective.service:
            service[name] = effective.service[name]
        else:
            service.pop(name, None)
    kept = kept_paths(record) if record else effective.kept
    return _remembered(service, before.get(TASK_DEFINITION, {}), kept)


def _remembered(
    service: Mapping[str, Any], task_definition: Mapping[str, Any], kept: frozenset[Path]
) -> dict[str, Any]:
    return {
        SERVICE: dict(service),
        TASK_DEFINITION: dict(task_definition),
        "kept": [list(path) for path in sorted(kept)],
    }


def _live_value(document: Mapping[str, Any] | None, path: Path) -> Any:
    return MISSING if document is None else lookup(document, TASK_DEFINITION, path[1:])


def _side(path: Path) -> Kind:
    return SERVICE if path[0] == SERVICE else TASK_DEFINITION


def _differing(written: frozenset[Path], wanted: Sides, live: Sides) -> frozenset[Path]:
    """Return the written paths at which live AWS says something else."""
    found: set[Path] = set()
    for side, document in live.items():
        differing = [d.path for d in compare(wanted[side], document, side).differences]
        for path in written:
            inside = path[1:]
            if (
                _side(path) == side
                and any(d[: len(inside)] == inside or inside[: len(d)] == d for d in differing)
                and not _is_new_item(wanted[side], document, side, inside)
            ):
                found.add(path)
    return frozenset(found)


def _is_new_item(
    wanted: Mapping[str, Any], live: Mapping[str, Any], side: Kind, path: Path
) -> bool:
    """Whether the path lies in a list item (a container, say) that is not live: it is being created."""
    return any(
        isinstance(lookup(wanted, side, path[: end - 1]), list)
        and lookup(live, side, path[:end]) is MISSING
        for end in range(1, len(path))
    )
