"""What a container becomes on this machine: argv, environment, directory, or a simulation.

Called by the agent when a container's dependencies are met. Starting it is left to `processes`.
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.local.ecs.errors import EcsError
from reconciler.local.ecs.state import ContainerRun, Task
from reconciler.local.images import GUARD, ImageReference, Images
from reconciler.local.processes import ProcessSpec

_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
SecretReader = Callable[[Task, str], str]
"""Returns the value behind a secret's `valueFrom`; raises EcsError when there is none."""


class CannotStart(Exception):
    """The task fails to start: the message is its stoppedReason."""


@dataclass(frozen=True)
class World:
    """What every container of this machine gets: endpoint, folder for data, images, secrets."""

    endpoint_url: str
    data_directory: Path
    images: Images
    read_secret: SecretReader
    pull_problem: Callable[[str], str]
    """Returns why a task with an image stops before it starts, or nothing."""


def assign_ports(task: Task, images: Images) -> None:
    """Give every container that will be a process a free port of its own, all different."""
    sockets = []
    for container in task.containers:
        container.simulated = not _runs_here(container, images)
        if not container.simulated:
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            container.port = int(listener.getsockname()[1])
            sockets.append(listener)
    for listener in sockets:
        listener.close()


def _runs_here(container: ContainerRun, images: Images) -> bool:
    name = ImageReference.parse(str(container.definition["image"])).name
    return name == GUARD or name in images.folders


def process_spec(world: World, task: Task, container: ContainerRun) -> ProcessSpec:
    """Return the process of a container that is not simulated. Raises CannotStart."""
    reference = ImageReference.parse(str(container.definition["image"]))
    environment = _environment(world, task, container)
    if reference.name == GUARD:
        given = environment.get("PYTHONPATH", "")
        path = os.pathsep.join(p for p in (str(_PACKAGE_PARENT), given) if p)
        argv = [sys.executable, "-m", "reconciler.runs.guard", "claim"]
        return ProcessSpec(argv, environment | {"PYTHONPATH": path}, str(world.data_directory))
    folder = world.images.folders[reference.name]
    inherited = os.environ.get("PATH", os.defpath)
    path = os.pathsep.join([str(folder / "bin"), environment.get("PATH", inherited)])
    tag = world.images.tag_of(reference)
    return ProcessSpec(
        _argv(container, folder),
        environment | {"PATH": path, "RECONCILER_IMAGE_TAG": tag},
        _directory(container, folder),
    )


def _argv(container: ContainerRun, folder: Path) -> Sequence[str]:
    definition = container.definition
    command = container.override.get("command") or definition.get("command") or []
    argv = [*(definition.get("entryPoint") or []), *command]
    if argv:
        return [str(part) for part in argv]
    default = folder / "cmd"
    if not default.is_file():
        raise CannotStart(
            f"CannotStartContainerError: container '{container.name}' declares no command and "
            f"{default} does not exist"
        )
    return [str(default)]


def _directory(container: ContainerRun, folder: Path) -> str:
    """Return DIR/workingDirectory; DIR itself where the folder has no such place."""
    wanted = folder / str(container.definition.get("workingDirectory") or "").lstrip("/")
    return str(wanted if wanted.is_dir() else folder)


def _environment(world: World, task: Task, container: ContainerRun) -> dict[str, str]:
    region = task.cluster.scope[1]
    environment = {
        "AWS_ENDPOINT_URL": world.endpoint_url,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "embedded",
        "AWS_SECRET_ACCESS_KEY": "embedded",
        "AWS_EC2_METADATA_DISABLED": "true",
        "ECS_CONTAINER_METADATA_URI_V4": f"{world.endpoint_url}/v4/{container.arn.split('/')[-1]}",
        "ECS_TASK_ARN": task.arn,
        "RECONCILER_TASK_ARN": task.arn,
        "RECONCILER_DATA_DIR": str(world.data_directory),
        "RECONCILER_PYTHON": sys.executable,
        "LANG": "C.UTF-8",
    }
    for sibling in task.containers:
        variable = "PORT_" + sibling.name.upper().replace("-", "_")
        environment[variable] = str(sibling.port)
    environment["PORT"] = str(container.port)
    if "HOME" in os.environ:
        environment["HOME"] = os.environ["HOME"]
    environment.setdefault("PATH", os.environ.get("PATH", os.defpath))
    for source in (container.definition, container.override):
        environment |= {str(e["name"]): str(e["value"]) for e in source.get("environment") or []}
    for secret in container.definition.get("secrets") or []:
        environment[str(secret["name"])] = _secret(world, task, str(secret["valueFrom"]))
    return environment


def _secret(world: World, task: Task, reference: str) -> str:
    try:
        return world.read_secret(task, reference)
    except EcsError as error:
        raise CannotStart(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution "
            f"resource retrieval failed: unable to retrieve secret: {error.message}: {reference}"
        ) from error


def health_command(container: ContainerRun, spec: ProcessSpec) -> ProcessSpec:
    """Return the process of one health check, in the container's surroundings."""
    command = [str(part) for part in container.definition["healthCheck"].get("command") or []]
    if command[:1] == ["CMD-SHELL"]:
        argv = ["/bin/sh", "-c", " ".join(command[1:])]
    elif command[:1] == ["CMD"]:
        argv = command[1:]
    else:
        argv = ["/bin/sh", "-c", shlex.join(command)] if command else ["true"]
    return ProcessSpec(argv, spec.environment, spec.directory)


def missing_secret(world: World, task: Task) -> str:
    """Return why a task's secrets cannot be read, or nothing; simulated containers need them too."""
    for container in task.containers:
        for secret in container.definition.get("secrets") or []:
            try:
                _secret(world, task, str(secret["valueFrom"]))
            except CannotStart as error:
                return str(error)
    return ""
