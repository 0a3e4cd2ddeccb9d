"""Warns of a job queue on a Redis group that may throw jobs away. Called by `document` at its end."""

from __future__ import annotations

from reconciler.model.desired import DesiredApp
from reconciler.plan.queues import (
    POLICY,
    SAFE,
    QueueWorker,
    declared_policy,
    queue_workers,
    warning,
)
from reconciler.source.nodes import Mapping, Place, node_at
from reconciler.source.report import Report

_TASK = ("taskDefinition", "containerDefinitions")


def check_queues(app: DesiredApp, document: Mapping, report: Report) -> None:
    """Add a warning for each queue of which no group has the policy noeviction, as far as files tell."""
    groups = {redis.name: redis for redis in app.redis}
    policies = {name: declared_policy(redis) for name, redis in groups.items()}
    for worker in queue_workers(app):
        redis, policy = groups[worker.redis], policies[worker.redis]
        beside = {policies[name] for name in worker.beside}
        if policy is None or {policy, *beside} & {None, SAFE}:
            continue
        written = redis.parameter_group is not None and POLICY in redis.parameter_group.parameters
        place = _policy(document, worker) if written else _command(document, worker)
        report.warning(place, warning(worker, policy, declared=written), "queue-policy")


def _policy(document: Mapping, worker: QueueWorker) -> Place:
    return node_at(document, ("redis", worker.redis, "parameterGroup", "parameters", POLICY))


def _command(document: Mapping, worker: QueueWorker) -> Place:
    """Return the place of the container's command, or of the nearest thing that is written there."""
    service = ("services", worker.address.name)
    tree = document.mapping("services")
    workload = tree.mapping(worker.address.name) if tree else None
    task = workload.mapping(_TASK[0]) if workload else None
    inside = task is not None and task.mapping(_TASK[1]) is not None
    path = (*service, *_TASK, worker.container) if inside else service
    return node_at(document, (*path, "command"))
