"""Verbs on our own ledger: history, suspend, resume, retry, and everything about migrations."""

from __future__ import annotations

from reconciler.app.world import World
from reconciler.controller import operator
from reconciler.model.desired import DesiredApp
from reconciler.model.journal import JournalRecord
from reconciler.model.names import Address
from reconciler.settings import Settings


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


def suspend(settings: Settings, desired: DesiredApp, reason: str) -> str:
    """Keep the controller's hands off an app; returns what was done."""
    world = World(settings)
    session, ledger, actor = world.operator(desired)
    now = world.place(desired).aws.now()
    return operator.suspend(session, ledger, operator.suspension_now(reason, actor, now))


def resume(settings: Settings, desired: DesiredApp, reason: str) -> str:
    """End a suspension; returns what was done."""
    session, ledger, actor = World(settings).operator(desired)
    return operator.resume(session, ledger, reason, actor)


def retry(settings: Settings, desired: DesiredApp, address: Address, reason: str) -> str:
    """Release a held rollout; returns what was done."""
    session, ledger, actor = World(settings).operator(desired)
    return operator.retry(session, ledger, address, reason, actor)
