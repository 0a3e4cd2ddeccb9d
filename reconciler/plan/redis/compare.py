"""The fields of a replication group: which differ, which AWS has accepted already, and which cannot be.

Called by `plan.redis.group`. What a field is and how it changes stands in `shapes.redis_tables`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.plan import Suppressed, UndeclaredChange, Why
from reconciler.plan.canonical import canonical_json
from reconciler.plan.mask import mask_value
from reconciler.plan.redis.subject import RedisSubject
from reconciler.shapes.default_values import ABSENT, NO_DEFAULT
from reconciler.shapes.redis_tables import (
    DEFAULT_GROUPS,
    DEFAULT_POLICY,
    FieldRow,
    Way,
    family_of,
    row_of,
    version_parts,
)

_FIELD = FieldRow(Way.MODIFY)
_MISSING = object()


@dataclass(frozen=True)
class FieldDiff:
    """One field that is not as declared. `observed` is what will be once pending changes are applied."""

    name: str
    observed: Any
    desired: Any
    why: Why
    row: FieldRow = _FIELD


@dataclass
class GroupComparison:
    """A group's fields, sorted out: what to send, what cannot be, what AWS has accepted already."""

    differences: dict[str, FieldDiff] = field(default_factory=dict)
    refused: dict[str, tuple[FieldDiff, str]] = field(default_factory=dict)
    """Fields that differ and cannot be changed, each with the reason."""
    pending: dict[str, Any] = field(default_factory=dict)
    """Fields that AWS has accepted and applies in the maintenance window."""
    sent: dict[str, Any] = field(default_factory=dict)
    """Fields that we sent, that AWS accepted and does not show yet."""
    undeclared: list[UndeclaredChange] = field(default_factory=list)
    suppressed: list[Suppressed] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compare_group(subject: RedisSubject) -> GroupComparison:
    """Compare the declared fields with the live group, tags left out."""
    found = GroupComparison()
    declared = {k: v for k, v in subject.redis.group.items() if k != "tags"}
    for name, wanted in sorted(declared.items()):
        _declared(subject, name, wanted, found)
    _with_engine(found)
    _removed(subject, declared, found)
    if subject.is_managed:
        _undeclared(subject, declared, found)
    return found


def _with_engine(found: GroupComparison) -> None:
    """Hold a new parameter group together with the version that it is for."""
    version = found.refused.get("engineVersion") or found.refused.get("engine")
    attached = found.differences.get("cacheParameterGroupName")
    if version is not None and attached is not None:
        del found.differences[attached.name]
        found.refused[attached.name] = (attached, version[1])


def _declared(subject: RedisSubject, name: str, wanted: Any, found: GroupComparison) -> None:
    row, live = row_of(name), subject.live
    if row.way is Way.IDENTITY:
        return
    if row.way is Way.SEED:
        _suppress(name, wanted, row.way.value, found)
        return
    if name not in live.group and name not in live.pending and row.way is Way.NEVER:
        _suppress(name, wanted, "AWS does not tell what it is", found)
        return
    now = live.group.get(name, _MISSING)
    coming = live.pending.get(name, now)
    verdict = _verdict(subject, name, wanted, coming)
    if verdict is _SAME:
        if not is_same(name, wanted, now):
            _accepted(subject, name, wanted, found)
        return
    if verdict is _AHEAD:
        rule = f"live is {coming}: ElastiCache moves minor versions up by itself and never back"
        _suppress(name, wanted, rule, found)
        found.notes.append(f"engineVersion is declared {wanted}, {rule}")
        return
    observed = None if coming is _MISSING else coming
    diff = FieldDiff(name, observed, wanted, _why(subject, name, wanted), row)
    if verdict:
        found.refused[name] = (diff, verdict)
    elif _was_sent(subject, name, wanted):
        found.sent[name] = wanted
    else:
        found.differences[name] = diff


_SAME, _AHEAD = "same", "ahead"


def _verdict(subject: RedisSubject, name: str, wanted: Any, coming: Any) -> str:
    """Return _SAME, _AHEAD, why it cannot be changed, or nothing when it can."""
    if is_same(name, wanted, coming):
        return _SAME
    row = row_of(name)
    if row.way is Way.NEVER:
        return _never(name, wanted, coming, row)
    if name in ("engine", "engineVersion") and _goes_back(subject):
        return "ElastiCache does not go back from valkey to redis: make a new group"
    if name in ("engine", "engineVersion") and (problem := _family_problem(subject)):
        return problem
    if name == "engineVersion" and coming is not _MISSING and not _engine_moves(subject):
        return _version(subject, str(wanted), str(coming))
    return ""


def _never(name: str, wanted: Any, coming: Any, row: FieldRow) -> str:
    if name == "numNodeGroups":
        return (
            f"{name} is {coming}, declared {wanted}: {row.source}, with aws elasticache "
            "modify-replication-group-shard-configuration"
        )
    return (
        f"{name} can only be set when the group is created, and a group is never deleted here: put "
        f"the live value {coming} back into the files, or make a new group and move to it"
    )


def _family_problem(subject: RedisSubject) -> str:
    """Say that the new version cannot have the parameter group that is attached [M]: it needs another."""
    wanted, live = subject.redis.group, subject.live.group
    engine, version = wanted.get("engine", live.get("engine")), wanted.get("engineVersion", "")
    now = family_of(str(live.get("engine", "")), str(live.get("engineVersion", "")))
    then = family_of(str(engine), str(version))
    attached = str(live.get("cacheParameterGroupName", ""))
    kept = wanted.get("cacheParameterGroupName", attached) == attached
    if not (now and then) or now == then or not kept or attached.startswith(DEFAULT_GROUPS):
        return ""
    if version_parts(str(version)) < version_parts(str(live.get("engineVersion"))):
        return ""
    return (
        f"{engine} {version} needs a parameter group of family {then}, and {attached} is of {now}: "
        "declare a parameterGroup with another name, it is attached with the upgrade"
    )


def _goes_back(subject: RedisSubject) -> bool:
    return (
        subject.redis.group.get("engine") == "redis"
        and subject.live.group.get("engine") == "valkey"
    )


def _engine_moves(subject: RedisSubject) -> bool:
    """Whether Redis is to become Valkey: then the version is another engine's."""
    wanted = subject.redis.group.get("engine")
    return wanted is not None and wanted != subject.live.group.get("engine", wanted)


def _version(subject: RedisSubject, wanted: str, coming: str) -> str:
    """Judge a version that differs: an upgrade may go, what AWS moved ahead is left, nothing goes back."""
    if version_parts(wanted) > version_parts(coming):
        return ""
    before = subject.applied.get("group", {}).get("engineVersion")
    ahead_by_itself = version_parts(wanted)[:1] == version_parts(coming)[:1]
    if ahead_by_itself and before in (None, wanted):
        return _AHEAD
    return (
        f"ElastiCache cannot go back from {coming} to {wanted}: declare {coming} or later, or make a "
        "new group"
    )


def is_same(name: str, wanted: Any, live: Any) -> bool:
    """Whether a declared value is what AWS tells: `7.1` is 7.1.0, sets have no order."""
    if live is _MISSING:
        nothing = name == "logDeliveryConfigurations" and not logs_on(wanted)
        return bool(nothing or wanted in ([], "", row_of(name).default))
    match name:
        case "engineVersion":
            parts = version_parts(str(wanted))
            return parts == version_parts(str(live))[: len(parts)]
        case "logDeliveryConfigurations":
            return canonical_json(logs_on(wanted)) == canonical_json(logs_on(live))
        case "securityGroupIds" | "userGroupIds":
            return sorted(wanted) == sorted(live)
        case "kmsKeyId":
            return str(live) == wanted or str(live).endswith(f"/{wanted}")
        case _:
            return bool(wanted == live)


def logs_on(configurations: Any) -> list[dict[str, Any]]:
    """Return the log deliveries that are on, as they are compared and sent."""
    return [
        {k: v for k, v in item.items() if k != "enabled"}
        for item in configurations or ()
        if item.get("enabled", True)
    ]


def _accepted(subject: RedisSubject, name: str, wanted: Any, found: GroupComparison) -> None:
    """Sort out a field whose declared value is pending: it waits, or is to be applied at once now."""
    now = subject.live.group.get(name)
    if subject.redis.apply_immediately and not _was_sent(subject, name, wanted):
        found.differences[name] = FieldDiff(name, now, wanted, Why.GIT, row_of(name))
    else:
        found.pending[name] = wanted
        if _was_sent(subject, name, wanted):
            found.sent[name] = wanted


def _was_sent(subject: RedisSubject, name: str, wanted: Any) -> bool:
    """Whether just this value was sent, in just this way: it is not sent again and again."""
    sent = subject.applied.get("sent") or {}
    if name not in sent.get("fields", {}) or sent["fields"][name] != wanted:
        return False
    same_way = bool(sent.get("immediate")) == subject.redis.apply_immediately
    return same_way or not row_of(name).deferred


def _why(subject: RedisSubject, name: str, wanted: Any) -> Why:
    return Why.DRIFT if subject.applied.get("group", {}).get(name) == wanted else Why.GIT


def _removed(subject: RedisSubject, declared: Mapping[str, Any], found: GroupComparison) -> None:
    """Take back what the files no longer name where that is safe; else say that it stays."""
    before = subject.applied.get("group", {})
    for name in sorted(before.keys() - declared.keys() - {"tags"}):
        row, live = row_of(name), subject.live.group.get(name)
        if row.way is Way.SEED or live is None:
            continue
        if row.reset is NO_DEFAULT:
            if name != "cacheParameterGroupName" or not str(live).startswith(DEFAULT_GROUPS):
                found.notes.append(f"{name} is no longer declared; it stays {_short(live)}")
        elif not is_same(name, row.reset, live) and not _was_sent(subject, name, row.reset):
            found.differences[name] = FieldDiff(name, live, row.reset, Why.REMOVED, row)


def _undeclared(subject: RedisSubject, declared: Mapping[str, Any], found: GroupComparison) -> None:
    given_back = {n for n, d in found.differences.items() if d.why is Why.REMOVED}
    for name, live in sorted(subject.live.group.items()):
        row = row_of(name)
        if name in declared or name in given_back or row.way is Way.IDENTITY:
            continue
        for rule in _rules(name, live, row):
            _suppress(name, live, rule, found)
            break
        else:
            default = None if row.default is ABSENT else row.default
            shown = mask_value((name,), live)
            found.undeclared.append(UndeclaredChange(name, shown, default))


def _rules(name: str, live: Any, row: FieldRow) -> Iterator[str]:
    """Yield why an undeclared field is not worth a word."""
    if name == "cacheParameterGroupName" and str(live).startswith(DEFAULT_GROUPS):
        yield f"AWS's own parameter group, with maxmemory-policy {DEFAULT_POLICY}"
    if row.way in (Way.SEED, Way.REPLICAS):
        yield "not declared: whoever scales the group owns it"
    if row.default is NO_DEFAULT:
        yield "not declared, and no default of AWS is known"
    if row.default is not ABSENT and live == row.default:
        yield f"AWS's default [{row.source}]"


def _suppress(name: str, value: Any, rule: str, found: GroupComparison) -> None:
    found.suppressed.append(Suppressed(name, mask_value((name,), value), rule))


def _short(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)
