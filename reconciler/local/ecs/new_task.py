"""Making a task out of a task definition: for RunTask and for the service scheduler alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.local.ecs.state import (
    Cluster,
    ContainerRun,
    Document,
    Task,
    TaskDefinition,
    World,
    make_arn,
)


@dataclass(frozen=True)
class TaskOrder:
    """What to start and in whose name; `settings` has launchType, networkConfiguration and such."""

    definition: TaskDefinition
    group: str
    started_by: str
    overrides: Document = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    tags: list[Document] = field(default_factory=list)


def new_task(world: World, cluster: Cluster, order: TaskOrder) -> Task:
    """Add a PROVISIONING task to `cluster` and return it."""
    task_id = world.new_hex()
    arn = make_arn(cluster.scope, f"task/{cluster.name}/{task_id}")
    overrides = {str(o.get("name")): o for o in order.overrides.get("containerOverrides") or []}
    prefix = make_arn(cluster.scope, f"container/{cluster.name}/{task_id}")
    containers = [
        ContainerRun(
            f"{prefix}/{world.new_uuid()}", definition, overrides.get(definition["name"], {})
        )
        for definition in order.definition.document["containerDefinitions"]
    ]
    task = Task(
        arn=arn,
        id=task_id,
        cluster=cluster,
        definition=order.definition,
        containers=containers,
        created_at=world.now(),
        group=order.group,
        started_by=order.started_by,
        overrides=order.overrides,
        facts=_facts(world, cluster, order),
        tags=order.tags,
    )
    cluster.tasks[task_id] = task
    return task


def _facts(world: World, cluster: Cluster, order: TaskOrder) -> Document:
    document, settings = order.definition.document, order.settings
    strategy = settings.get("capacityProviderStrategy") or []
    facts: Document = {
        "availabilityZone": f"{cluster.scope[1]}a",
        "attachments": _attachments(world, order),
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        "cpu": order.overrides.get("cpu") or document.get("cpu"),
        "memory": order.overrides.get("memory") or document.get("memory"),
        "enableExecuteCommand": bool(settings.get("enableExecuteCommand", False)),
    }
    if strategy:
        facts["capacityProviderName"] = strategy[0]["capacityProvider"]
        fargate = facts["capacityProviderName"].startswith("FARGATE")
        facts["launchType"] = "FARGATE" if fargate else "EC2"
    else:
        facts["launchType"] = settings.get("launchType") or "EC2"
    if facts["launchType"] == "FARGATE":
        facts |= {"platformVersion": "1.4.0", "platformFamily": "Linux"}
        facts["ephemeralStorage"] = document.get("ephemeralStorage") or {"sizeInGiB": 20}
    return facts


def _attachments(world: World, order: TaskOrder) -> list[Document]:
    network = (order.settings.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if not network:
        return []
    subnet = (network.get("subnets") or [""])[0]
    details = [
        {"name": "subnetId", "value": subnet},
        {"name": "networkInterfaceId", "value": f"eni-{world.new_hex()[:17]}"},
        {"name": "privateIPv4Address", "value": "127.0.0.1"},
    ]
    return [
        {
            "id": world.new_uuid(),
            "type": "ElasticNetworkInterface",
            "status": "ATTACHED",
            "details": details,
        }
    ]
