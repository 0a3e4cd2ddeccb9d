"""Job queues in Redis: who keeps jobs there, and whether Redis may throw them away.

Called by `source` for what the files tell, by `plan.planner` for what only live AWS tells, and by
`resources.redis`. Sidekiq says it best: "Your Redis instance will evict Sidekiq data under heavy load."
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.model.desired import DesiredApp, DesiredMigration, DesiredRedis, DesiredService
from reconciler.model.lookups import names_in
from reconciler.model.names import Address, Path
from reconciler.model.observed import ObservedApp, ObservedRedis
from reconciler.shapes.redis_tables import DEFAULT_GROUPS, DEFAULT_POLICY

POLICY: Final = "maxmemory-policy"
SAFE: Final = "noeviction"
_PROGRAM = re.compile(r"(?<![a-z0-9_])(sidekiq|resque|celery|bullmq)(?![a-z0-9_])")
_NAMES: Final = {"sidekiq": "Sidekiq", "resque": "Resque", "celery": "Celery", "bullmq": "BullMQ"}
_REFERENCE = re.compile(r"redis\.([a-z0-9][a-z0-9_-]*)\.")
_ENVIRONMENT: Path = ("taskDefinition", "containerDefinitions")


@dataclass(frozen=True)
class QueueWorker:
    """A container that keeps its jobs in a Redis group of the app, or in one of those `beside` it."""

    address: Address
    container: str
    program: str
    redis: str
    beside: tuple[str, ...] = ()
    """The other groups that its environment refers to: a cache, say. Jobs are in the one that keeps them."""


def queue_workers(app: DesiredApp) -> tuple[QueueWorker, ...]:
    """Return every container whose command runs a job queue on a group of the app.

    Which group: the ones its environment refers to, else the app's only one.
    """
    if not app.redis:
        return ()
    names = [redis.name for redis in app.redis]
    only = names if len(names) == 1 else []
    found = []
    for workload in app.services:
        for container in workload.task_definition.get("containerDefinitions", ()):
            program = _program(container)
            used = _groups(workload, container) or only if program else []
            known = [name for name in used if name in names]
            found += [
                QueueWorker(
                    workload.address,
                    str(container["name"]),
                    program,
                    name,
                    tuple(other for other in known if other != name),
                )
                for name in known
            ]
    return tuple(found)


def declared_policy(redis: DesiredRedis) -> str | None:
    """Return the policy that the files give a group, None when only live AWS can tell.

    A parameter group that is ours, or no word about one in a group that is ours, has AWS's default.
    """
    mine = redis.parameter_group
    if mine is not None:
        written = mine.parameters.get(POLICY, DEFAULT_POLICY)
        return None if "${" in written else written
    attached = redis.group.get("cacheParameterGroupName")
    if attached is None:
        return DEFAULT_POLICY if "cacheNodeType" in redis.group else None
    return DEFAULT_POLICY if str(attached).startswith(DEFAULT_GROUPS) else None


def warning(worker: QueueWorker, policy: str, *, declared: bool) -> str:
    """Say what is wrong with a policy for a queue, and what to write."""
    said = f"{POLICY} is {policy}" if declared else f"{POLICY} is not declared, so it is {policy}"
    return (
        f"{worker.program} in {worker.address} keeps its jobs in redis/{worker.redis}, whose {said}: "
        f"when the memory is full, Redis throws jobs away. Declare {POLICY}: {SAFE} in its parameterGroup"
    )


def live_notes(app: DesiredApp, observed: ObservedApp) -> Iterator[str]:
    """Yield a warning for each queue on groups of which only live AWS tells a policy."""
    declared = {redis.name: declared_policy(redis) for redis in app.redis}
    known = {
        name: _live_policy(observed.redis.get(name)) if policy is None else policy
        for name, policy in declared.items()
    }
    for worker in queue_workers(app):
        used = (worker.redis, *worker.beside)
        if None not in [declared[name] for name in used]:
            continue  # said with the files
        if not {known[name] for name in used} & {"", SAFE}:
            yield f"warning: {warning(worker, known[worker.redis], declared=True)}"


def needs_live_policy(app: DesiredApp, redis: DesiredRedis) -> bool:
    """Say whether the attached parameter group has to be read to judge a queue."""
    asked = declared_policy(redis) is None
    return asked and any(worker.redis == redis.name for worker in queue_workers(app))


def _live_policy(live: ObservedRedis | None) -> str:
    """Return the policy of a live group, empty when it is not known."""
    if live is None:
        return ""
    if str(live.group.get("cacheParameterGroupName", "")).startswith(DEFAULT_GROUPS):
        return DEFAULT_POLICY
    if live.parameter_group is None:
        return ""
    return live.parameter_group.parameters.get(POLICY, DEFAULT_POLICY)


def _program(container: Mapping[str, Any]) -> str:
    words = [*container.get("entryPoint", ()), *container.get("command", ())]
    found = _PROGRAM.search(" ".join(map(str, words)).lower())
    return _NAMES[found[1]] if found else ""


def _groups(workload: DesiredService | DesiredMigration, container: Mapping[str, Any]) -> list[str]:
    """Return the groups that a container's environment refers to, by look-ups still open or filled in."""
    inside = (*_ENVIRONMENT, str(container["name"]))
    filled = (
        name
        for path, names in workload.looked_up.items()
        if path[: len(inside)] == inside
        for name in names
    )
    open_ones = names_in(container.get("environment", ()))
    found = (_REFERENCE.match(name) for name in (*open_ones, *filled))
    return list(dict.fromkeys(match[1] for match in found if match))
