"""What RegisterTaskDefinition refuses, with its source in botocore's model and the Fargate pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.local.ecs.errors import EcsError, client_error, invalid
from reconciler.shapes.botocore_model import input_of

_FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}")
_CONTAINER_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_MAX_CONTAINERS = 10
_CONDITIONS = ("START", "COMPLETE", "SUCCESS", "HEALTHY")
_FINISHING = ("COMPLETE", "SUCCESS")

GIB = 1024
FARGATE_SIZES: Mapping[int, Sequence[int]] = {
    256: (512, 1024, 2048),
    512: range(1 * GIB, 4 * GIB + 1, GIB),
    1024: range(2 * GIB, 8 * GIB + 1, GIB),
    2048: range(4 * GIB, 16 * GIB + 1, GIB),
    4096: range(8 * GIB, 30 * GIB + 1, GIB),
    8192: range(16 * GIB, 60 * GIB + 1, 4 * GIB),
    16384: range(32 * GIB, 120 * GIB + 1, 8 * GIB),
}
"""CPU units → MiB of memory. Source: RegisterTaskDefinition.memory in botocore's ECS model."""


def check(request: Mapping[str, Any]) -> None:
    """Raise ClientException or InvalidParameterException for a definition that ECS refuses.

    `request` is the RegisterTaskDefinition input with `cpu` and `memory` already in units.
    """
    family = str(request.get("family") or "")
    if not _FAMILY.fullmatch(family):
        raise client_error(f"Family contains invalid characters or is too long: '{family}'.")
    _check_words(request)
    containers = request.get("containerDefinitions") or []
    _check_containers(containers)
    _check_secrets(containers)
    _check_dependencies(containers)
    if "FARGATE" in (request.get("requiresCompatibilities") or []):
        _check_fargate(request)
    _check_memory(request)


def _check_words(request: Mapping[str, Any]) -> None:
    """Raise where a field has not one of its words: boto3 sends any, ECS takes those of its model."""
    for name, shape in input_of("RegisterTaskDefinition").members.items():
        if shape.choices and request.get(name) and request[name] not in shape.choices:
            raise client_error(f"Invalid '{name}' setting for task: '{request[name]}'.")


def _check_secrets(containers: Sequence[Mapping[str, Any]]) -> None:
    """Raise where a secret has a name that is taken; of variables ECS takes a name twice."""
    for container in containers:
        secrets = [str(s.get("name")) for s in container.get("secrets") or []]
        taken = {str(v.get("name")) for v in container.get("environment") or []}
        for name in secrets:
            if name in taken or secrets.count(name) > 1:
                raise client_error(
                    "The secret name must be unique and not shared with any new or existing "
                    f"environment variables set on the container, such as '{name}'."
                )


def _check_containers(containers: Sequence[Mapping[str, Any]]) -> None:
    if not containers:
        raise client_error("Container list cannot be empty.")
    if len(containers) > _MAX_CONTAINERS:
        raise client_error(f"A task definition holds at most {_MAX_CONTAINERS} containers.")
    names = [str(c.get("name") or "") for c in containers]
    for container, name in zip(containers, names, strict=True):
        if not _CONTAINER_NAME.fullmatch(name):
            raise client_error(f"Container.name contains invalid characters: '{name}'.")
        if names.count(name) > 1:
            raise client_error(f"Container names must be unique: '{name}' is declared twice.")
        if not container.get("image"):
            raise client_error(f"Container.image should not be null or empty: '{name}'.")
    if not any(c.get("essential", True) for c in containers):
        raise client_error("At least one container in the task definition must be essential.")


def _check_dependencies(containers: Sequence[Mapping[str, Any]]) -> None:
    by_name = {str(c["name"]): c for c in containers}
    for name, container in by_name.items():
        for dependency in container.get("dependsOn") or []:
            _check_dependency(name, dependency, by_name)
    for name in by_name:
        _refuse_cycles(name, by_name, ())


def _check_dependency(
    name: str, dependency: Mapping[str, Any], by_name: Mapping[str, Mapping[str, Any]]
) -> None:
    target, condition = str(dependency.get("containerName")), dependency.get("condition")
    if target not in by_name:
        raise client_error(f"Container '{name}' depends on '{target}', which does not exist.")
    if condition not in _CONDITIONS:
        raise invalid(f"'{condition}' is not a container dependency condition.")
    if condition in _FINISHING and by_name[target].get("essential", True):
        raise client_error(
            f"A {condition} dependency on container '{target}' is not allowed: it is essential."
        )
    if condition == "HEALTHY" and not by_name[target].get("healthCheck"):
        raise client_error(
            f"A HEALTHY dependency on container '{target}' needs a healthCheck in that container."
        )


def _refuse_cycles(
    name: str, by_name: Mapping[str, Mapping[str, Any]], path: tuple[str, ...]
) -> None:
    if name in path:
        raise client_error(f"Containers depend on each other: {' -> '.join((*path, name))}.")
    for dependency in by_name[name].get("dependsOn") or []:
        _refuse_cycles(str(dependency["containerName"]), by_name, (*path, name))


def _check_fargate(request: Mapping[str, Any]) -> None:
    if request.get("networkMode") != "awsvpc":
        raise client_error("Fargate only supports network mode 'awsvpc'.")
    cpu, memory = request.get("cpu"), request.get("memory")
    if not cpu:
        raise client_error("Fargate requires that 'cpu' be defined at the task level.")
    if not memory:
        raise client_error("Fargate requires that 'memory' be defined at the task level.")
    check_fargate_size(cpu, memory)
    if not request.get("executionRoleArn"):
        _check_execution_role(request["containerDefinitions"])


def check_fargate_size(cpu: str, memory: str) -> None:
    """Raise for a size of a task, in units and MiB, that Fargate does not have."""
    if int(memory) not in FARGATE_SIZES.get(int(cpu), ()):
        raise client_error(
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. "
            "See the Amazon ECS documentation for the valid values."
        )


def _check_execution_role(containers: Sequence[Mapping[str, Any]]) -> None:
    for container in containers:
        if (container.get("logConfiguration") or {}).get("logDriver") == "awslogs":
            raise client_error(
                "Fargate requires task definition to have execution role ARN to support log "
                "driver awslogs."
            )
        if container.get("secrets"):
            raise client_error(
                "When you are specifying container secrets, you must also specify a value for "
                "'executionRoleArn'."
            )


def _check_memory(request: Mapping[str, Any]) -> None:
    if request.get("memory"):
        return
    for container in request["containerDefinitions"]:
        if not container.get("memory") and not container.get("memoryReservation"):
            raise client_error(
                "Invalid setting for container "
                f"'{container['name']}'. At least one of 'memory' or 'memoryReservation' must be "
                "specified."
            )


def size(given: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return `cpu` in units and `memory` in MiB, None where not given. Raises ClientException."""
    return (
        _units(given.get("cpu"), "cpu", {"": 1, "vcpu": 1024}),
        _units(given.get("memory"), "memory", {"": 1, "gb": 1024}),
    )


def _units(value: Any, field: str, suffixes: Mapping[str, int]) -> str | None:
    """Return `"1 vCPU"` as `"1024"`, `"1GB"` as `"1024"`; None stays None. Raises ClientException."""
    if value is None:
        return None
    match = re.fullmatch(r"\s*(\d*\.?\d+)\s*([A-Za-z]*)\s*", str(value))
    factor = suffixes.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise _bad_unit(field, value)
    return str(int(float(match[1]) * factor))


def _bad_unit(field: str, value: Any) -> EcsError:
    return client_error(f"Invalid '{field}' setting for task: '{value}'.")
