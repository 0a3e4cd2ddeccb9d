"""The steps of jobs: what is due, what waits and why; the same snapshot gives the same step."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.due import CatchUp, Concurrency
from reconciler.model.job import Ended, JobRecord, Trigger, occurrence
from reconciler.model.names import Address
from reconciler.model.observed import LedgerView, ObservedApp
from reconciler.model.plan import JobRequest, Plan, Step, Verb
from reconciler.model.release import Release
from reconciler.model.run import Run, RunKind, RunState
from reconciler.model.status import Health, Sync
from reconciler.model.suspension import Suspension
from reconciler.plan.assess import assess
from reconciler.plan.digest import digest_of
from reconciler.plan.job_release import declaration
from reconciler.plan.planner import make_plan
from tests.plan.builders import EPOCH, KEY, a_job, a_migration, a_run, an_app, digest, image, only

REPORT = Address("job", "report")
THREE = EPOCH + timedelta(hours=3)
TIMETABLE = "0 3 * * * UTC"


def seen(now: datetime = EPOCH, record: JobRecord | None = None, **ledger: Any) -> ObservedApp:
    """Return what is observed at a moment; the job's floor is the beginning of the day."""
    known = record or JobRecord("report", floor=EPOCH, timetable=TIMETABLE)
    view = LedgerView(
        key=KEY, jobs={"report": known}, pins={image("1"): digest(image("1"))}, **ledger
    )
    return ObservedApp(KEY, {}, {}, images={image("1"): digest(image("1"))}, ledger=view, now=now)


def with_runs(observed: ObservedApp, *runs: Run) -> ObservedApp:
    """Add runs that are not over."""
    keys = tuple(run.item_key for run in runs)
    ledger = replace(observed.ledger, unfinished=keys, runs=dict(zip(keys, runs, strict=True)))
    return replace(observed, ledger=ledger)


def occurring(state: RunState, at: datetime = EPOCH, **fields: Any) -> Run:
    """Return a run of the job."""
    return a_run(state, occurrence(at), name="report", kind=RunKind.JOB, **fields)


def plan_of(observed: ObservedApp, *, migrations: Any = (), **job: Any) -> Plan:
    """Plan the app of one job."""
    return make_plan(an_app(jobs=(a_job(**job),), migrations=migrations), observed)


def step_of(observed: ObservedApp, **job: Any) -> Step:
    """Return the job's step."""
    (step,) = [s for s in plan_of(observed, **job).steps if s.address == Address("job", "report")]
    return step


def request_of(observed: ObservedApp, **job: Any) -> JobRequest:
    """Return what the job's step asks for."""
    request = step_of(observed, **job).request
    assert isinstance(request, JobRequest)
    return request


def test_a_new_job_is_a_difference_and_counts_from_now() -> None:
    """It is created, with its schedule as the change; no occurrence of the past is due."""
    observed = seen(THREE + timedelta(hours=1), JobRecord("report"))
    step = step_of(observed)
    assert (step.verb, step.is_difference) == (Verb.CREATE, True)
    assert step.summary == "next run 2026-11-23 03:00 UTC"
    request = request_of(observed)
    assert request.skip is not None
    assert (request.skip.through, request.start) == (observed.now, None)


def test_a_saved_plan_of_a_new_job_stays_the_plan() -> None:
    """What time it is when it is carried out makes no other plan of it."""
    plans = [plan_of(seen(EPOCH + timedelta(hours=h), JobRecord("report"))) for h in (1, 20)]
    assert digest_of(plans[0]) == digest_of(plans[1])


def test_a_job_in_sync_says_its_next_run_in_its_zone() -> None:
    """Between two occurrences nothing differs, and it is known when that changes."""
    record = JobRecord("report", floor=EPOCH, timetable="0 3 * * * Asia/Tokyo")
    observed = seen(EPOCH + timedelta(hours=1), record)
    step = step_of(observed, time_zone="Asia/Tokyo")
    assert (step.verb, step.summary) == (Verb.NONE, "next run 2026-11-23 03:00 JST")
    assert request_of(observed, time_zone="Asia/Tokyo").look_again == EPOCH + timedelta(hours=18)


def test_what_is_due_runs_and_is_no_difference() -> None:
    """`diff` is 0 at three o'clock; the work is of that very occurrence."""
    observed = seen(THREE)
    plan = plan_of(observed)
    (step,) = plan.steps
    assert (step.verb, plan.in_sync, plan.acts) == (Verb.RUN, True, False)
    assert step.summary == "run 2026-11-22 03:00 UTC"
    start = request_of(observed).start
    assert start is not None
    assert (start.revision, start.scheduled_at) == (occurrence(THREE), occurrence(THREE))


def test_replace_names_what_has_to_end_first() -> None:
    """The runs under way are asked to stop; with an unknown one among them a person is asked."""
    running = occurring(RunState.RUNNING)
    observed = with_runs(seen(THREE), running)
    request = request_of(observed, concurrency=Concurrency.REPLACE)
    assert request.stop == (running.item_key,)
    lost = with_runs(seen(THREE), occurring(RunState.UNKNOWN, reason="host lost"))
    assert step_of(lost, concurrency=Concurrency.REPLACE).verb is Verb.HOLD


def test_forbid_waits_and_says_for_what() -> None:
    """The run under way is named, and what is due waits for its end."""
    step = step_of(with_runs(seen(THREE), occurring(RunState.RUNNING)))
    assert step.verb is Verb.WAIT
    assert "2026-11-22 00:00 UTC is running; a run of it is under way" in step.summary
    assert isinstance(step.request, JobRequest)
    assert step.request.start is None


def test_an_unknown_run_says_how_to_settle_it() -> None:
    """It is held, the job is Unknown, and the app is well."""
    observed = with_runs(seen(), occurring(RunState.UNKNOWN, reason="host lost"))
    app = an_app(jobs=(a_job(),))
    plan = make_plan(app, observed)
    (step,) = plan.steps
    assert step.verb is Verb.HOLD
    assert any("job resolve report 2026-11-22T00:00:00Z --as" in note for note in step.notes)
    status = assess(app, observed, plan)
    assert (status.sync, status.health, status.exit_code) == (Sync.SYNCED, Health.HEALTHY, 0)
    assert status.resources[0].health is Health.UNKNOWN


def test_a_failed_last_run_is_noted() -> None:
    """With the command that shows its log; the next run is as due as ever."""
    ended = Ended(occurrence(EPOCH), RunState.FAILED, EPOCH)
    record = JobRecord("report", floor=EPOCH, recent=(ended,), timetable=TIMETABLE)
    step = step_of(seen(EPOCH, record))
    assert step.verb is Verb.NONE
    assert "job logs report 2026-11-22T00:00:00Z" in step.notes[0]


def test_a_migration_that_has_not_succeeded_holds_what_is_due() -> None:
    """The step is there, and blocked by the migration; nothing is asked for."""
    app = an_app(jobs=(a_job(),), migrations=(a_migration(),))
    step = make_plan(app, seen(THREE)).steps[-1]
    assert (step.verb, step.blocked_by) == (Verb.RUN, ("migration/db",))
    assert isinstance(step.request, JobRequest)
    assert (step.request.start, step.request.held) == (None, True)


def test_a_job_that_is_held_says_so_before_anything_is_due() -> None:
    """Whoever looks at night sees that the run of the morning would not start, and behind what."""
    record = JobRecord("report", floor=EPOCH, timetable=a_job().timetable)
    app = an_app(jobs=(a_job(),), migrations=(a_migration(),))
    step = make_plan(app, seen(EPOCH + timedelta(hours=1), record)).steps[-1]
    assert step.verb is Verb.NONE
    assert step.summary == "next run 2026-11-22 03:00 UTC; held: migration/db"


def test_a_missing_image_holds_the_job_alone() -> None:
    """The services of the release go on: their steps are not blocked by it."""
    app = an_app(jobs=(a_job(tag="9"),), migrations=(a_migration(),))
    migration, job = make_plan(app, seen(THREE)).steps
    assert not migration.blocked
    assert any("image not found" in reason for reason in job.blocked_by)


def test_a_suspended_app_asks_for_nothing() -> None:
    """Neither a start nor a skip, whatever is due."""
    word = Suspension(reason="holiday", by="ann", at="2026-11-22T00:00:00+00:00")
    step = step_of(seen(THREE, suspension=word))
    assert step.request is None
    assert step.summary == "no run starts before it is resumed"


def test_a_trigger_comes_before_the_schedule() -> None:
    """A run by hand is begun first; it is told when it was asked for."""
    asked = Trigger("k", "arn:ann", THREE, "month end")
    record = JobRecord("report", floor=EPOCH, requests=(asked,), timetable=TIMETABLE)
    start = request_of(seen(THREE, record)).start
    assert start is not None
    assert (start.revision, start.scheduled_at) == ("manual-k", occurrence(THREE))
    assert start.cause == "trigger by arn:ann: month end"


def test_a_new_image_is_said_to_be_used_next() -> None:
    """An image that the ledger has not pinned is new to the job."""
    observed = seen()
    new = replace(observed, images={**observed.images, image("2"): digest(image("2"))})
    assert step_of(new, tag="2").notes == (f"the next run uses {image('2')}, which is new",)


POLICIES = st.fixed_dictionaries(
    {
        "catch_up": st.sampled_from(CatchUp),
        "concurrency": st.sampled_from(Concurrency),
        "starting_deadline": st.none() | st.integers(1, 50).map(lambda h: timedelta(hours=h)),
        "suspended": st.booleans(),
    }
)


@given(
    hours=st.integers(0, 400),
    floor=st.integers(0, 300),
    words=POLICIES,
    state=st.none() | st.sampled_from(RunState),
)
def test_planning_twice_gives_the_same_and_never_what_is_decided(
    hours: int, floor: int, words: dict[str, Any], state: RunState | None
) -> None:
    """One snapshot has one plan; nothing at or before the floor, or in the future, is started or skipped."""
    decided = EPOCH + timedelta(hours=floor)
    record = JobRecord("report", floor=decided, timetable=TIMETABLE)
    observed = seen(EPOCH + timedelta(hours=hours), record)
    if state is not None:
        observed = with_runs(observed, occurring(state, decided))
    first = plan_of(observed, **words)
    assert first == plan_of(observed, **words)
    request = first.steps[0].request
    assert isinstance(request, JobRequest)
    now = observed.now
    assert now is not None
    if request.start is not None:
        assert occurrence(decided) < request.start.revision <= occurrence(now)
        assert not words["suspended"]
    if request.skip is not None:
        assert decided < request.skip.through <= now
    assert first.in_sync


def test_under_a_rollback_a_job_waits_only_for_a_migration_that_runs():
    """Not for one that the files ask for: what it was ran beside this schema."""
    then = Release(REPORT, 7, 1, "c1", "", "", declaration(a_job(), {}))
    suspension = Suspension("rolled back", "me", "", rolled_back={"job/report": 7})
    under = {"suspension": suspension, "released_jobs": {REPORT: then}}
    asked = (a_migration("7"),)
    free = only(plan_of(seen(THREE, **under), migrations=asked), "job/report")
    assert (free.verb, free.blocked_by) == (Verb.RUN, ())
    run = a_run(RunState.RUNNING, "7")
    running = {"active_run": run.item_key, "runs": {run.item_key: run}}
    held = only(plan_of(seen(THREE, **under, **running), migrations=asked), "job/report")
    assert held.blocked_by == ("migration/db",)
    at_rest = only(plan_of(seen(THREE, suspension=suspension), migrations=asked), "job/report")
    assert at_rest.verb is Verb.NONE
