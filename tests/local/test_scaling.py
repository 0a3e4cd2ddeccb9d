"""The emulated Application Auto Scaling, through botocore: what AWS documents."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.local.talk import Talk, code_of, eventually

SCOPE = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/c/web",
    "ScalableDimension": "ecs:service:DesiredCount",
}
TRACKING = {
    "PolicyName": "cpu",
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": 60.0,
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "ECSServiceAverageCPUUtilization"
        },
    },
}
STEPPING = {
    "PolicyType": "StepScaling",
    "StepScalingPolicyConfiguration": {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    },
}
ACTION = {
    "ScheduledActionName": "night",
    "Schedule": "rate(1 day)",
    "StartTime": "2026-12-24T18:00:00Z",
    "ScalableTargetAction": {"MinCapacity": 0},
}


class Scaled:
    """A service `web` with one task, and the client."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        talk.define({"name": "main", "image": "other:1", "memory": 16})
        talk.create("f:1")
        self.api = talk.client("application-autoscaling")

    def register(self, **fields: Any) -> Any:
        return self.api.register_scalable_target(**SCOPE, **fields)

    def target(self) -> dict[str, Any]:
        return self.api.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"][0]

    def count(self) -> int:
        return self.talk.service()["desiredCount"]


@pytest.fixture
def scaled(talk):
    """Return an embedded AWS with a service to scale."""
    return Scaled(talk)


def test_a_target_keeps_what_is_not_said(scaled):
    """The first registration needs both bounds; a later one changes only what it names."""
    assert code_of(scaled.register, MinCapacity=1) == "ValidationException"
    arn = scaled.register(MinCapacity=1, MaxCapacity=4)["ScalableTargetARN"]
    scaled.register(SuspendedState={"ScheduledScalingSuspended": True})
    scaled.register(MaxCapacity=6)
    target = scaled.target()
    assert (target["MinCapacity"], target["MaxCapacity"], target["ScalableTargetARN"]) == (
        1,
        6,
        arn,
    )
    assert target["SuspendedState"] == {
        "DynamicScalingInSuspended": False,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": True,
    }
    assert "AWSServiceRoleForApplicationAutoScaling_ECSService" in target["RoleARN"]
    assert code_of(scaled.register, MinCapacity=7) == "ValidationException"


def test_tags_of_a_target(scaled):
    """Given with the registration, changed by TagResource and UntagResource, gone with the target."""
    first = scaled.register(MinCapacity=1, MaxCapacity=4, Tags={"a": "1", "b": "2"})
    arn, tags_of = first["ScalableTargetARN"], scaled.api.list_tags_for_resource
    assert code_of(scaled.register, Tags={"a": "2"}) == "ValidationException"
    scaled.api.tag_resource(ResourceARN=arn, Tags={"a": "3"})
    scaled.api.untag_resource(ResourceARN=arn, TagKeys=["b", "none"])
    assert tags_of(ResourceARN=arn)["Tags"] == {"a": "3"}
    many = {f"k{n}": "v" for n in range(50)}
    assert code_of(scaled.api.tag_resource, ResourceARN=arn, Tags=many) == "TooManyTagsException"
    scaled.api.deregister_scalable_target(**SCOPE)
    assert code_of(tags_of, ResourceARN=arn) == "ResourceNotFoundException"
    scaled.register(MinCapacity=1, MaxCapacity=4)
    assert tags_of(ResourceARN=scaled.target()["ScalableTargetARN"])["Tags"] == {}


def test_bounds_move_the_count_at_once(scaled):
    """Up to the least and down to the most, without a new deployment."""
    before = scaled.talk.service()["deployments"][0]["id"]
    scaled.register(MinCapacity=3, MaxCapacity=5)
    assert scaled.count() == 3
    scaled.register(MinCapacity=0, MaxCapacity=2)
    assert scaled.count() == 2
    assert [d["id"] for d in scaled.talk.service()["deployments"]] == [before]


def test_only_services_that_exist_are_scaled(scaled):
    """A missing or deleted service, another namespace, a wrong dimension: refused."""
    for scope in (
        {**SCOPE, "ResourceId": "service/c/none"},
        {**SCOPE, "ResourceId": "service/none/web"},
        {**SCOPE, "ScalableDimension": "lambda:function:ProvisionedConcurrency"},
        {**SCOPE, "ServiceNamespace": "lambda"},
    ):
        assert (
            code_of(scaled.api.register_scalable_target, **scope, MinCapacity=1, MaxCapacity=2)
            == "ValidationException"
        )


def test_nothing_is_put_on_a_service_that_is_not_registered(scaled):
    """Policies and actions need the target first; deleting what is not there is an error too."""
    name = {"PolicyName": "cpu"}
    action = {"ScheduledActionName": "night"}
    for call, fields in (
        (scaled.api.put_scaling_policy, TRACKING),
        (scaled.api.put_scheduled_action, ACTION),
        (scaled.api.delete_scaling_policy, name),
        (scaled.api.delete_scheduled_action, action),
        (scaled.api.deregister_scalable_target, {}),
    ):
        assert code_of(call, **SCOPE, **fields) == "ObjectNotFoundException"


def test_policies_are_replaced_as_a_whole(scaled):
    """Put, put anew, described with two alarms; the type stays, and a metric has one policy."""
    scaled.register(MinCapacity=1, MaxCapacity=4)
    put = scaled.api.put_scaling_policy
    first = put(**SCOPE, **TRACKING)
    changed = {**TRACKING["TargetTrackingScalingPolicyConfiguration"], "TargetValue": 70.0}
    again = put(**SCOPE, **{**TRACKING, "TargetTrackingScalingPolicyConfiguration": changed})
    assert (again["PolicyARN"], len(again["Alarms"])) == (first["PolicyARN"], 2)
    [policy] = scaled.api.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"] == changed
    assert code_of(put, **SCOPE, **STEPPING, PolicyName="cpu") == "ValidationException"
    assert code_of(put, **SCOPE, **{**TRACKING, "PolicyName": "other"}) == "ValidationException"
    wrong = {**TRACKING, "PolicyName": "x", "PolicyType": "StepScaling"}
    assert code_of(put, **SCOPE, **wrong) == "ValidationException"


def test_a_schedule_loses_its_start_unless_it_is_said_again(scaled):
    """What is not given stays, except for start and end time."""
    scaled.register(MinCapacity=1, MaxCapacity=4)
    scaled.api.put_scheduled_action(**SCOPE, **ACTION)
    [action] = scaled.api.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"]
    assert action["StartTime"].isoformat().startswith("2026-12-24")
    scaled.api.put_scheduled_action(
        **SCOPE, ScheduledActionName="night", ScalableTargetAction={"MaxCapacity": 2}
    )
    [action] = scaled.api.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"]
    assert "StartTime" not in action
    assert (action["Schedule"], action["ScalableTargetAction"]) == (
        "rate(1 day)",
        {"MaxCapacity": 2},
    )


def test_deregistering_deletes_what_was_put(scaled):
    """A new registration starts without policies and actions."""
    scaled.register(MinCapacity=1, MaxCapacity=4)
    scaled.api.put_scaling_policy(**SCOPE, **TRACKING)
    scaled.api.put_scheduled_action(**SCOPE, **ACTION)
    scaled.api.deregister_scalable_target(**SCOPE)
    scaled.register(MinCapacity=1, MaxCapacity=4)
    assert scaled.api.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
    assert scaled.api.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"] == []


def test_listings_are_paged_and_filtered(scaled):
    """Ten policies on a page; by resource and by name."""
    scaled.register(MinCapacity=1, MaxCapacity=4)
    for number in range(12):
        scaled.api.put_scaling_policy(**SCOPE, **STEPPING, PolicyName=f"p{number:02}")
    describe = scaled.api.describe_scaling_policies
    page = describe(ServiceNamespace="ecs")
    assert len(page["ScalingPolicies"]) == 10
    rest = describe(ServiceNamespace="ecs", NextToken=page["NextToken"])
    assert ([p["PolicyName"] for p in rest["ScalingPolicies"]], "NextToken" in rest) == (
        ["p10", "p11"],
        False,
    )
    named = describe(ServiceNamespace="ecs", PolicyNames=["p03"])["ScalingPolicies"]
    assert [p["PolicyName"] for p in named] == ["p03"]
    elsewhere = describe(ServiceNamespace="ecs", ResourceId="service/c/other")
    assert elsewhere["ScalingPolicies"] == []
    assert code_of(describe, ServiceNamespace="ecs", NextToken="x") == "InvalidNextTokenException"


def test_a_scheduled_action_runs_by_the_clock(scaled):
    """Its bounds become the target's, the count moves inside, and an activity says why."""
    scaled.register(MinCapacity=1, MaxCapacity=4)
    action = {"ScheduledActionName": "morning", "Schedule": "rate(1 day)"}
    scaled.api.put_scheduled_action(
        **SCOPE, **action, ScalableTargetAction={"MinCapacity": 3, "MaxCapacity": 8}
    )
    scaled.talk.aws.clock.advance(timedelta(hours=23))
    assert scaled.count() == 1
    scaled.talk.aws.clock.advance(timedelta(hours=1))
    assert eventually(scaled.count, lambda count: count == 3)
    assert (scaled.target()["MinCapacity"], scaled.target()["MaxCapacity"]) == (3, 8)
    [activity] = scaled.api.describe_scaling_activities(ServiceNamespace="ecs")["ScalingActivities"]
    assert "morning" in activity["Cause"]
    assert activity["StatusCode"] == "Successful"


def test_a_suspended_schedule_does_nothing(scaled):
    """Its time passes; the next one counts again once it is resumed."""
    scaled.register(
        MinCapacity=1, MaxCapacity=4, SuspendedState={"ScheduledScalingSuspended": True}
    )
    action = {"ScheduledActionName": "often", "Schedule": "rate(1 hour)"}
    scaled.api.put_scheduled_action(**SCOPE, **action, ScalableTargetAction={"MinCapacity": 2})
    scaled.talk.aws.clock.advance(timedelta(hours=1))
    registry = scaled.talk.aws.scaling
    with scaled.talk.aws.world.lock:
        registry.tick()
    assert (scaled.count(), scaled.target()["MinCapacity"]) == (1, 1)
    scaled.register(SuspendedState={"ScheduledScalingSuspended": False})
    scaled.talk.aws.clock.advance(timedelta(hours=1))
    assert eventually(scaled.count, lambda count: count == 2)


def test_a_schedule_must_be_understood(scaled):
    """Five fields, an unknown zone and no expression at all are refused."""
    scaled.register(MinCapacity=1, MaxCapacity=4)
    change = {"ScheduledActionName": "x", "ScalableTargetAction": {"MinCapacity": 2}}
    for schedule in ("cron(0 18 * * *)", "every day", "cron(0 25 * * ? *)", "rate(0 days)"):
        code = code_of(scaled.api.put_scheduled_action, **SCOPE, **change, Schedule=schedule)
        assert code == "ValidationException"
    for zone in ("Mars/Olympus", "America"):
        code = code_of(
            scaled.api.put_scheduled_action,
            **SCOPE,
            **change,
            Schedule="cron(0 18 * * ? *)",
            Timezone=zone,
        )
        assert code == "ValidationException"


def test_a_test_can_play_the_policies(scaled):
    """`scale` keeps within the bounds and obeys each direction's suspension."""
    scaled.register(MinCapacity=1, MaxCapacity=4)
    scale = scaled.talk.aws.scale
    assert (scale("c", "web", 9), scaled.count()) == (4, 4)
    scaled.register(SuspendedState={"DynamicScalingInSuspended": True})
    assert (scale("c", "web", 2), scaled.count()) == (4, 4)
    scaled.register(SuspendedState={"DynamicScalingInSuspended": False})
    assert (scale("c", "web", 0), scaled.count()) == (1, 1)
    with pytest.raises(KeyError):
        scale("c", "other", 1)
    activities = scaled.api.describe_scaling_activities(ServiceNamespace="ecs", MaxResults=1)
    assert "desired count to 1" in activities["ScalingActivities"][0]["Description"]
    assert activities["NextToken"]
