"""Checks of what a finished workload names: its own containers, their ports, and secrets.

Called by `checks`, which has the places. Each function yields the path below the container (or below
the service) and what is wrong there; ECS refuses the same at RegisterTaskDefinition or CreateService.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.model.lookups import Deferred
from reconciler.shapes.limits import ECS_NAME

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/.+")
# A parameter's name or an ARN [M Secret.valueFrom; SSM: a-zA-Z0-9_.- and /].
_VALUE_FROM = re.compile(r"arn:[^\s\"'<>@]+|[A-Za-z0-9_./-]+")


def name_problem(name: str) -> str | None:
    """Say what is wrong with a container's name."""
    if ECS_NAME.fullmatch(name):
        return None
    return "is not a container's name: at most 255 letters, digits, '-' and '_'"


def circles(containers: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield each container whose dependsOn leads back to itself, with the way: ECS would never start it."""
    edges = {
        c["name"]: [str(d.get("containerName", "")) for d in c.get("dependsOn", ())]
        for c in containers
    }
    told: set[str] = set()
    for start in edges:
        way = None if start in told else _way_back(start, edges)
        if way is not None:
            told |= set(way)
            yield start, " → ".join(way)


def _way_back(start: str, edges: Mapping[str, Sequence[str]]) -> list[str] | None:
    trails = [[start, other] for other in edges[start]]
    seen: set[str] = set()
    while trails:
        trail = trails.pop()
        here = trail[-1]
        if here == start:
            return trail
        if here not in seen:
            seen.add(here)
            trails += [[*trail, other] for other in edges.get(here, ())]
    return None


def port_problem(
    load_balancer: Mapping[str, Any], containers: Sequence[Mapping[str, Any]]
) -> str | None:
    """Say that a load balancer's port is none of its container's: CreateService refuses it."""
    name, port = load_balancer.get("containerName"), load_balancer.get("containerPort")
    container = next((c for c in containers if c["name"] == name), None)
    if container is None or port is None or isinstance(port, Deferred):
        return None
    mappings = container.get("portMappings", ())
    ports = [m["containerPort"] for m in mappings if "containerPort" in m]
    unknown = any("containerPortRange" in m for m in mappings)
    if port in ports or unknown or any(isinstance(p, Deferred) for p in ports):
        return None
    listed = ", ".join(str(p) for p in ports) or "none"
    return f"container '{name}' has no port {port} among its portMappings: {listed}"


def role_problems(task: Mapping[str, Any], account: str) -> Iterator[tuple[str, str]]:
    """Yield each role of another account, which IAM lets nobody pass (IAM user guide, iam:PassRole).

    It may stand in a file that was pasted; preflight holds what would start tasks with it.
    """
    for field in ("executionRoleArn", "taskRoleArn"):
        role = task.get(field)
        found = _ROLE.fullmatch(role) if isinstance(role, str) else None
        if found and found[1] != account:
            yield field, f"is a role of account {found[1]}, and the app is in {account}"


def secret_problems(container: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names under `secrets` whose value can be no reference; the value is never said."""
    for secret in container.get("secrets", ()):
        value = secret.get("valueFrom")
        if isinstance(value, Deferred):
            continue
        if isinstance(value, str) and not _VALUE_FROM.fullmatch(value):
            yield secret.get("name", "")
