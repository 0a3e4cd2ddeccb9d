"""The steps of one Redis group: what may go now, and what waits, is held or is pending. Never a deletion.

Called by `plan.planner`. As with services one address may have two or three steps, the free one first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.desired import DesiredApp
from reconciler.model.names import Address
from reconciler.model.observed import ObservedApp
from reconciler.model.plan import ResourceRequest, Step, Verb
from reconciler.model.status import Health
from reconciler.plan.ownership import Owner, owner_name, owner_of
from reconciler.plan.redis.existing import Existing, summary
from reconciler.plan.redis.group import GroupSide, creation, existing, missing_fields
from reconciler.plan.redis.parameters import ParameterSide, compare_parameters
from reconciler.plan.redis.subject import RedisSubject
from reconciler.plan.unresolved import awaited, said

KIND = "redis"


def redis_steps(subject: RedisSubject) -> tuple[Step, ...]:
    """Return the steps of one group."""
    unresolved = subject.redis.unresolved
    if unresolved:
        text = said(unresolved) or "waits for what it refers to"
        return (Step(subject.redis.address, Verb.HOLD, text, blocked_by=awaited(unresolved)),)
    parameters = compare_parameters(subject)
    match subject.live.status:
        case "":
            return _absent(subject, parameters)
        case "deleting":
            waiting = f"{subject.group_id} is deleting"
            return tuple(_behind(step, waiting) for step in _absent(subject, parameters))
        case "creating" | "create-failed":
            return (_unborn(subject),)
    if _is_of_another(subject):
        return _of_another(subject)
    group = _after_parameters(subject, parameters, existing(subject))
    return Existing(subject, parameters, group).steps()


def _after_parameters(
    subject: RedisSubject, parameters: ParameterSide, group: GroupSide
) -> GroupSide:
    """Let the group's change wait for parameters that AWS is about to apply to that very group."""
    mine, now = subject.redis.parameter_group, group.now
    if mine is None or now is None or not now.fields or parameters.hold or not parameters.changes:
        return group
    if subject.live.group.get("cacheParameterGroupName") != mine.name:
        return group
    return replace(group, now=None, later=(*now.changes, *group.later))


def forgotten_steps(app: DesiredApp, observed: ObservedApp) -> tuple[Step, ...]:
    """Return what is said, once, of a group that the files no longer name: it is left alone."""
    named = {str(redis.address) for redis in app.redis}
    gone = [
        record
        for address, record in sorted(observed.ledger.resources.items())
        if address.startswith(f"{KIND}/") and address not in named and record.applied
    ]
    return tuple(
        Step(
            Address.parse(record.address),
            Verb.NONE,
            "left alone",
            notes=("no longer in the files: a Redis group is never deleted, it stays as it is",),
            request=ResourceRequest(applied={}),
        )
        for record in gone
    )


def _unborn(subject: RedisSubject) -> Step:
    """Return the step of a group that AWS is making, or could not make."""
    address = subject.redis.address
    if subject.live.status == "creating":
        return Step(address, Verb.WAIT, "creating", health=Health.PROGRESSING)
    text = f"the creation of {subject.group_id} failed: delete it by hand, then it is made anew"
    return Step(address, Verb.HOLD, text, health=Health.DEGRADED)


def _absent(subject: RedisSubject, parameters: ParameterSide) -> tuple[Step, ...]:
    """Create the group, or say what is missing to do so; its parameter group comes first."""
    address = subject.redis.address
    missing = missing_fields(subject)
    if parameters.hold or missing:
        reasons = [parameters.hold] if parameters.hold else []
        if missing:
            reasons.append(
                f"{subject.group_id} is absent and not fully declared: missing {', '.join(missing)}"
            )
        hold = Step(address, Verb.HOLD, "; ".join(reasons), health=Health.MISSING)
        if parameters.hold or not parameters.calls:
            return (hold,)
        memory = {
            "group": {"replicationGroupId": subject.group_id},
            "parameterGroup": parameters.memory,
        }
        request = ResourceRequest(memory, parameters.calls)
        free = Step(
            address,
            Verb.UPDATE,
            summary(parameters.changes),
            changes=parameters.changes,
            notes=parameters.notes,
            request=request,
        )
        return (free, hold)
    made = creation(subject)
    changes = (*parameters.changes, *made.changes)
    memory = {"group": dict(subject.redis.group), "parameterGroup": parameters.memory}
    request = ResourceRequest(memory, (*parameters.calls, *made.calls))
    group = subject.redis.group
    engine = " ".join(str(group[n]) for n in ("engine", "engineVersion") if n in group)
    text = f"new {engine} group {subject.group_id}, {group.get('cacheNodeType', 'as its origin')}"
    step = Step(
        address,
        Verb.CREATE,
        f"{text}{_nodes(group)}",
        changes=changes,
        notes=parameters.notes,
        request=request,
    )
    return (step,)


def _nodes(group: Mapping[str, Any]) -> str:
    shards = int(group.get("numNodeGroups", 1))
    each = int(group.get("numCacheClusters") or group.get("replicasPerNodeGroup", 0) + 1)
    count = shards * each
    return f", {count} nodes" if count > 1 else ", 1 node"


def _is_of_another(subject: RedisSubject) -> bool:
    tags = subject.live.tags
    return subject.is_managed and tags is not None and owner_of(subject.app, tags) is Owner.OTHER


def _of_another(subject: RedisSubject) -> tuple[Step, ...]:
    owner = owner_name(subject.live.tags or {})
    advice = (
        f"take it out of {owner} and remove its reconciler:* tags, or declare nothing but "
        "replicationGroupId here, to refer to it"
    )
    text = f"{subject.group_id} belongs to {owner}: its reconciler:* tags say so"
    return (Step(subject.redis.address, Verb.HOLD, text, notes=(advice,)),)


def _behind(step: Step, word: str) -> Step:
    return replace(step, blocked_by=(word, *step.blocked_by))
