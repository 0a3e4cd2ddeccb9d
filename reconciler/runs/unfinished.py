"""HEAD's list of unfinished runs and a job's memory of ended ones, kept with each change of a run.

Called by `runs.transitions` and `runs.operate`: both go into the transaction of the change.
Migrations have neither: they have HEAD's slot, and their records stay for ever.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from reconciler.model.job import JobRecord, instant_of
from reconciler.model.names import AppKey
from reconciler.model.run import Run, RunKey, RunKind
from reconciler.store.job_records import job_write
from reconciler.store.run_records import forget_write
from reconciler.store.write import HeadChange, Write

MOST_FORGOTTEN = 20
"""Runs that one transaction forgets at most; DynamoDB takes 100 actions (TransactWriteItems)."""


class Moment(Protocol):
    """Which app, when, and the record of the run's job as it was read."""

    @property
    def key(self) -> AppKey:
        """The app."""

    @property
    def now(self) -> datetime:
        """AWS's time."""

    @property
    def job(self) -> JobRecord | None:
        """The job's record, None when there is none."""


def listing(before: Run | None, after: Run) -> HeadChange:
    """Return what a change of a run means for HEAD's list; `before` is None for a new run."""
    was = before is not None and before.unfinished
    if was == after.unfinished:
        return HeadChange()
    return HeadChange(listed=after.key) if after.unfinished else HeadChange(struck=after.key)


def memory(at: Moment, before: Run, after: Run) -> list[Write]:
    """Return what a change of a run means for its job's record.

    A run that ended is remembered, and what the job's history has no room for is forgotten; one that
    goes on after its end is no longer an ended one. A new run is the intent's to write down.

    The item of a run by hand stays: no floor remembers that its idempotency key was used.
    """
    if after.kind is not RunKind.JOB or (before.unfinished and after.unfinished):
        return []
    record = at.job or JobRecord(after.name)
    if after.unfinished:
        return [job_write(at.key, record.again(after.revision))]
    ended, dropped = record.ended(after, at.now, MOST_FORGOTTEN)
    scheduled = (occurrence for occurrence in dropped if instant_of(occurrence) is not None)
    keys = (RunKey(RunKind.JOB, after.name, occurrence) for occurrence in scheduled)
    return [job_write(at.key, ended), *(forget_write(at.key, key, at.now) for key in keys)]
