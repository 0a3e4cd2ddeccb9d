"""autoscaling: the scalable target of one ECS service, its scaling policies and scheduled actions.

Called by `resources.observe` and `controller.calls`; what to call is the planner's business. The
CloudWatch alarms of target tracking are AWS's own and are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from reconciler.aws.door import Aws
from reconciler.aws.translate import expect
from reconciler.model.batches import batches
from reconciler.model.errors import NotFound
from reconciler.model.observed import ObservedAutoscaling
from reconciler.plan.autoscaling.document import (
    API,
    DIMENSION,
    NAMESPACE,
    READ_ONLY,
    resource_id,
)
from reconciler.resources.kind import Answer, Kind, already, answer
from reconciler.shapes.botocore_model import shape_named
from reconciler.shapes.casing import from_wire

BATCH: Final = 50
"""Targets in one DescribeScalableTargets call (botocore: ResourceIdsMaxLen1600, max 50)."""

ALARMS: Final = (
    "cloudwatch:DeleteAlarms",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:PutMetricAlarm",
)
"""Target tracking makes and removes its alarms with the caller's permissions [application userguide,
security_iam_id-based-policy-examples]."""

autoscaling: Kind[ObservedAutoscaling] = Kind(
    name="autoscaling",
    permissions={
        "observe": (
            f"{API}:DescribeScalableTargets",
            f"{API}:DescribeScalingPolicies",
            f"{API}:DescribeScheduledActions",
            f"{API}:ListTagsForResource",
        ),
        "create": (
            f"{API}:RegisterScalableTarget",
            f"{API}:TagResource",
            "ecs:DescribeServices",
            "ecs:UpdateService",
            "iam:CreateServiceLinkedRole",
        ),
        "update": (
            f"{API}:RegisterScalableTarget",
            f"{API}:DeregisterScalableTarget",
            f"{API}:PutScalingPolicy",
            f"{API}:DeleteScalingPolicy",
            f"{API}:PutScheduledAction",
            f"{API}:DeleteScheduledAction",
            f"{API}:TagResource",
            f"{API}:UntagResource",
            *ALARMS,
        ),
    },
)


@autoscaling.on_observe
def observe(aws: Aws, cluster: str, names: Sequence[str]) -> dict[str, ObservedAutoscaling]:
    """Read what is registered for services, by their AWS names; what AWS has nothing on is left out.

    Costs ⌈n/50⌉ calls for the targets; policies and actions see `_of_services`.
    """
    wanted = {resource_id(cluster, name): name for name in sorted(set(names))}
    if not wanted:
        return {}
    targets, arns = _targets(aws, list(wanted))
    policies = _of_services(aws, "DescribeScalingPolicies", "ScalingPolicies", wanted)
    actions = _of_services(aws, "DescribeScheduledActions", "ScheduledActions", wanted)
    return {
        name: ObservedAutoscaling(
            target=targets.get(resource),
            policies=_by_name("ScalingPolicy", "policyName", policies[resource]),
            scheduled=_by_name("ScheduledAction", "scheduledActionName", actions[resource]),
            arn=arns.get(resource, ""),
        )
        for resource, name in wanted.items()
        if resource in targets or policies[resource] or actions[resource]
    }


def with_tags(aws: Aws, live: ObservedAutoscaling) -> ObservedAutoscaling:
    """Return it with the tags of its scalable target: one call more. Raises AwsError."""
    if not live.arn:
        return live
    try:
        answer = aws.call(API, "ListTagsForResource", ResourceARN=live.arn)
    except NotFound:  # deregistered since it was described
        return live
    return replace(live, tags=dict(answer.get("Tags") or {}))


@autoscaling.on_call(
    "RegisterScalableTarget", "PutScalingPolicy", "PutScheduledAction", "TagResource"
)
def put(aws: Aws, operation: str, parameters: Mapping[str, Any]) -> Answer:
    """Register, put or tag: the same again changes nothing."""
    return answer(aws.call(API, operation, **parameters))


@autoscaling.on_call(
    "DeregisterScalableTarget", "DeleteScalingPolicy", "DeleteScheduledAction", "UntagResource"
)
def remove(aws: Aws, operation: str, parameters: Mapping[str, Any]) -> Answer:
    """Deregister, delete or untag; already gone is success. Deregistering deletes what was put, too."""
    try:
        return answer(aws.call(API, operation, **parameters))
    except NotFound as error:
        return already(error)


def _targets(
    aws: Aws, resources: Sequence[str]
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return the targets' documents and their ARNs, by resource id."""
    found: dict[str, dict[str, Any]] = {}
    arns: dict[str, str] = {}
    for batch in batches(resources, BATCH):
        pages = aws.pages(
            API,
            "DescribeScalableTargets",
            ServiceNamespace=NAMESPACE,
            ScalableDimension=DIMENSION,
            ResourceIds=batch,
        )
        for page in pages:
            for target in expect(
                page, "ScalableTargets", operation=f"{API}:DescribeScalableTargets"
            ):
                found[target["ResourceId"]] = _document("ScalableTarget", target)
                arns[target["ResourceId"]] = str(target.get("ScalableTargetARN", ""))
    return found, arns


def _of_services(
    aws: Aws, operation: str, key: str, wanted: Mapping[str, str]
) -> Mapping[str, list[Mapping[str, Any]]]:
    """Return what a listing has of each resource.

    AWS filters by one resource only. So one service is asked for by itself, and for several the whole
    account is listed; when that has more pages than we have services, each is asked for by itself.
    """
    listing = aws.pages(API, operation, ServiceNamespace=NAMESPACE)
    pages = list(islice(listing, len(wanted))) if len(wanted) > 1 else []
    if not pages or pages[-1].get("NextToken"):
        pages = [
            page
            for resource in wanted
            for page in aws.pages(API, operation, ServiceNamespace=NAMESPACE, ResourceId=resource)
        ]
    found: dict[str, list[Mapping[str, Any]]] = {resource: [] for resource in wanted}
    for page in pages:
        for item in expect(page, key, operation=f"{API}:{operation}"):
            if item["ResourceId"] in found and item["ScalableDimension"] == DIMENSION:
                found[item["ResourceId"]].append(item)
    return found


def _by_name(
    shape: str, name: str, items: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    documents = (from_wire(shape_named(shape, API), item) for item in items)
    return {str(d.pop(name)): _written(d) for d in documents}


def _document(shape: str, item: Mapping[str, Any]) -> dict[str, Any]:
    return _written(from_wire(shape_named(shape, API), item))


def _written(document: dict[str, Any]) -> dict[str, Any]:
    """Return what can be declared of it; times as text in UTC, as the files have them."""
    return {
        name: value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if isinstance(value, datetime)
        else value
        for name, value in document.items()
        if name not in READ_ONLY
    }
