"""What a job's runs start from, as a document: nothing is lost on the way there and back."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.desired import DesiredJob
from reconciler.model.due import CatchUp, Concurrency
from reconciler.model.job import History, JobRecord
from reconciler.model.names import Address
from reconciler.model.observed import LedgerView
from reconciler.model.release import Release
from reconciler.plan.job_release import declaration, declaration_hash, past_job, rolled_back
from tests.plan.builders import KEY, a_job, an_app, image

REPORT = Address("job", "report")
FROM_ELSEWHERE = {"written", "origins", "unresolved", "looked_up"}
"""Fields of a job that say where the files say it, and what look-ups gave: a release has values only."""

durations = st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(days=366))
jobs = st.builds(
    a_job,
    st.sampled_from(["0 3 * * *", "rate(6 hours)", "cron(0 3 * * ? *)", "@daily"]),
    time_zone=st.sampled_from(["UTC", "Asia/Tokyo"]),
    concurrency=st.sampled_from(Concurrency),
    catch_up=st.sampled_from(CatchUp),
    starting_deadline=st.none() | durations,
    suspended=st.booleans(),
    timeout=durations,
    backoff=durations,
    retries=st.integers(0, 9),
    history=st.builds(History, st.integers(0, 99), st.integers(0, 99)),
    launch=st.dictionaries(st.sampled_from(["platformVersion", "group"]), st.text(max_size=9)),
)


def a_release(job: DesiredJob, images=(), **other) -> Release:
    """Return the release of a job, as it was stored and read again."""
    stored = json.loads(json.dumps(declaration(job, dict(images))))
    return replace(Release(job.address, 12, 3, "c3", "", "", stored), **other)


@given(jobs)
def test_there_and_back(job):
    """Every word of a job that decides on its runs is the same once it was stored and read."""
    again = past_job(a_release(job))
    for field in fields(DesiredJob):
        if field.name not in FROM_ELSEWHERE:
            assert getattr(again, field.name) == getattr(job, field.name), field.name


@given(jobs, jobs)
def test_another_job_is_another_declaration(one, other):
    """Two have the same hash if and only if they are declared alike."""
    same = declaration(one, {}) == declaration(other, {})
    assert (
        declaration_hash(declaration(one, {})) == declaration_hash(declaration(other, {}))
    ) == same


def test_a_tag_that_moved_is_another_declaration():
    """Digests stand in the place of tags, as far as they are known."""
    pins = {image("1"): f"{image('1')}@sha256:{1:064x}"}
    declared = declaration(a_job(), pins)
    (container,) = past_job(a_release(a_job(), pins)).task_definition["containerDefinitions"]
    assert container["image"] == pins[image("1")]
    assert declaration_hash(declared) != declaration_hash(declaration(a_job(), {}))
    assert declaration_hash({}) == ""


def test_the_files_jobs_are_replaced_and_missing_ones_come_back():
    """Those that a rollback has going on are as they were; the others are the files'."""
    then, other = a_job("@daily"), a_job(name="other")
    gone = a_job(name="gone")
    ledger = LedgerView(KEY, released_jobs={j.address: a_release(j) for j in (then, gone)})
    app = an_app(jobs=(a_job("@hourly"), other))
    found = {job.name: job.schedule for job in rolled_back(app, ledger).jobs}
    assert found == {"report": "@daily", "other": other.schedule, "gone": gone.schedule}
    assert rolled_back(app, LedgerView(KEY)) is app


def test_without_a_declaration_it_counts_as_new():
    """A record whose job is gone has no timetable: when it comes back it is first seen."""
    record = JobRecord("report", timetable="@daily UTC").releasing("hash")
    assert (record.released, record.timetable) == ("hash", "@daily UTC")
    gone = record.releasing("")
    assert (gone.released, gone.timetable) == ("", "")
