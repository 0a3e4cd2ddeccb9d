"""The emulated Application Auto Scaling of ECS services, called by `front`.

Kept as AWS documents it: bounds move the count at once, deregistering deletes what was put, scheduled
actions run by the world's clock. There are no metrics: `scale` plays the policies.
"""

from __future__ import annotations

import contextlib
import copy
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.local.ecs import dispatch
from reconciler.local.ecs.errors import EcsError
from reconciler.local.ecs.state import World
from reconciler.local.scaling_registry import (
    DIMENSION,
    MOST_TAGS,
    Document,
    Registry,
    ScalingError,
    Scope,
    alarm_names,
    chosen,
    counts_from,
    delete,
    invalid,
    make_arn,
    metric_of,
    page,
    registered,
    resource_of,
    schedule_of,
    tags_of,
)

_CONFIGURATIONS = {
    "StepScaling": "StepScalingPolicyConfiguration",
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    "PredictiveScaling": "PredictiveScalingPolicyConfiguration",
}
_SUSPENSIONS = (
    "DynamicScalingInSuspended",
    "DynamicScalingOutSuspended",
    "ScheduledScalingSuspended",
)
_TIMES = ("StartTime", "EndTime")


class ScalingWorld:
    """All of it in all regions, changed under the lock of the ECS that it scales."""

    def __init__(self, ecs: World) -> None:
        self._ecs = ecs
        self._registries: dict[Scope, Registry] = {}

    def answer(self, scope: Scope, operation: str, params: Mapping[str, Any]) -> Document:
        """Carry out one operation; the answer is a copy. Raises ScalingError."""
        carry_out = _OPERATIONS.get(operation)
        if carry_out is None:
            message = f"The embedded AWS does not have application-autoscaling:{operation}."
            raise ScalingError("UnknownOperationException", message)
        if operation not in _BY_ARN and params.get("ServiceNamespace") != "ecs":
            raise invalid("The embedded AWS scales ECS services only.")
        with self._ecs.lock:
            registry = self._registries.setdefault(scope, Registry())
            return copy.deepcopy(carry_out(self, scope, registry, dict(params)))

    # Operations -------------------------------------------------------------------------------

    def register(self, scope: Scope, registry: Registry, wanted: Document) -> Document:
        """RegisterScalableTarget: what is not given stays; the count moves into the bounds at once."""
        resource = resource_of(wanted)
        self._count(scope, resource)
        known = registry.targets.get(resource)
        if known is None and not {"MinCapacity", "MaxCapacity"} <= wanted.keys():
            raise invalid("MinCapacity and MaxCapacity are required to register a target.")
        target = known or self._new_target(scope)
        suspended = {**target["SuspendedState"], **wanted.pop("SuspendedState", {})}
        tags = wanted.pop("Tags", None)
        if tags and known is not None:
            raise invalid(
                "The scalable target that you tried to tag already exists. To update tags on an "
                "existing scalable target, use the TagResource API."
            )
        target = {**target, **wanted, "SuspendedState": suspended}
        if not 0 <= target["MinCapacity"] <= target["MaxCapacity"]:
            raise invalid("Maximum capacity cannot be less than minimum capacity")
        registry.targets[resource] = target
        if known is None:
            registry.tags[resource] = tags or {}
        self._move_inside(scope, registry, target, "the bounds of the scalable target changed")
        return {"ScalableTargetARN": target["ScalableTargetARN"]}

    def deregister(self, _: Scope, registry: Registry, wanted: Document) -> Document:
        """DeregisterScalableTarget: its policies and actions go too."""
        resource = registered(registry, wanted)
        del registry.targets[resource]
        del registry.tags[resource]
        for items in (registry.policies, registry.actions):
            for key in [key for key in items if key[0] == resource]:
                del items[key]
        return {}

    def put_policy(self, scope: Scope, registry: Registry, wanted: Document) -> Document:
        """PutScalingPolicy: replaces the configuration as a whole."""
        key = registered(registry, wanted), str(wanted["PolicyName"])
        known = registry.policies.get(key)
        kind = wanted.setdefault("PolicyType", known["PolicyType"] if known else "StepScaling")
        if known is not None and known["PolicyType"] != kind:
            raise invalid(f"The type of the policy {key[1]} is {known['PolicyType']}.")
        given = [name for name in _CONFIGURATIONS.values() if name in wanted]
        if given != [_CONFIGURATIONS.get(str(kind))]:
            raise invalid(f"A policy of the type {kind} needs {_CONFIGURATIONS.get(str(kind))}.")
        metric = metric_of(wanted)
        mine = {k: p for k, p in registry.policies.items() if k[0] == key[0] and k != key}
        if metric is not None and metric in map(metric_of, mine.values()):
            raise invalid("Only one TargetTrackingScaling policy for a metric is allowed.")
        arn = known["PolicyARN"] if known else make_arn(scope, "scalingPolicy", key, "policyName")
        alarms = alarm_names(scope, key[0]) if kind == "TargetTrackingScaling" else []
        policy = {**wanted, "PolicyARN": arn, "Alarms": known["Alarms"] if known else alarms}
        registry.policies[key] = self._since(known, policy)
        return {"PolicyARN": arn, "Alarms": policy["Alarms"]}

    def put_action(self, scope: Scope, registry: Registry, wanted: Document) -> Document:
        """PutScheduledAction: what is not given stays, except for start and end."""
        key = registered(registry, wanted), str(wanted["ScheduledActionName"])
        known = registry.actions.get(key)
        kept = {k: v for k, v in (known or {}).items() if k not in _TIMES}
        action = {**kept, **wanted}
        if "Schedule" not in action:
            raise invalid("A schedule is required.")
        if not action.get("ScalableTargetAction"):
            raise invalid(
                "At least one of minimum capacity and maximum capacity should be provided"
            )
        action.setdefault(
            "ScheduledActionARN", make_arn(scope, "scheduledAction", key, "scheduledActionName")
        )
        schedule = schedule_of(action)
        registry.actions[key] = self._since(known, action)
        registry.due[key] = schedule.next_after(self._ecs.now(), counts_from(registry.actions[key]))
        return {}

    def delete_policy(self, _: Scope, registry: Registry, wanted: Document) -> Document:
        """DeleteScalingPolicy."""
        return delete(registry.policies, (resource_of(wanted), str(wanted["PolicyName"])))

    def delete_action(self, _: Scope, registry: Registry, wanted: Document) -> Document:
        """DeleteScheduledAction."""
        return delete(registry.actions, (resource_of(wanted), str(wanted["ScheduledActionName"])))

    def list_tags(self, _: Scope, registry: Registry, wanted: Document) -> Document:
        """ListTagsForResource."""
        return {"Tags": tags_of(registry, wanted)}

    def tag(self, _: Scope, registry: Registry, wanted: Document) -> Document:
        """TagResource: what is not named stays; not more than AWS's 50."""
        tags = tags_of(registry, wanted)
        if len(tags.keys() | wanted["Tags"].keys()) > MOST_TAGS:
            raise ScalingError("TooManyTagsException", f"A target has at most {MOST_TAGS} tags.")
        tags.update(wanted["Tags"])
        return {}

    def untag(self, _: Scope, registry: Registry, wanted: Document) -> Document:
        """UntagResource: a key that is not there is not missed."""
        tags = tags_of(registry, wanted)
        for key in wanted["TagKeys"]:
            tags.pop(key, None)
        return {}

    def describe_targets(self, _: Scope, registry: Registry, wanted: Document) -> Document:
        """DescribeScalableTargets."""
        named = wanted.get("ResourceIds") or list(registry.targets)
        found = [t for resource, t in registry.targets.items() if resource in named]
        return page(found, wanted, "ScalableTargets", 50)

    def describe_policies(self, _: Scope, registry: Registry, wanted: Document) -> Document:
        """DescribeScalingPolicies."""
        found = chosen(registry.policies, wanted, "PolicyNames")
        return page(found, wanted, "ScalingPolicies", 10)

    def describe_actions(self, _: Scope, registry: Registry, wanted: Document) -> Document:
        """DescribeScheduledActions."""
        found = chosen(registry.actions, wanted, "ScheduledActionNames")
        return page(found, wanted, "ScheduledActions", 50)

    def describe_activities(self, _: Scope, registry: Registry, wanted: Document) -> Document:
        """DescribeScalingActivities: newest first."""
        resource = wanted.get("ResourceId")
        found = [a for a in registry.activities if resource in (None, a["ResourceId"])]
        return page(found, wanted, "ScalingActivities", 50)

    # What happens without a request -----------------------------------------------------------

    def tick(self) -> None:
        """Run the scheduled actions that are due. Called by the engine, under the lock."""
        now = self._ecs.now()
        for scope, registry in self._registries.items():
            for key, due in list(registry.due.items()):
                action = registry.actions.get(key)
                if action is None:
                    del registry.due[key]
                elif due is not None and due <= now:
                    with contextlib.suppress(ScalingError):  # the service is gone
                        self._run_action(scope, registry, action)
                    registry.due[key] = schedule_of(action).next_after(now, counts_from(action))

    def _run_action(self, scope: Scope, registry: Registry, action: Document) -> None:
        target = registry.targets[action["ResourceId"]]
        end = action.get("EndTime")
        over = end is not None and self._ecs.now().timestamp() > float(end)
        if target["SuspendedState"]["ScheduledScalingSuspended"] or over:
            return
        target |= action["ScalableTargetAction"]
        cause = f"scheduled action name {action['ScheduledActionName']} was triggered"
        self._move_inside(scope, registry, target, cause)

    def scale(self, region: str, resource: str, count: int) -> int:
        """Ask for a count as a scaling policy does; returns the count that came of it.

        Kept within the bounds, and not carried out in a direction that is suspended. Raises KeyError
        for a resource, `service/CLUSTER/SERVICE`, that is not registered.
        """
        with self._ecs.lock:
            for scope, registry in self._registries.items():
                if scope[1] == region and resource in registry.targets:
                    return self._scale(scope, registry, registry.targets[resource], count)
        raise KeyError(resource)

    def _scale(self, scope: Scope, registry: Registry, target: Document, count: int) -> int:
        present = self._count(scope, target["ResourceId"])
        wanted: int = min(max(count, target["MinCapacity"]), target["MaxCapacity"])
        way = "Out" if wanted > present else "In"
        if target["SuspendedState"][f"DynamicScaling{way}Suspended"]:
            return present
        self._set_count(scope, registry, target["ResourceId"], wanted, "a policy was triggered")
        return wanted

    def _move_inside(self, scope: Scope, registry: Registry, target: Document, cause: str) -> None:
        count = self._count(scope, target["ResourceId"])
        inside = min(max(count, target["MinCapacity"]), target["MaxCapacity"])
        self._set_count(scope, registry, target["ResourceId"], inside, cause)

    # ------------------------------------------------------------------------------------------

    def _new_target(self, scope: Scope) -> Document:
        account, region = scope
        name = uuid.uuid4().hex
        return self._since(
            None,
            {
                "RoleARN": f"arn:aws:iam::{account}:role/aws-service-role/ecs.application-autoscaling."
                "amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
                "SuspendedState": dict.fromkeys(_SUSPENSIONS, False),
                "ScalableTargetARN": f"arn:aws:application-autoscaling:{region}:{account}:"
                f"scalable-target/{name}",
            },
        )

    def _since(self, known: Document | None, document: Document) -> Document:
        made = known["CreationTime"] if known else self._ecs.clock.now().timestamp()
        return {**document, "CreationTime": made}

    def _count(self, scope: Scope, resource: str) -> int:
        _, cluster, service = resource.split("/")
        try:
            found = dispatch.answer(
                self._ecs, scope, "DescribeServices", {"cluster": cluster, "services": [service]}
            )
        except EcsError as error:
            raise invalid(f"ECS service doesn't exist: {resource}") from error
        for live in found["services"]:
            if live["status"] == "ACTIVE":
                return int(live["desiredCount"])
        raise invalid(f"ECS service doesn't exist: {resource}")

    def _set_count(
        self, scope: Scope, registry: Registry, resource: str, count: int, cause: str
    ) -> None:
        """Set a count that is another one, and note the activity."""
        if count == self._count(scope, resource):
            return
        _, cluster, service = resource.split("/")
        wanted = {"cluster": cluster, "service": service, "desiredCount": count}
        dispatch.answer(self._ecs, scope, "UpdateService", wanted)
        now = self._ecs.now().timestamp()
        activity = {
            "ActivityId": str(uuid.uuid4()),
            "ServiceNamespace": "ecs",
            "ResourceId": resource,
            "ScalableDimension": DIMENSION,
            "Description": f"Setting desired count to {count}.",
            "Cause": cause,
            "StartTime": now,
            "EndTime": now,
            "StatusCode": "Successful",
            "StatusMessage": f"Successfully set desired count to {count}.",
        }
        registry.activities.insert(0, activity)


_OPERATIONS: Mapping[str, Callable[[ScalingWorld, Scope, Registry, Document], Document]] = {
    "DeleteScalingPolicy": ScalingWorld.delete_policy,
    "DeleteScheduledAction": ScalingWorld.delete_action,
    "DeregisterScalableTarget": ScalingWorld.deregister,
    "DescribeScalableTargets": ScalingWorld.describe_targets,
    "DescribeScalingActivities": ScalingWorld.describe_activities,
    "DescribeScalingPolicies": ScalingWorld.describe_policies,
    "DescribeScheduledActions": ScalingWorld.describe_actions,
    "ListTagsForResource": ScalingWorld.list_tags,
    "PutScalingPolicy": ScalingWorld.put_policy,
    "PutScheduledAction": ScalingWorld.put_action,
    "RegisterScalableTarget": ScalingWorld.register,
    "TagResource": ScalingWorld.tag,
    "UntagResource": ScalingWorld.untag,
}
_BY_ARN = frozenset({"ListTagsForResource", "TagResource", "UntagResource"})
