"""Target groups: they exist, take the kind of target that the tasks are, and are attached.

elasticloadbalancing:DescribeTargetGroups. Whether container and port are in the task definition is
checked without AWS when the files are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from reconciler.model.errors import NotFound
from reconciler.resources.preflight.network import vpcs_of
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

_CARRIES = {
    "HTTP": {"tcp"},
    "HTTPS": {"tcp"},
    "TCP": {"tcp"},
    "TLS": {"tcp"},
    "UDP": {"udp"},
    "QUIC": {"udp"},
    "TCP_UDP": {"tcp", "udp"},
    "TCP_QUIC": {"tcp", "udp"},
}
"""Protocol of a target group → protocols of the port it sends to (botocore: elbv2 ProtocolEnum)."""


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask for each target group of each service; the same one twice is asked for once."""
    for workload in scope.services:
        for balancer, arn in target_groups(workload):
            if "${" not in arn:
                name = f"target group {arn.split('/')[-2] if arn.count('/') > 1 else arn}"
                look = partial(_target_group, reader, workload, balancer, arn)
                yield Question(name, (workload.address,), look)


def target_groups(workload: Workload) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield each target group of a service with its load balancer, the alternate ones too."""
    for balancer in workload.fields.get("loadBalancers") or ():
        advanced = balancer.get("advancedConfiguration") or {}
        for arn in (balancer.get("targetGroupArn"), advanced.get("alternateTargetGroupArn")):
            if arn:
                yield balancer, str(arn)


def _target_group(
    reader: Reader, workload: Workload, balancer: Mapping[str, Any], arn: str
) -> Verdict:
    try:
        answer = reader.ask("elbv2", "DescribeTargetGroups", TargetGroupArns=[arn])
    except NotFound:
        return failed(f"there is no target group {arn}")
    found = next(iter(answer.get("TargetGroups", ())), None)
    if found is None:
        return failed(f"there is no target group {arn}")
    problem = _type_problem(workload, found) or _port_problem(workload, balancer, found)
    problem = problem or _vpc_problem(reader, workload, found)
    if problem:
        return failed(problem)
    if not found.get("LoadBalancerArns"):
        text = "no load balancer sends anything to it: give it a listener"
        # What CreateService says: it "does not have an associated load balancer".
        return failed(f"{text}, or ECS refuses the service") if workload.is_new else warning(text)
    return ok(f"{found.get('Protocol', '')} to {found.get('TargetType', '')} targets, attached")


def _type_problem(workload: Workload, found: Mapping[str, Any]) -> str:
    """Tasks in awsvpc have addresses of their own, others those of their instance (CreateService)."""
    awsvpc = workload.task_definition.get("networkMode") == "awsvpc"
    wanted, kind = "ip" if awsvpc else "instance", found.get("TargetType", "instance")
    if kind == wanted:
        return ""
    mode = workload.task_definition.get("networkMode", "bridge")
    return f"its targets are of type {kind}; tasks with networkMode {mode} need {wanted}"


def _port_problem(workload: Workload, balancer: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    protocol = str(found.get("Protocol", ""))
    carried = _CARRIES.get(protocol)
    if carried is None:
        return f"its protocol is {protocol}, which cannot reach a container" if protocol else ""
    port, name = balancer.get("containerPort"), balancer.get("containerName")
    container = next((c for c in workload.containers if c.get("name") == name), {})
    mapping = next(
        (m for m in container.get("portMappings", ()) if m.get("containerPort") == port), None
    )
    if mapping is None:  # a range of ports; another container or port is told by `validate`
        return ""
    spoken = str(mapping.get("protocol", "tcp"))
    return "" if spoken in carried else f"it sends {protocol}, {name}:{port} listens to {spoken}"


def _vpc_problem(reader: Reader, workload: Workload, found: Mapping[str, Any]) -> str:
    vpcs, vpc = vpcs_of(reader, workload), found.get("VpcId")
    if not vpcs or not vpc or vpc in vpcs:
        return ""
    return f"it is in {vpc}, the subnets of the tasks are in {', '.join(sorted(vpcs))}"
