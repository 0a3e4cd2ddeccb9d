"""What a person tells the ledger: suspend, resume, and retry of a held rollout.

Called by `app`, and by `reconcile` for a suspension whose time is over.

No lease is needed: each is one commit that is conditional on the journal's head, so it either comes
before a controller's decision or makes that decision be taken anew. Migrations: `runs.operate`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.controller.worker import ATTENTIVE
from reconciler.model.errors import UsageError
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import Address
from reconciler.model.observed import LedgerView, RolloutState
from reconciler.model.suspension import Suspension
from reconciler.store.records import service_write, suspension_write
from reconciler.store.session import Session


def suspend(session: Session, ledger: LedgerView, suspension: Suspension, address: str = "") -> str:
    """Keep controllers' hands off the app, or one address of it; it still is diffed and reported.

    Returns what was done.
    """
    before = ledger.suspensions.get(address)
    if before is not None:
        return f"{_of(address)}already suspended by {before.by}: {before.reason}"
    entry = Entry(
        kind=EntryKind.OPERATOR,
        address=address,
        action="suspend",
        cause=suspension.reason,
        detail={"by": suspension.by} | ({"until": suspension.until} if suspension.until else {}),
    )
    session.commit([entry], [suspension_write(ledger.key, None, suspension, address)])
    return f"{_of(address)}{suspension.text}"


def resume(
    session: Session, ledger: LedgerView, reason: str, by: str, address: str | None = None
) -> str:
    """End every suspension of the app, or that of one address.

    Returns what was done, and when a controller hears of it.
    """
    found = {
        name: suspension
        for name, suspension in ledger.suspensions.items()
        if address in (None, name)
    }
    if not found:
        return f"{_of(address or '')}not suspended: nothing to do"
    _lift(session, ledger, found, reason, {"by": by})
    done = (
        f"{_of(name)}resumed; it was suspended by {was.by}: {was.reason}"
        for name, was in found.items()
    )
    return "; ".join((*done, _heard(found)))


def _heard(names: Iterable[str]) -> str:
    """Say when a controller that runs goes on. An app of which only jobs are suspended is steady."""
    if all(name.startswith("job/") for name in names):
        return "a controller that runs sees it at its next look (--resync)"
    return f"a controller that runs goes on within {ATTENTIVE.total_seconds():.0f} s"


def _lift(
    session: Session,
    ledger: LedgerView,
    found: Mapping[str, Suspension],
    cause: str,
    detail: Mapping[str, str],
) -> None:
    """Write down that suspensions are over, in one commit."""
    entries = [
        Entry(
            kind=EntryKind.OPERATOR,
            address=name,
            action="resume",
            cause=cause,
            before=suspension.reason,
            detail=detail,
        )
        for name, suspension in found.items()
    ]
    writes = [suspension_write(ledger.key, was, None, name) for name, was in found.items()]
    session.commit(entries, writes)


def end_suspension(session: Session, ledger: LedgerView, now: datetime) -> LedgerView:
    """Lift the suspensions whose time is over by AWS's clock, journaled; return the ledger without them.

    Called at the beginning of a pass: the controller goes on by itself.
    """
    over = {name: s for name, s in ledger.suspensions.items() if s.has_ended(now)}
    if over:
        until = ", ".join(sorted({s.until for s in over.values()}))
        _lift(session, ledger, over, "its time is over", {"until": until})
    return as_of(ledger, now)


def as_of(ledger: LedgerView, now: datetime) -> LedgerView:
    """Return the ledger as the next pass will see it, for who only looks: what has ended is gone."""
    lasting = {name: s for name, s in ledger.suspensions.items() if not s.has_ended(now)}
    if len(lasting) == len(ledger.suspensions):
        return ledger
    whole = lasting.pop("", None)
    jobs = ledger.released_jobs if whole else {}
    return replace(ledger, suspension=whole, suspended=lasting, released_jobs=jobs)


def _of(address: str) -> str:
    return f"{address}: " if address else ""


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
