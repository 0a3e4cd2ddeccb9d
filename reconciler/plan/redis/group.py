"""The replication group side: one change at a time, each a call or two, the rest waits its turn.

Called by `plan.redis.steps`. ElastiCache takes a change only while the group is available and then
works on it for minutes; so a plan sends the first one and says what comes after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.desired import DesiredApp, DesiredRedis
from reconciler.model.plan import ApiCall, Change, Effect, Suppressed, UndeclaredChange, Why
from reconciler.plan.ownership import declared_tags, ownership_tags, tag_list
from reconciler.plan.redis.compare import FieldDiff, GroupComparison, compare_group, logs_on
from reconciler.plan.redis.order import in_parts, obstacle
from reconciler.plan.redis.subject import RedisSubject, call_of
from reconciler.shapes.redis_tables import ONLY_IN_MODIFY, Way, create_fields

KIND = "replication_group"
_REQUIRED = ("engine", "cacheNodeType")
_MADE_FROM_ANOTHER = ("globalReplicationGroupId", "primaryClusterId")


@dataclass(frozen=True)
class Operation:
    """One change that ElastiCache takes at once. `fields` are those that it sets, as it is sent."""

    changes: tuple[Change, ...]
    calls: tuple[ApiCall, ...]
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GroupSide:
    """What the replication group contributes: what may go now, what comes after it, what may never."""

    now: Operation | None = None
    later: tuple[Change, ...] = ()
    waits_for: str = ""
    refused: tuple[Change, ...] = ()
    hold: str = ""
    pending: Mapping[str, Any] = field(default_factory=dict)
    sent: Mapping[str, Any] = field(default_factory=dict)
    undeclared: tuple[UndeclaredChange, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    notes: tuple[str, ...] = ()


def existing(subject: RedisSubject) -> GroupSide:
    """Compare a live group and choose the change that goes first."""
    found = compare_group(subject)
    operations = _operations(subject, found)
    obstacles = [obstacle(subject, operation.fields) for operation in operations]
    now = operations[0] if operations and not obstacles[0] else None
    rest = operations[1:] if now else operations
    waits_for = obstacles[0] if operations and now is None else ""
    return GroupSide(
        now=now,
        later=tuple(change for operation in rest for change in operation.changes),
        waits_for=waits_for,
        refused=tuple(_change(subject, diff) for diff, _ in found.refused.values()),
        hold="; ".join(dict.fromkeys(reason for _, reason in found.refused.values())),
        pending=found.pending,
        sent=found.sent,
        undeclared=tuple(found.undeclared),
        suppressed=tuple(found.suppressed),
        notes=(*found.notes, *_notes(subject, now)),
    )


def creation(subject: RedisSubject) -> Operation:
    """Return the creation of a group that is absent and fully declared."""
    changes = tuple(
        subject.change((name,), (None, value), Effect.IMMEDIATE, Why.GIT)
        for name, value in sorted(subject.redis.group.items())
        if name not in ONLY_IN_MODIFY and name != "tags"
    )
    document = creation_document(subject.app, subject.redis)
    call = call_of(KIND, "CreateReplicationGroup", document, changes)
    return Operation(changes, (call,), dict(subject.redis.group))


def creation_document(app: DesiredApp, redis: DesiredRedis) -> dict[str, Any]:
    """Return the CreateReplicationGroup input of a group, its description and our tags included."""
    group = {k: v for k, v in redis.group.items() if k in create_fields()}
    group.setdefault("replicationGroupDescription", f"{app.key} {redis.address}")
    group["tags"] = tag_list({**declared_tags(group), **ownership_tags(app.key, redis.address)})
    if "logDeliveryConfigurations" in group:
        group["logDeliveryConfigurations"] = logs_on(group["logDeliveryConfigurations"])
    return group


def missing_fields(subject: RedisSubject) -> tuple[str, ...]:
    """Name what has to be declared before a group could be created."""
    group = subject.redis.group
    if any(name in group for name in _MADE_FROM_ANOTHER):
        return ()
    return tuple(name for name in _REQUIRED if name not in group)


def _operations(subject: RedisSubject, found: GroupComparison) -> list[Operation]:
    """Return the changes in their order: tags, more replicas, settings, scaling, fewer replicas."""
    modify = {n: d for n, d in found.differences.items() if d.row.way is Way.MODIFY}
    replicas = next((d for d in found.differences.values() if d.row.way is Way.REPLICAS), None)
    grows = replicas is not None and int(replicas.desired) > int(replicas.observed or 0)
    operations = [_tags(subject)] if subject.is_managed else []
    operations += [_replicas(subject, replicas)] if grows else []
    operations += [_modification(subject, part) for part in in_parts(subject, modify)]
    operations += [_replicas(subject, replicas)] if replicas and not grows else []
    return [operation for operation in operations if operation is not None]


def _tags(subject: RedisSubject) -> Operation | None:
    """Return the tags to add, to put right and to take off; none while AWS does not tell what there is.

    A tag that left the files goes while its value is the one we gave it; any other is not ours.
    """
    live = subject.live
    if live.tags is None or not live.arn:
        return None
    wanted = {**declared_tags(subject.redis.group), **subject.ownership}
    applied = subject.applied.get("group", {})
    known = {**declared_tags(applied), **subject.ownership} if subject.applied else {}
    to_send = {k: v for k, v in wanted.items() if live.tags.get(k) != v}
    gone = {k: v for k, v in known.items() if k not in wanted and live.tags.get(k) == v}
    changes = (
        *(
            _tag_change(subject, key, value, Why.DRIFT if known.get(key) == value else Why.GIT)
            for key, value in sorted(to_send.items())
        ),
        *(_tag_change(subject, key, None, Why.REMOVED) for key in sorted(gone)),
    )
    calls = []
    if to_send:
        document: dict[str, Any] = {"resourceName": live.arn, "tags": tag_list(to_send)}
        calls.append(call_of(KIND, "AddTagsToResource", document, changes[: len(to_send)]))
    if gone:
        document = {"resourceName": live.arn, "tagKeys": sorted(gone)}
        calls.append(call_of(KIND, "RemoveTagsFromResource", document, changes[len(to_send) :]))
    return Operation(changes, tuple(calls)) if calls else None


def _tag_change(subject: RedisSubject, key: str, value: str | None, why: Why) -> Change:
    observed = (subject.live.tags or {}).get(key)
    return subject.change(("tags", key), (observed, value), Effect.IMMEDIATE, why)


def _replicas(subject: RedisSubject, diff: FieldDiff | None) -> Operation | None:
    """Return the change of the number of replicas: it is always made at once [M]."""
    if diff is None:
        return None
    counts_primary = diff.name == "numCacheClusters"
    wanted, live = int(diff.desired), int(diff.observed or 0)
    operation = "IncreaseReplicaCount" if wanted > live else "DecreaseReplicaCount"
    document = {
        "replicationGroupId": subject.group_id,
        "newReplicaCount": wanted - 1 if counts_primary else wanted,
        "applyImmediately": True,
    }
    changes = (_change(subject, diff),)
    return Operation(changes, (call_of(KIND, operation, document, changes),), {diff.name: wanted})


def _modification(subject: RedisSubject, diffs: Mapping[str, FieldDiff]) -> Operation:
    fields = {name: diff.desired for name, diff in diffs.items()}
    document: dict[str, Any] = {
        "replicationGroupId": subject.group_id,
        "applyImmediately": subject.redis.apply_immediately,
    }
    for name, diff in sorted(diffs.items()):
        document |= _as_sent(subject, name, diff)
    group = subject.redis.group
    if (
        "engine" in fields
    ):  # another engine wants its version and parameter group in the same call [M]
        document |= {
            n: group[n] for n in ("engineVersion", "cacheParameterGroupName") if n in group
        }
    changes = tuple(_change(subject, diff) for diff in diffs.values())
    return Operation(changes, (call_of(KIND, "ModifyReplicationGroup", document, changes),), fields)


def _as_sent(subject: RedisSubject, name: str, diff: FieldDiff) -> dict[str, Any]:
    """Return what ModifyReplicationGroup is told for one field."""
    live = subject.live.group
    match name:
        case "userGroupIds":
            now, wanted = set(diff.observed or ()), set(diff.desired)
            both = {"userGroupIdsToAdd": wanted - now, "userGroupIdsToRemove": now - wanted}
            return {k: sorted(v) for k, v in both.items() if v}
        case "logDeliveryConfigurations":
            wanted_logs = logs_on(diff.desired)
            types = {item.get("logType") for item in wanted_logs}
            off = [
                {"logType": item["logType"], "enabled": False}
                for item in logs_on(live.get(name))
                if item.get("logType") not in types
            ]
            return {name: [*wanted_logs, *off]}
        case "notificationTopicArn" if not diff.desired:
            return {"notificationTopicStatus": "inactive"}
        case _:
            return {name: diff.desired}


def _change(subject: RedisSubject, diff: FieldDiff) -> Change:
    waits = diff.row.deferred and not subject.redis.apply_immediately
    effect = Effect.WINDOW if waits else Effect.IMMEDIATE
    if diff.row.way is Way.NEVER:
        effect = Effect.REPLACE
    return subject.change((diff.name,), (diff.observed, diff.desired), effect, diff.why)


def _notes(subject: RedisSubject, now: Operation | None) -> Iterable[str]:
    if now is None or not now.fields:
        return
    counts = now.fields.keys() & {"numCacheClusters", "replicasPerNodeGroup"}
    if counts and not subject.redis.apply_immediately:
        yield "the number of replicas cannot wait for the maintenance window: it changes at once"
    others = _flushed(subject, now.fields)
    if others and subject.redis.apply_immediately and not counts:
        yield f"applyImmediately also applies what is pending: {', '.join(others)}"


def _flushed(subject: RedisSubject, fields: Mapping[str, Any]) -> Sequence[str]:
    pending = subject.live.pending
    return [f"{n} → {pending[n]}" for n in sorted(pending) if n not in fields]
