"""Application Auto Scaling at the Transport seam, as its API reference has it, and a minimal ELB.

Checks what AWS checks; alarms are not played: `scale` and `fire` do what a policy or a schedule would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.aws.translate import from_code
from tests.fakes.documents import copied

ROLE = (
    "arn:aws:iam::123456789012:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_ECSService"
)
CREATED = datetime(2026, 11, 22, tzinfo=UTC)
_TAGGED = (
    "The scalable target that you tried to tag already exists. To update tags on an existing "
    "scalable target, use the TagResource API."
)
_SCOPE = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_CONFIGURATIONS = {
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    "StepScaling": "StepScalingPolicyConfiguration",
    "PredictiveScaling": "PredictiveScalingPolicyConfiguration",
}
Counts = Callable[[str], int | None]
"""Reads a service's desired count by its resource id, None when there is no such service."""


class FakeAutoscaling:
    """Targets, policies and scheduled actions by resource id."""

    def __init__(
        self,
        count: Counts = lambda _: 1,
        set_count: Callable[[str, int], None] = lambda *_: None,
    ) -> None:
        self.count, self.set_count = count, set_count
        self.targets: dict[str, dict[str, Any]] = {}
        self.policies: dict[tuple[str, str], dict[str, Any]] = {}
        self.actions: dict[tuple[str, str], dict[str, Any]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        """Of the targets, by resource id."""

    def handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one request."""
        method = getattr(self, f"_{operation}", None)
        if method is None:
            raise AssertionError(f"the fake has no application-autoscaling:{operation}")
        answer: dict[str, Any] = method(copied(dict(params)))
        return copied(answer)

    def scale(self, resource: str, count: int) -> None:
        """Do what a scaling policy does: set the count, within the target's bounds."""
        target = self.targets[resource]
        self.set_count(resource, min(max(count, target["MinCapacity"]), target["MaxCapacity"]))

    def fire(self, resource: str, name: str) -> None:
        """Do what a scheduled action does: set the bounds, and the count within them."""
        self.targets[resource].update(self.actions[resource, name]["ScalableTargetAction"])
        self._into_bounds(resource)

    # -- API ----------------------------------------------------------------------------------

    def _RegisterScalableTarget(self, wanted: dict[str, Any]) -> dict[str, Any]:
        resource = wanted["ResourceId"]
        if self.count(resource) is None:
            raise _refused("RegisterScalableTarget", f"ECS service doesn't exist: {resource}")
        known = self.targets.get(resource)
        if known is None and not {"MinCapacity", "MaxCapacity"} <= wanted.keys():
            raise _refused("RegisterScalableTarget", "MinCapacity and MaxCapacity are required")
        suspended = dict.fromkeys(
            (
                "DynamicScalingInSuspended",
                "DynamicScalingOutSuspended",
                "ScheduledScalingSuspended",
            ),
            False,
        )
        target = known or {"RoleARN": ROLE, "CreationTime": CREATED, "SuspendedState": suspended}
        tags = wanted.pop("Tags", None)
        if tags is not None and known is not None:
            raise _refused("RegisterScalableTarget", _TAGGED)
        if known is None:
            self.tags[resource] = tags or {}
        state = {**target["SuspendedState"], **wanted.pop("SuspendedState", {})}
        merged = {**target, **wanted, "SuspendedState": state}
        if not 0 <= merged["MinCapacity"] <= merged["MaxCapacity"]:
            raise _refused("RegisterScalableTarget", "Maximum cannot be less than the minimum")
        merged["ScalableTargetARN"] = (
            f"arn:aws:application-autoscaling:::scalable-target/{resource}"
        )
        self.targets[resource] = merged
        self._into_bounds(resource)
        return {"ScalableTargetARN": merged["ScalableTargetARN"]}

    def _DeregisterScalableTarget(self, wanted: dict[str, Any]) -> dict[str, Any]:
        resource = self._registered("DeregisterScalableTarget", wanted)
        del self.targets[resource]
        for items in (self.policies, self.actions):
            for key in [key for key in items if key[0] == resource]:
                del items[key]
        return {}

    def _tagged(self, operation: str, wanted: dict[str, Any]) -> dict[str, str]:
        for resource, target in self.targets.items():
            if target["ScalableTargetARN"] == wanted["ResourceARN"]:
                return self.tags[resource]
        name = f"application-autoscaling:{operation}"
        raise from_code(name, "ResourceNotFoundException", f"no {wanted['ResourceARN']}")

    def _ListTagsForResource(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": self._tagged("ListTagsForResource", wanted)}

    def _TagResource(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self._tagged("TagResource", wanted).update(wanted["Tags"])
        return {}

    def _UntagResource(self, wanted: dict[str, Any]) -> dict[str, Any]:
        tags = self._tagged("UntagResource", wanted)
        for key in wanted["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _PutScalingPolicy(self, wanted: dict[str, Any]) -> dict[str, Any]:
        resource = self._registered("PutScalingPolicy", wanted)
        key = resource, wanted["PolicyName"]
        known = self.policies.get(key)
        if known and known["PolicyType"] != wanted["PolicyType"]:
            raise _refused("PutScalingPolicy", "A policy's type cannot be changed")
        present = [name for name in _CONFIGURATIONS.values() if name in wanted]
        if present != [_CONFIGURATIONS[wanted["PolicyType"]]]:
            raise _refused("PutScalingPolicy", "Exactly the configuration of its type is needed")
        metric = _metric(wanted)
        others = [p for k, p in self.policies.items() if k[0] == resource and k != key]
        if metric is not None and metric in [_metric(p) for p in others]:
            raise _refused("PutScalingPolicy", "Only one target tracking policy for a metric")
        arn = f"arn:aws:autoscaling:::scalingPolicy:{'/'.join(key)}"
        alarms = [{"AlarmName": f"TargetTracking-{key[1]}", "AlarmARN": "arn:aws:cloudwatch:::a"}]
        self.policies[key] = {
            **wanted,
            "PolicyARN": arn,
            "Alarms": alarms,
            "CreationTime": CREATED,
        }
        return {"PolicyARN": arn, "Alarms": alarms}

    def _DeleteScalingPolicy(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return self._delete(self.policies, (wanted["ResourceId"], wanted["PolicyName"]))

    def _PutScheduledAction(self, wanted: dict[str, Any]) -> dict[str, Any]:
        resource = self._registered("PutScheduledAction", wanted)
        key = resource, wanted["ScheduledActionName"]
        kept = {
            k: v for k, v in self.actions.get(key, {}).items() if k not in ("StartTime", "EndTime")
        }
        for time in ("StartTime", "EndTime"):
            if isinstance(wanted.get(time), str):
                wanted[time] = datetime.fromisoformat(wanted[time])
        self.actions[key] = {
            **kept,
            **wanted,
            "ScheduledActionARN": f"arn:aws:autoscaling:::scheduledAction:{'/'.join(key)}",
            "CreationTime": CREATED,
        }
        return {}

    def _DeleteScheduledAction(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return self._delete(self.actions, (wanted["ResourceId"], wanted["ScheduledActionName"]))

    def _DescribeScalableTargets(self, wanted: dict[str, Any]) -> dict[str, Any]:
        names = wanted.get("ResourceIds", list(self.targets))
        assert len(names) <= 50
        found = [self.targets[name] for name in names if name in self.targets]
        return _page(found, wanted, "ScalableTargets", 50)

    def _DescribeScalingPolicies(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return _page(_of(self.policies, wanted), wanted, "ScalingPolicies", 10)

    def _DescribeScheduledActions(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return _page(_of(self.actions, wanted), wanted, "ScheduledActions", 50)

    # ------------------------------------------------------------------------------------------

    def _registered(self, operation: str, wanted: Mapping[str, Any]) -> str:
        assert all(wanted.get(name) for name in _SCOPE)
        resource = str(wanted["ResourceId"])
        if resource not in self.targets:
            raise from_code(
                f"application-autoscaling:{operation}",
                "ObjectNotFoundException",
                f"No scalable target registered for {resource}",
            )
        return resource

    def _delete(self, items: dict[tuple[str, str], Any], key: tuple[str, str]) -> dict[str, Any]:
        if items.pop(key, None) is None:
            raise from_code(
                "application-autoscaling:Delete", "ObjectNotFoundException", f"No {key[1]} found"
            )
        return {}

    def _into_bounds(self, resource: str) -> None:
        count = self.count(resource)
        if count is not None:
            self.scale(resource, count)


class FakeElb:
    """Target groups: ARN → the load balancers that use it."""

    def __init__(self) -> None:
        self.groups: dict[str, list[str]] = {}

    def handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer DescribeTargetGroups by ARN: one that is missing fails them all."""
        if operation != "DescribeTargetGroups":
            raise AssertionError(f"the fake has no elbv2:{operation}")
        arns = params["TargetGroupArns"]
        if set(arns) - self.groups.keys():
            raise from_code(
                "elbv2:DescribeTargetGroups",
                "TargetGroupNotFound",
                "One or more target groups not found",
            )
        return {
            "TargetGroups": [
                {
                    "TargetGroupArn": arn,
                    "LoadBalancerArns": self.groups[arn],
                    "TargetType": "ip",
                    "Protocol": "HTTP",
                }
                for arn in arns
            ]
        }


def _metric(policy: Mapping[str, Any]) -> Any:
    tracking = policy.get("TargetTrackingScalingPolicyConfiguration", {})
    return tracking.get("PredefinedMetricSpecification")


def _of(items: Mapping[tuple[str, str], Any], wanted: Mapping[str, Any]) -> list[Any]:
    resource = wanted.get("ResourceId")
    return [item for key, item in items.items() if resource in (None, key[0])]


def _page(items: list[Any], wanted: Mapping[str, Any], key: str, size: int) -> dict[str, Any]:
    start = int(wanted.get("NextToken", 0))
    more = {"NextToken": str(start + size)} if start + size < len(items) else {}
    return {key: items[start : start + size], **more}


def _refused(operation: str, message: str) -> Exception:
    return from_code(f"application-autoscaling:{operation}", "ValidationException", message)
