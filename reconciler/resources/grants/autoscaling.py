"""Application Auto Scaling: the scalable targets of the declared services.

Which resource and which condition each action is checked against is from the service authorization
reference; that registering makes a role, and target tracking alarms, from the user guide's page on
identity-based policies.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.plan.autoscaling.document import API
from reconciler.resources.grants.statement import Names, Statement, allow

_SERVICE = f"ecs.{API}.amazonaws.com"
_ROLE = f"aws-service-role/{_SERVICE}/AWSServiceRoleForApplicationAutoScaling_ECSService"


def reads(names: Names) -> Iterator[Statement]:
    """Grant what observing needs; these actions know no resource."""
    if _scaled(names):
        yield allow(
            "ScalingRead",
            [
                f"{API}:DescribeScalableTargets",
                f"{API}:DescribeScalingPolicies",
                f"{API}:DescribeScheduledActions",
            ],
            ["*"],
        )
        yield allow("ScalingReadTags", [f"{API}:ListTagsForResource"], [_targets(names)])


def writes(names: Names) -> Iterator[Statement]:
    """Grant registering, putting and taking back; a target's ARN is of AWS's making."""
    services = _scaled(names)
    if not services:
        return
    yield allow(
        "ScalingWrite",
        [
            f"{API}:DeleteScalingPolicy",
            f"{API}:DeleteScheduledAction",
            f"{API}:DeregisterScalableTarget",
            f"{API}:PutScalingPolicy",
            f"{API}:PutScheduledAction",
            f"{API}:RegisterScalableTarget",
        ],
        [_targets(names)],
        {"StringEquals": {f"{API}:service-namespace": "ecs"}},
    )
    # Our own tags are given with the registration; declared ones come, and go when no file names them.
    tagging = [f"{API}:TagResource", f"{API}:UntagResource"]
    yield allow("ScalingTag", tagging, [_targets(names)])
    tracking = [f"TargetTracking-service/{names.cluster_name}/{name}-*" for name in services]
    alarms = [names.arn("cloudwatch", f"alarm:{name}") for name in tracking]
    yield allow("ScalingAlarms", ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"], alarms)
    any_alarm = [names.arn("cloudwatch", "alarm:*")]
    yield allow("ScalingSeeAlarms", ["cloudwatch:DescribeAlarms"], any_alarm)
    yield allow(
        "ScalingRole",
        ["iam:CreateServiceLinkedRole"],
        [names.role(_ROLE)],
        {"StringEquals": {"iam:AWSServiceName": _SERVICE}},
    )


def _scaled(names: Names) -> list[str]:
    return [s.service_name for s in names.app.services if s.autoscaling is not None]


def _targets(names: Names) -> str:
    return names.arn(API, "scalable-target/*")
