"""Verbs on our own ledger: history, suspend, resume, retry, and everything about migrations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from reconciler.app import operate
from reconciler.app.known import check_name
from reconciler.app.world import World
from reconciler.controller import operator
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import UsageError
from reconciler.model.journal import JournalRecord
from reconciler.model.names import Address, there_are
from reconciler.model.observed import LedgerView
from reconciler.model.run import Run, RunKey, RunKind
from reconciler.runs.diagnosis import Diagnosis, explain
from reconciler.settings import Settings
from reconciler.store.anew import anew
from reconciler.store.session import Session


def history(
    settings: Settings,
    desired: DesiredApp,
    *,
    limit: int | None,
    newest_first: bool = True,
    address: str | None = None,
) -> list[JournalRecord]:
    """Read the app's journal; an app without tables has an empty one."""
    store = World(settings).store(desired)
    return list(store.journal(newest_first=newest_first, limit=limit, address=address))


def verify_history(settings: Settings, desired: DesiredApp) -> list[str]:
    """Check numbering and hash chain; return the problems in words."""
    return World(settings).store(desired).verify()


def suspend(
    settings: Settings,
    desired: DesiredApp,
    reason: str,
    length: timedelta | None = None,
    address: str = "",
) -> str:
    """Keep the controller's hands off an app or one address of it, for a while or until `resume`.

    Returns what was done.
    """

    def say(session: Session, ledger: LedgerView, actor: str) -> str:
        begun = operator.suspension_now(reason, actor, session.aws.now(), length)
        return operator.suspend(session, ledger, begun, address)

    return _said(settings, desired, say)


def resume(settings: Settings, desired: DesiredApp, reason: str, address: str | None = None) -> str:
    """End every suspension of an app, or that of one address; returns what was done.

    Raises UsageError for an address that neither the files nor a suspension have.
    """

    def say(session: Session, ledger: LedgerView, actor: str) -> str:
        known = dict.fromkeys([*map(str, desired.addresses), *ledger.suspended])
        if address is not None and address not in known:
            raise UsageError(f"no resource '{address}'; {there_are(known)}")
        return operator.resume(session, ledger, reason, actor, address)

    return _said(settings, desired, say)


def retry(settings: Settings, desired: DesiredApp, address: Address, reason: str) -> str:
    """Release a held rollout; returns what was done."""

    def say(session: Session, ledger: LedgerView, actor: str) -> str:
        return operator.retry(session, ledger, address, reason, actor)

    return _said(settings, desired, say)


def _said(
    settings: Settings, desired: DesiredApp, say: Callable[[Session, LedgerView, str], str]
) -> str:
    """Have a person's word written, on the ledger as it is then; a controller may write beside it."""
    world = World(settings)
    return anew(world.clock, lambda: say(*world.operator(desired)))


def migration_list(settings: Settings, desired: DesiredApp) -> list[Run]:
    """Return every run that the ledger has, newest revision first within a migration."""
    return World(settings).store(desired).runs()


def migration_status(
    settings: Settings, desired: DesiredApp, name: str | None
) -> list[tuple[Run, Diagnosis]]:
    """Return the run of the desired revision of each migration, or its newest one, explained.

    Raises UsageError for a migration that neither the files nor the ledger have.
    """
    world = World(settings)
    aws, runs = world.place(desired).aws, world.store(desired).runs()
    if name is not None:
        check_name(desired, RunKind.MIGRATION, name, lambda: world.ledger(desired))
    wanted = {migration.name: migration.revision for migration in desired.migrations}
    return [
        (run, explain(run, aws, desired.key))
        for run in _newest(runs, wanted)
        if name in (None, run.name)
    ]


def migration_retry(
    settings: Settings, desired: DesiredApp, name: str, revision: str, reason: str
) -> str:
    """Ask for the next attempt of a failed run; returns what was done."""
    return operate.retry(World(settings), desired, RunKey.migration(name, revision), reason)


def migration_resolve(  # noqa: PLR0913 - the verb's own arguments
    settings: Settings,
    desired: DesiredApp,
    name: str,
    revision: str,
    outcome: str,
    *,
    reason: str,
    force: bool,
) -> str:
    """Write down how a run ended; returns what was done.

    Raises UsageError for a migration that neither the files nor the ledger have: it would be adopted.
    """
    world, key = World(settings, acting=True), RunKey.migration(name, revision)
    return operate.resolve(world, desired, key, outcome, reason=reason, force=force)


def _newest(runs: list[Run], wanted: dict[str, str]) -> list[Run]:
    """Pick one run for each migration: of the revision that the files name, else the newest."""
    found: dict[str, Run] = {}
    for run in runs:
        if run.name not in found or run.revision == wanted.get(run.name):
            found[run.name] = run
    return list(found.values())
