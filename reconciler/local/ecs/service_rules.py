"""What CreateService and UpdateService refuse. Called by `services` before anything changes.

Sources: CreateService, UpdateService, DeploymentConfiguration and the shapes in it in botocore's ECS
model; the developer guide on updating services and on blue/green, linear and canary deployments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.local.ecs.errors import invalid
from reconciler.local.ecs.service_documents import KEPT_ON_UPDATE
from reconciler.local.ecs.state import Document, Service

_SHIFTING = ("BLUE_GREEN", "LINEAR", "CANARY")
_ADVANCED = ("alternateTargetGroupArn", "productionListenerRule", "roleArn")
_MOST_MINUTES = 1440
_MOST_HOOK_MINUTES = 14 * _MOST_MINUTES
_REQUEST = ("cluster", "service", "forceNewDeployment")
_ALWAYS = (
    "desiredCount",
    "healthCheckGracePeriodSeconds",
    "placementConstraints",
    "placementStrategy",
    "enableECSManagedTags",
    "propagateTags",
    "availabilityZoneRebalancing",
    "deploymentController",
)
_UPDATABLE: Mapping[str, tuple[str, ...]] = {
    "CODE_DEPLOY": (*_ALWAYS, "deploymentConfiguration"),
    "EXTERNAL": _ALWAYS,
}
"""What UpdateService takes for the other controllers. Source: its text in botocore's model."""


def controller_of(document: Mapping[str, Any]) -> str:
    """Return ECS, CODE_DEPLOY or EXTERNAL."""
    return str((document.get("deploymentController") or {}).get("type") or "ECS")


def check_create(params: Mapping[str, Any], document: Document) -> None:
    """Raise InvalidParameterException for a new service that ECS would refuse."""
    if document["schedulingStrategy"] == "DAEMON" and params.get("desiredCount"):
        raise invalid("The daemon scheduling strategy does not support a desired count.")
    _check_deployment(document, params, "ROLLING")


def check_update(service: Service, params: Mapping[str, Any], document: Document) -> None:
    """Raise for an update of what cannot change, or not with this controller."""
    for name, value in params.items():
        if value is not None and name not in (*KEPT_ON_UPDATE, *_REQUEST):
            raise invalid(f"{name} cannot be changed by UpdateService.")
    if document["schedulingStrategy"] == "DAEMON" and params.get("desiredCount"):
        raise invalid("The daemon scheduling strategy does not support a desired count.")
    _check_controller(service, params)
    _check_deployment(document, params, service.strategy)


def _check_controller(service: Service, params: Mapping[str, Any]) -> None:
    controller = controller_of(service.document)
    if controller in _UPDATABLE:
        for name, value in params.items():
            if value in (None, False) or name in (*_UPDATABLE[controller], "cluster", "service"):
                continue
            how = (
                "Use AWS CodeDeploy to trigger a new deployment."
                if controller == "CODE_DEPLOY"
                else "Create a new task set."
            )
            raise invalid(
                f"Unable to update {_words(name)} on services with a {controller} deployment "
                f"controller. {how}"
            )
    wanted = controller_of({**service.document, **{k: v for k, v in params.items() if v}})
    if wanted != controller:
        _check_new_controller(service, wanted)


def _words(name: str) -> str:
    """Spell a parameter as ECS's messages do: `task definition`."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name)


def _check_new_controller(service: Service, wanted: str) -> None:
    """Refuse a change of the controller during a rollout, and away from what only ECS has."""
    if any(d.rollout_state == "IN_PROGRESS" for d in service.deployments):
        raise invalid("The deployment controller cannot be changed during a deployment.")
    configuration, document = service.document["deploymentConfiguration"], service.document
    reasons = {
        "a deployment circuit breaker": configuration["deploymentCircuitBreaker"].get("enable"),
        "deployment alarms": (configuration.get("alarms") or {}).get("enable"),
        f"the {service.strategy} strategy": service.strategy in _SHIFTING,
        "Service Connect": (document.get("serviceConnectConfiguration") or {}).get("enabled"),
        "VPC Lattice": document.get("vpcLatticeConfigurations"),
    }
    used = [name for name, holds in reasons.items() if holds]
    if wanted != "ECS" and used:
        raise invalid(f"The {wanted} deployment controller does not support {', '.join(used)}.")


def check_load_balancers(document: Mapping[str, Any], definition: Document) -> None:
    """Raise when a load balancer names a container or port that the task definition lacks."""
    containers = {c["name"]: c for c in definition["containerDefinitions"]}
    for balancer in document.get("loadBalancers") or []:
        name, port = balancer.get("containerName"), balancer.get("containerPort")
        if name not in containers:
            raise invalid(f"The container {name} does not exist in the task definition.")
        ports = [m.get("containerPort") for m in containers[name]["portMappings"]]
        if port not in ports:
            raise invalid(f"The container {name} did not have a container port {port} defined.")


# --- the deployment configuration ----------------------------------------------------------------


def _check_deployment(document: Document, params: Mapping[str, Any], before: str) -> None:
    """Raise for a deployment configuration that does not fit its strategy; `before` is the old one."""
    declared = params.get("deploymentConfiguration") or {}
    new = document["deploymentConfiguration"].get("strategy") != before
    if new and declared.get("strategy") == "BLUE_GREEN" and "bakeTimeInMinutes" not in declared:
        raise invalid("bakeTimeInMinutes is required for the BLUE_GREEN strategy.")
    problem = next(_problems(document), None)
    if problem:
        raise invalid(problem)


def _problems(document: Document) -> Iterator[str]:
    configuration = document["deploymentConfiguration"]
    strategy = str(configuration.get("strategy") or "ROLLING")
    if strategy not in ("ROLLING", *_SHIFTING):
        yield f"{strategy} is not a deployment strategy."
    if strategy != "ROLLING" and controller_of(document) != "ECS":
        yield f"The {strategy} strategy needs the ECS deployment controller."
    yield from _minutes("bakeTimeInMinutes", configuration.get("bakeTimeInMinutes"))
    for name, wanted in (("linearConfiguration", "LINEAR"), ("canaryConfiguration", "CANARY")):
        if configuration.get(name) and strategy != wanted:
            yield f"{name} is only valid for the {wanted} strategy."
    yield from _percentages(configuration)
    yield from _early_success(strategy, configuration)
    for hook in configuration.get("lifecycleHooks") or []:
        yield from _hook_problems(hook)
    if strategy in _SHIFTING:
        yield from _advanced(document)


def _minutes(name: str, value: Any) -> Iterator[str]:
    if value is not None and not 0 <= int(value) <= _MOST_MINUTES:
        yield f"{name} must be between 0 and {_MOST_MINUTES}."


def _percentages(configuration: Document) -> Iterator[str]:
    rules = (
        ("linearConfiguration", "stepPercent", 3.0, "stepBakeTimeInMinutes"),
        ("canaryConfiguration", "canaryPercent", 0.1, "canaryBakeTimeInMinutes"),
    )
    for shape, percent, least, minutes in rules:
        declared = configuration.get(shape) or {}
        value = declared.get(percent)
        if value is not None and not least <= float(value) <= 100.0:  # noqa: PLR2004 - per cent
            yield f"{percent} must be between {least} and 100.0."
        yield from _minutes(minutes, declared.get(minutes))


def _early_success(strategy: str, configuration: Document) -> Iterator[str]:
    criteria = configuration.get("earlySuccessCriteria") or {}
    if not criteria.get("enable"):
        return
    if strategy != "ROLLING":
        yield "earlySuccessCriteria can be used only with the ROLLING strategy."
    for name in ("healthyPercent", "sourceServiceRevisionCleanup"):
        if criteria.get(name) is None:
            yield f"earlySuccessCriteria needs {name}."
    if int(criteria.get("healthyPercent") or 0) < int(configuration["minimumHealthyPercent"]):
        yield "healthyPercent must not be less than minimumHealthyPercent."


def _hook_problems(hook: Document) -> Iterator[str]:
    pause = hook.get("targetType") == "PAUSE"
    if not hook.get("lifecycleStages"):
        yield "A lifecycle hook needs lifecycleStages."
    if not pause and not (hook.get("hookTargetArn") and hook.get("roleArn")):
        yield "An AWS_LAMBDA lifecycle hook needs hookTargetArn and roleArn."
    unpausable = {"TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"}
    if pause and unpausable & set(hook.get("lifecycleStages") or []):
        yield f"PAUSE hooks cannot be configured at {' or '.join(sorted(unpausable))}."
    if pause and hook.get("hookTargetArn"):
        yield "hookTargetArn is not applicable for PAUSE hooks."
    minutes = (hook.get("timeoutConfiguration") or {}).get("timeoutInMinutes")
    if minutes is not None and not 1 <= int(minutes) <= _MOST_HOOK_MINUTES:
        yield f"timeoutInMinutes must be between 1 and {_MOST_HOOK_MINUTES}."


def _advanced(document: Document) -> Iterator[str]:
    """Say what a load balancer lacks for shifting traffic; a service without one needs nothing."""
    for balancer in document.get("loadBalancers") or []:
        advanced = balancer.get("advancedConfiguration") or {}
        missing = [name for name in _ADVANCED if not advanced.get(name)]
        if balancer.get("targetGroupArn") and missing:
            yield f"advancedConfiguration of a load balancer needs {', '.join(missing)}."
