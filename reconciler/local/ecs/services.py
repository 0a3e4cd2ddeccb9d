"""CreateService, UpdateService, DeleteService, DescribeServices, ListServices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.local.ecs import clusters, task_definitions
from reconciler.local.ecs.deployments import start_deployment
from reconciler.local.ecs.errors import EcsError, invalid, service_not_found
from reconciler.local.ecs.pages import page
from reconciler.local.ecs.service_documents import (
    changes_rollout,
    describe_service,
    stored_service,
    updated_service,
)
from reconciler.local.ecs.service_rules import (
    check_create,
    check_load_balancers,
    check_update,
    controller_of,
)
from reconciler.local.ecs.state import (
    Cluster,
    Document,
    Scope,
    Service,
    World,
    make_arn,
)
from reconciler.local.ecs.tasks import check_network, request_hash
from reconciler.model.names import last_part

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
    document = stored_service(params, cluster, _definition(world, scope, params))
    check_create(params, document)
    _check_definition(world, scope, document)
    service = Service(
        arn=make_arn(scope, f"service/{cluster.name}/{name}"),
        name=name,
        cluster=cluster,
        document=document,
        created_at=world.now(),
        tags=[dict(tag) for tag in params.get("tags") or []],
        client_token=str(params.get("clientToken") or ""),
        request_hash=request_hash(params),
    )
    cluster.services[name] = service
    if "taskDefinition" in document:
        start_deployment(world, service)
    return {"service": describe_service(service, tags=True)}


def _repeat(existing: Service, params: Mapping[str, Any]) -> Document:
    if existing.status == "DRAINING":
        raise invalid("Unable to Start a service that is still Draining.")
    same = params.get("clientToken") and params["clientToken"] == existing.client_token
    if not same or request_hash(params) != existing.request_hash:
        raise invalid("Creation of service was not idempotent.")
    return {"service": describe_service(existing, tags=True)}


def _definition(world: World, scope: Scope, params: Mapping[str, Any]) -> str:
    """Return the ARN of the task definition; a service of an external controller may have none."""
    reference = str(params.get("taskDefinition") or "")
    if not reference and controller_of(params) == "EXTERNAL":
        return ""
    return task_definitions.find_active(world, scope, reference).arn


def _check_definition(world: World, scope: Scope, document: Document) -> None:
    """Raise when network or load balancers do not fit the task definition."""
    if "taskDefinition" in document:
        definition = task_definitions.find(world, scope, document["taskDefinition"]).document
        check_network(document, definition)
        check_load_balancers(document, definition)


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
    check_update(service, params, document)
    _check_definition(world, scope, document)
    before, service.document = service.document, document
    if params.get("forceNewDeployment") or changes_rollout(before, document):
        start_deployment(world, service)
    for deployment in service.deployments[:1]:
        deployment.desired_count = service.desired_count
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
