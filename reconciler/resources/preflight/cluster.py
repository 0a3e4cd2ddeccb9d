"""The cluster: ACTIVE, with the capacity that the workloads name (ecs:DescribeClusters)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import (
    Question,
    Scope,
    Verdict,
    Workload,
    failed,
    gathered,
    ok,
    warning,
)
from reconciler.shapes.quotas import SERVICES_PER_CLUSTER


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask for the cluster once, for each capacity provider, and for instances where tasks need some."""
    look = partial(_cluster, reader, scope)
    if scope.workloads or not scope.redis:
        yield Question(f"cluster {scope.names.cluster_name}", scope.addresses, look)
    named = [(p, w.address) for w in scope.workloads for p in w.providers]
    for provider, addresses in gathered(named).items():
        look = partial(_provider, reader, scope, provider)
        yield Question(f"capacity provider {provider}", addresses, look)
    on_instances = tuple(w.address for w in scope.workloads if _needs_instances(w))
    if on_instances:
        yield Question("container instances", on_instances, partial(_instances, reader, scope))


def _needs_instances(workload: Workload) -> bool:
    return workload.fields.get("launchType") == "EC2"


def _described(reader: Reader, scope: Scope) -> Mapping[str, Any]:
    answer = reader.ask("ecs", "DescribeClusters", clusters=[scope.app.cluster])
    found: Mapping[str, Any] = next(iter(answer.get("clusters", ())), {})
    return found


def _cluster(reader: Reader, scope: Scope) -> Verdict:
    found = _described(reader, scope)
    status = str(found.get("status", "missing"))
    if status != "ACTIVE":
        return failed(f"it is {status} in {scope.app.account}/{scope.app.region}")
    services = int(found.get("activeServicesCount", 0))
    new = sum(1 for w in scope.services if w.is_new and w.live is not None)
    if services + new > SERVICES_PER_CLUSTER:
        quota = f"its quota is {SERVICES_PER_CLUSTER} unless it was raised"
        return warning(f"active, with {services} services; {quota}")
    return ok("active")


def _provider(reader: Reader, scope: Scope, provider: str) -> Verdict:
    found = _described(reader, scope)
    if not found or provider in found.get("capacityProviders", ()):
        return ok("the cluster has it")
    known = ", ".join(sorted(found.get("capacityProviders", ()))) or "none"
    return failed(f"the cluster does not have it; it has: {known}")


def _instances(reader: Reader, scope: Scope) -> Verdict:
    count = int(_described(reader, scope).get("registeredContainerInstancesCount", 0))
    if count:
        return ok(f"{count} registered")
    return warning("the cluster has none: tasks with launchType EC2 cannot be placed")
