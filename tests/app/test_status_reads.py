"""What `status` costs of a job whose last run failed: the run itself is one read more, and no more."""

from __future__ import annotations

from dataclasses import replace

from reconciler.app import look
from reconciler.app.act import ApplyOptions, apply
from reconciler.app.world import World
from reconciler.model.job import Ended
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import Address
from reconciler.model.run import GuardMode, Run, RunKind, RunState
from reconciler.store.job_records import job_write
from reconciler.store.records import run_write
from tests.app.conftest import APP
from tests.app.test_rollback_jobs import job
from tests.fakes.clock import START
from tests.plan.builders import a_run

OCCURRENCE = "2026-11-21T03:00:00Z"


def failed_run() -> Run:
    """Return a job's run that has failed."""
    why = {"exit_code": 3, "reason": "container report exited 3", "over": True}
    return a_run(
        RunState.FAILED, OCCURRENCE, name="report", kind=RunKind.JOB, mode=GuardMode.TOKEN, **why
    )


def test_the_run_that_failed_is_one_read_more(account):
    """HEAD, the records and the runs are read once; then the failed run alone, and why it failed is told."""
    account.write(APP + "jobs:\n" + job())
    apply(account.settings, account.desired, options=ApplyOptions(), on_event=lambda _: None)
    account.sent()
    look.status(account.settings, account.desired)
    well = account.sent()

    world = World(account.settings)
    session, view, _ = world.operator(account.desired)
    ended = Ended(OCCURRENCE, RunState.FAILED, START)
    record = replace(view.jobs["report"], recent=(ended,))
    writes = [job_write(view.key, record), run_write(view.key, failed_run(), None)]
    session.commit([Entry(EntryKind.RUN, "job/report", "failed", "schedule")], writes)
    account.sent()
    report = look.status(account.settings, account.desired)
    failed = account.sent()

    lines = report.diagnoses[Address("job", "report")]
    assert lines[0] == f"job/report occurrence {OCCURRENCE}: FAILED"
    store = [o for o in failed if o in ("GetItem", "Query", "BatchGetItem")]
    assert len(store) == len([o for o in well if o in ("GetItem", "Query", "BatchGetItem")]) + 1
    assert store[-1] == "BatchGetItem"
