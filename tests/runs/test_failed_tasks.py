"""Why a rollout failed, from the tasks that it left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.aws.door import Aws
from reconciler.aws.translate import from_code
from reconciler.model.observed import (
    Deployment,
    LedgerView,
    ObservedApp,
    ObservedService,
    RolloutState,
    ServicePresence,
    ServiceRecord,
)
from reconciler.runs.failed_tasks import failed_rollouts, rollout_story
from tests.fakes.small import FakeLogs
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport

DEPLOYMENT = "ecs-svc/1"
ARN = "arn:aws:ecs:eu-west-1:123456789012:task/main/"
AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
RECORD = ServiceRecord(
    name="web",
    desired_hash="h",
    state=RolloutState.HELD,
    deployment_id=DEPLOYMENT,
    task_definition_arn="web:7",
    applied={"service": {"serviceName": "shop-web"}},
)
LIVE = ObservedService(
    ServicePresence.ACTIVE,
    deployments=(Deployment(DEPLOYMENT, "PRIMARY", "web:7", "IN_PROGRESS", "", 2, 0, 2, 0),),
)


def task(
    number: int, code: int | None, reason: str, deployment: str = DEPLOYMENT
) -> dict[str, Any]:
    """Return a stopped task with a failing app and a sidecar that was killed with it."""
    app = {"name": "app", **({} if code is None else {"exitCode": code})}
    return {
        "taskArn": f"{ARN}{number}",
        "lastStatus": "STOPPED",
        "startedBy": deployment,
        "stoppedAt": AT + timedelta(seconds=number),
        "stopCode": "EssentialContainerExited" if code is not None else "TaskFailedToStart",
        "stoppedReason": reason,
        "containers": [{"name": "nginx", "exitCode": 137}, app],
    }


def story(*tasks: dict[str, Any], denied: str = "") -> list[str]:
    """Return what is told of these tasks; the newest one's log has two lines."""
    logs = FakeLogs()
    logs.lines[("/g", "p/app/2")] = ["boot", "no database: postgres://u:hunter2@db/shop"]

    def ecs(operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        if operation == denied:
            raise from_code(f"ecs:{operation}", "AccessDeniedException", "no")
        if operation == "ListTasks":
            assert params["serviceName"] == "shop-web"
            return {"taskArns": [t["taskArn"] for t in tasks]}
        if operation == "DescribeTasks":
            return {"tasks": list(tasks)}
        options = {"awslogs-group": "/g", "awslogs-stream-prefix": "p"}
        log = {"logDriver": "awslogs", "options": options}
        named = [{"name": n, "logConfiguration": log} for n in ("nginx", "app")]
        return {"taskDefinition": {"containerDefinitions": named}}

    timeline = Timeline()
    transport = FakeTransport(timeline, {"ecs": ecs, "logs": logs.handle})
    return list(rollout_story(RECORD, Aws(transport, timeline), "main"))


def failed(state: RolloutState, live: ObservedService | None) -> tuple[list[str], list[str]]:
    """Return what is told of the service in this state, and the operations that it took."""
    timeline = Timeline()
    ecs = FakeTransport(timeline, {"ecs": lambda *_: {"taskArns": []}})
    record = replace(RECORD, state=state, reason="tasks failed to start")
    ledger = LedgerView("e/a", services={"web": record})
    services = {} if live is None else {"web": live}
    observed = ObservedApp("e/a", services, {}, {}, ledger=ledger)
    found = failed_rollouts(observed, Aws(ecs, timeline), "main")
    return [line for lines in found.values() for line in lines], ecs.operations()


@pytest.mark.parametrize("state", [RolloutState.STEADY, RolloutState.CONVERGING])
def test_what_did_not_fail_costs_nothing(state: RolloutState) -> None:
    """A service that works or is on its way is not asked about."""
    assert failed(state, LIVE) == ([], [])


def test_a_held_rollout_is_told_of_and_one_that_nobody_has_judged_yet() -> None:
    """The ledger may be older than what ECS shows: status needs no controller."""
    told, asked = failed(RolloutState.HELD, LIVE)
    assert (told, asked) == (
        ["the last rollout failed: tasks failed to start"],
        ["ListTasks"],
    )
    broken = replace(LIVE.deployments[0], rollout_state="FAILED", rollout_reason="it broke")
    told, _ = failed(RolloutState.CONVERGING, replace(LIVE, deployments=(broken,)))
    assert told == ["the last rollout failed: it broke"]


def test_a_service_that_is_gone_is_not_asked_about() -> None:
    """Its tasks went with it."""
    assert failed(RolloutState.HELD, None) == ([], [])


def test_the_newest_failed_task_tells() -> None:
    """Its codes, ECS's words and the log of the container that failed, not of the one killed with it."""
    said = "\n".join(story(task(1, 2, "Essential container"), task(2, 1, "Essential container")))
    assert "2 tasks failed; the last, 2:" in said
    assert "containers: app: 1, nginx: 137" in said
    assert "log: /g p/app/2" in said
    assert "| boot" in said
    assert "hunter2" not in said


def test_tasks_that_never_started_have_a_cause() -> None:
    """A pull that fails is said in ECS's words with its likely cause and advice."""
    said = "\n".join(story(task(2, None, "CannotPullContainerError: pull access denied")))
    assert "CannotPullContainerError" in said
    assert "likely cause: " in said
    assert "what helps: " in said


def test_other_tasks_tell_nothing() -> None:
    """Of another deployment, or stopped because the rollout ended: there is nothing to say."""
    other = task(1, 1, "Essential container", "ecs-svc/0")
    ended = task(2, 143, "Scaling activity initiated by (deployment ecs-svc/1)")
    assert story(other, ended) == []


def test_what_may_not_be_seen_is_said() -> None:
    """A missing permission is a line, never an error."""
    assert "cannot be seen" in story(denied="ListTasks")[0]
