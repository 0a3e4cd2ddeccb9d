"""Steps of a run on the fakes: what each answer of AWS leads to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from reconciler.aws.translate import from_code
from reconciler.model.errors import AccessDenied, OutcomeUnknown, Superseded
from reconciler.model.run import RunState
from tests.fakes.ecs_tasks import Nature
from tests.runs.stage import Stage
from tests.simulation.desired import Wish


class NoRoom(Nature):
    """A cluster without room for the first `times` launches."""

    def __init__(self, times: int) -> None:
        self.times = times

    def refuses(self, request: Mapping[str, Any]) -> str:
        self.times -= 1
        return "RESOURCE:MEMORY" if self.times >= 0 else ""


class Broken(Nature):
    """A command that always exits 3."""

    def exit_code(self) -> int:
        return 3


class Unpullable(Nature):
    """An image that cannot be pulled."""

    def fails_to_start(self) -> bool:
        return True


def test_run_goes_from_intent_to_success() -> None:
    """A new revision is intended, launched, seen running and recorded as succeeded, one step each."""
    stage = Stage()
    stage.steps(60)
    run = stage.run()
    assert stage.actions() == ["launching", "running", "succeeded"]
    assert (run.state, run.exit_code, run.evidence) == (RunState.SUCCEEDED, 0, "DescribeTasks")
    assert len(stage.ecs.tasks.commands.executions) == 1
    view = stage.view()
    assert view.active_run is None
    assert (view.migrations["db"].latest_revision, view.migrations["db"].when) == ("1", "before")


def test_step_of_a_succeeded_run_calls_nothing() -> None:
    """A succeeded revision costs no AWS call and no write, and asks for no other step."""
    stage = Stage()
    stage.steps(60)
    view, context = stage.view(), stage.context()
    stage.transport.calls.clear()
    from reconciler.runs.advance import advance

    assert advance(context, stage.migration.work, view).requeue_after is None
    assert stage.transport.calls == []


def test_failed_command_is_recorded_with_its_exit_code() -> None:
    """A command that exits 3 is a failed run, and is not started again by itself."""
    stage = Stage(Broken())
    stage.steps(600)
    run = stage.run()
    assert (run.state, run.exit_code) == (RunState.FAILED, 3)
    assert run.facts["stopCode"] == "EssentialContainerExited"
    assert len(stage.ecs.tasks.commands.executions) == 1


def test_attempt_in_git_repeats_a_failed_run() -> None:
    """`attempt: 2` in the files runs the failed revision once more, as attempt 2."""
    stage = Stage(Broken())
    stage.steps(60)
    stage.wish(Wish(attempt=2))
    stage.steps(60)
    assert (stage.run().attempt, stage.run().state) == (2, RunState.FAILED)
    assert len(stage.ecs.tasks.commands.executions) == 2


def test_placement_failure_is_relaunched_with_a_new_token() -> None:
    """After `failures[]` the claim is revoked and the next launch has another token."""
    stage = Stage(NoRoom(1))
    stage.steps(120)
    requests = [p for _, operation, p in stage.ecs.calls if operation == "RunTask"]
    assert len({r["clientToken"] for r in requests}) == len(requests) == 2
    assert stage.actions() == ["launching", "not started", "launching", "running", "succeeded"]


def test_five_launches_that_never_executed_are_a_failure() -> None:
    """An image that cannot be pulled is tried five times, then the run has failed and says why."""
    stage = Stage(Unpullable())
    stage.steps(3600)
    run = stage.run()
    assert (run.state, run.launch, run.evidence) == (RunState.FAILED, 4, "never executed")
    assert "CannotPullContainer" in run.reason
    assert stage.ecs.tasks.commands.executions == []


def test_missing_permission_is_raised_and_remembered_once() -> None:
    """AccessDenied for RunTask reaches the caller each time, is journaled once, and heals by itself."""
    stage = Stage()
    stage.step()
    stage.ecs.denied.add("RunTask")
    for _ in range(3):
        with pytest.raises(AccessDenied):
            stage.step()
    assert stage.actions() == ["launching", "launch refused"]
    assert "ecs:RunTask" in stage.run().reason
    stage.ecs.denied.clear()
    stage.steps(60)
    assert stage.run().state is RunState.SUCCEEDED


def test_invalid_request_ends_the_run_as_failed() -> None:
    """A RunTask that AWS calls invalid is revoked and failed: the same request cannot work later."""
    stage = Stage()
    stage.step()
    stage.ecs.definitions.clear()
    stage.steps(10)
    assert stage.run().state is RunState.FAILED
    assert "TaskDefinition not found" in stage.run().reason


def test_conflict_adopts_the_task_that_has_our_token() -> None:
    """ConflictException names the task of our token; it is adopted after its startedBy was checked."""
    stage = Stage()
    stage.step()
    sent = dict(stage.run().request)
    arn = stage.ecs.handle("RunTask", sent)["tasks"][0]["taskArn"]
    stage.timeline.advance(2)

    def conflict(service: str, operation: str, params: Mapping[str, Any]) -> None:
        if operation == "RunTask":
            raise from_code("ecs:RunTask", "ConflictException", response={"resourceIds": [arn]})

    stage.transport.before = conflict
    stage.step()
    assert (stage.run().state, stage.run().task_arn) == (RunState.RUNNING, arn)


def test_conflict_with_a_foreign_task_is_a_launch_that_never_ran() -> None:
    """A task with our token but another startedBy is not ours: the launch is revoked."""
    stage = Stage()
    stage.step()
    foreign = {**stage.run().request, "startedBy": "somebody", "clientToken": "other"}
    arn = stage.ecs.handle("RunTask", foreign)["tasks"][0]["taskArn"]
    stage.timeline.advance(2)

    def conflict(service: str, operation: str, params: Mapping[str, Any]) -> None:
        if operation == "RunTask":
            raise from_code("ecs:RunTask", "ConflictException", response={"resourceIds": [arn]})

    stage.transport.before = conflict
    stage.step()
    assert stage.run().state is RunState.NOT_STARTED


def test_timeout_stops_the_task_and_then_judges_it() -> None:
    """A migration past its timeout is STOPPING first; what the container exits with decides."""

    class Endless(Nature):
        def duration(self) -> float:
            return 9_000.0

    stage = Stage(Endless())
    stage.wish(Wish(), timeout=timedelta(seconds=60))
    stage.steps(300)
    assert stage.actions() == ["launching", "running", "stopping", "failed"]
    assert stage.run().exit_code == 137


def test_start_timeout_revokes_and_stops_what_never_claimed() -> None:
    """A task that stays pending past `startTimeout` is revoked, stopped, and the run is relaunched."""

    class Stuck(Nature):
        def __init__(self) -> None:
            self.boots = [90_000.0]

        def boot(self) -> float:
            return self.boots.pop() if self.boots else 5.0

    stage = Stage(Stuck())
    stage.wish(Wish(), start_timeout=timedelta(seconds=120))
    stage.steps(400)
    assert stage.run().state is RunState.SUCCEEDED
    assert [o for _, o, _ in stage.ecs.calls].count("StopTask") == 1
    assert stage.actions()[:3] == ["launching", "running", "not started"]


def test_older_revision_never_runs_by_itself() -> None:
    """After revision 2 has run, an absent revision 1 in git does nothing and says why."""
    stage = Stage()
    stage.wish(Wish("2"))
    stage.steps(60)
    stage.wish(Wish("1"))
    moved = stage.step()
    assert moved.requeue_after is None
    assert "older than 2" in moved.message
    assert len(stage.ecs.tasks.commands.executions) == 1


def test_unclaimed_launch_gives_way_to_a_new_revision() -> None:
    """A launch that nobody has claimed is cancelled when another revision is desired."""
    stage = Stage()
    stage.step()
    stage.wish(Wish("2"))
    stage.steps(60)
    assert (stage.run("1").state, stage.run("2").state) == (
        RunState.NOT_STARTED,
        RunState.SUCCEEDED,
    )


def test_active_run_is_driven_without_its_files() -> None:
    """A run in flight whose migration left the files is driven to its end all the same."""
    stage = Stage()
    stage.step()
    stage.step()
    stage.timeline.advance(60)
    stage.step(driven=True)
    assert stage.run().state is RunState.SUCCEEDED


def test_token_mode_never_sends_outside_its_window() -> None:
    """Without a guard, a RunTask whose bytes would leave after the window is held back."""
    stage = Stage(guard=False)
    stage.step()
    frozen = stage.transport.send

    def late(
        service: str, operation: str, params: Mapping[str, Any], before: Any
    ) -> dict[str, Any]:
        if operation == "RunTask":
            stage.timeline.advance(3600)
        return frozen(service, operation, params, before)

    stage.transport.send = late  # type: ignore[method-assign]
    with pytest.raises(Superseded):
        stage.step()
    assert "RunTask" not in [o for _, o, _ in stage.ecs.calls]
    stage.step()
    assert stage.run().state is RunState.UNKNOWN


def test_token_mode_watches_a_refused_launch_before_it_relaunches() -> None:
    """Without a claim cell `failures[]` is believed only after two minutes without a task."""
    stage = Stage(NoRoom(1), guard=False)
    stage.step()
    stage.step()
    assert stage.run().state is RunState.LAUNCHING
    stage.steps(300)
    assert stage.run().state is RunState.SUCCEEDED
    assert stage.run().launch == 1


def test_lost_answer_is_raised_and_the_next_step_sends_the_same() -> None:
    """A RunTask without an answer changes nothing in the ledger; its replay is byte for byte the same."""
    stage = Stage()
    stage.step()

    def lose(service: str, operation: str, params: Mapping[str, Any]) -> None:
        if operation == "RunTask":
            stage.timeline.advance(6)
            raise OutcomeUnknown("lost", operation="ecs:RunTask")

    stage.transport.after = lose
    with pytest.raises(OutcomeUnknown):
        stage.step()
    stage.transport.after = None
    stage.steps(60)
    requests = [p for _, operation, p in stage.ecs.calls if operation == "RunTask"]
    assert len(requests) > 1
    assert all(r == requests[0] for r in requests)
    assert len(stage.ecs.tasks.by_arn) == 1
    assert stage.run().state is RunState.SUCCEEDED
