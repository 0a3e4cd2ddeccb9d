"""Scaling from the files to AWS and back: registered, moved by its owner, edited by hand, given up."""

from __future__ import annotations

from typing import Any

from tests.e2e.stage import CLUSTER, DIFFERENT, OK, TAG, WEB, Stage, eventually

DECLARED = "    autoscaling: {min: 2, max: 6, targetCpu: 60}\n"
SERVICES = "services:\n  web:\n"
RESOURCE = f"service/{CLUSTER}/{WEB}"
SCOPE = {
    "ServiceNamespace": "ecs",
    "ResourceId": RESOURCE,
    "ScalableDimension": "ecs:service:DesiredCount",
}


def declare(stage: Stage, text: str = DECLARED) -> None:
    """Write autoscaling into the service web."""
    stage.edit((SERVICES, SERVICES + text))


def target(stage: Stage) -> dict[str, Any]:
    """Return the scalable target, an empty document when nothing is registered."""
    answer = stage.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=[RESOURCE]
    )
    return answer["ScalableTargets"][0] if answer["ScalableTargets"] else {}


def test_a_service_is_registered_and_then_left_to_its_autoscaler(shop):
    """The preview says what will be registered; afterwards a moved count is no difference and no call."""
    declare(shop)
    shown = shop.cli("diff")
    assert shown.code == DIFFERENT
    assert "create autoscaling/web" in shown.out
    assert "scale 2 to 6 tasks, policy cpu" in shown.out
    applied = shop.cli("apply", "--yes")
    assert applied.code == OK, applied
    assert (target(shop)["MinCapacity"], target(shop)["MaxCapacity"]) == (2, 6)
    assert shop.service()["desiredCount"] == 2  # AWS itself moved it into the bounds

    shop.ecs.update_service(cluster=CLUSTER, service=WEB, desiredCount=5)  # the autoscaler
    eventually(shop.service, lambda s: s["runningCount"] == 5)
    shop.aws.faults.forget_calls()
    assert shop.cli("diff").code == OK
    assert "autoscaling is declared" in shop.cli("diff", "--explain").out
    shop.converge()
    changed = [c for c in shop.mutations() if c.startswith(("ecs:", "application-autoscaling:"))]
    assert changed == []
    assert shop.service()["desiredCount"] == 5

    status = shop.cli("status")
    assert "autoscaling/web" in status.out
    history = shop.cli("history", "autoscaling/web").out
    assert "RegisterScalableTarget" in history
    assert "PutScalingPolicy" in history


def test_console_edits_of_the_scaling_are_healed_or_reported(shop):
    """A declared bound goes back; a policy that somebody added is shown and stays."""
    declare(shop)
    shop.converge()
    api = shop.client("application-autoscaling")
    api.register_scalable_target(**SCOPE, MaxCapacity=50)
    steps = [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]
    api.put_scaling_policy(
        **SCOPE,
        PolicyName="theirs",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": steps,
        },
    )
    shown = shop.cli("diff")
    assert shown.code == DIFFERENT
    assert "maxCapacity" in shown.out
    assert "policies.theirs" in shown.out
    shop.converge()
    assert target(shop)["MaxCapacity"] == 6
    names = [
        p["PolicyName"]
        for p in api.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    ]
    assert sorted(names) == ["cpu", "theirs"]
    assert shop.cli("diff").code == OK


def test_a_scaled_service_is_born_with_the_least_and_rolls_with_its_count(stage):
    """From nothing: created with min, registered behind; a release keeps what the autoscaler chose."""
    stage.edit(("    desiredCount: 1\n    containerDefinitions", "    containerDefinitions"))
    declare(stage)
    stage.converge()
    assert stage.service()["desiredCount"] == 2
    stage.ecs.update_service(cluster=CLUSTER, service=WEB, desiredCount=3)
    stage.release()
    stage.converge()
    service = stage.service()
    assert (service["desiredCount"], len(service["deployments"])) == (3, 1)
    assert TAG not in str(stage.definition()["containerDefinitions"])


def test_scaling_that_is_given_up_is_deregistered(shop):
    """The word leaves the files: the target goes, and the declared count is compared again."""
    declare(shop)
    shop.converge()
    shop.edit((DECLARED, ""))
    shown = shop.cli("diff")
    assert "delete autoscaling/web" in shown.out
    shop.converge()
    assert target(shop) == {}
    assert shop.service()["desiredCount"] == 1
    assert shop.cli("diff").code == OK
    assert shop.journal_is_whole()


def test_mistakes_in_the_scaling_are_said_with_their_line(stage):
    """`validate` names file, line and what is meant; nothing is asked of AWS."""
    declare(stage, "    autoscaling: {min: 9, max: 6, targetCPU: 60}\n")
    done = stage.cli("validate")
    assert done.code == 2
    assert "min 9 is greater than max 6" in done.out
    assert "did you mean 'targetCpu'" in done.out
    assert "app.yaml:" in done.out
