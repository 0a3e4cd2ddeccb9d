"""ecs_service: one ECS service. Observed in batches of ten, created, updated, tagged and deleted by name.

Called by `resources.observe` and `controller.execute`; what to send is the planner's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import InvalidRequest, NotFound
from reconciler.model.observed import Deployment, ObservedService, ServicePresence
from reconciler.plan.canonical import canonical_service
from reconciler.resources.kind import Answer, Kind, answer
from reconciler.shapes.botocore_model import input_of

BATCH = 10
"""Services in one DescribeServices call (botocore: DescribeServicesRequest.services, "up to 10")."""

ONLY_IN_DEPLOYMENTS = (
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
)
"""CreateService fields that DescribeServices tells only in `deployments[]` (botocore: shape Deployment)."""

GONE = ("ServiceNotFoundException", "ServiceNotActiveException")
"""What ECS answers to changing a service that does not exist any more (botocore: the ECS model)."""

ecs_service: Kind[ObservedService] = Kind(
    name="ecs_service",
    permissions={
        "observe": ("ecs:DescribeServices",),
        "create": ("ecs:CreateService", "ecs:TagResource", "iam:PassRole"),
        "update": ("ecs:UpdateService", "ecs:TagResource", "iam:PassRole"),
        "delete": ("ecs:DeleteService",),
    },
)


@ecs_service.on_observe
def observe(aws: Aws, cluster: str, names: Sequence[str]) -> dict[str, ObservedService]:
    """Read services by name; the ones ECS has never heard of are left out.

    Raises NotFound when the cluster does not exist.
    """
    found: dict[str, ObservedService] = {}
    for batch in _batches(sorted(set(names))):
        for live in _describe(aws, cluster, batch).get("services", ()):
            found[live["serviceName"]] = observed_service(live)
    return found


def _describe(aws: Aws, cluster: str, names: Sequence[str]) -> Mapping[str, Any]:
    try:
        return aws.call(
            "ecs", "DescribeServices", cluster=cluster, services=names, include=["TAGS"]
        )
    except NotFound as error:  # services that are not there are in `failures[]`: it is the cluster
        raise NotFound(
            f"the cluster {cluster} does not exist: {error}",
            operation=error.operation,
            code=error.code,
            request_id=error.request_id,
        ) from error


@ecs_service.on_create
def create(aws: Aws, request: Mapping[str, Any]) -> Answer:
    """Create the service. `clientToken` in the request makes a repeat the same creation."""
    response = aws.call("ecs", "CreateService", **request)
    return _answer(response)


@ecs_service.on_update
def update(aws: Aws, request: Mapping[str, Any]) -> Answer:
    """Send one UpdateService; the same parameters again start no second deployment."""
    return _answer(aws.call("ecs", "UpdateService", **request))


@ecs_service.on_delete
def delete(aws: Aws, request: Mapping[str, Any]) -> Answer:
    """Delete with `force`: ECS drains it whatever its count. Needs `cluster` and `service`.

    A service that is gone, or on its way, is success; a missing cluster is NotFound.
    """
    try:
        response = aws.call(
            "ecs",
            "DeleteService",
            cluster=request["cluster"],
            service=request["service"],
            force=True,
        )
    except (NotFound, InvalidRequest) as error:
        if error.code not in GONE:
            raise
        return Answer(error.request_id, {"already": error.code})
    return answer(response)


def tag(aws: Aws, arn: str, tags: Mapping[str, str]) -> Answer:
    """Add or overwrite tags; those that are not named stay (TagResource)."""
    wire = [{"key": key, "value": value} for key, value in sorted(tags.items())]
    return answer(aws.call("ecs", "TagResource", resourceArn=arn, tags=wire), tags=dict(tags))


def observed_service(live: Mapping[str, Any]) -> ObservedService:
    """Translate one element of DescribeServices' `services`."""
    deployments = tuple(_deployment(d) for d in live.get("deployments", ()))
    declared = {name: live[name] for name in input_of("CreateService").members if name in live}
    declared.pop("tags", None)
    declared.pop("taskDefinition", None)
    declared.pop("cluster", None)
    primary: Mapping[str, Any] = next(
        (d for d in live.get("deployments", ()) if d.get("status") == "PRIMARY"), {}
    )
    for name in ONLY_IN_DEPLOYMENTS:
        if name in primary:
            declared[name] = primary[name]
    return ObservedService(
        presence=_presence(live.get("status", "")),
        service=canonical_service(declared),
        arn=live.get("serviceArn", ""),
        task_definition_arn=live.get("taskDefinition", ""),
        tags={t["key"]: t.get("value", "") for t in live.get("tags", ())},
        deployments=deployments,
        running_count=int(live.get("runningCount", 0)),
        pending_count=int(live.get("pendingCount", 0)),
        events=tuple(str(e.get("message", "")) for e in live.get("events", ())[:5]),
    )


def _presence(status: str) -> ServicePresence:
    try:
        return ServicePresence(status)
    except ValueError:
        return ServicePresence.ABSENT


def _deployment(live: Mapping[str, Any]) -> Deployment:
    return Deployment(
        id=live.get("id", ""),
        status=live.get("status", ""),
        task_definition=live.get("taskDefinition", ""),
        rollout_state=live.get("rolloutState", ""),
        rollout_reason=live.get("rolloutStateReason", ""),
        desired_count=int(live.get("desiredCount", 0)),
        running_count=int(live.get("runningCount", 0)),
        pending_count=int(live.get("pendingCount", 0)),
        failed_tasks=int(live.get("failedTasks", 0)),
        created_at=live.get("createdAt"),
    )


def _answer(response: Mapping[str, Any]) -> Answer:
    service = response.get("service", {})
    primary: Mapping[str, Any] = next(
        (d for d in service.get("deployments", ()) if d.get("status") == "PRIMARY"), {}
    )
    return answer(
        response,
        deploymentId=primary.get("id", ""),
        taskDefinition=service.get("taskDefinition", ""),
        serviceArn=service.get("serviceArn", ""),
    )


def _batches(names: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), BATCH):
        yield list(names[start : start + BATCH])
