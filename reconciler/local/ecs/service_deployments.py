"""ListServiceDeployments, DescribeServiceDeployments, Stop-, ContinueServiceDeployment, revisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.local.ecs import clusters, stages
from reconciler.local.ecs.deployments import breaker_threshold, fail, last_completed
from reconciler.local.ecs.errors import EcsError, invalid
from reconciler.local.ecs.pages import page
from reconciler.local.ecs.service_documents import deployment_arn, revision_arn, summary
from reconciler.local.ecs.services import find
from reconciler.local.ecs.state import (
    Deployment,
    Document,
    LifecycleHook,
    Scope,
    Service,
    ServiceDeployment,
    World,
    without_nulls,
)
from reconciler.local.ecs.task_definitions import find as find_definition

_LIST_PAGE = 20
_MAX_DESCRIBED = 20
_REVISION_FIELDS = (
    "taskDefinition",
    "capacityProviderStrategy",
    "launchType",
    "platformVersion",
    "loadBalancers",
    "serviceRegistries",
    "networkConfiguration",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "gatewayConnectors",
    "monitoring",
)
Found = tuple[Service, ServiceDeployment]


def list_all(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """ListServiceDeployments: newest first, twenty a page unless asked."""
    cluster = clusters.find(world, scope, params)
    service = find(cluster, str(params.get("service") or ""))
    wanted, created = params.get("status"), params.get("createdAt") or {}
    after, before = created.get("after"), created.get("before")
    found = []
    for deployment in service.service_deployments:
        seconds = deployment.created_at.timestamp()
        if wanted and deployment.status not in wanted:
            continue
        if (after and seconds < float(after)) or (before and seconds > float(before)):
            continue
        document = _brief(service, deployment)
        found.append({**document, "targetServiceRevisionArn": _target_arn(service, deployment)})
    return page(params, "serviceDeployments", found, _LIST_PAGE)


def _target_arn(service: Service, deployment: ServiceDeployment) -> str:
    return revision_arn(service, deployment.target)


def _brief(service: Service, deployment: ServiceDeployment) -> Document:
    document = {
        "serviceDeploymentArn": deployment_arn(service, deployment),
        "serviceArn": service.arn,
        "clusterArn": service.cluster.arn,
        "status": deployment.status,
        "statusReason": deployment.reason or None,
        "createdAt": deployment.created_at,
        "startedAt": deployment.started_at,
        "finishedAt": deployment.finished_at,
    }
    return without_nulls(document)


def describe(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DescribeServiceDeployments: at most twenty by ARN; unknown ones are failures."""
    wanted = _wanted(params, "serviceDeploymentArns")
    known = {deployment_arn(s, d): (s, d) for s, d in _every(world, scope)}
    return {
        "serviceDeployments": [_document(*known[arn]) for arn in wanted if arn in known],
        "failures": [{"arn": arn, "reason": "MISSING"} for arn in wanted if arn not in known],
    }


def _wanted(params: Mapping[str, Any], name: str) -> list[str]:
    wanted = [str(arn) for arn in params.get(name) or []]
    if not 1 <= len(wanted) <= _MAX_DESCRIBED:
        raise invalid(f"{name} must have 1 to {_MAX_DESCRIBED} items.")
    return wanted


def _every(world: World, scope: Scope) -> Iterator[Found]:
    for cluster in world.clusters.get(scope, {}).values():
        for service in cluster.services.values():
            for deployment in service.service_deployments:
                yield service, deployment


def _document(service: Service, deployment: ServiceDeployment) -> Document:
    production = deployment.production
    document = {
        **_brief(service, deployment),
        "stoppedAt": deployment.stopped_at,
        "updatedAt": deployment.updated_at,
        "sourceServiceRevisions": [
            _weighted(service, deployment, d, 100.0 - deployment.weight if d is production else 0.0)
            for d in deployment.sources
        ],
        "targetServiceRevision": _weighted(
            service, deployment, deployment.target, deployment.weight
        ),
        "deploymentConfiguration": deployment.configuration,
        "rollback": deployment.rollback,
        "deploymentCircuitBreaker": _breaker(service, deployment),
        "alarms": _alarms(deployment),
        "lifecycleStage": stages.shown_stage(deployment) or None,
        "lifecycleHookDetails": [_hook(h) for h in deployment.hooks] or None,
    }
    return without_nulls(document)


def _weighted(
    service: Service, whole: ServiceDeployment, deployment: Deployment, weight: float
) -> Document:
    document = summary(service, deployment)
    if whole.stage:
        target = deployment is whole.target
        document["requestedProductionTrafficWeight"] = weight
        document["requestedTestTrafficWeight"] = whole.test_weight if target else 0.0
    return document


def _breaker(service: Service, deployment: ServiceDeployment) -> Document:
    enabled = bool(deployment.configuration["deploymentCircuitBreaker"].get("enable"))
    status = _monitor(deployment, enabled=enabled, triggered=deployment.breaker_tripped)
    document: Document = {"status": status, "failureCount": deployment.target.failed_tasks}
    if enabled:
        document["threshold"] = breaker_threshold(service)
    return document


def _alarms(deployment: ServiceDeployment) -> Document:
    alarms = deployment.configuration.get("alarms") or {}
    triggered = deployment.triggered_alarms
    return {
        "status": _monitor(
            deployment, enabled=bool(alarms.get("enable")), triggered=bool(triggered)
        ),
        "alarmNames": alarms.get("alarmNames") or [],
        "triggeredAlarmNames": triggered,
    }


def _monitor(deployment: ServiceDeployment, *, enabled: bool, triggered: bool) -> str:
    if triggered:
        return "TRIGGERED"
    if not enabled:
        return "DISABLED"
    return "MONITORING_COMPLETE" if deployment.ended else "MONITORING"


def _hook(hook: LifecycleHook) -> Document:
    document = {
        "hookId": hook.id,
        "targetType": hook.target_type,
        "targetArn": hook.target_arn or None,
        "status": hook.status,
        "expiresAt": hook.expires_at,
        "timeoutAction": hook.timeout_action,
    }
    return without_nulls(document)


# --- stopping and continuing ---------------------------------------------------------------------


def stop(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """StopServiceDeployment: roll back, whatever the service is configured to do on failure.

    Source: the developer guide on stopping service deployments: from PENDING and IN_PROGRESS the
    rollback starts, from the other ongoing states what was begun continues.
    """
    if params.get("stopType") not in (None, "ROLLBACK"):
        raise invalid("The valid value of stopType is ROLLBACK.")
    service, deployment = _find(world, scope, params)
    if deployment.ended:
        raise EcsError("ConflictException", f"The service deployment is {deployment.status}.")
    if deployment.status in ("PENDING", "IN_PROGRESS"):
        if last_completed(service) is None:
            raise EcsError("ConflictException", "There is no service revision to roll back to.")
        fail(world, service, "ECS deployment: stopped by the user.", rollback=True)
    return {"serviceDeploymentArn": deployment_arn(service, deployment)}


def proceed(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """ContinueServiceDeployment: end a PAUSE hook, by going on unless ROLLBACK is asked for."""
    service, deployment = _find(world, scope, params)
    action = params.get("action") or "CONTINUE"
    if action not in ("CONTINUE", "ROLLBACK"):
        raise invalid("The valid values of action are CONTINUE and ROLLBACK.")
    waiting = [h for h in deployment.hooks if h.status == "AWAITING_ACTION"]
    if params.get("hookId"):
        waiting = [h for h in waiting if h.id == params["hookId"]]
    if not waiting or deployment.ended:
        raise invalid("No lifecycle hook of that service deployment awaits an action.")
    status = "SUCCEEDED" if action == "CONTINUE" else "FAILED"
    stages.resolve(world, service, deployment, waiting[0], status)
    return {"serviceDeploymentArn": deployment_arn(service, deployment)}


def _find(world: World, scope: Scope, params: Mapping[str, Any]) -> Found:
    wanted = params.get("serviceDeploymentArn")
    for service, deployment in _every(world, scope):
        if deployment_arn(service, deployment) == wanted:
            return service, deployment
    raise EcsError("ServiceDeploymentNotFoundException", "Service deployment not found.")


# --- revisions -----------------------------------------------------------------------------------


def describe_revisions(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DescribeServiceRevisions: at most twenty by ARN; what a Service does not show is here."""
    wanted = _wanted(params, "serviceRevisionArns")
    known = {
        revision_arn(service, deployment): (service, deployment)
        for cluster in world.clusters.get(scope, {}).values()
        for service in cluster.services.values()
        for deployment in service.history
        if not deployment.revision_of
    }
    return {
        "serviceRevisions": [_revision(world, *known[arn]) for arn in wanted if arn in known],
        "failures": [{"arn": arn, "reason": "MISSING"} for arn in wanted if arn not in known],
    }


def _revision(world: World, service: Service, deployment: Deployment) -> Document:
    revision = deployment.revision
    document: Document = {
        "serviceRevisionArn": revision_arn(service, deployment),
        "serviceArn": service.arn,
        "clusterArn": service.cluster.arn,
        "createdAt": deployment.created_at,
        "guardDutyEnabled": False,
        **{name: revision[name] for name in _REVISION_FIELDS if name in revision},
        "containerImages": _images(world, service, revision),
    }
    if revision.get("platformVersion"):
        document |= {"platformVersion": "1.4.0", "platformFamily": "Linux"}
    resolved = [_resolved(b) for b in revision.get("loadBalancers") or []]
    if any("productionListenerRule" in balancer for balancer in resolved):
        document["resolvedConfiguration"] = {"loadBalancers": resolved}
    return document


def _resolved(balancer: Document) -> Document:
    rule = (balancer.get("advancedConfiguration") or {}).get("productionListenerRule")
    found = {"targetGroupArn": balancer.get("targetGroupArn"), "productionListenerRule": rule}
    return {key: value for key, value in found.items() if value}


def _images(world: World, service: Service, revision: Document) -> list[Document]:
    """Return each container's image with the digest that its tag had (versionConsistency)."""
    definition = find_definition(world, service.cluster.scope, revision["taskDefinition"])
    found = []
    for container in definition.document["containerDefinitions"]:
        image = str(container["image"])
        document = {"containerName": container["name"], "image": image}
        digest = image.partition("@")[2] or world.digest_of(image)
        if digest and container.get("versionConsistency") != "disabled":
            document["imageDigest"] = digest
        found.append(document)
    return found
