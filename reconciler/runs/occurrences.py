"""Occurrences that are decided without a run: skipped, by moving the floor of their job.

Called by the controller, under the app's lease. What is started moves the floor with its intent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.model.job import JobRecord, occurrence
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import Address
from reconciler.model.run import RunKind
from reconciler.store.job_records import job_write
from reconciler.store.session import Session


@dataclass(frozen=True)
class Skip:
    """Everything up to `through` is not run, and why; `count` is how many occurrences that are."""

    through: datetime
    reason: str
    count: int = 1


def skip(session: Session, record: JobRecord, skipped: Skip) -> JobRecord:
    """Decide for good that a job's occurrences up to an instant are not run; returns its new record.

    Writes nothing when they are decided already. Raises LeaseLost or Superseded.
    """
    after = record.passed(skipped.through)
    if after == record:
        return record
    entry = Entry(
        kind=EntryKind.RUN,
        address=str(Address(RunKind.JOB, record.name)),
        action="skipped",
        cause=skipped.reason,
        detail={"through": occurrence(skipped.through), "count": skipped.count},
    )
    session.commit([entry], [job_write(session.key, after)])
    return replace(after, version=record.version + 1)
