"""Sizes and quotas: what ECS refuses because of a number, told before it is asked.

All but the vCPU quota (servicequotas:GetServiceQuota) is known without AWS.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from reconciler.model.errors import NotFound
from reconciler.plan.canonical import canonical_json
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import (
    Question,
    Scope,
    Verdict,
    Workload,
    failed,
    number,
    ok,
    warning,
)
from reconciler.shapes import quotas
from reconciler.shapes.limits import FARGATE_SIZES

_NEAR = 0.9
"""From this part of the size on it is worth a word: ECS counts what it adds, too."""


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask for each workload's sizes, and for the vCPUs of all that run on Fargate."""
    for workload in scope.workloads:
        look = partial(_size, workload)
        yield Question(f"task definition of {workload.address}", (workload.address,), look)
        look = partial(_counts, workload)
        yield Question(f"quotas of {workload.address}", (workload.address,), look)
    for code, spot in ((quotas.FARGATE_VCPU, False), (quotas.FARGATE_SPOT_VCPU, True)):
        mine = [w for w in scope.workloads if w.wants_fargate and _is_spot(w) is spot]
        wanted = sum(_vcpus(w) for w in mine)
        if wanted:
            name = f"Fargate{' Spot' if spot else ''} vCPU quota"
            look = partial(_vcpu_quota, reader, code, wanted)
            yield Question(name, tuple(w.address for w in mine), look)


def _size(workload: Workload) -> Verdict:
    document = workload.task_definition
    size, most = len(canonical_json(document).encode()), quotas.TASK_DEFINITION_BYTES
    if size > most:
        return failed(
            f"{size} bytes, ECS takes {most}: move environment variables to a file or SSM"
        )
    problem = _fargate_problem(workload)
    if problem:
        return failed(problem)
    if size > most * _NEAR:
        return warning(f"{size} bytes of {most}")
    return ok(f"{size} bytes of {most}")


def _fargate_problem(workload: Workload) -> str:
    cpu, memory = (str(workload.task_definition.get(n, "")) for n in ("cpu", "memory"))
    if not workload.wants_fargate or not (cpu.isdigit() and memory.isdigit()):
        return ""
    offered = FARGATE_SIZES.get(int(cpu))
    if offered is None:
        return f"Fargate has no cpu {cpu}"
    return "" if int(memory) in offered else f"Fargate has no memory {memory} with cpu {cpu}"


def _counts(workload: Workload) -> Verdict:
    fields, network = workload.fields, workload.network
    over = [
        f"{len(things)} {name} of {most}"
        for name, things, most in (
            ("containers", workload.containers, quotas.CONTAINERS),
            ("load balancers", fields.get("loadBalancers") or (), quotas.TARGET_GROUPS_PER_SERVICE),
            ("subnets", network.get("subnets") or (), quotas.SUBNETS_PER_TASK),
            (
                "security groups",
                network.get("securityGroups") or (),
                quotas.SECURITY_GROUPS_PER_TASK,
            ),
            ("capacity providers", workload.providers, quotas.CAPACITY_PROVIDERS_PER_STRATEGY),
            ("tags", fields.get("tags") or (), quotas.TAGS),
        )
        if len(things) > most
    ]
    count = number(fields.get("desiredCount"), 0)
    if over:
        return failed(f"more than ECS takes: {', '.join(over)}")
    if count > quotas.TASKS_PER_SERVICE:
        return warning(
            f"{count} tasks, the quota is {quotas.TASKS_PER_SERVICE} unless it was raised"
        )
    return ok("within ECS's quotas")


def _is_spot(workload: Workload) -> bool:
    return bool(workload.providers) and set(workload.providers) <= {"FARGATE_SPOT"}


def _vcpus(workload: Workload) -> float:
    cpu = str(workload.task_definition.get("cpu", ""))
    return workload.new_tasks() * int(cpu) / quotas.CPU_UNITS if cpu.isdigit() else 0


def _vcpu_quota(reader: Reader, code: str, wanted: float) -> Verdict:
    try:
        answer = reader.ask(
            "service-quotas", "GetServiceQuota", ServiceCode="fargate", QuotaCode=code
        )
    except NotFound:
        return ok(f"{wanted:g} vCPUs for new tasks; this region tells no quota")
    quota = float((answer.get("Quota") or {}).get("Value", 0))
    said = f"{wanted:g} vCPUs for new tasks of {quota:g} in the whole account and region"
    return warning(f"{said}: not all of them can start at once") if quota < wanted else ok(said)
