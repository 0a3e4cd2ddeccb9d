"""What a person tells the ledger: suspend, resume, and retry of a held rollout. Called by `app`.

No lease is needed: each is one commit that is conditional on the journal's head, so it either comes
before a controller's decision or makes that decision be taken anew. Migrations: `runs.operate`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.model.errors import UsageError
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import Address
from reconciler.model.observed import LedgerView, RolloutState, Suspension
from reconciler.store.records import service_write, suspension_write
from reconciler.store.session import Session


def suspend(session: Session, ledger: LedgerView, suspension: Suspension) -> str:
    """Keep controllers' hands off the app; it still is diffed and reported. Returns what was done."""
    if ledger.suspension is not None:
        return f"already suspended by {ledger.suspension.by}: {ledger.suspension.reason}"
    entry = Entry(
        kind=EntryKind.OPERATOR,
        address="",
        action="suspend",
        cause=suspension.reason,
        detail={"by": suspension.by} | ({"until": suspension.until} if suspension.until else {}),
    )
    session.commit([entry], [suspension_write(ledger.key, ledger.suspension, suspension)])
    return suspension.text


def resume(session: Session, ledger: LedgerView, reason: str, by: str) -> str:
    """End a suspension. Returns what was done."""
    if ledger.suspension is None:
        return "not suspended: nothing to do"
    entry = Entry(
        kind=EntryKind.OPERATOR, address="", action="resume", cause=reason, detail={"by": by}
    )
    session.commit([entry], [suspension_write(ledger.key, ledger.suspension, None)])
    return f"resumed; it was suspended by {ledger.suspension.by}: {ledger.suspension.reason}"


def end_suspension(session: Session, ledger: LedgerView, now: datetime) -> LedgerView:
    """Lift a suspension whose time is over by AWS's clock, journaled; return the ledger without it.

    Called at the beginning of a pass: the controller goes on by itself.
    """
    suspension = ledger.suspension
    if suspension is None or not suspension.has_ended(now):
        return ledger
    entry = Entry(
        kind=EntryKind.OPERATOR,
        address="",
        action="resume",
        cause="its time is over",
        before=suspension.reason,
        detail={"by": suspension.by, "until": suspension.until},
    )
    session.commit([entry], [suspension_write(ledger.key, suspension, None)])
    return replace(ledger, suspension=None)


def as_of(ledger: LedgerView, now: datetime) -> LedgerView:
    """Return the ledger as the next pass will see it, for who only looks: what has ended is gone."""
    ended = ledger.suspension is not None and ledger.suspension.has_ended(now)
    return replace(ledger, suspension=None) if ended else ledger


def retry(session: Session, ledger: LedgerView, address: Address, reason: str, by: str) -> str:
    """Release a held rollout, so that the next pass tries the same desired state again.

    Raises UsageError when the address is not a held service.
    """
    if address.kind == "migration":
        raise UsageError(
            f"{address}: a migration is repeated by "
            f"`reconciler migration retry {address.name} REVISION --reason …`"
        )
    record = ledger.services.get(address.name) if address.kind == "service" else None
    if record is None:
        raise UsageError(f"{address}: the ledger knows no such service")
    if record.state is not RolloutState.HELD:
        raise UsageError(f"{address} is not held (it is {record.state}): there is nothing to retry")
    entry = Entry(
        kind=EntryKind.OPERATOR,
        address=str(address),
        action="retry",
        cause=reason,
        before=record.reason,
        detail={"by": by},
    )
    # An empty desired hash is no desired state's hash: the next pass finds a difference and acts.
    released = replace(record, state=RolloutState.STEADY, held_hash="", reason="", desired_hash="")
    session.commit([entry], [service_write(ledger.key, released)])
    return f"{address} is released; it was held: {record.reason}"


def suspension_now(
    reason: str, by: str, at: datetime, length: timedelta | None = None
) -> Suspension:
    """Make the record of a suspension that begins now, and ends after `length` if that is given."""
    until = "" if length is None else (at + length).isoformat(timespec="seconds")
    return Suspension(reason=reason, by=by, at=at.isoformat(timespec="seconds"), until=until)
