"""What is decided about a job without a run: occurrences that are skipped, and what its runs start from.

Called by the controller, under the app's lease. What is started moves the floor with its intent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.model.job import JobRecord, Skip, occurrence
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import Address
from reconciler.model.release import Release
from reconciler.model.run import RunKind
from reconciler.plan.job_release import declaration_hash
from reconciler.store.job_records import job_write
from reconciler.store.releases import release_write
from reconciler.store.session import Session, Write

__all__ = ["Skip", "release", "skip"]


def skip(session: Session, record: JobRecord, skipped: Skip) -> JobRecord:
    """Decide for good that a job's occurrences up to an instant are not run; returns its new record.

    Writes nothing when they are decided already. Raises LeaseLost or Superseded.
    """
    after = record.skipping(skipped)
    if after == record:
        return record
    session.commit([_skipped(record, skipped)], [job_write(session.key, after)])
    return replace(after, version=record.version + 1)


def release(
    session: Session,
    record: JobRecord,
    declared: Release,
    skipped: Skip | None,
    relied: Sequence[Write] = (),
) -> None:
    """Remember what a job's runs start from from now on, for ever; and with it what is `skipped`.

    `relied` are the writes that pin the digests it names. Raises LeaseLost or Superseded.
    """
    entries = [] if skipped is None else [_skipped(record, skipped)]
    after = record if skipped is None else record.skipping(skipped)
    entries.append(
        Entry(
            kind=EntryKind.JOB,
            address=str(declared.address),
            action="removed" if declared.is_gone else "released",
            cause=declared.version,
        )
    )
    begun = session.head.sequence + len(entries)
    now = session.aws.now().isoformat(timespec="seconds")
    after = after.releasing(declaration_hash(declared.applied))
    kept = release_write(session.key, replace(declared, begun=begun, at=now))
    session.commit(entries, [job_write(session.key, after), kept, *relied])


def _skipped(record: JobRecord, skipped: Skip) -> Entry:
    return Entry(
        kind=EntryKind.RUN,
        address=str(Address(RunKind.JOB, record.name)),
        action="scheduled" if skipped.timetable else "skipped",
        cause=skipped.reason,
        detail={"through": occurrence(skipped.through), "count": skipped.count},
    )
