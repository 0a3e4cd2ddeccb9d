"""Occurrences that are decided without a run: skipped, by moving the floor of their job.

Called by the controller, under the app's lease. What is started moves the floor with its intent.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.job import JobRecord, Skip, occurrence
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import Address
from reconciler.model.run import RunKind
from reconciler.store.job_records import job_write
from reconciler.store.session import Session

__all__ = ["Skip", "skip"]


def skip(session: Session, record: JobRecord, skipped: Skip) -> JobRecord:
    """Decide for good that a job's occurrences up to an instant are not run; returns its new record.

    Writes nothing when they are decided already. Raises LeaseLost or Superseded.
    """
    after = record.skipping(skipped)
    if after == record:
        return record
    entry = Entry(
        kind=EntryKind.RUN,
        address=str(Address(RunKind.JOB, record.name)),
        action="scheduled" if skipped.timetable else "skipped",
        cause=skipped.reason,
        detail={"through": occurrence(skipped.through), "count": skipped.count},
    )
    session.commit([entry], [job_write(session.key, after)])
    return replace(after, version=record.version + 1)
