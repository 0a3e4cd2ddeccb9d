"""A service's tags: ours and the declared ones are put right, a declared one that went is taken off.

Called by `plan.service_side`. Tags of others are never looked at; one of ours whose value somebody
changed is theirs now and stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.desired import DesiredApp, DesiredService
from reconciler.model.observed import ObservedService
from reconciler.model.plan import Change, Effect, Suppressed, Why
from reconciler.plan.changes import Background, change_of
from reconciler.plan.compare import Difference
from reconciler.plan.mask import mask_value
from reconciler.plan.ownership import declared_tags, ownership_tags, tag_list
from reconciler.plan.paths import MISSING
from reconciler.plan.tags import OTHERS, tag_difference
from reconciler.shapes.tables import SERVICE


@dataclass(frozen=True)
class TagSide:
    """What is to be done about tags: TagResource with `put`, UntagResource with `taken`."""

    changes: tuple[Change, ...] = ()
    put: Mapping[str, str] | None = None
    taken: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()


def compare_tags(
    app: DesiredApp,
    service: DesiredService,
    wanted: Mapping[str, Any],
    live: ObservedService,
    applied: Mapping[str, Any] | None,
) -> TagSide:
    """Compare the tags of the effective document `wanted` with a live service's.

    `applied` is the service document that was last applied, None when there is no memory of one.
    """
    ours = ownership_tags(app.key, service.address)
    tags = {**declared_tags(wanted), **ours}
    found = tag_difference(tags, declared_tags(applied or {}), live.tags)
    background = _background(service, applied, ours)
    return TagSide(
        changes=(
            *(
                _change(Difference(("tags", key), live.tags.get(key, MISSING), value), background)
                for key, value in found.put.items()
            ),
            *(
                _change(Difference(("tags", key), live.tags[key], MISSING), background, Why.REMOVED)
                for key in found.taken
            ),
        ),
        put=found.put or None,
        taken=found.taken,
        notes=found.notes,
        suppressed=tuple(
            Suppressed(f"tags.{key}", mask_value(("tags", key), value), OTHERS)
            for key, value in sorted(live.tags.items())
            if key not in {*tags, *found.taken, *found.kept}
        ),
    )


def _background(
    service: DesiredService, applied: Mapping[str, Any] | None, ours: Mapping[str, str]
) -> Background:
    if applied is None:
        return Background(SERVICE, None, service.origins, service.written)
    known = tag_list({**declared_tags(applied), **ours})
    return Background(SERVICE, {**applied, "tags": known}, service.origins)


def _change(difference: Difference, background: Background, why: Why | None = None) -> Change:
    return change_of(difference, Effect.NO_ROLLOUT, background, why)
