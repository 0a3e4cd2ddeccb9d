"""Tasks and containers as DescribeTasks shows them."""

from __future__ import annotations

from typing import Any

from reconciler.local.ecs.state import ContainerRun, Document, Task, without_nulls


def describe_task(task: Task, *, tags: bool = False) -> Document:
    """Render a task; members without a value are left out, as AWS does."""
    document: dict[str, Any] = {
        **task.facts,
        "taskArn": task.arn,
        "clusterArn": task.cluster.arn,
        "taskDefinitionArn": task.definition.arn,
        "group": task.group,
        "startedBy": task.started_by or None,
        "lastStatus": task.last_status,
        "desiredStatus": task.desired_status,
        "healthStatus": _health(task),
        "version": task.version,
        "connectivity": None if task.last_status == "PROVISIONING" else "CONNECTED",
        "createdAt": task.created_at,
        "startedAt": task.started_at,
        "stoppingAt": task.stopping_at,
        "executionStoppedAt": task.execution_stopped_at,
        "stoppedAt": task.stopped_at,
        "stopCode": task.stop_code or None,
        "stoppedReason": task.stopped_reason or None,
        "overrides": _overrides(task),
        "containers": [_describe_container(task, c) for c in task.containers],
        "tags": task.tags if tags else [],
    }
    return without_nulls(document)


def _overrides(task: Task) -> Document:
    given = {str(o["name"]): o for o in task.overrides.get("containerOverrides") or []}
    return {
        **task.overrides,
        "containerOverrides": [given.get(c.name, {"name": c.name}) for c in task.containers],
        "inferenceAcceleratorOverrides": [],
    }


def _health(task: Task) -> str:
    checked = [c.health for c in task.containers if c.essential and c.definition.get("healthCheck")]
    if not checked or "UNKNOWN" in checked:
        return "UNKNOWN"
    return "UNHEALTHY" if "UNHEALTHY" in checked else "HEALTHY"


def _describe_container(task: Task, container: ContainerRun) -> Document:
    definition = container.definition
    image = str(definition["image"])
    document: dict[str, Any] = {
        "containerArn": container.arn,
        "taskArn": task.arn,
        "name": container.name,
        "image": image,
        "imageDigest": container.image_digest or None,
        "runtimeId": container.runtime_id or None,
        "lastStatus": container.status,
        "exitCode": container.exit_code,
        "reason": container.reason or None,
        "networkBindings": _bindings(container),
        "networkInterfaces": [],
        "healthStatus": container.health,
        "cpu": str(definition.get("cpu", 0)),
        "memory": str(definition["memory"]) if definition.get("memory") else None,
    }
    return without_nulls(document)


def _bindings(container: ContainerRun) -> list[Document]:
    """Tell where the process really listens: its PORT on this machine."""
    mappings = container.definition.get("portMappings") or []
    if not container.port or not mappings:
        return []
    binding = {
        "bindIP": "127.0.0.1",
        "containerPort": mappings[0].get("containerPort"),
        "hostPort": container.port,
        "protocol": mappings[0].get("protocol", "tcp"),
    }
    return [binding]
