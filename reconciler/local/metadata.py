"""The task metadata endpoint (version 4), as far as a program needs it to know its own task.

Containers find it in ECS_CONTAINER_METADATA_URI_V4. Called by `front`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.local.ecs.state import ContainerRun, Task, World

METADATA_PREFIX = "/v4/"


def container_metadata(world: World, path: str) -> tuple[int, Mapping[str, Any]]:
    """Answer `/v4/<container>` and `/v4/<container>/task`: status code and document."""
    parts = path.strip("/").split("/")
    with world.lock:
        for cluster in world.every_cluster():
            for task in cluster.tasks.values():
                for container in task.containers:
                    if container.arn.endswith(f"/{parts[1]}"):
                        whole = len(parts) > 2 and parts[2] == "task"  # noqa: PLR2004 - v4, an id, task
                        return 200, _task(task) if whole else _container(task, container)
    return 404, {"message": "no such container"}


def _task(task: Task) -> Mapping[str, Any]:
    return {
        "Cluster": task.cluster.arn,
        "TaskARN": task.arn,
        "Family": task.definition.family,
        "Revision": str(task.definition.revision),
        "DesiredStatus": task.desired_status,
        "KnownStatus": task.last_status,
        "LaunchType": task.facts.get("launchType"),
        "Containers": [_container(task, c) for c in task.containers],
    }


def _container(task: Task, container: ContainerRun) -> Mapping[str, Any]:
    document: dict[str, Any] = {
        "Name": container.name,
        "Image": container.definition["image"],
        "ContainerARN": container.arn,
        "DesiredStatus": task.desired_status,
        "KnownStatus": container.status,
        "Labels": {"com.amazonaws.ecs.task-arn": task.arn},
    }
    if container.exit_code is not None:
        document["ExitCode"] = container.exit_code
    return document
