"""The emulated Application Auto Scaling of ECS services, called by `front`.

Kept as AWS documents it: bounds move the count at once, deregistering deletes what was put. Nothing scales
by itself, since there are no metrics: whoever plays the autoscaler changes the count.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.local.ecs import dispatch
from reconciler.local.ecs.errors import EcsError
from reconciler.local.ecs.state import World

Document = dict[str, Any]
Scope = tuple[str, str]
Key = tuple[str, str]
"""Resource id and name."""

DIMENSION = "ecs:service:DesiredCount"
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


class ScalingError(Exception):
    """An API error with a code of botocore's model of Application Auto Scaling."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass
class _Registry:
    """What one account has in one region."""

    targets: dict[str, Document] = field(default_factory=dict)
    policies: dict[Key, Document] = field(default_factory=dict)
    actions: dict[Key, Document] = field(default_factory=dict)


class ScalingWorld:
    """All of it in all regions, changed under the lock of the ECS that it scales."""

    def __init__(self, ecs: World) -> None:
        self._ecs = ecs
        self._registries: dict[Scope, _Registry] = {}

    def answer(self, scope: Scope, operation: str, params: Mapping[str, Any]) -> Document:
        """Carry out one operation; the answer is a copy. Raises ScalingError."""
        carry_out = _OPERATIONS.get(operation)
        if carry_out is None:
            message = f"The embedded AWS does not have application-autoscaling:{operation}."
            raise ScalingError("UnknownOperationException", message)
        if params.get("ServiceNamespace") != "ecs":
            raise _invalid("The embedded AWS scales ECS services only.")
        with self._ecs.lock:
            registry = self._registries.setdefault(scope, _Registry())
            return copy.deepcopy(carry_out(self, scope, registry, dict(params)))

    # Operations -------------------------------------------------------------------------------

    def register(self, scope: Scope, registry: _Registry, wanted: Document) -> Document:
        """RegisterScalableTarget: what is not given stays; the count moves into the bounds at once."""
        resource = _resource(wanted)
        count = self._count(scope, resource)
        known = registry.targets.get(resource)
        if known is None and not {"MinCapacity", "MaxCapacity"} <= wanted.keys():
            raise _invalid("MinCapacity and MaxCapacity are required to register a target.")
        target = known or self._new_target(scope)
        suspended = {**target["SuspendedState"], **wanted.pop("SuspendedState", {})}
        wanted.pop("Tags", None)  # recorded nowhere: ListTagsForResource is not emulated
        target = {**target, **wanted, "SuspendedState": suspended}
        if not 0 <= target["MinCapacity"] <= target["MaxCapacity"]:
            raise _invalid("Maximum capacity cannot be less than minimum capacity")
        registry.targets[resource] = target
        inside = min(max(count, target["MinCapacity"]), target["MaxCapacity"])
        if inside != count:
            self._set_count(scope, resource, inside)
        return {"ScalableTargetARN": target["ScalableTargetARN"]}

    def deregister(self, _: Scope, registry: _Registry, wanted: Document) -> Document:
        """DeregisterScalableTarget: its policies and actions go too."""
        resource = _registered(registry, wanted)
        del registry.targets[resource]
        for items in (registry.policies, registry.actions):
            for key in [key for key in items if key[0] == resource]:
                del items[key]
        return {}

    def put_policy(self, scope: Scope, registry: _Registry, wanted: Document) -> Document:
        """PutScalingPolicy: replaces the configuration as a whole."""
        key = _registered(registry, wanted), str(wanted["PolicyName"])
        known = registry.policies.get(key)
        kind = wanted.setdefault("PolicyType", known["PolicyType"] if known else "StepScaling")
        if known is not None and known["PolicyType"] != kind:
            raise _invalid(f"The type of the policy {key[1]} is {known['PolicyType']}.")
        given = [name for name in _CONFIGURATIONS.values() if name in wanted]
        if given != [_CONFIGURATIONS.get(str(kind))]:
            raise _invalid(f"A policy of the type {kind} needs {_CONFIGURATIONS.get(str(kind))}.")
        metric = _metric(wanted)
        mine = {k: p for k, p in registry.policies.items() if k[0] == key[0] and k != key}
        if metric is not None and metric in map(_metric, mine.values()):
            raise _invalid("Only one TargetTrackingScaling policy for a metric is allowed.")
        arn = known["PolicyARN"] if known else _arn(scope, "scalingPolicy", key, "policyName")
        alarms = _alarms(scope, key[0]) if kind == "TargetTrackingScaling" else []
        policy = {**wanted, "PolicyARN": arn, "Alarms": known["Alarms"] if known else alarms}
        registry.policies[key] = self._since(known, policy)
        return {"PolicyARN": arn, "Alarms": policy["Alarms"]}

    def put_action(self, scope: Scope, registry: _Registry, wanted: Document) -> Document:
        """PutScheduledAction: what is not given stays, except for start and end."""
        key = _registered(registry, wanted), str(wanted["ScheduledActionName"])
        known = registry.actions.get(key)
        kept = {k: v for k, v in (known or {}).items() if k not in _TIMES}
        action = {**kept, **wanted}
        if "Schedule" not in action:
            raise _invalid("A schedule is required.")
        if not action.get("ScalableTargetAction"):
            raise _invalid(
                "At least one of minimum capacity and maximum capacity should be provided"
            )
        action.setdefault(
            "ScheduledActionARN", _arn(scope, "scheduledAction", key, "scheduledActionName")
        )
        registry.actions[key] = self._since(known, action)
        return {}

    def delete_policy(self, _: Scope, registry: _Registry, wanted: Document) -> Document:
        """DeleteScalingPolicy."""
        return _delete(registry.policies, (_resource(wanted), str(wanted["PolicyName"])))

    def delete_action(self, _: Scope, registry: _Registry, wanted: Document) -> Document:
        """DeleteScheduledAction."""
        return _delete(registry.actions, (_resource(wanted), str(wanted["ScheduledActionName"])))

    def describe_targets(self, _: Scope, registry: _Registry, wanted: Document) -> Document:
        """DescribeScalableTargets."""
        named = wanted.get("ResourceIds") or list(registry.targets)
        found = [t for resource, t in registry.targets.items() if resource in named]
        return _page(found, wanted, "ScalableTargets", 50)

    def describe_policies(self, _: Scope, registry: _Registry, wanted: Document) -> Document:
        """DescribeScalingPolicies."""
        found = _chosen(registry.policies, wanted, "PolicyNames")
        return _page(found, wanted, "ScalingPolicies", 10)

    def describe_actions(self, _: Scope, registry: _Registry, wanted: Document) -> Document:
        """DescribeScheduledActions."""
        found = _chosen(registry.actions, wanted, "ScheduledActionNames")
        return _page(found, wanted, "ScheduledActions", 50)

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
            raise _invalid(f"ECS service doesn't exist: {resource}") from error
        for live in found["services"]:
            if live["status"] == "ACTIVE":
                return int(live["desiredCount"])
        raise _invalid(f"ECS service doesn't exist: {resource}")

    def _set_count(self, scope: Scope, resource: str, count: int) -> None:
        _, cluster, service = resource.split("/")
        wanted = {"cluster": cluster, "service": service, "desiredCount": count}
        dispatch.answer(self._ecs, scope, "UpdateService", wanted)


_OPERATIONS: Mapping[str, Callable[[ScalingWorld, Scope, _Registry, Document], Document]] = {
    "DeleteScalingPolicy": ScalingWorld.delete_policy,
    "DeleteScheduledAction": ScalingWorld.delete_action,
    "DeregisterScalableTarget": ScalingWorld.deregister,
    "DescribeScalableTargets": ScalingWorld.describe_targets,
    "DescribeScalingPolicies": ScalingWorld.describe_policies,
    "DescribeScheduledActions": ScalingWorld.describe_actions,
    "PutScalingPolicy": ScalingWorld.put_policy,
    "PutScheduledAction": ScalingWorld.put_action,
    "RegisterScalableTarget": ScalingWorld.register,
}


def _resource(wanted: Mapping[str, Any]) -> str:
    resource = str(wanted.get("ResourceId", ""))
    kind, _, rest = resource.partition("/")
    if wanted.get("ScalableDimension") != DIMENSION or kind != "service" or rest.count("/") != 1:
        raise _invalid("Unsupported service namespace, resource type or scalable dimension")
    return resource


def _registered(registry: _Registry, wanted: Mapping[str, Any]) -> str:
    resource = _resource(wanted)
    if resource not in registry.targets:
        message = (
            f"No scalable target registered for service namespace: ecs, resource ID: {resource}, "
            f"scalable dimension: {DIMENSION}"
        )
        raise ScalingError("ObjectNotFoundException", message)
    return resource


def _delete(items: dict[Key, Document], key: Key) -> Document:
    if items.pop(key, None) is None:
        message = f"Nothing called {key[1]} was found for resource ID: {key[0]}"
        raise ScalingError("ObjectNotFoundException", message)
    return {}


def _chosen(items: Mapping[Key, Document], wanted: Mapping[str, Any], names: str) -> list[Document]:
    resource, named = wanted.get("ResourceId"), wanted.get(names)
    return [
        item
        for key, item in items.items()
        if resource in (None, key[0]) and (not named or key[1] in named)
    ]


def _page(items: list[Document], wanted: Mapping[str, Any], key: str, most: int) -> Document:
    size = int(wanted.get("MaxResults", most))
    if not 1 <= size <= most:
        raise _invalid(f"MaxResults must be between 1 and {most}.")
    token = str(wanted.get("NextToken") or "0")
    if not token.isdigit():
        raise ScalingError("InvalidNextTokenException", "The next token is not one of ours.")
    end = int(token) + size
    more = {"NextToken": str(end)} if end < len(items) else {}
    return {key: items[int(token) : end], **more}


def _metric(policy: Mapping[str, Any]) -> Any:
    tracking = policy.get("TargetTrackingScalingPolicyConfiguration", {})
    return tracking.get("PredefinedMetricSpecification")


def _arn(scope: Scope, kind: str, key: Key, what: str) -> str:
    account, region = scope
    resource = f"resource/ecs/{key[0]}:{what}/{key[1]}"
    return f"arn:aws:autoscaling:{region}:{account}:{kind}:{uuid.uuid4()}:{resource}"


def _alarms(scope: Scope, resource: str) -> list[Document]:
    """Name the two alarms that target tracking would make; they do not exist in CloudWatch."""
    account, region = scope
    names = [f"TargetTracking-{resource}-Alarm{side}-{uuid.uuid4()}" for side in ("High", "Low")]
    arn = f"arn:aws:cloudwatch:{region}:{account}:alarm:"
    return [{"AlarmName": name, "AlarmARN": arn + name} for name in names]


def _invalid(message: str) -> ScalingError:
    return ScalingError("ValidationException", message)
