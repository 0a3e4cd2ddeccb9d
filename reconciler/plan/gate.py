"""The gate: which migrations hold the services back, and which revision is older than another.

Called by `plan.migration_steps`, `plan.planner` and `runs.advance`. The gate is monotone: SUCCEEDED
never goes away, so even an old snapshot cannot put a service ahead of its migration.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.desired import DesiredApp, DesiredMigration, When
from reconciler.model.names import Address
from reconciler.model.observed import LedgerView, MigrationRecord, ObservedApp, ServicePresence
from reconciler.model.run import Run, RunKey, RunState
from reconciler.plan.ownership import Owner, owner_of

KIND = "migration"


def has_succeeded(ledger: LedgerView, name: str, revision: str) -> bool:
    """Say whether the ledger has proof that the migration succeeded at the revision."""
    run = ledger.migration_run(name, revision)
    return run is not None and run.state is RunState.SUCCEEDED


def vanished(desired: DesiredApp, ledger: LedgerView) -> tuple[MigrationRecord, ...]:
    """Return the recorded migrations that the files no longer name and that were not dropped.

    They keep gating: a file that is half gone must not let the services pass. `migrations: {db: null}`
    is how one is dropped on purpose.
    """
    named = {m.name for m in desired.migrations} | desired.dropped_migrations
    return tuple(ledger.migrations[n] for n in sorted(ledger.migrations.keys() - named))


def gates_of(desired: DesiredApp, ledger: LedgerView) -> tuple[Address, ...]:
    """Return the unfinished `before` migrations, which hold back every new task of all services."""
    unfinished = [
        m.address
        for m in before(desired.migrations)
        if not has_succeeded(ledger, m.name, m.revision)
    ]
    unfinished += [
        Address(KIND, record.name)
        for record in vanished(desired, ledger)
        if record.gates
        and record.when == When.BEFORE
        and not has_succeeded(ledger, record.name, record.latest_revision)
    ]
    return tuple(unfinished)


def before(migrations: Iterable[DesiredMigration]) -> tuple[DesiredMigration, ...]:
    """Return the migrations that run before the services."""
    return tuple(m for m in migrations if m.when is When.BEFORE)


def older_than(ledger: LedgerView, name: str, revision: str) -> str:
    """Return the newer revision that the ledger knows of this migration, "" when there is none.

    Two revisions of digits are compared as numbers; else the one that the ledger saw earlier is
    older. A revision that the ledger never saw is new.
    """
    record = ledger.migrations.get(name)
    if record is None or record.latest_revision in ("", revision):
        return ""
    latest = record.latest_revision
    if _is_number(revision) and _is_number(latest):
        return latest if int(revision) < int(latest) else ""
    run = ledger.migration_run(name, revision)
    return latest if run is not None and run.ordinal < record.latest_ordinal else ""


def unremembered(desired: DesiredApp, observed: ObservedApp) -> str:
    """Return a live service that carries our tags although the ledger remembers no service at all.

    A service is written to the ledger before it is created; so the ledger that made this one is gone:
    its tables were deleted, restored from before, or have another prefix now. "" when there is none.
    """
    if observed.ledger.services:
        return ""
    ours = (
        live.service.get("serviceName", name)
        for name, live in sorted(observed.services.items())
        if live.presence is ServicePresence.ACTIVE and owner_of(desired, live.tags) is Owner.OURS
    )
    return next(ours, "")


def active_run(ledger: LedgerView) -> Run | None:
    """Return the run that holds the app's one slot, None when it is free."""
    return ledger.runs.get(ledger.active_run) if ledger.active_run else None


def active_name(ledger: LedgerView) -> str:
    """Return the name of the migration that holds the slot, "" when it is free."""
    if ledger.active_run is None:
        return ""
    return RunKey.parse(ledger.active_run).name


def _is_number(revision: str) -> bool:
    return revision.isascii() and revision.isdigit()
