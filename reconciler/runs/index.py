"""The index of unfinished runs and a job's memory of ended ones, kept with each change of a run.

Called by `runs.transitions` and `runs.operate`: the writes go into the transaction of the change.
Migrations have neither: they have HEAD's slot, and their records stay for ever.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from reconciler.model.job import JobRecord
from reconciler.model.names import AppKey
from reconciler.model.run import Run, RunKey, RunKind
from reconciler.store.job_records import job_write
from reconciler.store.run_records import finished_write, forget_write, unfinished_write
from reconciler.store.write import Write

MOST_FORGOTTEN = 20
"""Items that one transaction deletes at most; DynamoDB takes 100 actions (TransactWriteItems)."""


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


def index_writes(at: Moment, before: Run | None, after: Run) -> list[Write]:
    """Return what a change of a run means for the index and for its job's record.

    `before` is None for a new run, whose job's record is written by the intent itself.
    """
    was, is_ = before is not None and before.unfinished, after.unfinished
    if after.kind.has_slot or (was and is_):
        return []
    if is_:
        listed = [unfinished_write(at.key, after.key)]
        return listed if before is None else [*listed, *_again(at, after)]
    gone = [finished_write(at.key, after.key)] if was else []
    return [*gone, *_ended(at, after)]


def _ended(at: Moment, run: Run) -> list[Write]:
    """Remember the end, and forget what the job's history has no room for."""
    if run.kind is not RunKind.JOB:
        return []
    record = at.job or JobRecord(run.name)
    after, dropped = record.ended(run, at.now, MOST_FORGOTTEN)
    forgotten = (RunKey(RunKind.JOB, run.name, occurrence) for occurrence in dropped)
    return [job_write(at.key, after), *(forget_write(at.key, key) for key in forgotten)]


def _again(at: Moment, run: Run) -> list[Write]:
    if at.job is None:
        return []
    return [job_write(at.key, at.job.again(run.revision))]
