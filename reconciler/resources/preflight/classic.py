"""Classic Load Balancers: they exist and can reach the tasks (elasticloadbalancing:DescribeLoadBalancers)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from reconciler.model.errors import NotFound
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import (
    Question,
    Scope,
    Verdict,
    Workload,
    failed,
    ok,
    warning,
)


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask for each load balancer that a service names."""
    for workload in scope.services:
        for balancer in balancers(workload):
            name = str(balancer["loadBalancerName"])
            if "${" not in name:
                look = partial(_balancer, reader, workload, balancer)
                yield Question(f"load balancer {name}", (workload.address,), look)


def balancers(workload: Workload) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of a service that name a Classic Load Balancer."""
    for balancer in workload.fields.get("loadBalancers") or ():
        if balancer.get("loadBalancerName"):
            yield balancer


def _balancer(reader: Reader, workload: Workload, balancer: Mapping[str, Any]) -> Verdict:
    name = str(balancer["loadBalancerName"])
    if balancer.get("targetGroupArn") or balancer.get("advancedConfiguration"):
        # CreateService: strictly a Classic Load Balancer, or a target group.
        return failed("loadBalancerName goes with no target group: ECS refuses the service")
    try:
        answer = reader.ask("elb", "DescribeLoadBalancers", LoadBalancerNames=[name])
    except NotFound:
        return failed(f"there is no Classic Load Balancer {name}")
    found: Mapping[str, Any] = next(iter(answer.get("LoadBalancerDescriptions", ())), {})
    if not found:
        return failed(f"there is no Classic Load Balancer {name}")
    if workload.task_definition.get("networkMode") == "awsvpc":
        return failed("it sends to instances; tasks with networkMode awsvpc need a target group")
    return _port(workload, balancer, found)


def _port(workload: Workload, balancer: Mapping[str, Any], found: Mapping[str, Any]) -> Verdict:
    """Compare its listeners with the port of the instance, which has to be fixed (service-load-balancing)."""
    name, port = balancer.get("containerName"), balancer.get("containerPort")
    container = next((c for c in workload.containers if c.get("name") == name), {})
    mappings = [m for m in container.get("portMappings") or () if m.get("containerPort") == port]
    if not mappings:  # another container or port is told by `validate`
        return ok("exists")
    host = workload.task_definition.get("networkMode") == "host"
    sent = mappings[0].get("hostPort") or (port if host else 0)
    if not sent:
        return warning(f"{name}:{port} has no hostPort: it cannot follow a port that changes")
    listeners = [one.get("Listener") or {} for one in found.get("ListenerDescriptions", ())]
    if sent not in {listener.get("InstancePort") for listener in listeners}:
        return warning(f"none of its listeners sends to port {sent} of the instances")
    return ok(f"sends to port {sent} of the instances")
