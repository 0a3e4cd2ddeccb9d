"""Where we are: this ECS task's ARN, or the host and process; the region that follows from it.

Called by `command`, `start` and the guard.
"""

from __future__ import annotations

import json
import os

from reconciler.runs.once.http import Address, Connection, NoAnswer, NotSent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"
_TIMEOUT = 2.0
_ATTEMPTS = 3
_OK = 200
_PARTS = 6


class NoMetadata(Exception):
    """ECS's metadata endpoint was named and does not answer."""


def task_arn(environment: Mapping[str, str]) -> str:
    """Return this task's ARN from the ECS metadata endpoint (version 4); nothing outside of ECS."""
    base = environment.get(VARIABLE)
    if not base:
        return environment.get("RECONCILER_TASK_ARN", "")
    problem = ""
    for _ in range(_ATTEMPTS):
        try:
            address, path = Address.parse(base)
            connection = Connection(address)
            try:
                answer = connection.exchange("GET", f"{path}/task", {}, b"", _TIMEOUT)
            finally:
                connection.close()
            if answer.status == _OK:
                return str(json.loads(answer.body)["TaskARN"])
            problem = f"it answered {answer.status}"
        except (NotSent, NoAnswer, ValueError, KeyError, TypeError) as error:
            problem = str(error)
    raise NoMetadata(
        f"the ECS metadata endpoint ({VARIABLE}) does not tell this task's ARN: {problem}"
    )


def holder(task: str) -> str:
    """Return the name under which a start holds a key: the task's ARN, or host and process."""
    return task or f"{os.uname().nodename}/{os.getpid()}"


def is_task(who: str) -> bool:
    """Whether a holder is an ECS task, so that ECS can be asked about it."""
    parts = who.split(":", _PARTS - 1)
    return (
        len(parts) == _PARTS
        and parts[0] == "arn"
        and parts[2] == "ecs"
        and parts[5].startswith("task/")
        and parts[5].count("/") == 2  # noqa: PLR2004 - task/CLUSTER/ID; the old form names no cluster
    )


def region_of(arn: str) -> str:
    """Return the region in an ARN, nothing for what is none."""
    parts = arn.split(":")
    return parts[3] if len(parts) >= _PARTS else ""


def cluster_of(arn: str) -> str:
    """Return the cluster's name in a task's ARN."""
    return arn.split("/")[1]
