"""CreateService, UpdateService, DeleteService, DescribeServices, ListServices and their history."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.local.ecs import clusters, task_definitions
from reconciler.local.ecs.deployments import start_deployment
from reconciler.local.ecs.errors import EcsError, invalid, service_not_found
from reconciler.local.ecs.pages import page
from reconciler.local.ecs.service_documents import (
    ROLLOUT_FIELDS,
    deployment_arn,
    describe_service,
    revision_arn,
    stored_service,
    updated_service,
)
from reconciler.local.ecs.state import (
    Cluster,
    Deployment,
    Document,
    Scope,
    Service,
    World,
    last_part,
    make_arn,
)
from reconciler.local.ecs.tasks import check_network, request_hash

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,36}")
_MAX_DESCRIBED = 10
_LIST_PAGE = 10


def create(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """CreateService: a second one of that name is refused, unless token and parameters are the same."""
    cluster = clusters.find(world, scope, params)
    name = str(params.get("serviceName") or "")
    if not _NAME.fullmatch(name):
        raise invalid("serviceName must be 1 to 255 letters, numbers, underscores and hyphens.")
    if params.get("clientToken") and not _TOKEN.fullmatch(str(params["clientToken"])):
        raise invalid("clientToken must be at most 36 ASCII characters.")
    existing = cluster.services.get(name)
    if existing and existing.status != "INACTIVE":
        return _repeat(existing, params)
    if params.get("launchType") and params.get("capacityProviderStrategy"):
        raise invalid(
            "Specifying both a launch type and capacity provider strategy is not supported."
        )
    definition = task_definitions.find_active(world, scope, str(params.get("taskDefinition") or ""))
    check_network(params, definition.document)
    _check_load_balancers(params, definition.document)
    service = Service(
        arn=make_arn(scope, f"service/{cluster.name}/{name}"),
        name=name,
        cluster=cluster,
        document=stored_service(params, cluster, definition.arn),
        created_at=world.now(),
        tags=[dict(tag) for tag in params.get("tags") or []],
        client_token=str(params.get("clientToken") or ""),
        request_hash=request_hash(params),
    )
    cluster.services[name] = service
    start_deployment(world, service)
    return {"service": describe_service(service, tags=True)}


def _repeat(existing: Service, params: Mapping[str, Any]) -> Document:
    if existing.status == "DRAINING":
        raise invalid("Unable to Start a service that is still Draining.")
    same = params.get("clientToken") and params["clientToken"] == existing.client_token
    if not same or request_hash(params) != existing.request_hash:
        raise invalid("Creation of service was not idempotent.")
    return {"service": describe_service(existing, tags=True)}


def _check_load_balancers(params: Mapping[str, Any], definition: Document) -> None:
    containers = {c["name"]: c for c in definition["containerDefinitions"]}
    for balancer in params.get("loadBalancers") or []:
        name, port = balancer.get("containerName"), balancer.get("containerPort")
        if name not in containers:
            raise invalid(f"The container {name} does not exist in the task definition.")
        ports = [m.get("containerPort") for m in containers[name]["portMappings"]]
        if port not in ports:
            raise invalid(f"The container {name} did not have a container port {port} defined.")


def find(cluster: Cluster, reference: str) -> Service:
    """Return a service by name or ARN; raises ServiceNotFoundException."""
    service = cluster.services.get(last_part(reference))
    if service is None:
        raise service_not_found()
    return service


def update(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """UpdateService: one new deployment when a rollout field differs or forceNewDeployment is set."""
    cluster = clusters.find(world, scope, params)
    service = find(cluster, str(params.get("service") or ""))
    if service.status != "ACTIVE":
        raise EcsError("ServiceNotActiveException", "Service was not ACTIVE.")
    changed = dict(params)
    if params.get("taskDefinition"):
        reference = str(params["taskDefinition"])
        changed["taskDefinition"] = task_definitions.find_active(world, scope, reference).arn
    document = updated_service(service, changed)
    definition = task_definitions.find(world, scope, document["taskDefinition"]).document
    check_network(document, definition)
    _check_load_balancers(document, definition)
    before, service.document = service.document, document
    if params.get("forceNewDeployment") or any(
        before.get(key) != document.get(key) for key in ROLLOUT_FIELDS
    ):
        start_deployment(world, service)
    service.deployments[0].desired_count = service.desired_count
    return {"service": describe_service(service, tags=True)}


def delete(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DeleteService: DRAINING until its tasks are gone, then INACTIVE."""
    cluster = clusters.find(world, scope, params)
    service = find(cluster, str(params.get("service") or ""))
    if service.status == "INACTIVE":
        raise EcsError("ServiceNotActiveException", "Service was not ACTIVE.")
    if service.status == "ACTIVE":
        if service.desired_count > 0 and not params.get("force"):
            raise invalid("The service cannot be stopped while it is scaled above 0.")
        service.status = "DRAINING"
    return {"service": describe_service(service)}


def describe(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DescribeServices: at most ten; INACTIVE ones are shown until they are purged."""
    cluster = clusters.find(world, scope, params)
    wanted = [str(s) for s in params.get("services") or []]
    if not wanted:
        raise invalid("Services cannot be empty.")
    if len(wanted) > _MAX_DESCRIBED:
        raise invalid("Services length must be at most 10.")
    tags = "TAGS" in (params.get("include") or [])
    found, failures = [], []
    for reference in wanted:
        service = cluster.services.get(last_part(reference))
        if service is None:
            arn = make_arn(scope, f"service/{cluster.name}/{last_part(reference)}")
            failures.append({"arn": arn, "reason": "MISSING"})
        else:
            found.append(describe_service(service, tags=tags))
    return {"services": found, "failures": failures}


def list_all(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """ListServices: ten a page unless asked; only ACTIVE ones."""
    cluster = clusters.find(world, scope, params)
    filters = {k: params[k] for k in ("launchType", "schedulingStrategy") if params.get(k)}
    if params.get("resourceManagementType") == "ECS":
        return page(params, "serviceArns", [], _LIST_PAGE)
    arns = [
        s.arn
        for s in cluster.services.values()
        if s.status == "ACTIVE" and all(s.document.get(k) == v for k, v in filters.items())
    ]
    return page(params, "serviceArns", arns, _LIST_PAGE)


_DEPLOYMENT_STATUS = {
    "COMPLETED": "SUCCESSFUL",
    "FAILED": "ROLLBACK_SUCCESSFUL",
    "IN_PROGRESS": "IN_PROGRESS",
}


def _deployment_document(service: Service, deployment: Deployment) -> Document:
    status = _DEPLOYMENT_STATUS[deployment.rollout_state]
    if status == "IN_PROGRESS" and deployment.status != "PRIMARY":
        status = "STOPPED"  # a newer deployment supersedes it
    return {
        "serviceDeploymentArn": deployment_arn(service, deployment),
        "serviceArn": service.arn,
        "clusterArn": service.cluster.arn,
        "status": status,
        "statusReason": deployment.rollout_reason,
        "createdAt": deployment.created_at,
        "updatedAt": deployment.updated_at,
    }


def list_deployments(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """ListServiceDeployments: newest first, twenty a page unless asked."""
    cluster = clusters.find(world, scope, params)
    service = find(cluster, str(params.get("service") or ""))
    wanted = params.get("status") or list({*_DEPLOYMENT_STATUS.values(), "STOPPED"})
    documents = [_deployment_document(service, d) for d in service.history]
    brief = [
        {**{k: v for k, v in d.items() if k != "updatedAt"}, "targetServiceRevisionArn": arn}
        for d, arn in zip(
            documents, [revision_arn(service, x) for x in service.history], strict=True
        )
        if d["status"] in wanted
    ]
    return page(params, "serviceDeployments", brief, 20)


def describe_deployments(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DescribeServiceDeployments by ARN; unknown ones are failures."""
    known = {
        deployment_arn(s, d): (s, d)
        for cluster in world.clusters.get(scope, {}).values()
        for s in cluster.services.values()
        for d in s.history
    }
    found, failures = [], []
    for arn in params.get("serviceDeploymentArns") or []:
        if arn not in known:
            failures.append({"arn": arn, "reason": "MISSING"})
            continue
        service, deployment = known[arn]
        target = {
            "arn": revision_arn(service, deployment),
            "requestedTaskCount": deployment.desired_count,
            "runningTaskCount": deployment.running_count,
            "pendingTaskCount": deployment.pending_count,
        }
        document = _deployment_document(service, deployment)
        found.append({**document, "targetServiceRevision": target})
    return {"serviceDeployments": found, "failures": failures}
