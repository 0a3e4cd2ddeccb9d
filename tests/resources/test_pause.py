"""Where a deployment waits for a person: asked only while it may, and never a reason to fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.aws.door import Aws
from reconciler.model.errors import AccessDenied, Throttled
from reconciler.model.observed import Deployment, ObservedService, ServicePresence
from reconciler.model.pause import Pause
from reconciler.resources.pause import BATCH, with_pauses
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport

ARN = "arn:aws:ecs:ap-northeast-1:123456789012:service-deployment/main/web/"
HOOK = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
EXPIRES = datetime(2026, 11, 29, 21, 40, tzinfo=UTC)


def rolling(number=1, state="IN_PROGRESS", hooks=(HOOK,), olds=0):
    """Return a service in the middle of a deployment."""
    deployment = Deployment("ecs-svc/1", "PRIMARY", "web:2", state, "", 1, 0, 1, 0)
    old = replace(deployment, id="ecs-svc/0", status="ACTIVE")
    return ObservedService(
        presence=ServicePresence.ACTIVE,
        service={"deploymentConfiguration": {"lifecycleHooks": list(hooks)}},
        deployments=(deployment, *[old] * olds),
        deployment_arn=f"{ARN}{number}",
    )


def hook(status="AWAITING_ACTION", number=1):
    """Return a hook as a described deployment has it."""
    return {
        "hookId": f"hook-{number}",
        "status": status,
        "expiresAt": EXPIRES,
        "timeoutAction": "ROLLBACK",
    }


class Ecs:
    """Answers with the hooks of every deployment; `error` is raised instead."""

    def __init__(self, *hooks, error=None) -> None:
        self.hooks, self.error, self.asked = hooks, error, []
        timeline = Timeline()
        self.aws = Aws(FakeTransport(timeline, {"ecs": self.handle}), timeline)

    def handle(self, operation, params):
        assert operation == "DescribeServiceDeployments"
        self.asked.append(len(params["serviceDeploymentArns"]))
        if self.error is not None:
            raise self.error
        return {
            "serviceDeployments": [
                {
                    "serviceDeploymentArn": arn,
                    "lifecycleStage": "POST_SCALE_UP",
                    "lifecycleHookDetails": list(self.hooks),
                }
                for arn in params["serviceDeploymentArns"]
            ]
        }


def test_a_deployment_that_waits_says_where_until_when_and_what_to_type():
    """Of several hooks the one that awaits an action, with the stage and the command that ends it."""
    ecs = Ecs(hook("SUCCEEDED", 1), hook(number=2))
    pause = with_pauses(ecs.aws, {"web": rolling()})["web"].pause
    assert pause == Pause(f"{ARN}1", "POST_SCALE_UP", "hook-2", EXPIRES, "ROLLBACK")
    assert pause.text == (
        "waits at POST_SCALE_UP for a person until 2026-11-29 21:40 UTC, then ROLLBACK; to go on: "
        "aws ecs continue-service-deployment --region ap-northeast-1 "
        f"--service-deployment-arn {ARN}1 --hook-id hook-2"
    )


@pytest.mark.parametrize(
    "live",
    [
        rolling(state="COMPLETED"),
        rolling(state="FAILED", olds=1),
        rolling(state=""),
        rolling(hooks=()),
        rolling(hooks=({"targetType": "AWS_LAMBDA", "hookTargetArn": "arn:f"},)),
        replace(rolling(), deployment_arn=""),
        replace(rolling(), deployments=()),
        ObservedService(ServicePresence.ABSENT),
    ],
)
def test_nothing_is_asked_of_what_cannot_wait(live):
    """Not in the steady state, nor for a service without such a hook: a quiet pass costs nothing more."""
    ecs = Ecs(hook())
    assert with_pauses(ecs.aws, {"web": live}) == {"web": live}
    assert ecs.asked == []


def test_a_deployment_without_a_state_may_wait_while_there_are_two():
    """ECS does not promise a rollout state for every strategy."""
    assert with_pauses(Ecs(hook()).aws, {"web": rolling(state="", olds=1)})["web"].pause


def test_a_deployment_whose_hooks_are_over_does_not_wait():
    """What succeeded, failed or timed out awaits nobody."""
    ecs = Ecs(*[hook(status) for status in ("SUCCEEDED", "FAILED", "TIMED_OUT", "IN_PROGRESS")])
    assert with_pauses(ecs.aws, {"web": rolling()})["web"].pause is None


def test_many_are_asked_about_together():
    """Twenty deployments in a call."""
    ecs = Ecs(hook())
    found = with_pauses(ecs.aws, {f"s{n}": rolling(n) for n in range(BATCH + 1)})
    assert sorted(ecs.asked) == [1, BATCH]
    assert all(live.pause.deployment_arn == live.deployment_arn for live in found.values())


def test_a_missing_permission_is_said_and_stops_nothing():
    """The pass goes on; the service says what cannot be seen. Any other refusal is one."""
    denied = AccessDenied("no", operation="ecs:DescribeServiceDeployments", code="AccessDenied")
    live = with_pauses(Ecs(error=denied).aws, {"web": rolling()})["web"]
    assert "without ecs:DescribeServiceDeployments" in live.pause.text
    slow = Throttled("slow", operation="ecs:DescribeServiceDeployments", code="Throttling")
    with pytest.raises(Throttled):
        with_pauses(Ecs(error=slow).aws, {"web": rolling()})


def test_a_hook_without_an_end_says_none():
    """`expiresAt` and `timeoutAction` may be absent."""
    bare = {"hookId": "h", "status": "AWAITING_ACTION"}
    text = with_pauses(Ecs(bare).aws, {"web": rolling()})["web"].pause.text
    assert text.startswith("waits at POST_SCALE_UP for a person; to go on: aws ecs")
