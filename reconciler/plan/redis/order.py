"""What ModifyReplicationGroup takes in one call, what only after it, and what AWS has to do before.

Called by `plan.redis.group`. An engine upgrade and another node type block each other
[D versionmanagement-howto]; encryption and cluster mode take two steps, of which the second may come only
when the first is in force [M ModifyReplicationGroup]; what needs a replica keeps the last one.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from reconciler.model.plan import Why
from reconciler.plan.redis.compare import FieldDiff
from reconciler.plan.redis.subject import RedisSubject
from reconciler.shapes.redis_tables import TWO_STEPS, row_of

Part = dict[str, FieldDiff]

_SCALING = ("engine", "engineVersion", "cacheNodeType")
_ENGINE = frozenset({"engine", "engineVersion"})
_WITH_ENGINE = ("cacheParameterGroupName",)
"""Another engine may need another family: its parameter group goes in the same call [M]."""
_NEED_A_REPLICA = ("multiAZEnabled", "automaticFailoverEnabled")
"""While these are on, the last replica stays [M DecreaseReplicaCount]."""
_SWITCH, _MODE, _CLUSTER = "transitEncryptionEnabled", "transitEncryptionMode", "clusterMode"


def in_parts(subject: RedisSubject, modify: Mapping[str, FieldDiff]) -> list[Part]:
    """Return the differences as calls, in their order: settings and first steps, scaling, second steps."""
    first, after = dict(modify), Part()
    if "cacheNodeType" in first and first.keys() & _ENGINE:
        # The engine first, since new node types need a new one, unless AWS has accepted the other.
        accepted = "cacheNodeType" in subject.live.pending
        waits = (*_ENGINE, *_WITH_ENGINE) if accepted else ("cacheNodeType",)
        after = _taken(first, *waits)
    encryption = _encryption(subject, first)
    cluster = _cluster_mode(subject, first)
    scaling = Part()
    if _pending_scaling(subject, first):  # the others need not wait with them
        scaling = _taken(first, *_SCALING, *(_WITH_ENGINE if first.keys() & _ENGINE else ()))
    return [part for part in (first, scaling, after, encryption, cluster) if part]


def obstacle(subject: RedisSubject, fields: Mapping[str, Any]) -> str:
    """Say what AWS has to do before it takes a call that sets `fields`; empty when it takes it now."""
    live = subject.live.group
    if fields.keys() & set(_SCALING):
        return _pending_scaling(subject, fields)
    if fields.get("replicasPerNodeGroup") == 0 or fields.get("numCacheClusters") == 1:
        on = [name for name in _NEED_A_REPLICA if live.get(name)]
        return f"{', '.join(on)} on until {window(subject)}: it needs a replica" if on else ""
    for name, middle in TWO_STEPS.items():
        last = name in fields and fields[name] != middle and _SWITCH not in fields
        off = name == _MODE and fields.get(_SWITCH) is False
        if (last or off) and live.get(name) != middle:
            return f"{name} {middle}, pending until {window(subject)}"
    return ""


def window(subject: RedisSubject) -> str:
    """Name the maintenance window, `sun:05:00-sun:06:00 UTC`."""
    known = subject.live.group.get("preferredMaintenanceWindow")
    return f"{known} UTC" if known else "the maintenance window"


def _encryption(subject: RedisSubject, first: Part) -> Part:
    """Return the second step of switching encryption on or off; `first` keeps the way through preferred."""
    middle = TWO_STEPS[_MODE]
    switch, mode = first.get(_SWITCH), first.get(_MODE)
    if switch is not None and switch.desired is True:
        second = _taken(first, _MODE) if mode is not None and mode.desired != middle else Part()
        first[_MODE] = _step_to(subject, _MODE)
        return second
    if switch is not None:
        second = _taken(first, _SWITCH, _MODE)
        second.pop(_MODE, None)
        if _asked(subject, _MODE) != middle:
            first[_MODE] = _step_to(subject, _MODE)
        return second
    last = mode is not None and mode.desired != middle
    return _taken(first, _MODE) if last else Part()


def _cluster_mode(subject: RedisSubject, first: Part) -> Part:
    """Return the second step of switching cluster mode on; `first` keeps the way through compatible."""
    mode = first.get(_CLUSTER)
    if mode is None or mode.desired != "enabled":
        return Part()
    second = _taken(first, _CLUSTER)
    if _asked(subject, _CLUSTER) in (None, "disabled"):
        first[_CLUSTER] = _step_to(subject, _CLUSTER)
    return second


def _step_to(subject: RedisSubject, name: str) -> FieldDiff:
    return FieldDiff(name, subject.live.group.get(name), TWO_STEPS[name], Why.GIT, row_of(name))


def _asked(subject: RedisSubject, name: str) -> Any:
    """Return the value that a field has, or will have once what is pending is applied."""
    return subject.live.pending.get(name, subject.live.group.get(name))


def _taken(part: Part, *names: str) -> Part:
    return {name: part.pop(name) for name in names if name in part}


def _pending_scaling(subject: RedisSubject, fields: Container[str]) -> str:
    """Name the pending change that keeps a scaling or an upgrade from being taken."""
    pending = [n for n in _SCALING if n in subject.live.pending and n not in fields]
    if not pending:
        return ""
    said = ", ".join(f"{name} {subject.live.pending[name]}" for name in pending)
    return f"{said}, pending until {window(subject)}"
