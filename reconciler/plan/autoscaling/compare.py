"""Declared, live and remembered autoscaling of one service, compared: three tiers, and what to send.

Called by `plan.autoscaling.steps` on documents of `plan.autoscaling.document`. Bounds that a scheduled
action has set are left to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.model.plan import ApiCall, Change, Effect, Suppressed, UndeclaredChange, Why
from reconciler.plan.autoscaling.document import (
    ACTIONS,
    CAPACITIES,
    SECTIONS,
    Calls,
    Place,
    completed,
    spelled,
)
from reconciler.plan.autoscaling.memory import Memory
from reconciler.plan.autoscaling.metric import metric_of
from reconciler.plan.changes import Background, change_of
from reconciler.plan.compare import Difference, compare, removed
from reconciler.plan.paths import MISSING, lookup, overlay, replaced
from reconciler.plan.tags import NO_TAGS, TagDifference
from reconciler.shapes.tables import AUTOSCALING

Document = Mapping[str, Any]
Sides = tuple[Sequence[Difference], Sequence[Difference]]
"""What the files say differently, and what they no longer say."""


@dataclass(frozen=True)
class Found:
    """What differs, and what is to be sent for it."""

    changes: tuple[Change, ...]
    undeclared: tuple[UndeclaredChange, ...]
    suppressed: tuple[Suppressed, ...]
    notes: tuple[str, ...]
    fields: Document
    """The scalable target's fields to register."""
    puts: Mapping[Place, Document]
    deletes: tuple[Place, ...]
    tags: TagDifference = NO_TAGS
    """What is to be done about the tags of a target that is registered."""

    def calls(self, calls: Calls) -> Iterator[ApiCall]:
        """Yield the calls in the order in which they have to be made.

        A policy is put before another one is deleted, so that something scales all the time, but not while
        that other one has its metric.
        """
        if self.tags.taken:
            yield calls.untag(self.tags.taken)
        if self.tags.put:
            yield calls.tag(self.tags.put)
        if self.fields:
            yield calls.register(self.fields)
        metrics = {metric_of(document) for document in self.puts.values()} - {None}
        first = [p for p in self.deletes if metric_of(calls.live[p[0]][p[1]]) in metrics]
        for place in first:
            yield calls.delete(place)
        for place, document in self.puts.items():
            yield from calls.put(place, document)
        for place in self.deletes:
            if place not in first:
                yield calls.delete(place)


def compare_autoscaling(
    desired: Document, live: Document, memory: Memory, background: Background
) -> Found:
    """Compare what is declared with what is live.

    What the memory has and the files do not is taken back; a policy or an action that we did not make is
    only named.
    """
    wanted, scheduled = _left_to_schedules(desired, live, memory.declared or {})
    found = compare(wanted, live, AUTOSCALING)
    gone, lasting = _no_longer_declared(wanted, live, memory)
    changes = [change_of(d, Effect.NO_ROLLOUT, background) for d in found.differences]
    changes += [change_of(d, Effect.NO_ROLLOUT, background, Why.REMOVED) for d in gone]
    differing = (found.differences, gone)
    places = sorted({_place(d) for side in differing for d in side if d.path[0] in SECTIONS})
    explained = {spelled(p) for p in places}
    return Found(
        changes=tuple(changes),
        undeclared=tuple(u for u in found.undeclared if u.path not in explained),
        suppressed=(*found.suppressed, *scheduled),
        notes=tuple(lasting),
        fields=_fields(desired, wanted, live, differing),
        puts={p: _whole(p, wanted, live, gone) for p in places if p[1] in wanted[p[0]]},
        deletes=tuple(p for p in places if p[1] not in wanted[p[0]]),
    )


def _left_to_schedules(
    desired: Document, live: Document, before: Document
) -> tuple[dict[str, Any], list[Suppressed]]:
    """Take a bound as it is live where a schedule has set it: putting it back would undo the schedule.

    A scheduled action writes the scalable target's own bounds [botocore: ScalableTargetAction]. What is
    live as we applied it before was set by us, whatever a schedule says.
    """
    wanted, suppressed = dict(desired), []
    for bound in CAPACITIES:
        value = live.get(bound)
        if value is None or bound not in desired or value in (desired[bound], before.get(bound)):
            continue
        setter = next(
            (
                name
                for name, action in sorted(live[ACTIONS].items())
                if action.get("scalableTargetAction", {}).get(bound) == value
            ),
            None,
        )
        if setter is not None:
            wanted[bound] = value
            rule = f"set by the scheduled action {setter}; declared is {desired[bound]}"
            suppressed.append(Suppressed(bound, value, rule))
    return wanted, suppressed


def _no_longer_declared(
    wanted: Document, live: Document, memory: Memory
) -> tuple[list[Difference], list[str]]:
    """Return what is to be taken back, and a note for each thing that stays."""
    gone: list[Difference] = []
    lasting: list[str] = []
    for difference in removed(memory.declared or {}, wanted, live, AUTOSCALING):
        path = difference.path
        whole = path[0] in SECTIONS and len(path) == len(_place(difference))
        if whole and _place(difference) not in memory.made:
            lasting.append(
                f"{spelled(_place(difference))} is no longer declared; it was there before us, it stays"
            )
        elif path[0] not in SECTIONS and difference.desired is MISSING:
            lasting.append(
                f"{path[0]} is no longer declared; there is no value to reset it to, it stays"
            )
        else:
            gone.append(difference)
    return gone, lasting


def _fields(
    desired: Document, wanted: Document, live: Document, differing: Sides
) -> dict[str, Any]:
    """Return the scalable target's fields to send: what differs, both bounds together, else nothing."""
    changed, gone = ([d for d in side if d.path[0] not in SECTIONS] for side in differing)
    result: dict[str, Any] = {}
    for name in dict.fromkeys(d.path[0] for d in (*changed, *gone)):
        before = live.get(name)
        result[name] = overlay(before, wanted.get(name, before), AUTOSCALING, (name,))
    for difference in gone:
        result = replaced(result, AUTOSCALING, difference.path, difference.desired)
    if any(bound in result for bound in CAPACITIES):
        low, high = (wanted.get(bound, live.get(bound)) for bound in CAPACITIES)
        side = desired if low > high else wanted  # a schedule's bound that no longer fits gives way
        result.update({bound: side.get(bound, live.get(bound)) for bound in CAPACITIES})
    return result


def _whole(
    place: Place, wanted: Document, live: Document, gone: list[Difference]
) -> dict[str, Any]:
    """Return a policy or an action as it is put: as declared, undeclared parts as live."""
    section, name = place
    result = completed(place, live[section].get(name, {}), wanted[section][name])
    whole: dict[str, Any] = {section: {name: result}}
    for difference in gone:
        inside = difference.path[:2] == place
        if inside and lookup(whole, AUTOSCALING, difference.path) is not MISSING:
            whole = replaced(whole, AUTOSCALING, difference.path, difference.desired)
    return dict(whole[section][name])


def _place(difference: Difference) -> Place:
    return difference.path[0], difference.path[1]
