"""What is written down for a workload whose files say nothing. Called by `services` and `migrations`.

`sync: {defaults: none}` turns it off, except for the two names, without which AWS takes nothing; a
field set to `null` says no to one of them. docs/desired-state.md lists them.
"""

from __future__ import annotations

from typing import Any

from reconciler.shapes.controllers import ECS, controller_of
from reconciler.source.workload import AppContext, Assembled

_FARGATE_PROVIDERS = frozenset({"FARGATE", "FARGATE_SPOT"})


def write_names(workload: Assembled, context: AppContext) -> None:
    """Write the names by which AWS knows the workload."""
    full = context.full_name(workload.name)
    workload.write(("taskDefinition", "family"), full)
    if workload.rules.prefix == "service":
        workload.write(("service", "serviceName"), full)


def write_defaults(workload: Assembled, context: AppContext, *, blocking_logs: bool) -> None:
    """Write Fargate's fields unless other capacity is declared, logging, and for services the breaker."""
    if not context.written_defaults:
        return
    if wants_fargate(workload, context):
        prefix = workload.rules.prefix
        if "capacityProviderStrategy" not in workload.api:
            workload.write((prefix, "launchType"), "FARGATE")
        workload.write(("taskDefinition", "networkMode"), "awsvpc")
        workload.write(("taskDefinition", "requiresCompatibilities"), ["FARGATE"])
    for container in workload.task.get("containerDefinitions", ()):
        path = ("taskDefinition", "containerDefinitions", container["name"], "logConfiguration")
        workload.write(path, _logs(workload, container["name"], context, blocking=blocking_logs))
    if workload.rules.prefix == "service":
        _write_breaker(workload)


def wants_fargate(workload: Assembled, context: AppContext) -> bool:
    """Say whether the workload runs on Fargate: by declaration, or because we write it down.

    Where nothing is written down, silence is AWS's: EC2, or the cluster's default strategy.
    """
    declared = workload.api.get("launchType")
    if declared is not None:
        return bool(declared == "FARGATE")
    strategy = workload.api.get("capacityProviderStrategy")
    if strategy:
        return {i.get("capacityProvider") for i in strategy} <= _FARGATE_PROVIDERS
    compatible = workload.task.get("requiresCompatibilities")
    return "FARGATE" in compatible if compatible else context.written_defaults


def _write_breaker(workload: Assembled) -> None:
    # Rolling updates by ECS itself are all that the circuit breaker is for [M DeploymentConfiguration].
    strategy = workload.api.get("deploymentConfiguration", {}).get("strategy", "ROLLING")
    if controller_of(workload.api) != ECS or strategy != "ROLLING":
        return
    parent = ("service", "deploymentConfiguration")
    if parent in workload.nulled:
        return
    breaker = {"enable": True, "rollback": True}
    workload.write((*parent, "deploymentCircuitBreaker"), breaker)


def _logs(
    workload: Assembled, container: str, context: AppContext, *, blocking: bool
) -> dict[str, Any]:
    options = {
        "awslogs-group": f"/ecs/{context.full_name(workload.name)}",
        "awslogs-region": context.region,
        "awslogs-stream-prefix": container,
    }
    if "executionRoleArn" in workload.task:
        # Only a role can be allowed to create the group; where it exists the option asks for nothing.
        options["awslogs-create-group"] = "true"
    if blocking:
        # The default mode drops lines under pressure, and a migration's last lines matter most.
        options["mode"] = "blocking"
    return {"logDriver": "awslogs", "options": options}
