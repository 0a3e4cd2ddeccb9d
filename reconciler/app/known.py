"""Whether a name that a verb was given is one of the app's: the files have it, or the ledger remembers it."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.model.desired import DesiredApp
from reconciler.model.errors import UsageError
from reconciler.model.names import there_are
from reconciler.model.observed import LedgerView
from reconciler.model.run import RunKind


def check_name(
    desired: DesiredApp,
    kind: RunKind,
    name: str,
    ledger: Callable[[], LedgerView] | None = None,
) -> None:
    """Raise UsageError for a migration or job that is not the app's, saying which are.

    One that has left the files and that the ledger remembers is: it is read only to find that out, and
    not where the files alone count. A one-off task's name is part of its key and is not looked at.
    """
    known = [address.name for address in desired.addresses if address.kind == kind]
    if kind is RunKind.TASK or name in known:
        return
    if ledger is not None:
        view = ledger()
        remembered = view.jobs if kind is RunKind.JOB else view.migrations
        known += sorted({*remembered} - {*known})
    if name not in known:
        raise UsageError(f"{desired.key} has no {kind} '{name}'; {there_are(known)}")
