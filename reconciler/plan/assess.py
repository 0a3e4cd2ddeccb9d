"""How an app is doing, on two axes: whether live is what the files say, and whether it works.

Called by `controller.reconcile` after each pass, by `status`, `wait` and `diff`. Has no time in it:
the same world gives the same status, so that it is stored only when it changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from reconciler.model.desired import DesiredApp, DesiredService
from reconciler.model.names import Address
from reconciler.model.observed import (
    LedgerView,
    ObservedApp,
    ObservedService,
    RolloutState,
    ServicePresence,
    ServiceRecord,
)
from reconciler.model.plan import Plan, Step, Verb
from reconciler.model.run import Run, RunKind, RunState
from reconciler.model.status import AppStatus, Health, ResourceStatus, Sync
from reconciler.model.suspension import WORD
from reconciler.plan.controllers import is_left_to_task_sets
from reconciler.plan.gate import KIND, active_name, active_run, older_than
from reconciler.plan.image_problems import NOT_FOUND, OTHER_PLATFORM
from reconciler.plan.job_steps import job_health, last_failure
from reconciler.plan.orphans import PRUNE_OFF
from reconciler.plan.preflight import is_stopped
from reconciler.plan.subject import Subject
from reconciler.plan.unresolved import FAILED

SERVICE_KIND = "service"
OK, NOT_CONVERGED, REFUSED_BY_AWS, GUARD, MIGRATION, UNHEALTHY = 0, 1, 3, 4, 6, 8
"""Exit codes (docs/cli.md), as far as they can be read from a status."""

_NOT_FOUND = (NOT_FOUND, OTHER_PLATFORM, FAILED)
"""How a reason begins that only the world outside can take away."""

_WORST = (
    Health.UNKNOWN,
    Health.DEGRADED,
    Health.HELD,
    Health.SUSPENDED,
    Health.MISSING,
    Health.PROGRESSING,
    Health.HEALTHY,
)
_CODE_ORDER = (MIGRATION, UNHEALTHY, GUARD, REFUSED_BY_AWS, NOT_CONVERGED, OK)


@dataclass(frozen=True)
class _Line:
    status: ResourceStatus
    exit_code: int
    counts: bool = True
    """Whether it decides on the app: an orphan that nobody asked to delete does not, nor how a job ran."""


def assess(desired: DesiredApp, observed: ObservedApp, plan: Plan) -> AppStatus:
    """Return the status of the app and of each of its resources.

    `exit_code` is 6 for a failed or unknown migration, 8 for a held rollout, 4 for a suspended app or
    a refused change, 3 for an image that is not there or a failed check, 1 when it is only not
    there yet, else 0.
    """
    lines = [
        _in_suspension(_line(desired, observed, address, steps), observed.ledger)
        for address, steps in _by_address(plan)
    ]
    counting = [line for line in lines if line.counts]
    suspended = observed.ledger.suspension
    sync = _sync(line.status.sync for line in counting)
    health = _worst(line.status.health for line in counting)
    codes = {line.exit_code for line in counting}
    code = next(c for c in _CODE_ORDER if c in codes or c == OK)
    message = "; ".join(
        f"{line.status.address}: {line.status.message}"
        for line in counting
        if line.exit_code > NOT_CONVERGED and line.status.message
    )
    if suspended is not None:
        health = _worst((health, Health.SUSPENDED))
        code = code if code in (MIGRATION, UNHEALTHY) else GUARD
        message = "; ".join(filter(None, (suspended.text, message)))
    return AppStatus(
        key=desired.key,
        sync=sync,
        health=health,
        generation=observed.ledger.generation,
        commit=desired.commit,
        content_hash=desired.content_hash,
        resources=tuple(replace(line.status, exit_code=line.exit_code) for line in lines),
        message=message,
        exit_code=code,
    )


def restricted(status: AppStatus, addresses: Collection[Address]) -> AppStatus:
    """Return the status of these resources alone, for an `apply` of a part of the app."""
    if not addresses:
        return status
    chosen = tuple(r for r in status.resources if r.address in addresses)
    part = replace(
        status,
        resources=chosen,
        sync=_sync(r.sync for r in chosen),
        health=_worst(r.health for r in chosen),
    )
    # The whole app is suspended where no resource says so by itself.
    suspended = status.exit_code == GUARD and all(r.exit_code != GUARD for r in status.resources)
    if suspended or part.converged:
        return replace(part, exit_code=GUARD if suspended else OK)
    codes = {r.exit_code for r in chosen}
    return replace(
        part, exit_code=next((c for c in _CODE_ORDER if c and c in codes), NOT_CONVERGED)
    )


def _in_suspension(line: _Line, ledger: LedgerView) -> _Line:
    """Return the line of a resource that is suspended by itself; the app's own is said once, not here."""
    suspension = ledger.suspension_of(line.status.address)
    if suspension is None or suspension is ledger.suspension:
        return line
    health = _worst((line.status.health, Health.SUSPENDED))
    message = "; ".join(filter(None, (suspension.text, line.status.message)))
    code = line.exit_code if line.exit_code in (MIGRATION, UNHEALTHY) else GUARD
    return replace(
        line, status=replace(line.status, health=health, message=message), exit_code=code
    )


def _by_address(plan: Plan) -> list[tuple[Address, list[Step]]]:
    grouped: dict[Address, list[Step]] = {}
    for step in plan.steps:
        grouped.setdefault(step.address, []).append(step)
    return list(grouped.items())


def _line(
    desired: DesiredApp, observed: ObservedApp, address: Address, steps: Sequence[Step]
) -> _Line:
    if address.kind == KIND:
        return _migration(desired, observed, steps[0])
    if address.kind == RunKind.JOB:
        return _job(observed, steps[0])
    if address.kind != SERVICE_KIND:
        return _resource(address, steps)
    service = next((s for s in desired.services if s.address == address), None)
    if service is None or steps[0].verb is Verb.DELETE:
        return _orphan(observed, steps[0])
    return _service(desired, service, observed, steps)


def _migration(desired: DesiredApp, observed: ObservedApp, step: Step) -> _Line:
    migration = next((m for m in desired.migrations if m.address == step.address), None)
    ledger, name = observed.ledger, step.address.name
    record = ledger.migrations.get(name)
    revision = migration.revision if migration else (record.latest_revision if record else "")
    active = active_run(ledger) if active_name(ledger) == name else None
    run = active or ledger.migration_run(name, revision)
    sync = Sync.SYNCED if step.verb is Verb.NONE else Sync.OUT_OF_SYNC
    health, code = _migration_health(step, run)
    if run is not None and run.state is RunState.UNKNOWN:
        sync = Sync.UNKNOWN
    if code == OK and sync is not Sync.SYNCED:
        code = NOT_CONVERGED
    if migration and older_than(ledger, name, revision) and step.verb is Verb.HOLD:
        code = MIGRATION
    return _Line(ResourceStatus(step.address, sync, health, _message(step), "", revision), code)


def _migration_health(step: Step, run: Run | None) -> tuple[Health, int]:
    if step.verb is Verb.NONE:
        return Health.HEALTHY, OK
    if step.verb is Verb.HOLD:
        if run is not None and run.state is RunState.UNKNOWN:
            return Health.UNKNOWN, MIGRATION
        failed = run is not None and run.state is RunState.FAILED
        return (Health.DEGRADED if failed else Health.HELD), MIGRATION
    if is_stopped([step]) or any(b.startswith(_NOT_FOUND) for b in step.blocked_by):
        return Health.DEGRADED, REFUSED_BY_AWS
    return Health.PROGRESSING, NOT_CONVERGED


def _job(observed: ObservedApp, step: Step) -> _Line:
    """Judge a job. How its runs end is its own condition: the app is what the files say all the same."""
    differs = step.is_difference
    health = Health.DEGRADED if is_stopped([step]) else job_health(observed, step.address)
    code = OK
    if differs:
        code = REFUSED_BY_AWS if is_stopped([step]) else NOT_CONVERGED
    sync = Sync.OUT_OF_SYNC if differs else Sync.SYNCED
    failed = last_failure(observed.ledger.jobs.get(step.address.name))
    said = [f"{failed} failed"] if failed and health is Health.DEGRADED else []
    message = "; ".join([*said, _message(step)])
    return _Line(ResourceStatus(step.address, sync, health, message), code, counts=differs)


def _service(
    desired: DesiredApp, service: DesiredService, observed: ObservedApp, steps: Sequence[Step]
) -> _Line:
    subject = Subject(desired, service, observed)
    live = subject.live
    differing = [s for s in steps if s.is_difference]
    sync = Sync.OUT_OF_SYNC if differing else Sync.SYNCED
    health, code, why = _service_health(subject, steps)
    said = [_message(s) for s in differing] or ([why] if why else [])
    if live.pause is not None:
        said = [*said, live.pause.text]
    if code in (OK, NOT_CONVERGED) and is_stopped(steps):
        code = REFUSED_BY_AWS
    if code == OK and (differing or health is not Health.HEALTHY):
        code = NOT_CONVERGED
    return _Line(
        ResourceStatus(
            service.address, sync, health, "; ".join(said), _running(live), _revision(live)
        ),
        code,
    )


def _service_health(subject: Subject, steps: Sequence[Step]) -> tuple[Health, int, str]:
    held = next((s for s in steps if s.verb is Verb.HOLD), None)
    if held is not None:
        if subject.is_held:
            return Health.HELD, UNHEALTHY, held.summary
        missing = held.summary.startswith(_NOT_FOUND)
        return Health.DEGRADED, (REFUSED_BY_AWS if missing else GUARD), held.summary
    live, record = subject.live, subject.record
    if live.presence is not ServicePresence.ACTIVE:
        return Health.MISSING, OK, ""
    if record is not None and record.state is RolloutState.CONVERGING:
        return Health.PROGRESSING, OK, _progress(live)
    return _by_counts(live, record)


def _by_counts(live: ObservedService, record: ServiceRecord | None) -> tuple[Health, int, str]:
    """Judge a service whose rollout has ended, or was never ours, by what runs."""
    primary = live.primary
    rolling = primary is not None and primary.rollout_state == "IN_PROGRESS"
    if rolling and record is None:
        return Health.PROGRESSING, OK, _progress(live)
    if live.running_count >= _wanted(live):
        return Health.HEALTHY, OK, ""
    if not live.deployments and is_left_to_task_sets(live.service):
        return Health.HEALTHY, OK, "its controller has made no task set"
    if live.pending_count or rolling:
        return Health.PROGRESSING, OK, _progress(live)
    return Health.DEGRADED, NOT_CONVERGED, f"{_running(live)} running"


def _progress(live: ObservedService) -> str:
    primary = live.primary
    if primary is None:
        return f"{_running(live)} running"
    draining = sum(d.running_count for d in live.deployments if d is not primary)
    text = f"{primary.running_count}/{primary.desired_count} new running"
    if primary.failed_tasks:
        text += f", {primary.failed_tasks} failed to start"
    return f"{text}, {draining} old draining" if draining else text


def _resource(address: Address, steps: Sequence[Step]) -> _Line:
    """Judge a resource that is nothing but calls: the planner has said how its health looks."""
    unasked = any(PRUNE_OFF in s.blocked_by for s in steps)
    differing = [s for s in steps if s.is_difference and PRUNE_OFF not in s.blocked_by]
    health = _worst(s.health or Health.HEALTHY for s in steps)
    held = any(s.verb is Verb.HOLD for s in steps)
    if differing and health is Health.HEALTHY:
        health = Health.HELD if held else Health.PROGRESSING
    code = GUARD if held else NOT_CONVERGED
    if is_stopped(steps):
        health, code = _worst((health, Health.DEGRADED)), REFUSED_BY_AWS
    if not differing and health is Health.HEALTHY:
        code = OK
    said = "; ".join(filter(None, (_message(s) for s in steps)))
    sync = Sync.OUT_OF_SYNC if differing or unasked else Sync.SYNCED
    return _Line(ResourceStatus(address, sync, health, said), code, counts=not unasked)


def _orphan(observed: ObservedApp, step: Step) -> _Line:
    live = observed.orphans.get(step.address.name)
    wanted = step.verb is Verb.DELETE
    status = ResourceStatus(
        step.address,
        Sync.OUT_OF_SYNC if wanted else Sync.SYNCED,
        Health.HEALTHY,
        _message(step),
        _running(live) if live else "",
        _revision(live) if live else "",
    )
    counts = wanted and PRUNE_OFF not in step.blocked_by
    over = wanted and step.blocked and counts
    code = GUARD if over else NOT_CONVERGED if wanted else OK
    return _Line(status, code, counts)


def _message(step: Step) -> str:
    # That it is suspended the status says by itself, and once.
    if waits := ", ".join(b for b in step.blocked_by if b != WORD):
        return f"{step.summary} (blocked by {waits})"
    return step.summary


def _running(live: ObservedService) -> str:
    if live.presence is not ServicePresence.ACTIVE:
        return ""
    return f"{live.running_count}/{_wanted(live)}"


def _wanted(live: ObservedService) -> int:
    declared = live.service.get("desiredCount")
    if declared is not None:
        return int(declared)
    return live.primary.desired_count if live.primary else 0


def _revision(live: ObservedService) -> str:
    """Spell the live revision, `:42`."""
    _, colon, number = live.task_definition_arn.rpartition(":")
    return f":{number}" if colon and number.isdigit() else ""


def _sync(values: Iterable[Sync]) -> Sync:
    found = set(values)
    if Sync.UNKNOWN in found:
        return Sync.UNKNOWN
    return Sync.OUT_OF_SYNC if Sync.OUT_OF_SYNC in found else Sync.SYNCED


def _worst(values: Iterable[Health]) -> Health:
    found = set(values)
    return next((h for h in _WORST if h in found), Health.HEALTHY)
