"""Autoscaling that the files no longer declare: what we made is taken back, what was there before stays.

Called by `plan.planner`: for services that are still declared, and for those that are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.model.desired import DesiredApp
from reconciler.model.names import Address
from reconciler.model.observed import ObservedApp, ObservedAutoscaling
from reconciler.model.plan import ResourceRequest, Step, Verb
from reconciler.plan.autoscaling.document import (
    CAPACITIES,
    TARGET,
    Calls,
    listed,
    live_document,
    places_of,
    resource_id,
    spelled,
    tags_in,
)
from reconciler.plan.autoscaling.memory import KIND, Memory, memory_of, remembered
from reconciler.plan.orphans import PRUNE_OFF
from reconciler.plan.subject import Subject
from reconciler.plan.tags import tag_difference

_FORGET = ResourceRequest({})
_GIVEN_UP = "autoscaling is no longer declared"


def given_up_steps(subject: Subject) -> tuple[Step, ...]:
    """Return the step for a service that had autoscaling; it comes before the service gets its count."""
    address = Address(KIND, subject.service.name)
    memory = memory_of(subject.observed.ledger, address)
    if subject.service.autoscaling is not None or memory is None:
        return ()
    return (_step(subject.app, subject.observed, address, memory),)


def orphaned_scaling_steps(
    app: DesiredApp, observed: ObservedApp, orphans: Sequence[Step], *, prune: bool
) -> tuple[Step, ...]:
    """Return the steps for services that left the files: deleted with them, or left alone with them."""
    named = {service.name for service in app.services}
    steps = []
    for address, memory in sorted(remembered(observed.ledger).items()):
        if address.name in named:
            continue
        step = _step(app, observed, address, memory)
        service = next((s for s in orphans if s.address.name == memory.service_name), None)
        if service is not None and service.verb is not Verb.DELETE:
            step = Step(address, Verb.NONE, "left alone with its service", request=_FORGET)
        elif step.verb is Verb.DELETE:
            off = () if prune or app.sync.prune else (PRUNE_OFF,)
            step = replace(step, blocked_by=off if service is None else service.blocked_by)
        steps.append(step)
    return tuple(steps)


def _step(app: DesiredApp, observed: ObservedApp, address: Address, memory: Memory) -> Step:
    """Deregister a target that we registered, unless others put something there: AWS would delete it."""
    seen = observed.scaling.get(memory.service_name, ObservedAutoscaling())
    live = live_document(seen)
    calls = Calls(resource_id(app.cluster, memory.service_name), live, seen.arn, seen.tags or {})
    there = places_of(live)
    mine, foreign = there & memory.made, sorted(there - memory.made)
    registered = any(bound in live for bound in CAPACITIES)
    notes = [f"{spelled(place)} was not made by us: it stays" for place in foreign]
    if registered and TARGET in memory.made and not foreign:
        request = replace(_FORGET, calls=(calls.deregister(),))
        return Step(address, Verb.DELETE, f"deregister: {_GIVEN_UP}", request=request)
    if registered:
        notes.append("the scalable target stays: the service is scaled within its bounds as before")
    tags = tag_difference({}, tags_in(memory.declared), calls.tags)
    notes += tags.notes
    todo = [calls.untag(tags.taken)] if tags.taken else []
    todo += [calls.delete(place) for place in sorted(mine)]
    if not todo:
        return Step(address, Verb.NONE, _GIVEN_UP, notes=tuple(notes), request=_FORGET)
    what = [f"tag {key}" for key in tags.taken] + ([listed(mine)] if mine else [])
    request = replace(_FORGET, calls=tuple(todo))
    summary = f"delete {', '.join(what)}: {_GIVEN_UP}"
    return Step(address, Verb.DELETE, summary, notes=tuple(notes), request=request)
