"""What each AWS operation means for retries, fences and request budgets: data, with sources.

Used by `reconciler.aws.door` only. Names are the API's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_READS = (
    *("Describe", "List", "Get", "BatchGet", "TransactGet", "Query", "Scan", "Filter", "Lookup"),
    "Simulate",  # IAM's policy simulator answers a question
)

_REPEATABLE = frozenset(
    {
        # Setting the same value twice is setting it once; CreateTable answers that it exists.
        "AddTagsToResource",
        "CreateTable",
        "DeleteScalingPolicy",
        "DeleteScheduledAction",
        "DeregisterScalableTarget",
        "ModifyCacheParameterGroup",
        "PutItem",
        "PutScalingPolicy",
        "PutScheduledAction",
        "RemoveTagsFromResource",
        "ResetCacheParameterGroup",
        "StopTask",
        "TagResource",
        "UntagResource",
        "UpdateContinuousBackups",
        "UpdateTimeToLive",
    }
)

_REPEATABLE_WITH = {
    # AWS recognises the repetition by the token, or the condition refuses it.
    "CreateService": "clientToken",
    "RunTask": "clientToken",
    "TransactWriteItems": "ClientRequestToken",
    "UpdateItem": "ConditionExpression",
}


@dataclass(frozen=True)
class Quota:
    """One token bucket of AWS: requests at once, and requests a second afterwards."""

    name: str
    burst: float
    per_second: float


_TASK_WRITE = Quota("cluster resource modify", 100, 40)
_TASK_READ = Quota("cluster resource read", 100, 20)
_SERVICE_WRITE = Quota("service modify", 50, 5)
_SERVICE_READ = Quota("service read", 100, 20)
_DEFINITION_WRITE = Quota("task definition modify", 20, 1)
_DEFINITION_READ = Quota("task definition read", 50, 20)

_ECS_QUOTAS = {
    # AmazonECS APIReference/request-throttling.html: per account and region, all callers together.
    "RunTask": _TASK_WRITE,
    "StopTask": _TASK_WRITE,
    "DescribeTasks": _TASK_READ,
    "ListTasks": _TASK_READ,
    "DescribeContainerInstances": _TASK_READ,
    "CreateService": _SERVICE_WRITE,
    "UpdateService": _SERVICE_WRITE,
    "DeleteService": _SERVICE_WRITE,
    "DescribeServices": _SERVICE_READ,
    "ListServices": _SERVICE_READ,
    "DescribeServiceDeployments": Quota("service deployment", 50, 20),
    "ListServiceDeployments": Quota("service deployment", 50, 20),
    "DescribeServiceRevisions": Quota("service revision", 50, 20),
    "RegisterTaskDefinition": _DEFINITION_WRITE,
    "DeregisterTaskDefinition": _DEFINITION_WRITE,
    "DescribeTaskDefinition": _DEFINITION_READ,
    "ListTaskDefinitions": _DEFINITION_READ,
    "ListTaskDefinitionFamilies": _DEFINITION_READ,
    "DescribeClusters": Quota("cluster read", 50, 20),
    "TagResource": Quota("tag modify", 20, 10),
    "UntagResource": Quota("tag modify", 20, 10),
    "ListTagsForResource": Quota("tag read", 50, 20),
}


def is_mutating(operation: str) -> bool:
    """Return whether the operation can change anything in AWS: those pass the fence."""
    return not operation.startswith(_READS)


def is_repeatable(operation: str, params: Mapping[str, Any]) -> bool:
    """Return whether the call may be sent again although an earlier one may have taken effect.

    RegisterTaskDefinition makes a second revision and UpdateService with forceNewDeployment a second
    rollout: neither has a token (botocore's model), so their callers look before they repeat. A scalable
    target with tags is registered once: "the scalable target that you tried to tag already exists".
    """
    if not is_mutating(operation) or operation in _REPEATABLE:
        return True
    if operation == "UpdateService":
        return not params.get("forceNewDeployment", False)
    if operation == "RegisterScalableTarget":
        return not params.get("Tags")
    token = _REPEATABLE_WITH.get(operation)
    return token is not None and bool(params.get(token))


def quota_of(service: str, operation: str) -> Quota | None:
    """Return the published token bucket that the call draws from, or None where there is none."""
    return _ECS_QUOTAS.get(operation) if service == "ecs" else None
