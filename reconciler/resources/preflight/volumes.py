"""EFS: file systems exist and are available (elasticfilesystem:DescribeFileSystems)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from reconciler.model.errors import NotFound
from reconciler.model.names import Address
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import Question, Scope, Verdict, failed, gathered, ok

_USABLE = ("available", "updating")


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask for each file system that a volume mounts."""
    for identity, addresses in gathered(file_systems(scope)).items():
        look = partial(_file_system, reader, identity)
        yield Question(f"file system {identity}", addresses, look)


def file_systems(scope: Scope) -> Iterator[tuple[str, Address]]:
    """Yield the file systems that the workloads mount."""
    for workload in scope.workloads:
        for volume in workload.task_definition.get("volumes") or ():
            configuration = volume.get("efsVolumeConfiguration") or {}
            if configuration.get("fileSystemId"):
                yield str(configuration["fileSystemId"]), workload.address


def _file_system(reader: Reader, identity: str) -> Verdict:
    try:
        answer = reader.ask("efs", "DescribeFileSystems", FileSystemId=identity)
    except NotFound:
        return failed(f"there is no file system {identity}: no task that mounts it starts")
    found: Mapping[str, Any] = next(iter(answer.get("FileSystems", ())), {})
    state = str(found.get("LifeCycleState", "missing"))
    return ok(state) if state in _USABLE else failed(f"it is {state}")
