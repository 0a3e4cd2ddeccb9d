"""The parameter group side of a Redis group: which parameters differ, and the calls that set them.

Called by `plan.redis.steps`; `resources.redis` asks `differing` whether it has to find out more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.batches import batches
from reconciler.model.desired import DesiredApp, DesiredParameterGroup, DesiredRedis
from reconciler.model.observed import ObservedParameter, ObservedParameterGroup
from reconciler.model.plan import ApiCall, Change, Effect, Suppressed, UndeclaredChange, Why
from reconciler.plan.mask import mask_value
from reconciler.plan.ownership import Owner, owner_name, owner_of, ownership_tags, tag_list
from reconciler.plan.redis.parameter_values import value_problem
from reconciler.plan.redis.subject import RedisSubject, call_of, owned_parameters
from reconciler.shapes.botocore_model import suggest
from reconciler.shapes.redis_tables import MAX_PARAMETERS

KIND = "parameter_group"
_REBOOT = "requires-reboot"


@dataclass(frozen=True)
class ParameterSide:
    """What the parameter group contributes to a step; with `hold` nothing of it is sent."""

    changes: tuple[Change, ...] = ()
    calls: tuple[ApiCall, ...] = ()
    hold: str = ""
    undeclared: tuple[UndeclaredChange, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    notes: tuple[str, ...] = ()
    memory: Mapping[str, Any] = field(default_factory=dict)
    """What is remembered once it is sent."""


def compare_parameters(subject: RedisSubject) -> ParameterSide:
    """Compare the declared parameter group with the live one; nothing when none is ours."""
    mine = subject.redis.parameter_group
    if mine is None:
        return ParameterSide()
    live = subject.live.parameter_group
    memory = {"name": mine.name, "family": mine.family, "parameters": dict(mine.parameters)}
    if live is None or not live.exists:
        return _creation(subject, mine, live, memory)
    return _existing(subject, mine, live, memory)


def differing(
    mine: DesiredParameterGroup, owned: Mapping[str, str], live: ObservedParameterGroup
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the parameters to set, and the names of those to take back.

    A parameter that nobody set but whose default is what is declared does not differ; while the
    defaults are not known it counts as differing. Only what we had set (`owned`) is taken back.
    """
    to_set = {
        name: value
        for name, value in sorted(mine.parameters.items())
        if _value(name, live) != value
    }
    gone = owned.keys() - mine.parameters.keys()
    return to_set, tuple(sorted(gone & live.parameters.keys()))


def _value(name: str, live: ObservedParameterGroup) -> str | None:
    if name in live.parameters:
        return live.parameters[name]
    known = (live.details or {}).get(name)
    return known.value if known is not None else None


def _creation(
    subject: RedisSubject,
    mine: DesiredParameterGroup,
    live: ObservedParameterGroup | None,
    memory: Mapping[str, Any],
) -> ParameterSide:
    if not mine.family:
        text = (
            f"the parameter group {mine.name} is absent and not fully declared: missing "
            "cacheParameterGroupFamily"
        )
        return ParameterSide(hold=text)
    details = (live.details if live else None) or {}
    changes = (
        subject.change(
            ("parameterGroup", "cacheParameterGroupName"),
            (None, mine.name),
            Effect.IMMEDIATE,
            Why.GIT,
        ),
        *(
            _change(subject, name, (None, value), details, Why.GIT)
            for name, value in sorted(mine.parameters.items())
        ),
    )
    problems = [*_problems(mine.parameters, details, mine.family)]
    document = parameter_group_document(subject.app, subject.redis, mine)
    create = call_of(KIND, "CreateCacheParameterGroup", document, changes[:1])
    calls = (create, *_modify(mine.name, mine.parameters, changes[1:]))
    return ParameterSide(changes, calls, "; ".join(problems), memory=memory)


def _existing(
    subject: RedisSubject,
    mine: DesiredParameterGroup,
    live: ObservedParameterGroup,
    memory: Mapping[str, Any],
) -> ParameterSide:
    owned = owned_parameters(mine, subject.applied)
    details = live.details or {}
    to_set, gone = differing(mine, owned, live)
    changes = (
        *(
            _change(subject, n, (_value(n, live), v), details, _why(n, v, owned))
            for n, v in to_set.items()
        ),
        *(
            _change(subject, n, (live.parameters[n], _default(n, details)), details, Why.REMOVED)
            for n in gone
        ),
    )
    hold = _hold(subject, mine, live, changes)
    problems = _problems(to_set, details, live.family or mine.family)
    calls = (
        *_adopt(subject, live),
        *_modify(mine.name, to_set, changes),
        *_reset(mine.name, {name: live.parameters[name] for name in gone}, changes),
    )
    return ParameterSide(
        changes=changes,
        calls=calls,
        hold=hold or "; ".join(problems),
        undeclared=_undeclared(mine, owned, live),
        suppressed=_suppressed(mine, live, to_set),
        notes=_notes(subject, live, changes),
        memory=memory,
    )


def _hold(
    subject: RedisSubject,
    mine: DesiredParameterGroup,
    live: ObservedParameterGroup,
    changes: Sequence[Change],
) -> str:
    if mine.family and live.family and mine.family != live.family:
        return (
            f"the parameter group {mine.name} is of family {live.family}, which cannot be changed to "
            f"{mine.family}: give the new one another name"
        )
    if changes and live.tags and owner_of(subject.app, live.tags) is Owner.OTHER:
        return (
            f"the parameter group {mine.name} belongs to {owner_name(live.tags)}: its reconciler:* "
            "tags say so"
        )
    return ""


def _problems(
    parameters: Mapping[str, str], details: Mapping[str, ObservedParameter], family: str
) -> Iterator[str]:
    """Yield what AWS would refuse; nothing while the family's parameters are not known."""
    for name, value in parameters.items():
        known = details.get(name)
        if known is not None:
            if problem := value_problem(known, value):
                yield problem
        elif details:
            yield f"{family} has no parameter {name}{suggest(name, details)}"


def _modify(
    name: str, parameters: Mapping[str, str], changes: Sequence[Change]
) -> Iterator[ApiCall]:
    """Yield the calls that set parameters, twenty at a time."""
    yield from _in_parts("ModifyCacheParameterGroup", name, parameters, changes)


def _reset(
    name: str, parameters: Mapping[str, str], changes: Sequence[Change]
) -> Iterator[ApiCall]:
    """Yield the calls that give parameters their defaults back, by name."""
    yield from _in_parts("ResetCacheParameterGroup", name, parameters, changes)


def _in_parts(
    operation: str, group: str, parameters: Mapping[str, str], changes: Sequence[Change]
) -> Iterator[ApiCall]:
    by_path = {change.path: change for change in changes}
    items = sorted(parameters.items())
    for part in batches(items, MAX_PARAMETERS):
        document = {
            "cacheParameterGroupName": group,
            "parameterNameValues": [{"parameterName": n, "parameterValue": v} for n, v in part],
        }
        paths = [".".join(_path(name)) for name, _ in part]
        yield call_of(KIND, operation, document, tuple(by_path[p] for p in paths if p in by_path))


def _adopt(subject: RedisSubject, live: ObservedParameterGroup) -> Iterator[ApiCall]:
    """Yield the call that marks a group as ours which bears nobody's tags; unread tags are not judged."""
    if live.tags is not None and owner_of(subject.app, live.tags) is Owner.NOBODY and live.arn:
        document = {"resourceName": live.arn, "tags": tag_list(subject.ownership)}
        yield call_of(KIND, "AddTagsToResource", document)


def _path(name: str) -> tuple[str, ...]:
    return ("parameterGroup", "parameters", name)


def _change(
    subject: RedisSubject,
    name: str,
    values: tuple[str | None, str | None],
    details: Mapping[str, ObservedParameter],
    why: Why,
) -> Change:
    known = details.get(name)
    reboot = known is not None and known.change_type == _REBOOT
    return subject.change(_path(name), values, Effect.REBOOT if reboot else Effect.IMMEDIATE, why)


def _why(name: str, value: str, owned: Mapping[str, str]) -> Why:
    return Why.DRIFT if owned.get(name) == value else Why.GIT


def _default(name: str, details: Mapping[str, ObservedParameter]) -> str | None:
    known = details.get(name)
    return known.value if known is not None else None


def _undeclared(
    mine: DesiredParameterGroup, owned: Mapping[str, str], live: ObservedParameterGroup
) -> tuple[UndeclaredChange, ...]:
    others = live.parameters.keys() - mine.parameters.keys() - owned.keys()
    return tuple(
        UndeclaredChange(
            ".".join(_path(name)),
            mask_value(_path(name), live.parameters[name]),
            mask_value(_path(name), _default(name, live.details or {})),
        )
        for name in sorted(others)
    )


def _suppressed(
    mine: DesiredParameterGroup, live: ObservedParameterGroup, to_set: Mapping[str, str]
) -> tuple[Suppressed, ...]:
    quiet = mine.parameters.keys() - live.parameters.keys() - to_set.keys()
    rule = "declared as the family's default, which nobody has changed"
    return tuple(
        Suppressed(".".join(_path(name)), mask_value(_path(name), mine.parameters[name]), rule)
        for name in sorted(quiet)
    )


def _notes(
    subject: RedisSubject, live: ObservedParameterGroup, changes: Sequence[Change]
) -> tuple[str, ...]:
    """Say whom else a change reaches, and what waits for a reboot that is never made."""
    if not changes:
        return ()
    notes = []
    others = sorted((live.used_by or frozenset()) - {subject.group_id})
    if others:
        notes.append(f"{live.name} is shared: the change also reaches {', '.join(others)}")
    names = [c.path.rpartition(".")[2] for c in changes if c.effect is Effect.REBOOT]
    if names:
        notes.append(reboot_note(names))
    return tuple(notes)


def reboot_note(names: Sequence[str]) -> str:
    """Say what a parameter that requires a reboot waits for."""
    return (
        f"{', '.join(names)}: used only once the nodes are rebooted, which is never done here: a "
        "reboot empties a node. Reboot replicas first, or fail over, at a time of your choice"
    )


def parameter_group_document(
    app: DesiredApp, redis: DesiredRedis, mine: DesiredParameterGroup
) -> dict[str, Any]:
    """Return the CreateCacheParameterGroup input of a group, our tags included."""
    return {
        "cacheParameterGroupName": mine.name,
        "cacheParameterGroupFamily": mine.family,
        "description": mine.description or f"{app.key} {redis.address}",
        "tags": tag_list(ownership_tags(app.key, redis.address)),
    }
