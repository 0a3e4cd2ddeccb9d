"""Runs of jobs and tasks: the same steps as a migration's, without its slot, with an end of their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.errors import Superseded
from reconciler.model.job import Ended, History, JobRecord, occurrence, occurrence_by_hand
from reconciler.model.run import RunKind, RunState
from reconciler.model.work import Work
from reconciler.runs import operate, transitions
from reconciler.runs.advance import advance
from reconciler.runs.occurrences import Skip, skip
from reconciler.runs.transitions import At
from tests.fakes.ecs_nature import Exits
from tests.fakes.ecs_tasks import Nature
from tests.runs.kinds_stage import ANN, AT_THREE, AT_TWO, Kinds, NoRoom
from tests.simulation.desired import KEY


def test_an_occurrence_runs_once_and_is_remembered() -> None:
    """Intent, launch, verdict: the slot stays free, the floor is at it, the list is empty again."""
    stage = Kinds()
    work = stage.job()
    stage.take(work)
    view = stage.store.read()
    assert (view.active_run, view.unfinished) == (None, (str(work.key),))
    assert [run.key for run in view.unfinished_runs] == [work.key]
    run = stage.drive(work, 60)
    assert (run.state, run.over, run.exit_code) == (RunState.SUCCEEDED, True, 0)
    assert stage.journal_of("job/report") == ["launching", "running", "succeeded"]
    record = stage.record()
    assert record.floor == AT_TWO
    assert record.recent == (Ended(work.revision, RunState.SUCCEEDED, record.recent[0].at),)
    assert stage.store.read().unfinished == ()
    stage.drive(work, 600)
    assert stage.executions() == 1


def test_the_command_is_told_its_occurrence() -> None:
    """Name, occurrence, instant and attempt are in the frozen request, and the claim is a job's."""
    stage = Kinds()
    stage.take(stage.job())
    user, guard = stage.stored(stage.job()).request["overrides"]["containerOverrides"]
    assert {e["name"]: e["value"] for e in user["environment"]} == {
        "JOB_NAME": "report",
        "JOB_OCCURRENCE": "2025-11-22T02:00:00Z",
        "JOB_SCHEDULED_AT": "2025-11-22T02:00:00Z",
        "JOB_ATTEMPT": "1",
    }
    told = {e["name"]: e["value"] for e in guard["environment"]}
    assert told["RECONCILER_CLAIM_KEY"] == f"occ#{KEY}/report#2025-11-22T02:00:00Z#1#0"


def test_a_job_runs_beside_a_migration() -> None:
    """The slot is the migrations': a job starts while one is in flight, and leaves it to it."""
    stage = Kinds(Exits(seconds=600))
    stage.steps(30)
    assert stage.view().active_run == "MIG#db#1"
    stage.drive(stage.job(), 60)
    view = stage.store.read()
    assert (view.active_run, view.unfinished) == ("MIG#db#1", (str(stage.job().key),))
    assert stage.executions() == 2


def test_what_was_decided_is_never_started() -> None:
    """An occurrence at or before the floor does not start, even when its item is gone."""
    stage = Kinds()
    stage.drive(stage.job(), 60)
    partition = {"pk": {"S": f"A#{KEY}"}}
    stage.dynamodb.drop("reconciler-state", {**partition, "sk": {"S": str(stage.job().key)}})
    for work in (stage.job(), stage.job(AT_TWO - timedelta(hours=1))):
        moved = stage.take(work)
        assert (moved.requeue_after, moved.message) == (None, "decided before")
    assert stage.executions() == 1


def test_a_failed_attempt_is_followed_by_the_next() -> None:
    """Each retry is an attempt of its own after a growing backoff; then the run is over as failed."""
    stage = Kinds(Exits(1, 1, 1, 0))
    work = stage.job()
    failed = stage.drive(work, 40)
    assert (failed.state, failed.attempt, failed.unfinished) == (RunState.FAILED, 1, True)
    moved = stage.take(work)
    assert moved.message.startswith("attempt 2 in ")
    last = stage.drive(work, 600)
    assert (last.state, last.attempt, last.over) == (RunState.FAILED, 3, True)
    assert stage.executions() == 3
    assert [e.state for e in stage.record().recent] == [RunState.FAILED]
    tokens = {p["clientToken"] for _, o, p in stage.ecs.calls if o == "RunTask"}
    assert len(tokens) == 3


def test_each_attempt_is_remembered_with_its_task() -> None:
    """As of an attempt the run names that one's task and end; of one that never was there is none."""
    stage = Kinds(Exits(1, 2, 0))
    run = stage.drive(stage.job(), 600)
    ended = [run.as_of(number) for number in (1, 2, 3)]
    assert [(r.attempt, r.state, r.exit_code) for r in ended if r] == [
        (1, RunState.FAILED, 1),
        (2, RunState.FAILED, 2),
        (3, RunState.SUCCEEDED, 0),
    ]
    assert len({r.task_arn for r in ended if r}) == 3
    assert run.as_of(4) is None


def replace_it(stage: Kinds, work: Work) -> None:
    """Say that a later occurrence takes this one's place."""
    view = stage.store.read([work.key])
    stage.session.rebase(view)
    at = At(KEY, stage.aws.now(), "replace", view.jobs.get(work.name))
    transitions.stop_asked(at, view.runs[str(work.key)], "replaced by another").to(stage.session)


def test_a_replaced_launch_is_taken_back_for_free() -> None:
    """Before anybody claims it, the claim is revoked: nothing executes, nothing follows."""
    stage = Kinds()
    stage.take(stage.job())
    replace_it(stage, stage.job())
    run = stage.drive(stage.job(), 300)
    assert (run.state, run.over, run.reason) == (RunState.FAILED, True, "replaced by another")
    assert stage.executions() == 0
    assert stage.store.read().unfinished == ()


def test_a_replaced_run_is_stopped_and_not_repeated() -> None:
    """A running one is stopped; how it ends is recorded, and its other attempts are given up."""
    stage = Kinds(Exits(seconds=600))
    stage.drive(stage.job(), 30)
    replace_it(stage, stage.job())
    run = stage.drive(stage.job(), 600)
    assert (run.state, run.exit_code, run.attempt, run.over) == (RunState.FAILED, 137, 1, True)
    assert run.reason == "container app exited 137; replaced by another"
    actions = stage.journal_of("job/report")
    assert actions == ["launching", "running", "stop asked", "stopping", "failed"]
    assert stage.executions() == 1


@pytest.mark.parametrize("nature", [NoRoom(), Exits(1, 1, 1)])
def test_a_job_that_left_the_files_ends(nature: Nature) -> None:
    """Neither launches nor attempts follow once nobody wants the job; its run is over, and says so."""
    stage = Kinds(nature)
    stage.drive(stage.job(), 40)
    started = stage.executions()
    run = stage.drive(stage.job().key, 5)
    assert (run.state, run.over) == (RunState.FAILED, True)
    assert stage.executions() == started


def test_a_task_is_left_to_its_starter_for_a_while() -> None:
    """A controller does not give up a task that its starter may launch again, until that is gone."""
    stage = Kinds(NoRoom())
    work = replace(stage.task(), most_launches=5)
    stage.take(work)
    stage.take(work)
    assert stage.drive(work.key, 600).state is RunState.NOT_STARTED
    run = stage.drive(work.key, 600)
    assert (run.state, run.over) == (RunState.FAILED, True)


def test_a_task_that_could_not_start_fails_with_the_reason() -> None:
    """With one launch there is no second try: ECS's own reason is the run's."""
    stage = Kinds(NoRoom())
    run = stage.drive(stage.task(), 60)
    assert (run.state, run.over, run.launch) == (RunState.FAILED, True, 0)
    assert run.reason == "ECS could not place the task: RESOURCE:MEMORY"


def test_what_is_skipped_is_decided() -> None:
    """Skipping moves the floor, journaled with its reason; it never goes back and never twice."""
    stage = Kinds()
    record = skip(stage.session, JobRecord("report"), Skip(AT_THREE, "controller was down", 2))
    assert record == stage.record()
    assert skip(stage.session, record, Skip(AT_TWO, "late")) == record
    (entry,) = stage.store.journal(address="job/report")
    assert entry.content["action"] == "skipped"
    assert entry.content["detail"] == {"through": "2025-11-22T03:00:00Z", "count": 2}
    assert stage.take(stage.job(AT_THREE)).message == "decided before"


def test_history_forgets_the_oldest_of_each_sort() -> None:
    """So many succeeded and failed runs stay; the others are marked for deletion, and not shown."""
    stage = Kinds(Exits(0, 1, 0, 0, 1))
    small = History(succeeded=2, failed=1)
    works = [
        replace(stage.job(AT_TWO + timedelta(hours=n), history=small), most_attempts=1)
        for n in range(5)
    ]
    for work in works:
        stage.drive(work, 60)
    kept = [works[4].revision, works[3].revision, works[2].revision]
    assert [run.revision for run in stage.store.runs(RunKind.JOB, "report")] == kept
    assert {e.occurrence for e in stage.record().recent} == set(kept)
    assert stage.store.runs(RunKind.JOB, "repo") == []
    stored = {i["sk"]: i for i in stage.dynamodb.items("reconciler-state")}
    assert stored[str(works[0].key)]["exp"] <= stage.aws.now().timestamp()
    assert "exp" not in stored[str(works[4].key)]


def test_history_never_forgets_a_run_by_hand() -> None:
    """It leaves the list of the last ones, but its item stays: its key is never used twice."""
    stage = Kinds()
    small = History(succeeded=1, failed=1)
    by_hand = stage.job(occurrence_by_hand("k"), history=small)
    for work in (by_hand, stage.job(history=small), stage.job(AT_THREE, history=small)):
        stage.drive(work, 60)
    assert [e.occurrence for e in stage.record().recent] == [occurrence(AT_THREE)]
    found = operate.trigger(stage.store, "report", "k", ANN)
    assert found == stage.stored(by_hand)
    assert by_hand.revision in {run.revision for run in stage.store.runs(RunKind.JOB)}


def test_several_runs_may_begin_on_one_snapshot() -> None:
    """Runs of different jobs begin in one pass: HEAD's list is the session's own, not the snapshot's."""
    stage = Kinds()
    view = stage.store.read()
    stage.session.rebase(view)
    works = [replace(stage.job(), name=name) for name in ("one", "two")]
    for work in works:
        advance(stage.context(), work, view)
    assert set(stage.store.read().unfinished) == {str(work.key) for work in works}


def test_one_job_begins_once_on_one_snapshot() -> None:
    """Two occurrences of a job cannot both be decided on the same record."""
    stage = Kinds()
    view = stage.store.read()
    stage.session.rebase(view)
    advance(stage.context(), stage.job(), view)
    with pytest.raises(Superseded, match="L#JOB#report"):
        advance(stage.context(), stage.job(AT_THREE), view)


def test_a_starter_without_the_lease_drives_its_task() -> None:
    """An operator's session commits every transition, while a controller holds the app's lease."""
    stage = Kinds()
    stage.session = stage.store.operator(stage.store.read(), ANN.arn)
    run = stage.drive(stage.task(), 60)
    assert (run.state, run.over) == (RunState.SUCCEEDED, True)
    assert {e.content["who"] for e in stage.store.journal(address="task/web")} == {ANN.arn}
    assert stage.store.read().owner == stage.member.id


def test_a_task_that_its_starter_left_keeps_its_cause() -> None:
    """What a controller writes down about it was caused by `task run`, not by the files."""
    stage = Kinds(Exits(0, seconds=5))
    work = stage.task(cause="task run")
    stage.take(work)
    stage.drive(work, 60, wanted=False)
    entries = stage.store.journal(address=str(work.address))
    assert {entry.content["cause"] for entry in entries} == {"task run"}


def test_of_starter_and_controller_one_takes_the_step() -> None:
    """Both decide on one snapshot: the second loses on the journal's number, and nothing runs twice."""
    stage = Kinds()
    work, controller = stage.task(), stage.session
    stage.take(work)
    view = stage.store.read()
    controller.rebase(view)
    (run,) = view.unfinished_runs
    stage.session = stage.store.operator(view, ANN.arn)
    advance(stage.context(), work, view, run)
    stage.session = controller
    with pytest.raises(Superseded):
        advance(stage.context(), None, view, run)
    assert stage.drive(work.key, 60, wanted=False).state is RunState.SUCCEEDED
    assert stage.executions() == 1
