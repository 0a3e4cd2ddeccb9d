"""ecs_service: one ECS service. Observed in batches of ten, created, updated, tagged and deleted by name.

Called by `resources.observe` and `controller.execute`; what to send is the planner's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.batches import batches
from reconciler.model.errors import InvalidRequest, NotFound
from reconciler.model.names import last_part
from reconciler.model.observed import Deployment, ObservedService, ServicePresence
from reconciler.plan.canonical import canonical_service
from reconciler.resources.kind import Answer, Kind, already, answer
from reconciler.shapes.botocore_model import input_of
from reconciler.shapes.observable import (
    in_task_sets,
    never_answered,
    only_in_deployments,
    only_in_revisions,
)
from reconciler.shapes.spellings import SERVICE_LINKED

BATCH = 10
"""Services in one DescribeServices call (botocore: DescribeServicesRequest.services, "up to 10")."""

EVENTS = 20
"""Of a service's newest events so many are kept: the one of a failed deployment is among them for hours."""

GONE = ("ServiceNotFoundException", "ServiceNotActiveException")
"""What ECS answers to changing a service that does not exist any more (botocore: the ECS model)."""

ecs_service: Kind[ObservedService] = Kind(
    name="ecs_service",
    permissions={
        "observe": ("ecs:DescribeServices",),
        "create": ("ecs:CreateService", "ecs:TagResource", "iam:PassRole"),
        "update": (
            "ecs:UpdateService",
            "ecs:TagResource",
            "ecs:UntagResource",
            "iam:PassRole",
        ),
        "delete": ("ecs:DeleteService",),
    },
)


@ecs_service.on_observe
def observe(aws: Aws, cluster: str, names: Sequence[str]) -> dict[str, ObservedService]:
    """Read services by name; the ones ECS has never heard of are left out.

    Raises NotFound when the cluster does not exist.
    """
    found: dict[str, ObservedService] = {}
    for batch in batches(sorted(set(names)), BATCH):
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
        return already(error)
    return answer(response)


def tag(aws: Aws, arn: str, tags: Mapping[str, str]) -> Answer:
    """Add or overwrite tags; those that are not named stay (TagResource)."""
    wire = [{"key": key, "value": value} for key, value in sorted(tags.items())]
    return answer(aws.call("ecs", "TagResource", resourceArn=arn, tags=wire), tags=dict(tags))


def untag(aws: Aws, arn: str, keys: Sequence[str]) -> Answer:
    """Take tags off by key; a key that is not there is success (UntagResource)."""
    wire = sorted(keys)
    return answer(aws.call("ecs", "UntagResource", resourceArn=arn, tagKeys=wire), untagged=wire)


def observed_service(live: Mapping[str, Any]) -> ObservedService:
    """Translate one element of DescribeServices' `services`."""
    primary, task_set = _primary(live.get("deployments")), _primary(live.get("taskSets"))
    return ObservedService(
        presence=_presence(live.get("status", "")),
        service=canonical_service(_declared(live, primary, task_set)),
        arn=live.get("serviceArn", ""),
        task_definition_arn=live.get("taskDefinition") or task_set.get("taskDefinition", ""),
        tags={t["key"]: t.get("value", "") for t in live.get("tags", ())},
        deployments=(
            *(_deployment(d) for d in live.get("deployments", ())),
            *(_task_set(t) for t in live.get("taskSets", ())),
        ),
        running_count=int(live.get("runningCount", 0)),
        pending_count=int(live.get("pendingCount", 0)),
        events=tuple(str(e.get("message", "")) for e in live.get("events", ())[:EVENTS]),
        revision_arn=_revision_arn(live, primary),
        unread=_unread(live, primary),
        deployment_arn=str(live.get("currentServiceDeployment", "")),
    )


def _unread(live: Mapping[str, Any], primary: Mapping[str, Any]) -> frozenset[str]:
    """Return the fields that this answer could not tell, whatever they are."""
    elsewhere = frozenset() if primary else only_in_deployments()
    role = frozenset() if "roleArn" in live else never_answered()
    return only_in_revisions() | elsewhere | role


def _declared(
    live: Mapping[str, Any], primary: Mapping[str, Any], task_set: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the CreateService fields from wherever ECS tells them."""
    declared = {name: live[name] for name in input_of("CreateService").members if name in live}
    for name in ("tags", "taskDefinition", "cluster"):
        declared.pop(name, None)
    role = str(live.get("roleArn", ""))
    if role and SERVICE_LINKED not in role:
        declared["role"] = role
    declared |= {name: primary[name] for name in only_in_deployments() if name in primary}
    return declared | {name: task_set[name] for name in in_task_sets() if name in task_set}


def _primary(items: Sequence[Mapping[str, Any]] | None) -> Mapping[str, Any]:
    return next((item for item in items or () if item.get("status") == "PRIMARY"), {})


def _revision_arn(live: Mapping[str, Any], primary: Mapping[str, Any]) -> str:
    """Return the revision of the primary deployment, empty while that cannot be told.

    A revision's ARN ends with the number of the deployment that made it [OBS]; a rollback makes a
    deployment and no revision [D service-revision], so there is no telling while two revisions run.
    """
    arns = [str(r.get("arn", "")) for r in live.get("currentServiceRevisions", ())]
    number = last_part(str(primary.get("id", "")))
    same = [arn for arn in arns if number and last_part(arn) == number]
    found = same or arns
    return found[0] if len(found) == 1 else ""


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


def _task_set(live: Mapping[str, Any]) -> Deployment:
    """Read a task set as what it is, a deployment that another controller made."""
    return Deployment(
        id=live.get("id", ""),
        status=live.get("status", ""),
        task_definition=live.get("taskDefinition", ""),
        rollout_state="",
        rollout_reason="",
        desired_count=int(live.get("computedDesiredCount", 0)),
        running_count=int(live.get("runningCount", 0)),
        pending_count=int(live.get("pendingCount", 0)),
        failed_tasks=0,
        created_at=live.get("createdAt"),
    )


def _answer(response: Mapping[str, Any]) -> Answer:
    service = response.get("service", {})
    primary = _primary(service.get("deployments")) or _primary(service.get("taskSets"))
    return answer(
        response,
        deploymentId=primary.get("id", ""),
        taskDefinition=service.get("taskDefinition") or primary.get("taskDefinition", ""),
        serviceArn=service.get("serviceArn", ""),
    )
