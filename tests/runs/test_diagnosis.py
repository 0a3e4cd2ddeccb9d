"""What a person reads about a run that ended badly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.run import GUARD_CONTAINER, RunKind, RunState
from reconciler.runs.actions import TOOK_TOO_LONG
from reconciler.runs.diagnosis import explain, next_command
from tests.runs.conftest import MakeRun
from tests.runs.stage import Stage


def registered(stage: Stage, **log: object) -> str:
    """Register a revision whose container logs as given; return its ARN."""
    container = {"name": "app", "image": "x", **({"logConfiguration": log} if log else {})}
    answer = stage.ecs.handle(
        "RegisterTaskDefinition", {"family": "shop-db", "containerDefinitions": [container]}
    )
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def awslogs(stage: Stage) -> str:
    """Register a revision with awslogs."""
    options = {"awslogs-group": "/ecs/shop", "awslogs-stream-prefix": "app"}
    return registered(stage, logDriver="awslogs", options=options)


def test_last_log_lines_of_the_named_container_are_shown_masked(make_run: MakeRun) -> None:
    """The newest twenty lines are shown, without the password that a stack trace printed."""
    stage = Stage()
    run = make_run(state=RunState.FAILED, exit_code=1, request={"taskDefinition": awslogs(stage)})
    lines = [f"line {n}" for n in range(30)] + ["connect to postgres://app:hunter2@db/shop failed"]
    stage.logs.lines[("/ecs/shop", "app/app/aaa")] = lines
    said = explain(run, stage.aws)
    assert said.log_source == "/ecs/shop app/app/aaa"
    assert len(said.log_lines) == 20
    assert "hunter2" not in "\n".join(said.lines())
    assert said.next_command.startswith("reconciler migration retry db 1")


@pytest.mark.parametrize("how", ["no stream", "no driver", "no revision"])
def test_logs_that_cannot_be_read_are_said_not_raised(make_run: MakeRun, how: str) -> None:
    """A missing stream, another log driver or a lost revision is a line of the diagnosis."""
    stage = Stage()
    arn = {
        "no stream": awslogs(stage),
        "no driver": registered(stage),
        "no revision": "shop-db:99",
    }[how]
    said = explain(make_run(state=RunState.FAILED, request={"taskDefinition": arn}), stage.aws)
    assert said.log_lines == ()
    assert said.log_source


def test_unknown_run_says_how_to_resolve_it(make_run: MakeRun) -> None:
    """The next command of an unknown run is resolve; of a running one there is none."""
    stage = Stage()
    unknown = explain(make_run(state=RunState.UNKNOWN, task_arn=None), stage.aws)
    assert "migration resolve db 1 --as succeeded|failed" in unknown.next_command
    assert explain(make_run(task_arn=None), stage.aws).next_command == ""


@pytest.mark.parametrize(
    ("facts", "code", "cause"),
    [
        ({"stoppedReason": "CannotPullContainerError: no such image"}, None, "image"),
        ({"containers": {"app": "OutOfMemoryError: killed"}}, 137, "memory"),
        ({"stoppedReason": f"reconciler: {TOOK_TOO_LONG}"}, 143, "raise timeout"),
        ({"stoppedReason": "CannotStartContainerError: no file"}, None, "is its command in"),
        ({}, 137, "killed"),
        ({}, 143, "terminated from outside"),
        ({}, 127, "not found"),
        ({"containers": {GUARD_CONTAINER: 74}}, None, "dynamodb:UpdateItem"),
        ({"containers": {GUARD_CONTAINER: 75}}, None, "refused"),
        ({"containers": {GUARD_CONTAINER: 0, "app": 1}}, 1, ""),
    ],
)
def test_likely_cause_comes_from_what_ecs_said(
    make_run: MakeRun, facts: dict[str, object], code: int | None, cause: str
) -> None:
    """Known stop reasons and exit codes are put in words; an ordinary failure is left to the log."""
    run = make_run(state=RunState.FAILED, facts=facts, exit_code=code, task_arn=None)
    said = explain(run, Stage().aws)
    assert cause in said.likely_cause
    assert bool(said.likely_cause) == bool(cause)


@pytest.mark.parametrize("code", [143, 137])
def test_a_signal_that_was_asked_for_has_no_cause_to_look_for(make_run: MakeRun, code: int) -> None:
    """Who was stopped or replaced was not killed from outside; what ECS says of a cause still counts."""
    run = make_run(state=RunState.FAILED, stop_asked="replaced by 2", exit_code=code, task_arn=None)
    pulled = replace(run, facts={"stoppedReason": "CannotPullContainerError: no such image"})
    assert explain(run, Stage().aws).likely_cause == ""
    assert "image" in explain(pulled, Stage().aws).likely_cause


@pytest.mark.parametrize(
    ("kind", "run", "said"),
    [
        (RunKind.JOB, {"state": RunState.FAILED, "over": True}, "job retry db 1 --reason"),
        (RunKind.JOB, {"state": RunState.FAILED, "over": False}, ""),
        (RunKind.JOB, {"state": RunState.UNKNOWN}, "job resolve db 1 --as"),
        (RunKind.TASK, {"state": RunState.FAILED, "over": True, "exit_code": 1}, "task logs aaa"),
        (RunKind.TASK, {"state": RunState.FAILED, "over": True, "exit_code": None}, "doctor"),
        (RunKind.TASK, {"state": RunState.UNKNOWN}, "task resolve 1 --as"),
    ],
)
def test_each_kind_has_its_next_command(
    make_run: MakeRun, kind: RunKind, run: dict[str, Any], said: str
) -> None:
    """What to type is a verb of that kind; nothing where the next attempt follows by itself."""
    told = next_command(make_run(kind=kind, **run), "production/shop")
    assert told.startswith(f"reconciler -a production/shop {said}" if said else said)
    assert bool(told) == bool(said)
