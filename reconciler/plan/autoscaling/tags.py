"""The tags of a scalable target: ours when we register it, the declared ones compared like a service's.

Called by the autoscaling steps, and by `resources.observe`: AWS tells tags target by target, so they are
read only where some are, or were, declared. Whose a target is its service says; our marks decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.desired import DesiredApp, DesiredAutoscaling
from reconciler.model.observed import LedgerView, ObservedAutoscaling
from reconciler.model.plan import Change, Effect, Suppressed, Why
from reconciler.plan.autoscaling.compare import Found
from reconciler.plan.autoscaling.document import TAGS, background_of, tags_in
from reconciler.plan.autoscaling.memory import Memory, remembered
from reconciler.plan.changes import Background, change_of
from reconciler.plan.compare import Difference
from reconciler.plan.mask import mask_value
from reconciler.plan.ownership import ownership_tags
from reconciler.plan.paths import MISSING
from reconciler.plan.tags import OTHERS, TagDifference, tag_difference


def services_with_tags(app: DesiredApp, ledger: LedgerView) -> frozenset[str]:
    """Return the AWS names of the services whose scalable target's tags are to be read."""
    declared = {
        s.service_name for s in app.services if s.autoscaling and tags_in(s.autoscaling.target)
    }
    known = {m.service_name for m in remembered(ledger).values() if tags_in(m.declared)}
    return frozenset(declared | known)


def registered_tags(app: DesiredApp, wanted: DesiredAutoscaling) -> dict[str, str]:
    """Return the tags that a target gets when it is registered: the declared ones, and ours."""
    return {**tags_in(wanted.target), **ownership_tags(app.key, wanted.address)}


def with_tags(
    app: DesiredApp,
    wanted: DesiredAutoscaling,
    found: Found,
    live: ObservedAutoscaling,
    memory: Memory,
) -> Found:
    """Add what is to be done about tags; a target that is not there yet gets them as it is registered."""
    tags = tags_in(wanted.target)
    difference = tag_difference(tags, tags_in(memory.declared), live.tags or {})
    background = background_of(wanted, memory.declared)
    changes = tuple(_changes(difference, live.tags or {}, background))
    if live.target is None:
        fields = {**found.fields, TAGS: registered_tags(app, wanted)}
        return replace(found, changes=(*found.changes, *changes), fields=fields)
    if live.tags is None:
        return found
    ours = {*tags, *difference.taken, *difference.kept, *ownership_tags(app.key, wanted.address)}
    return replace(
        found,
        changes=(*found.changes, *changes),
        notes=(*found.notes, *difference.notes),
        suppressed=(*found.suppressed, *_of_others(live.tags, ours)),
        tags=difference,
    )


def _changes(
    difference: TagDifference, live: Mapping[str, str], background: Background
) -> Iterator[Change]:
    for key, value in difference.put.items():
        found = Difference((TAGS, key), live.get(key, MISSING), value)
        yield change_of(found, Effect.NO_ROLLOUT, background)
    for key in difference.taken:
        found = Difference((TAGS, key), live[key], MISSING)
        yield change_of(found, Effect.NO_ROLLOUT, background, Why.REMOVED)


def _of_others(live: Mapping[str, str], ours: set[str]) -> Iterator[Suppressed]:
    for key in sorted(live.keys() - ours):
        value: Any = mask_value((TAGS, key), live[key])
        yield Suppressed(f"{TAGS}.{key}", value, OTHERS)
