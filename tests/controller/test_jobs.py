"""Facts about jobs under a controller: each occurrence once or never, whatever happens, and it is said why."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from reconciler.aws.door import Aws
from reconciler.controller import operator
from reconciler.model.due import CatchUp, Concurrency
from reconciler.model.errors import LeaseHeld
from reconciler.model.job import History
from reconciler.model.names import Address
from reconciler.model.run import RunKind, RunState
from reconciler.model.status import Health
from reconciler.runs import operate
from reconciler.runs.operate import Operator, Subject
from reconciler.runs.outcome import timed_out
from tests.controller.job_stage import ANN, JobLab
from tests.controller.lab import KEY, Controller
from tests.fakes.ecs_nature import Exits
from tests.plan.builders import a_migration

REPORT = Address("job", "report")


def line(controller: Controller) -> tuple[Health, str]:
    """Return how the job is said to be doing."""
    status = controller.reconcile().status
    assert status is not None
    (found,) = [r for r in status.resources if r.address == REPORT]
    return found.health, found.message


def test_nothing_of_the_past_runs_when_a_job_is_new() -> None:
    """The first pass writes down from when on it counts; the app is converged without a run."""
    lab = JobLab()
    controller = lab.controller()
    assert lab.told() == []
    floor = lab.record().floor
    assert floor is not None
    assert floor.strftime("%H:%M") == "09:30"
    assert (lab.record().timetable, lab.record().recent) == ("0 * * * * UTC", ())
    assert controller.did() != []


def test_each_occurrence_runs_once_at_its_time() -> None:
    """The controller wakes at the very second, starts it, and follows it to its verdict."""
    lab = JobLab()
    controller = lab.controller()
    lab.for_a_while(controller, hours=2, minutes=30)
    assert lab.started() == ["10:00", "11:00", "12:00"]
    # The lab begins at half past nine, and a task takes five seconds to start.
    assert all(5 <= (e.started - 1800) % 3600 < 8 for e in lab.commands())
    assert {ended.state for ended in lab.record().recent} == {RunState.SUCCEEDED}
    assert lab.ledger.unfinished == ()
    assert line(controller) == (Health.HEALTHY, "next run 2026-11-22 13:00 UTC")


def test_the_next_look_is_at_the_next_occurrence() -> None:
    """Between two occurrences a pass costs what it costs without a job, and asks for the next just then."""
    lab = JobLab()
    controller = lab.controller()
    lab.for_a_while(controller, minutes=20)
    controller.reconcile()  # with the look at tags and secrets that is due every ten minutes
    controller.transport.calls.clear()
    assert controller.reconcile().requeue_after == timedelta(minutes=40)
    calls = [f"{service}:{operation}" for service, operation, _ in controller.transport.calls]
    assert sorted(calls) == ["dynamodb:GetItem", "dynamodb:Query", "ecs:DescribeServices"]


def test_two_controllers_start_it_once() -> None:
    """The standby is refused; when the leader dies in the middle it goes on with the same run."""
    lab = JobLab(nature=Exits(seconds=300))
    leader, standby = lab.controller(), Controller(lab, "b")
    for _ in range(3):
        leader.reconcile()
        with pytest.raises(LeaseHeld):
            standby.reconcile()
    lab.controllers.remove(leader)
    lab.go_on(60)
    lab.for_a_while(standby, minutes=10)
    assert lab.started() == ["10:00"]
    assert lab.record().recent[0].state is RunState.SUCCEEDED


@pytest.mark.parametrize("passes", range(1, 9))
def test_a_takeover_after_any_pass_changes_nothing(passes: int) -> None:
    """Whoever takes over behind so many passes finishes the run that was begun, and starts no other."""
    lab = JobLab()
    controller = lab.controller()
    for _ in range(passes):
        wait = controller.reconcile().requeue_after
        lab.go_on(min(60.0, wait.total_seconds()) if wait else 0.0)
    successor = controller.crash()
    lab.for_a_while(successor, minutes=30)
    assert lab.started() == ["10:00"]
    assert [e.state for e in lab.record().recent] == [RunState.SUCCEEDED]


@pytest.mark.parametrize(
    ("catch_up", "deadline", "expected"),
    [
        (CatchUp.LATEST, None, ["20:00"]),
        (CatchUp.LATEST, timedelta(minutes=10), []),
        (CatchUp.ALL, timedelta(hours=3), ["18:00", "19:00", "20:00"]),
        (CatchUp.ALL, timedelta(hours=24), [f"{hour}:00" for hour in range(11, 21)]),
        (CatchUp.NONE, None, []),
    ],
)
def test_ten_missed_occurrences(
    catch_up: CatchUp, deadline: timedelta | None, expected: list[str]
) -> None:
    """A controller that was away over ten occurrences makes up for what the policy says, in order."""
    lab = JobLab(catch_up=catch_up, starting_deadline=deadline)
    controller = lab.controller()
    lab.for_a_while(controller, minutes=15)
    lab.job_story()
    lab.go_on(10.5 * 3600)
    lab.for_a_while(controller, minutes=10)
    assert lab.started()[1:] == expected
    skipped = [e for e in lab.entries() if e["action"] == "skipped"]
    assert sum(e["detail"]["count"] for e in skipped) == 10 - len(expected)
    assert all(e["cause"] for e in skipped)


def test_a_clock_that_goes_back_starts_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hours back: what was decided stays decided, and the next new occurrence is started."""
    lab = JobLab()
    controller = lab.controller()
    lab.for_a_while(controller, hours=2, minutes=10)
    assert lab.started() == ["10:00", "11:00", "12:00"]
    true_now = Aws.now
    monkeypatch.setattr(Aws, "now", lambda aws: true_now(aws) - timedelta(hours=2))
    lab.for_a_while(controller, hours=2, minutes=40)
    assert lab.started() == ["10:00", "11:00", "12:00"]
    lab.for_a_while(controller, minutes=20)
    assert lab.started() == ["10:00", "11:00", "12:00", "13:00"]


def test_a_clock_that_goes_ahead_starts_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hours ahead and then right again: no occurrence is started twice."""
    lab = JobLab()
    controller = lab.controller()
    true_now = Aws.now
    with monkeypatch.context() as patch:
        patch.setattr(Aws, "now", lambda aws: true_now(aws) + timedelta(hours=2))
        lab.for_a_while(controller, minutes=10)
    lab.for_a_while(controller, hours=3)
    assert lab.started() == sorted(set(lab.started()))
    assert lab.started()[0] == "12:00"
    assert lab.started()[-1] == "13:00"


def test_a_second_trigger_after_the_run_ended_does_nothing() -> None:
    """The key is remembered: asked again a minute after the end, its run is what is answered."""
    lab = JobLab()
    controller = lab.controller()
    lab.for_a_while(controller, minutes=10)
    assert operate.trigger(lab.store, "report", "k1", ANN) is None
    assert operate.trigger(lab.store, "report", "k1", ANN) is None
    lab.for_a_while(controller, minutes=5)
    assert lab.told()[1:] == ["manual-k1"]
    lab.for_a_while(controller, minutes=1)
    again = operate.trigger(lab.store, "report", "k1", ANN)
    assert again is not None
    assert again.state is RunState.SUCCEEDED
    lab.for_a_while(controller, minutes=5)
    assert lab.told()[1:] == ["manual-k1"]
    assert lab.commands()[1].environment["JOB_SCHEDULED_AT"].startswith("2026-11-22T10:10:")


def test_a_failed_attempt_is_repeated_after_its_backoff() -> None:
    """Each attempt is its own in the ledger; the command is told its number and the same occurrence."""
    lab = JobLab(nature=Exits(1, 1), retries=2, backoff=timedelta(minutes=1))
    controller = lab.controller()
    lab.for_a_while(controller, minutes=30)
    assert lab.started() == ["10:00"] * 3
    assert [e.environment["JOB_ATTEMPT"] for e in lab.commands()] == ["1", "2", "3"]
    first, second, third = (e.started for e in lab.commands())
    assert second - first >= 60
    assert third - second >= 120
    assert lab.record().recent[0].state is RunState.SUCCEEDED


def test_a_failed_run_is_said_and_leaves_the_app_well() -> None:
    """The job is Degraded with the command to look; the app is Healthy, and apply's code stays 0."""
    lab = JobLab(nature=Exits(3))
    controller = lab.controller()
    lab.for_a_while(controller, minutes=10)
    status = controller.reconcile().status
    assert status is not None
    assert (status.health, status.exit_code, status.converged) == (Health.HEALTHY, 0, True)
    health, message = line(controller)
    assert health is Health.DEGRADED
    assert re.fullmatch(r"2026-11-22T\d\d:00:00Z failed; next run 2026-11-22 \d\d:00 UTC", message)
    lab.for_a_while(controller, hours=1)
    assert line(controller)[0] is Health.HEALTHY


@pytest.mark.parametrize(
    ("concurrency", "expected", "at_once"),
    [
        (Concurrency.FORBID, ["10:00", "11:00"], 1),
        (Concurrency.ALLOW, ["10:00", "11:00", "12:00"], 2),
        (Concurrency.REPLACE, ["10:00", "11:00", "12:00"], 1),
    ],
)
def test_a_run_that_is_longer_than_its_hour(
    concurrency: Concurrency, expected: list[str], at_once: int
) -> None:
    """Forbid waits for its end and takes the latest; allow starts beside it; replace stops it first."""
    lab = JobLab(
        nature=Exits(seconds=115 * 60), concurrency=concurrency, timeout=timedelta(hours=4)
    )
    controller = lab.controller()
    lab.for_a_while(controller, hours=2, minutes=20)
    assert lab.started() == expected
    commands = lab.commands()
    overlaps = [
        sum(1 for o in commands if o.started <= e.started < (o.ended or 1e12)) for e in commands
    ]
    assert max(overlaps) == at_once


def test_forbid_takes_the_latest_when_the_long_run_ends() -> None:
    """An occurrence that waited runs as soon as the one before it has ended."""
    lab = JobLab(nature=Exits(seconds=75 * 60), timeout=timedelta(hours=4))
    controller = lab.controller()
    lab.for_a_while(controller, hours=1, minutes=5)
    assert "a run of it is under way" in line(controller)[1]
    lab.for_a_while(controller, minutes=15)
    assert lab.started() == ["10:00", "11:00"]


def test_jobs_hold_while_a_migration_has_failed_and_go_on_after() -> None:
    """They say for which one; once it has succeeded the latest occurrence runs."""
    lab = JobLab(nature=Exits(1))
    controller = lab.controller()
    lab.say(beside={"migrations": (a_migration("1"),)})
    lab.for_a_while(controller, hours=1, minutes=10)
    assert lab.told() == []
    health, said = line(controller)
    assert (health, said) == (Health.HEALTHY, "a run is due (blocked by migration/db)")
    subject = Subject(lab.store, "production", "db", "1", RunKind.MIGRATION)
    operate.retry(subject, Operator("arn:ann", "mended"))
    lab.for_a_while(controller, minutes=5)
    assert lab.started() == ["11:00"]


def test_a_run_under_way_is_watched_while_a_migration_holds_its_job() -> None:
    """What may be alive is followed to its verdict; its next attempt waits for the migration."""
    lab = JobLab(nature=Exits(1, 1), retries=1)
    controller = lab.controller()
    lab.for_a_while(controller, seconds=10)
    assert lab.started() == ["10:00"]
    lab.say(beside={"migrations": (a_migration("1"),)})
    lab.for_a_while(controller, minutes=20)
    assert lab.started() == ["10:00"]
    (run,) = lab.ledger.unfinished_runs
    assert run.state is RunState.FAILED


def test_a_suspended_app_starts_no_job_and_makes_up_for_it_later() -> None:
    """Hands off: no start and no skip; `resume` goes on with the catch-up policy."""
    lab = JobLab()
    controller = lab.controller()
    lab.for_a_while(controller, minutes=10)
    word = operator.suspension_now("holiday", "ann", lab.timeline.now())
    session = lab.store.operator(lab.ledger, "arn:ann")
    operator.suspend(session, lab.ledger, word, "job/report")
    floor = lab.record().floor
    lab.for_a_while(controller, hours=3)
    assert lab.started() == ["10:00"]
    assert lab.record().floor == floor
    operator.resume(lab.store.operator(lab.ledger, "arn:ann"), lab.ledger, "", "ann")
    lab.for_a_while(controller, minutes=5)
    assert lab.started() == ["10:00", "13:00"]


def test_a_job_that_is_suspended_in_the_files_makes_up_for_nothing() -> None:
    """What it misses is skipped and said; a trigger by hand runs all the same."""
    lab = JobLab(suspended=True)
    controller = lab.controller()
    lab.for_a_while(controller, hours=2, minutes=5)
    assert lab.told() == []
    assert "skipped: the job was suspended" in lab.job_story()
    operate.trigger(lab.store, "report", "now", ANN)
    lab.for_a_while(controller, minutes=5)
    lab.say(suspended=False)
    lab.for_a_while(controller, minutes=40)
    assert lab.told() == ["manual-now"]
    lab.for_a_while(controller, minutes=20)
    assert lab.started()[1:] == ["13:00"]


def test_another_schedule_counts_from_when_it_is_seen() -> None:
    """A new timetable is a difference, is written down, and nothing of its past runs."""
    lab = JobLab("0 1 1 1 *")
    controller = lab.controller()
    lab.say("30 * * * *")
    result = controller.reconcile()
    assert result.status is not None
    assert not result.status.converged
    lab.for_a_while(controller, minutes=10)
    assert lab.told() == []
    assert lab.job_story()[:1] == ["scheduled: its schedule is another now"]
    lab.for_a_while(controller, minutes=30)
    assert lab.started() == ["10:30"]


def test_a_job_that_left_the_files_ends_and_starts_no_more() -> None:
    """Its run is driven to a verdict, without another attempt."""
    lab = JobLab(nature=Exits(1), retries=3)
    controller = lab.controller()
    lab.for_a_while(controller, seconds=10)
    lab.files = lab.files.__class__(**{**vars(lab.files), "jobs": (), "content_hash": "f" * 64})
    lab.for_a_while(controller, hours=2)
    assert lab.started() == ["10:00"]
    assert lab.ledger.unfinished == ()
    assert lab.record().recent[0].state is RunState.FAILED


def test_the_next_attempt_and_the_next_run_use_the_files_as_they_are_now() -> None:
    """A job needs no step of its own when its image changes: what starts next runs it."""
    lab = JobLab(tag="1")
    controller = lab.controller()
    lab.for_a_while(controller, minutes=10)
    lab.say(tag="2")
    lab.for_a_while(controller, hours=1)
    names = [run.request["taskDefinition"] for run in lab.store.runs(RunKind.JOB, "report")]
    found = [lab.ecs.definition(name) for name in names]
    images = [
        next(c["image"] for c in d["containerDefinitions"] if c["name"] == "report")[-1:]
        for d in found
        if d is not None
    ]
    assert images == ["2", "1"]


def test_another_timeout_counts_from_the_next_launch() -> None:
    """What runs keeps what it was launched with; no change of a job stops or starts anything."""
    lab = JobLab(nature=Exits(seconds=20 * 60), timeout=timedelta(hours=1))
    controller = lab.controller()
    lab.for_a_while(controller, minutes=2)
    lab.say(timeout=timedelta(minutes=1), retries=1)
    lab.for_a_while(controller, minutes=40)
    assert lab.started() == ["10:00"]
    assert [ended.state for ended in lab.record().recent] == [RunState.SUCCEEDED]
    lab.for_a_while(controller, minutes=40)
    newest = lab.store.runs(RunKind.JOB, "report")[0]
    assert (newest.revision[11:16], newest.timeout_seconds, timed_out(newest)) == (
        "11:00",
        60,
        True,
    )


def test_who_does_not_stay_begins_nothing() -> None:
    """A process that begins no occurrences passes over none, and does not wait for the next."""
    lab = JobLab()
    controller = lab.controller()
    controller.reconciler.begins = frozenset()
    lab.go_on(3600)
    result = controller.reconcile()
    assert (lab.told(), result.requeue_after) == ([], None)
    assert result.status is not None
    assert result.status.converged
    controller.reconciler.begins = frozenset({"manual-k"})
    operate.trigger(lab.store, "report", "k", ANN)
    for _ in range(6):
        controller.reconcile()
        lab.go_on(2)
    assert lab.told() == ["manual-k"]


def test_history_keeps_as_many_as_the_files_say() -> None:
    """Older runs are forgotten, the newest ones stay."""
    lab = JobLab(history=History(2, 1))
    controller = lab.controller()
    lab.for_a_while(controller, hours=4, minutes=30)
    kept = [run.revision[11:16] for run in lab.store.runs(RunKind.JOB, "report")]
    assert kept == ["14:00", "13:00"]


def test_a_stopped_run_is_not_repeated() -> None:
    """Asked to stop, it is stopped, and its attempts are over."""
    lab = JobLab(nature=Exits(143, seconds=1200), retries=3)
    controller = lab.controller()
    lab.for_a_while(controller, seconds=20)
    (run,) = lab.ledger.unfinished_runs
    operate.stop(Subject(lab.store, "production", "report", run.revision, RunKind.JOB), ANN)
    lab.for_a_while(controller, minutes=30)
    assert lab.started() == ["10:00"]
    assert lab.ledger.unfinished == ()
    assert lab.ledger.key == KEY
