"""The step of one service's autoscaling: register, put, adopt, delete what we made, or nothing.

Called by `plan.planner`. A policy that cannot be put yet has a held step beside the one that is carried
out. What the files never named is reported and stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.desired import DesiredAutoscaling
from reconciler.model.names import Address
from reconciler.model.observed import ObservedAutoscaling, ServicePresence
from reconciler.model.plan import ResourceRequest, Step, Verb
from reconciler.plan.autoscaling.compare import Found, compare_autoscaling
from reconciler.plan.autoscaling.document import (
    CAPACITIES,
    POLICIES,
    SECTIONS,
    TAGS,
    TARGET,
    Calls,
    background_of,
    desired_document,
    listed,
    live_document,
    places_of,
    resource_id,
)
from reconciler.plan.autoscaling.memory import KIND, Memory, memory_of
from reconciler.plan.autoscaling.metric import rivals
from reconciler.plan.autoscaling.resource_label import labelled, wanted_target_group
from reconciler.plan.autoscaling.tags import with_tags
from reconciler.plan.lookup_news import moved_notes
from reconciler.plan.ownership import Owner, owner_of
from reconciler.plan.subject import Subject

_NOT_REGISTERED = ObservedAutoscaling()


def autoscaling_steps(subject: Subject) -> tuple[Step, ...]:
    """Return the steps for what the files say about the scaling of one service; none for nothing.

    They wait until the service is there and ours.
    """
    wanted, address = subject.service.autoscaling, str(subject.service.address)
    if wanted is None:
        return ()
    if subject.service.unresolved:  # from half a document nothing follows
        verb = _verb(*_live_and_remembered(subject, wanted))
        return (Step(wanted.address, verb, f"waits for {address}", blocked_by=(address,)),)
    steps = _declared(subject, wanted)
    waits_for = _not_there(subject)
    if not waits_for:
        return steps
    return tuple(
        replace(step, request=None)
        if step.verb is Verb.NONE
        else replace(step, blocked_by=(waits_for,))
        for step in steps
    )


def _declared(subject: Subject, declared: DesiredAutoscaling) -> tuple[Step, ...]:
    service, observed = subject.service, subject.observed
    wanted, unlabelled = labelled(service, declared, observed.resource_labels)
    live, memory = _live_and_remembered(subject, declared)
    taken = rivals(wanted.policies, live.policies, memory.policies_given_up(wanted.policies))
    waiting = unlabelled | taken.keys()
    ready = _without(desired_document(wanted), waiting)
    seen = _without(live_document(live), waiting)
    before = memory.declared and _without(memory.declared, waiting)
    background = background_of(wanted, before)
    found = compare_autoscaling(ready, seen, replace(memory, declared=before), background)
    found = with_tags(subject.app, wanted, found, live, memory)
    step = _step(subject, wanted, found, live, memory)
    held = [_unlabelled(subject, name) for name in sorted(unlabelled)]
    held += [_taken(wanted.address, name, taken[name]) for name in sorted(taken)]
    return (step, *held)


def _live_and_remembered(
    subject: Subject, wanted: DesiredAutoscaling
) -> tuple[ObservedAutoscaling, Memory]:
    """Return what is live, and what we remember of the scaling of just this service."""
    name = subject.service.service_name
    memory = memory_of(subject.observed.ledger, wanted.address)
    if memory is None or memory.service_name != name:
        memory = Memory(name)
    return subject.observed.scaling.get(name, _NOT_REGISTERED), memory


def _step(
    subject: Subject,
    wanted: DesiredAutoscaling,
    found: Found,
    live: ObservedAutoscaling,
    memory: Memory,
) -> Step:
    """Return the step with its calls; with nothing to call the ledger may still have to learn."""
    resource = resource_id(subject.app.cluster, subject.service.service_name)
    calls = Calls(resource, live_document(live), live.arn, live.tags or {})
    todo = tuple(found.calls(calls))
    new = {place for place in found.puts if place not in places_of(live_document(live))}
    if live.target is None:
        new.add(TARGET)
    known = {TARGET} | places_of(desired_document(wanted))
    after = replace(
        memory,
        declared=desired_document(wanted),
        made=frozenset(p for p in memory.made | new if p in known),
    )
    before = replace(memory, made=memory.made | new)
    intended = before.as_applied() if before != memory else None
    return Step(
        wanted.address,
        _verb(live, memory) if found.changes else Verb.NONE,
        _summary(wanted, found, live),
        changes=found.changes,
        undeclared=found.undeclared,
        suppressed=found.suppressed,
        notes=(*(moved_notes(wanted) if found.changes else ()), *found.notes),
        request=ResourceRequest(after.as_applied(), todo, intended)
        if todo or after != memory
        else None,
    )


def _verb(live: ObservedAutoscaling, memory: Memory) -> Verb:
    if live.target is None:
        return Verb.CREATE
    return Verb.ADOPT if memory.is_empty else Verb.UPDATE


def _unlabelled(subject: Subject, policy: str) -> Step:
    group = wanted_target_group(subject.service)
    return Step(
        Address(KIND, subject.service.name),
        Verb.HOLD,
        f"policies.{policy} waits for the load balancer of {group}: the target group does not exist, "
        "has none, or has several",
        notes=("declare resourceLabel: app/<load balancer>/<id>/targetgroup/<target group>/<id>",),
    )


def _taken(address: Address, policy: str, holder: str) -> Step:
    return Step(
        address,
        Verb.HOLD,
        f"policies.{policy} is not put: policy {holder}, which the files do not name, tracks the same "
        "metric, and AWS takes one",
        notes=(f"declare it as policies.{holder} to take it over, or delete it",),
    )


def _not_there(subject: Subject) -> str:
    """Say what the steps wait for: AWS registers services that exist, and we only our own."""
    address = str(subject.service.address)
    if subject.live.presence is not ServicePresence.ACTIVE:
        return address
    return address if owner_of(subject.app, subject.live.tags) is Owner.OTHER else ""


def _without(document: Mapping[str, Any], policies: frozenset[str]) -> dict[str, Any]:
    """Leave out policies that wait, and tags, which have a rule of their own."""
    kept = {n: p for n, p in document[POLICIES].items() if n not in policies}
    return {**{k: v for k, v in document.items() if k != TAGS}, POLICIES: kept}


def _summary(wanted: DesiredAutoscaling, found: Found, live: ObservedAutoscaling) -> str:
    if not found.changes:
        return ""
    if live.target is None:
        low, high = (wanted.target[bound] for bound in CAPACITIES)
        put = f", {listed(found.puts)}" if found.puts else ""
        return f"scale {low} to {high} tasks{put}"
    said = [f"{c.path} {c.observed} → {c.desired}" for c in found.changes if c.path in CAPACITIES]
    said += [
        c.path
        for c in found.changes
        if c.path not in CAPACITIES and not c.path.startswith(SECTIONS)
    ]
    if found.puts:
        said.append(f"put {listed(found.puts)}")
    if found.deletes:
        said.append(f"delete {listed(found.deletes)}")
    return f"{', '.join(said)}, no rollout"
