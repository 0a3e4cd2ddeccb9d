"""Services as stored, with ECS's defaults, and as DescribeServices shows them.

Defaults: DescribeServices answers seen in 2026 and botocore's ECS model. Members that the Service
shape lacks (service connect, volumes, lattice) are shown in `deployments[]`, as on AWS.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from reconciler.local.ecs.state import (
    Cluster,
    Deployment,
    Document,
    Service,
    ServiceDeployment,
)

ROLLOUT_FIELDS = (
    "taskDefinition",
    "networkConfiguration",
    "platformVersion",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "gatewayConnectors",
    "monitoring",
)
"""A different value starts a deployment. Source: each parameter's text in UpdateService's model.

The last two are shown in service revisions only, so a change of them needs a new one (inference).
"""

DEPLOYMENT_ONLY = (
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
)
REVISION_ONLY = ("gatewayConnectors", "monitoring")
KEPT_ON_UPDATE = (
    *ROLLOUT_FIELDS,
    "desiredCount",
    "capacityProviderStrategy",
    "deploymentConfiguration",
    "deploymentController",
    "availabilityZoneRebalancing",
    "placementConstraints",
    "placementStrategy",
    "healthCheckGracePeriodSeconds",
    "enableExecuteCommand",
    "enableECSManagedTags",
    "propagateTags",
)

_ON_FARGATE = frozenset({"FARGATE", "FARGATE_SPOT"})


def stored_service(
    params: Mapping[str, Any], cluster: Cluster, task_definition_arn: str
) -> Document:
    """Return what is kept of a CreateService request, defaults filled in."""
    dropped = ("cluster", "clientToken", "tags", "serviceName", "role")
    document = {
        k: copy.deepcopy(v) for k, v in params.items() if k not in dropped and v is not None
    }
    if task_definition_arn:
        document["taskDefinition"] = task_definition_arn
    defaults: Document = {
        "desiredCount": 0,
        "deploymentController": {"type": "ECS"},
        "schedulingStrategy": "REPLICA",
        "availabilityZoneRebalancing": "ENABLED",
        "propagateTags": "NONE",
        "enableECSManagedTags": False,
        "enableExecuteCommand": False,
        "placementConstraints": [],
        "placementStrategy": [],
        "loadBalancers": [],
        "serviceRegistries": [],
    }
    if document.get("loadBalancers"):
        defaults["healthCheckGracePeriodSeconds"] = 0
    _default_launch(document, cluster)
    if document.get("launchType") == "FARGATE":
        defaults["platformVersion"] = "LATEST"
    filled = {**defaults, **document}
    filled["deploymentConfiguration"] = deployment_configuration(filled, {})
    _default_network(filled)
    return filled


def deployment_configuration(document: Mapping[str, Any], before: Mapping[str, Any]) -> Document:
    """Return the declared deployment configuration over the one before and ECS's defaults."""
    daemon = document.get("schedulingStrategy") == "DAEMON"
    defaults: Document = {
        "maximumPercent": 100 if daemon else 200,
        "minimumHealthyPercent": 0 if daemon else 100,
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
        "deploymentCircuitBreaker": {"enable": False, "rollback": False},
    }
    declared = dict(document.get("deploymentConfiguration") or {})
    breaker = {
        "resetOnHealthyTask": True,
        "thresholdConfiguration": {"type": "BOUNDED_PERCENT", "value": 50},
        **(declared.get("deploymentCircuitBreaker") or {}),
    }
    if declared.get("deploymentCircuitBreaker"):
        declared["deploymentCircuitBreaker"] = breaker
    return {**defaults, **before, **declared}


def _default_launch(document: Document, cluster: Cluster) -> None:
    if document.get("launchType") or document.get("capacityProviderStrategy"):
        return
    strategy = cluster.document.get("defaultCapacityProviderStrategy") or []
    if strategy:
        document["capacityProviderStrategy"] = copy.deepcopy(strategy)
    else:
        document["launchType"] = "EC2"


def _default_network(document: Document) -> None:
    network = (document.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if network is not None:
        network.setdefault("securityGroups", [])
        network.setdefault("assignPublicIp", "DISABLED")
    for item in document.get("capacityProviderStrategy") or []:
        item.setdefault("base", 0)
        item.setdefault("weight", 0)


def changes_rollout(before: Document, after: Document) -> bool:
    """Whether an update needs a new deployment; what is empty or disabled is the same as absent."""
    return any(_set(before.get(key)) != _set(after.get(key)) for key in ROLLOUT_FIELDS)


def _set(value: Any) -> Any:
    """Return a value, or None for one that sets nothing: `[]`, `{enabled: false}`, empty lists in it."""
    if isinstance(value, dict) and (value.get("enabled") is False or not any(value.values())):
        return None
    return value or None


def updated_service(service: Service, params: Mapping[str, Any]) -> Document:
    """Return the stored document after an UpdateService request; absent members stay as they are."""
    document = copy.deepcopy(service.document)
    for key in KEPT_ON_UPDATE:
        if params.get(key) is not None:
            document[key] = copy.deepcopy(params[key])
    if "deploymentConfiguration" in params:
        document["deploymentConfiguration"] = deployment_configuration(
            document, service.document["deploymentConfiguration"]
        )
    if params.get("capacityProviderStrategy") is not None:
        _switch_launch(document, service)
    _default_network(document)
    return document


def _switch_launch(document: Document, service: Service) -> None:
    if document["capacityProviderStrategy"]:
        service.launch_type = document.pop("launchType", service.launch_type)
    else:
        document.pop("capacityProviderStrategy")
        document.setdefault("launchType", _launch_type_of(service))


def _launch_type_of(service: Service) -> str:
    """Return what an empty strategy goes back to: the launch type it had, else that of its providers."""
    if service.launch_type:
        return service.launch_type
    left = {p["capacityProvider"] for p in service.document.get("capacityProviderStrategy") or ()}
    return "FARGATE" if left and left <= _ON_FARGATE else "EC2"


def describe_service(service: Service, *, tags: bool = False) -> Document:
    """Render a service as DescribeServices does."""
    hidden = (*DEPLOYMENT_ONLY, *REVISION_ONLY, "desiredCount")
    document: Document = {
        **{k: v for k, v in service.document.items() if k not in hidden},
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": service.cluster.arn,
        "status": service.status,
        "desiredCount": service.desired_count,
        "runningCount": sum(d.running_count for d in service.deployments),
        "pendingCount": sum(d.pending_count for d in service.deployments),
        "deployments": [_describe_deployment(service, d) for d in service.deployments],
        "events": service.events,
        "createdAt": service.created_at,
        "createdBy": f"arn:aws:iam::{service.cluster.scope[0]}:root",
        "resourceManagementType": "CUSTOMER",
        "roleArn": f"arn:aws:iam::{service.cluster.scope[0]}:role/aws-service-role/"
        "ecs.amazonaws.com/AWSServiceRoleForECS",
    }
    if service.service_deployments:
        document["currentServiceDeployment"] = deployment_arn(
            service, service.service_deployments[0]
        )
        document["currentServiceRevisions"] = [summary(service, d) for d in service.deployments]
    if tags:
        document["tags"] = service.tags
    return document


def summary(service: Service, deployment: Deployment) -> Document:
    """Render a service revision's ARN and task counts."""
    return {
        "arn": revision_arn(service, deployment),
        "requestedTaskCount": deployment.desired_count,
        "runningTaskCount": deployment.running_count,
        "pendingTaskCount": deployment.pending_count,
    }


def deployment_arn(service: Service, deployment: ServiceDeployment) -> str:
    """Spell the service deployment's ARN."""
    return service.arn.replace(":service/", ":service-deployment/") + f"/{deployment.id}"


def revision_arn(service: Service, deployment: Deployment) -> str:
    """Spell the service revision's ARN: its suffix is the number of the deployment that made it."""
    prefix = service.arn.replace(":service/", ":service-revision/")
    return f"{prefix}/{deployment.revision_number}"


def _describe_deployment(service: Service, deployment: Deployment) -> Document:
    document: Document = {
        "id": deployment.id,
        "status": deployment.status,
        "desiredCount": deployment.desired_count,
        "runningCount": deployment.running_count,
        "pendingCount": deployment.pending_count,
        "failedTasks": deployment.failed_tasks,
        "createdAt": deployment.created_at,
        "updatedAt": deployment.updated_at,
        "rolloutState": deployment.rollout_state,
        "rolloutStateReason": deployment.rollout_reason,
        "taskDefinition": deployment.revision["taskDefinition"],
    }
    for key in ("networkConfiguration", *DEPLOYMENT_ONLY):
        if key in deployment.revision:
            document[key] = deployment.revision[key]
    for key in ("launchType", "capacityProviderStrategy"):
        if key in service.document:
            document[key] = service.document[key]
    if service.document.get("platformVersion"):
        document |= {"platformVersion": "1.4.0", "platformFamily": "Linux"}
    return document
