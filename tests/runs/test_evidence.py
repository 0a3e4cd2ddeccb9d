"""What ECS shows of a task, boiled down."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.errors import UnexpectedAnswer
from reconciler.model.run import TaskPhase
from reconciler.runs.evidence import find, look_at, sighting
from tests.fakes.ecs_tasks import Nature
from tests.runs.stage import Stage


def test_task_that_is_not_visible_yet_is_missing() -> None:
    """Right after RunTask DescribeTasks may answer MISSING: that is no verdict."""
    stage = Stage()
    stage.step()
    stage.step()
    arn = stage.run().task_arn or ""
    assert look_at(stage.aws, "production", arn).phase is TaskPhase.MISSING
    stage.timeline.advance(3)
    assert look_at(stage.aws, "production", arn).phase is TaskPhase.STARTING


def test_stopped_task_is_found_by_family_and_started_by() -> None:
    """ListTasks by startedBy hides stopped tasks; they are found through their family."""
    stage = Stage()
    stage.step()
    stage.step()
    run = stage.run()
    stage.timeline.advance(10)
    alive = find(stage.aws, "production", run)
    stage.timeline.advance(60)
    stopped = find(stage.aws, "production", run)
    assert alive is not None
    assert stopped is not None
    assert (alive.phase, stopped.phase) == (TaskPhase.RUNNING, TaskPhase.STOPPED)
    assert stopped.exit_codes["app"] == 0
    stage.timeline.advance(3700)
    assert find(stage.aws, "production", run) is None


def test_many_tasks_are_listed_page_by_page() -> None:
    """A family with more stopped tasks than a page still gives up the one that is ours."""

    class Quick(Nature):
        def duration(self) -> float:
            return 1.0

    stage = Stage(Quick())
    stage.step()
    run = stage.run()
    for number in range(230):
        other = {**run.request, "clientToken": f"other-{number}", "startedBy": f"other-{number}"}
        stage.ecs.handle("RunTask", other)
    stage.step()
    stage.timeline.advance(60)
    assert (find(stage.aws, "production", run) or sighting({})).arn == stage.run().task_arn


@pytest.mark.parametrize(
    ("task", "phase"),
    [
        ({"lastStatus": "PROVISIONING"}, TaskPhase.STARTING),
        ({"lastStatus": "ACTIVATING"}, TaskPhase.STARTING),
        ({"lastStatus": "DEPROVISIONING"}, TaskPhase.RUNNING),
        ({"lastStatus": "STOPPED"}, TaskPhase.STOPPED),
        ({"lastStatus": "SOMETHING_NEW"}, TaskPhase.STARTING),
        ({}, TaskPhase.STARTING),
    ],
)
def test_statuses_have_phases(task: dict[str, Any], phase: TaskPhase) -> None:
    """Every status of ECS, and one it may get, has a phase; only STOPPED is an end."""
    assert sighting(task).phase is phase


def test_exit_code_zero_is_not_a_missing_one() -> None:
    """A container with exit code 0 has one; a container without the field has none."""
    seen = sighting(
        {
            "lastStatus": "STOPPED",
            "containers": [
                {"name": "app", "exitCode": 0},
                {"name": "log", "reason": "killed", "runtimeId": "r"},
                {"name": "never"},
                {},
            ],
        }
    )
    assert seen.exit_codes == {"app": 0}
    assert seen.container_reasons == {"log": "killed"}
    assert seen.container_started == {"app", "log"}


@pytest.mark.parametrize(
    ("reason", "started"),
    [
        ('CannotStartContainerError: … exec: "nosuch": executable file not found in $PATH', False),
        ("DockerTimeoutError: Could not transition to started; timed out after waiting 3m0s", True),
    ],
)
def test_a_command_that_cannot_be_executed_has_not_started(reason: str, *, started: bool) -> None:
    """A created container has the runtime's id: it may have run, unless its command was refused."""
    container = {"name": "app", "runtimeId": "r", "lastStatus": "STOPPED", "reason": reason}
    seen = sighting({"lastStatus": "STOPPED", "containers": [container]})
    assert bool(seen.container_started) is started


def test_answer_without_task_and_without_missing_is_refused() -> None:
    """An empty answer is not taken for a missing task."""
    stage = Stage()
    stage.transport.handlers["ecs"] = lambda _operation, _params: {"tasks": [], "failures": []}
    with pytest.raises(UnexpectedAnswer):
        look_at(stage.aws, "production", "arn")
