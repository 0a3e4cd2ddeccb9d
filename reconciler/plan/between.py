"""What changes from one revision of the files to another, as a plan. Pure: nothing live is known.

Called by `app.between` for `diff --base`. What AWS would have to be asked for (drift, digests, what has
already run) is not in it; references stand as they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from reconciler.model.clock import format_duration
from reconciler.model.desired import (
    DesiredApp,
    DesiredJob,
    DesiredMigration,
    DesiredRedis,
    DesiredService,
)
from reconciler.model.diagnostics import Origin
from reconciler.model.names import Address, Path
from reconciler.model.plan import STARTS_TASKS, Change, Effect, Plan, Step, Verb, Why
from reconciler.plan.changes import Background, change_of
from reconciler.plan.compare import compare, removed
from reconciler.plan.orphans import PRUNE_OFF
from reconciler.plan.step_summary import NEW_REVISION
from reconciler.shapes.effects import service_effect
from reconciler.shapes.tables import AUTOSCALING, SERVICE, TASK_DEFINITION, Kind


class _Side(NamedTuple):
    """One document of a resource: how it is compared, the word of its origins, and its effect."""

    kind: Kind
    word: str
    document: Mapping[str, Any]
    effect: Callable[[Path], Effect] = lambda _: Effect.NONE


class _Resource(NamedTuple):
    """One resource of a revision. `revision` is a migration's; `gone` says what its removal means."""

    sides: tuple[_Side, ...]
    origins: Mapping[Path, Origin]
    written: frozenset[Path] = frozenset()
    revision: str = ""
    gone: str = ""


def plan_between(base: DesiredApp | None, head: DesiredApp | None) -> Plan:
    """Return the steps from `base` to `head`; None for an app that a revision does not have."""
    app = head or base
    if app is None:
        raise ValueError("neither revision has the app")
    before = _resources(base) if base else {}
    after = _resources(head) if head else {}
    if head is None:
        return Plan(app.key, (), ("the folder is gone: nothing is deleted, the app is left alone",))
    names = [*after, *(address for address in before if address not in after)]
    steps = tuple(_step(a, before.get(a), after.get(a), head) for a in names)
    return Plan(head.key, steps, tuple(str(warning) for warning in head.warnings))


def job_changes(before: DesiredJob, after: DesiredJob, why: Why) -> tuple[Change, ...]:
    """Return what is another about a job, and why."""
    sides = _job(after)
    found = (_changes(_job(before), sides, side) for side in sides.sides)
    return tuple(replace(change, why=why) for changes in found for change in changes)


def _step(
    address: Address, before: _Resource | None, after: _Resource | None, head: DesiredApp
) -> Step:
    if after is None:
        return _removed(address, before, head)
    found = {side.word: tuple(_changes(before, after, side)) for side in after.sides}
    changes = tuple(change for changes in found.values() for change in changes)
    if after.revision:
        return _migration(address, before, after, changes)
    if before is None:
        return Step(address, Verb.CREATE, "new", changes)
    if not changes:
        return Step(address, Verb.NONE)
    rolls = "rolling" if any(c.effect in STARTS_TASKS for c in changes) else "no rollout"
    said = f"{NEW_REVISION}, {rolls}" if found.get(TASK_DEFINITION) else rolls
    return Step(address, Verb.UPDATE, said, changes)


def _removed(address: Address, before: _Resource | None, head: DesiredApp) -> Step:
    gone = before.gone if before else ""
    if gone:
        return Step(address, Verb.NONE, "left alone", notes=(gone,))
    blocked = () if head.sync.prune else (PRUNE_OFF,)
    return Step(address, Verb.DELETE, "no longer in the files", blocked_by=blocked)


def _migration(
    address: Address, before: _Resource | None, after: _Resource, changes: tuple[Change, ...]
) -> Step:
    """Return a run for a new revision; other changes run nothing."""
    if before is not None and before.revision == after.revision:
        note = f"revision {after.revision} is the same: nothing runs for this"
        return Step(address, Verb.NONE, notes=(note,) if changes else ())
    old = before.revision if before else None
    revision = Change("revision", old, after.revision, Why.GIT, Effect.RUN)
    return Step(address, Verb.RUN, f"run once for revision {after.revision}", (revision, *changes))


def _changes(before: _Resource | None, after: _Resource, side: _Side) -> Iterable[Change]:
    """Return what changes in one of the documents of `after`."""
    known = {side.word: side.document for side in before.sides} if before else {}
    old = known.get(side.word, {})
    origins = {
        (side.kind, *path[1:]): origin
        for path, origin in after.origins.items()
        if path[0] == side.word
    }
    background = Background(side.kind, old, origins, after.written)
    for difference in compare(side.document, old, side.kind).differences:
        yield change_of(difference, side.effect(difference.path), background, Why.GIT)
    for difference in removed(old, side.document, old, side.kind):
        yield change_of(difference, side.effect(difference.path), background, Why.REMOVED)


def _resources(app: DesiredApp) -> dict[Address, _Resource]:
    """Return the resources of a revision in the order of a plan."""
    found: dict[Address, _Resource] = {r.address: _redis(r) for r in app.redis}
    found |= {m.address: _run(m) for m in app.migrations}
    found |= {j.address: _job(j) for j in app.jobs}
    for service in app.services:
        found[service.address] = _service(service)
        if service.autoscaling is not None:
            scaling = service.autoscaling
            sides = tuple(
                _Side(AUTOSCALING, word, document)
                for word, document in (
                    ("target", scaling.target),
                    ("policies", scaling.policies),
                    ("scheduled", scaling.scheduled),
                )
            )
            gone = "scaling ends when the service no longer declares it"
            found[scaling.address] = _Resource(sides, scaling.origins, gone=gone)
    return found


def _service(service: DesiredService) -> _Resource:
    sides = (
        _Side(TASK_DEFINITION, TASK_DEFINITION, service.task_definition, _rollout),
        _Side(SERVICE, SERVICE, service.service, lambda path: service_effect(path[0]).effect),
    )
    return _Resource(sides, service.origins, service.written)


def _run(migration: DesiredMigration) -> _Resource:
    sides = (
        _Side(TASK_DEFINITION, TASK_DEFINITION, migration.task_definition),
        _Side(SERVICE, "launch", migration.launch),
    )
    gone = "no longer in the files: it keeps gating until it is set to null"
    return _Resource(sides, migration.origins, migration.written, migration.revision, gone)


def _job(job: DesiredJob) -> _Resource:
    deadline = job.policy.starting_deadline
    words = {
        "schedule": job.schedule,
        "timeZone": job.time_zone,
        "concurrency": str(job.policy.concurrency),
        "startingDeadline": format_duration(deadline) if deadline else None,
        "catchUp": str(job.policy.catch_up),
        "suspend": job.policy.suspended,
        "timeout": format_duration(job.timeout),
        "startTimeout": format_duration(job.start_timeout),
        "retries": job.retries,
        "retryBackoff": format_duration(job.backoff),
        "successfulHistoryLimit": job.history.succeeded,
        "failedHistoryLimit": job.history.failed,
        "container": job.container,
    }
    sides = (
        _Side(SERVICE, "job", {word: value for word, value in words.items() if value is not None}),
        _Side(TASK_DEFINITION, TASK_DEFINITION, job.task_definition),
        _Side(SERVICE, "launch", job.launch),
    )
    return _Resource(sides, job.origins, job.written, gone="its runs end, and no other one starts")


def _redis(redis: DesiredRedis) -> _Resource:
    group = redis.parameter_group
    parameters = {} if group is None else {"parameters": dict(group.parameters)}
    sides = (_Side(SERVICE, "group", redis.group), _Side(SERVICE, "parameterGroup", parameters))
    gone = "a Redis group is never deleted: it stays as it is"
    return _Resource(sides, redis.origins, gone=gone)


def _rollout(_: Path) -> Effect:
    return Effect.ROLLOUT
