"""The steps of the migrations: run, wait, hold or nothing. How a run goes on is decided by `runs`.

Called by `plan.planner`. A migration whose verdict is missing says which command settles it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.desired import DesiredApp, DesiredMigration
from reconciler.model.names import Address
from reconciler.model.observed import MigrationRecord, ObservedApp
from reconciler.model.plan import Change, Effect, Step, Verb, Why
from reconciler.model.run import GuardMode, Run, RunKey, RunState
from reconciler.plan import run_commands
from reconciler.plan.changes import origin_of
from reconciler.plan.gate import (
    KIND,
    active_name,
    active_run,
    has_succeeded,
    older_than,
    unremembered,
)
from reconciler.plan.image_problems import image_problem
from reconciler.plan.mask import mask_text, mask_value
from reconciler.plan.unresolved import awaited, said


def migration_step(
    app: DesiredApp,
    migration: DesiredMigration,
    observed: ObservedApp,
    blocked_by: tuple[str, ...] = (),
) -> Step:
    """Return the step of a declared migration; `blocked_by` holds back a start, not a running one."""
    ledger = observed.ledger
    run = ledger.migration_run(migration.name, migration.revision)
    active = active_run(ledger)
    if active_name(ledger) == migration.name and (active is None or active is not run):
        return _other_revision(app, migration.address, active)
    match run.state if run else None:
        case RunState.SUCCEEDED:
            return _done(migration, older_than(ledger, migration.name, migration.revision))
        case RunState.LAUNCHING | RunState.RUNNING | RunState.STOPPING | RunState.UNKNOWN:
            return _in_flight(app, migration.address, run)
        case _:
            return _resting(app, migration, observed, blocked_by)


def _done(migration: DesiredMigration, newer: str) -> Step:
    """Return the step of nothing to run; going back in git is said, since the schema does not."""
    text = f"revision {migration.revision} succeeded"
    if newer:
        text += f"; it is older than {newer}: nothing runs, the database stays as it is"
    return Step(migration.address, Verb.NONE, text)


def vanished_step(app: DesiredApp, record: MigrationRecord, observed: ObservedApp) -> Step:
    """Return the step of a migration that the files no longer name but the ledger still remembers."""
    ledger, address = observed.ledger, Address(KIND, record.name)
    if active_name(ledger) == record.name:
        return _in_flight(app, address, active_run(ledger))
    if has_succeeded(ledger, record.name, record.latest_revision) or not record.gates:
        return Step(address, Verb.NONE, f"no longer in the files; {record.latest_revision} is done")
    drop = f"to give it up for good write `migrations: {{{record.name}: null}}`"
    run = ledger.migration_run(record.name, record.latest_revision)
    state = run.state if run else "absent"
    return Step(
        address,
        Verb.HOLD,
        f"no longer in the files, but revision {record.latest_revision} is {state}: it keeps gating",
        notes=(f"put it back, or {drop}",),
    )


def dropped_step(app: DesiredApp, name: str, observed: ObservedApp) -> Step | None:
    """Return the step that drives the run of a dropped migration to its end, None when none is active."""
    if active_name(observed.ledger) != name:
        return None
    return _in_flight(app, Address(KIND, name), active_run(observed.ledger))


def next_commands(app: DesiredApp, run: Run) -> tuple[str, ...]:
    """Return what to type after a failed or unknown run."""
    look = f"look: {run_commands.logs(app.key, run.key)}"
    if run.state is RunState.UNKNOWN:
        return (look, f"settle: {run_commands.resolve(app.key, run.key)}")
    retry = run_commands.retry(app.key, run.key)
    return (look, f"again: {retry}, or attempt: {run.attempt + 1} in git")


def _resting(
    app: DesiredApp,
    migration: DesiredMigration,
    observed: ObservedApp,
    blocked_by: tuple[str, ...],
) -> Step:
    """Decide whether what is absent, never started or failed runs now."""
    run = observed.ledger.migration_run(migration.name, migration.revision)
    asked = run is not None and run.requested_attempt > run.attempt
    newer = older_than(observed.ledger, migration.name, migration.revision)
    if newer and not asked:
        return _older(app, migration, newer)
    if is_unrecorded(app, migration, observed):
        return _unrecorded(app, migration, observed)
    if run is not None and run.state is RunState.FAILED:
        if not asked and migration.attempt <= run.attempt:
            return _failed(app, migration.address, run)
        attempt = max(migration.attempt, run.requested_attempt)
        text = f"attempt {attempt} of revision {migration.revision}"
    elif run is not None:
        text = f"launch again for revision {migration.revision}: it did not start"
    else:
        text = f"run once for revision {migration.revision}"
    # Its images may be look-ups too: nothing can be said of them while its documents are not whole.
    lacking = said(migration.unresolved)
    if not migration.unresolved:
        lacking = image_problem(migration.task_definition, observed, *app.guard_images)
    problem = (*((lacking,) if lacking else ()), *awaited(migration.unresolved))
    record = observed.ledger.migrations.get(migration.name)
    change = Change(
        path="revision",
        observed=record.latest_revision if record else None,
        desired=migration.revision,
        why=Why.GIT,
        effect=Effect.RUN,
        origin=origin_of(migration.origins, ("migration", "revision"))
        or origin_of(migration.origins, ("revision",)),
    )
    return Step(
        migration.address,
        Verb.RUN,
        text,
        changes=(change,),
        notes=(_command_note(migration), _guarantee(app)),
        blocked_by=(*problem, *blocked_by),
    )


def is_unrecorded(app: DesiredApp, migration: DesiredMigration, observed: ObservedApp) -> bool:
    """Say whether the ledger that would know of this migration's runs is gone, so that it must not run.

    An attempt above 1 in the files is somebody's word that it is to run all the same.
    """
    unknown = migration.name not in observed.ledger.migrations
    return unknown and migration.attempt == 1 and bool(unremembered(app, observed))


def _unrecorded(app: DesiredApp, migration: DesiredMigration, observed: ObservedApp) -> Step:
    return Step(
        migration.address,
        Verb.HOLD,
        f"the ledger knows of no run, although {unremembered(app, observed)} is a service of ours: "
        "were its tables deleted, or restored from before?",
        notes=(
            f"if the database is at {migration.revision}: {_by_word(app, migration)}",
            f"if {migration.revision} has to run: attempt: 2 in git",
        ),
    )


def _other_revision(app: DesiredApp, address: Address, active: Run | None) -> Step:
    step = _in_flight(app, address, active)
    return Step(
        address,
        step.verb,
        f"{step.summary}; it is brought to its end before another revision starts",
        notes=step.notes,
    )


def _in_flight(app: DesiredApp, address: Address, run: Run | None) -> Step:
    if run is None:
        return Step(address, Verb.WAIT, "a run is in flight")
    if run.state is RunState.UNKNOWN:
        reason = f": {mask_text(run.reason)}" if run.reason else ""
        return Step(
            address,
            Verb.HOLD,
            f"revision {run.revision} UNKNOWN{reason}; services wait until it is settled",
            notes=next_commands(app, run),
        )
    words = {
        RunState.LAUNCHING: "is being launched",
        RunState.RUNNING: "is running",
        RunState.STOPPING: "is being stopped",
    }
    return Step(
        address,
        Verb.WAIT,
        f"revision {run.revision} {words.get(run.state, run.state)}",
        notes=(_guarantee_of(run.mode),),
    )


def _failed(app: DesiredApp, address: Address, run: Run) -> Step:
    code = f", exit {run.exit_code}" if run.exit_code is not None else ""
    reason = f": {mask_text(run.reason)}" if run.reason else ""
    return Step(
        address,
        Verb.HOLD,
        f"revision {run.revision} FAILED, attempt {run.attempt}{code}{reason}",
        notes=next_commands(app, run),
    )


def _older(app: DesiredApp, migration: DesiredMigration, newer: str) -> Step:
    has_it = f"when the database already has it: {_by_word(app, migration)}"
    return Step(
        migration.address,
        Verb.HOLD,
        f"revision {migration.revision} is older than {newer}: it never runs by itself",
        notes=(f"give it a newer revision, or, {has_it}",),
    )


def _by_word(app: DesiredApp, migration: DesiredMigration) -> str:
    """Spell how to say that the declared revision is in the database already."""
    key = RunKey.migration(migration.name, migration.revision)
    return run_commands.resolve(app.key, key, "succeeded")


def _command_note(migration: DesiredMigration) -> str:
    container: Mapping[str, Any] = next(
        (
            c
            for c in migration.task_definition.get("containerDefinitions", ())
            if c.get("name") == migration.container
        ),
        {},
    )
    command = mask_value("command", list(container.get("command", ())))
    return f"command: {' '.join(map(str, command))}" if command else "command: the image's own"


def _guarantee(app: DesiredApp) -> str:
    return _guarantee_of(GuardMode.CLAIM if app.guard else GuardMode.TOKEN)


def _guarantee_of(mode: GuardMode) -> str:
    if mode is GuardMode.CLAIM:
        return "guarantee: claim (a second task never starts the command)"
    return "guarantee: token (only within ECS's token window; declare guard: for the claim)"
