"""RunTask, StopTask, DescribeTasks, ListTasks. The agent does the rest."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from reconciler.local.ecs import clusters, task_definition_rules, task_definitions
from reconciler.local.ecs.errors import EcsError, client_error, invalid, service_not_found
from reconciler.local.ecs.new_task import TaskOrder, new_task
from reconciler.local.ecs.pages import page
from reconciler.local.ecs.state import Cluster, Document, Scope, Task, Token, World
from reconciler.local.ecs.task_documents import describe_task
from reconciler.model.names import last_part

_STARTED_BY = re.compile(r"[A-Za-z0-9_/-]{0,128}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,64}")
_MAX_COUNT = 10
_MAX_DESCRIBED = 100
_MAX_OVERRIDES = 8192
_TOKEN_WINDOW = timedelta(hours=24)
_TOKEN_GRACE = timedelta(hours=1)


def run(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """RunTask, idempotent by clientToken for min(24 h, the tasks' lifetime + 1 h).

    Source: ECS_Idempotency in the API reference. The same token with other parameters is a
    ConflictException with the task ARNs in `resourceIds`; failures are remembered with the token.
    """
    cluster = clusters.find(world, scope, params)
    token = params.get("clientToken")
    if token is None:
        tasks, failures = _launch(world, cluster, params)
        return _answer(tasks, failures)
    if not _TOKEN.fullmatch(str(token)):
        raise invalid("clientToken must be at most 64 ASCII characters.")
    known = cluster.tokens.get(str(token))
    if known and world.now() < token_expiry(known):
        return _replay(known, params)
    tasks, failures = _launch(world, cluster, params)
    cluster.tokens[str(token)] = Token(request_hash(params), tasks, failures, world.now())
    return _answer(tasks, failures)


def request_hash(params: Mapping[str, Any]) -> str:
    """Return a hash over all parameters but the token."""
    rest = {k: v for k, v in params.items() if k != "clientToken"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, default=str).encode()).hexdigest()


def token_expiry(token: Token) -> datetime:
    """Return when a token stops being remembered."""
    limit = token.created_at + _TOKEN_WINDOW
    if not token.tasks:
        return token.created_at + _TOKEN_GRACE
    ends = [t.stopped_at for t in token.tasks]
    known = [end for end in ends if end is not None]
    return min(limit, max(known) + _TOKEN_GRACE) if len(known) == len(ends) else limit


def _replay(token: Token, params: Mapping[str, Any]) -> Document:
    if token.request_hash != request_hash(params):
        raise EcsError(
            "ConflictException",
            "The specified clientToken was used with different request parameters.",
            resourceIds=[t.arn for t in token.tasks],
        )
    return _answer(token.tasks, token.failures)


def _answer(tasks: list[Task], failures: list[Document]) -> Document:
    return {
        "tasks": [_brief(t) if t.stopped else describe_task(t, tags=True) for t in tasks],
        "failures": failures,
    }


def _brief(task: Task) -> Document:
    return {
        "taskArn": task.arn,
        "lastStatus": task.last_status,
        "desiredStatus": task.desired_status,
    }


def _launch(
    world: World, cluster: Cluster, params: Mapping[str, Any]
) -> tuple[list[Task], list[Document]]:
    definition = task_definitions.find_active(
        world, cluster.scope, str(params.get("taskDefinition") or "")
    )
    count = int(params.get("count") or 1)
    _check_launch(params, definition.document, count)
    for ordered in world.placement_failures:
        if ordered.times > 0:
            ordered.times -= 1
            failure = {"arn": cluster.arn, "reason": ordered.reason}
            return [], [dict(failure) for _ in range(count)]
    tags = list(params.get("tags") or [])
    if params.get("propagateTags") == "TASK_DEFINITION":
        tags = [*definition.tags, *tags]
    order = TaskOrder(
        definition=definition,
        group=str(params.get("group") or f"family:{definition.family}"),
        started_by=str(params.get("startedBy") or ""),
        overrides=dict(params.get("overrides") or {}),
        settings=params,
        tags=tags,
    )
    return [new_task(world, cluster, order) for _ in range(count)], []


def _check_launch(params: Mapping[str, Any], definition: Document, count: int) -> None:
    if not 1 <= count <= _MAX_COUNT:
        raise invalid("Tasks count must be between 1 and 10.")
    if not _STARTED_BY.fullmatch(str(params.get("startedBy") or "")):
        raise invalid(
            "startedBy must be at most 128 letters, numbers, hyphens, slashes, underscores."
        )
    if params.get("launchType") and params.get("capacityProviderStrategy"):
        raise invalid(
            "Specifying both a launch type and capacity provider strategy is not supported."
        )
    check_network(params, definition)
    _check_size(params.get("overrides") or {}, definition)
    if len(json.dumps(params.get("overrides") or {})) > _MAX_OVERRIDES:
        raise invalid("Overrides length must be at most 8192.")
    names = {c["name"] for c in definition["containerDefinitions"]}
    for override in (params.get("overrides") or {}).get("containerOverrides") or []:
        if override.get("name") not in names:
            raise invalid(
                f"Override for container named {override.get('name')} is not a container in the "
                "TaskDefinition."
            )


def _check_size(overrides: Mapping[str, Any], definition: Document) -> None:
    """Raise for a size that the overrides make and Fargate does not have; on instances any will do."""
    asked = task_definition_rules.size(overrides)
    if any(asked) and "FARGATE" in (definition.get("requiresCompatibilities") or ()):
        cpu, memory = (a or definition[n] for a, n in zip(asked, ("cpu", "memory"), strict=True))
        task_definition_rules.check_fargate_size(str(cpu), str(memory))


def check_network(params: Mapping[str, Any], definition: Document) -> None:
    """Raise for awsvpc without a network, and for Fargate with a definition that cannot."""
    awsvpc = definition.get("networkMode") == "awsvpc"
    if awsvpc and not params.get("networkConfiguration"):
        raise invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    if params.get("launchType") == "FARGATE" and "FARGATE" not in definition["compatibilities"]:
        raise invalid("Task definition does not support launch_type FARGATE.")


def stop(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """StopTask: SIGTERM, and SIGKILL after the stop timeout. It deletes the task's tags."""
    cluster = clusters.find(world, scope, params)
    task = cluster.tasks.get(last_part(str(params.get("task") or "")))
    if task is None:
        raise invalid("The referenced task was not found.")
    if not task.stopped:
        task.request_stop("UserInitiated", str(params.get("reason") or "Task stopped by user"))
        task.tags = []
    return {"task": describe_task(task)}


def describe(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DescribeTasks: at most 100; what is unknown, forgotten or not yet visible is MISSING."""
    cluster = clusters.find(world, scope, params)
    wanted = [str(t) for t in params.get("tasks") or []]
    if not wanted:
        raise invalid("Tasks cannot be empty.")
    if len(wanted) > _MAX_DESCRIBED:
        raise invalid("Tasks length must be at most 100.")
    tags = "TAGS" in (params.get("include") or [])
    found, failures = [], []
    for reference in wanted:
        task = cluster.tasks.get(last_part(reference))
        if task is None or not _visible(world, task) or _other_cluster(cluster, reference):
            arn = reference if reference.startswith("arn:") else _task_arn(cluster, reference)
            failures.append({"arn": arn, "reason": "MISSING"})
        else:
            found.append(describe_task(task, tags=tags))
    return {"tasks": found, "failures": failures}


def _other_cluster(cluster: Cluster, reference: str) -> bool:
    return reference.startswith("arn:") and f"/{cluster.name}/" not in reference


def _task_arn(cluster: Cluster, task_id: str) -> str:
    return cluster.arn.replace(":cluster/", ":task/") + f"/{task_id}"


def _visible(world: World, task: Task) -> bool:
    return world.now() >= task.created_at + world.times.visible_after


def list_all(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """ListTasks: only desiredStatus RUNNING unless asked; PENDING never finds anything."""
    cluster = clusters.find(world, scope, params)
    started_by, family = params.get("startedBy"), params.get("family")
    service = params.get("serviceName")
    if started_by and (family or service):
        raise invalid("startedBy cannot be combined with another filter.")
    if service and last_part(str(service)) not in cluster.services:
        raise service_not_found()
    status = str(params.get("desiredStatus") or "RUNNING")
    if status not in ("RUNNING", "PENDING", "STOPPED"):
        raise client_error(f"'{status}' is not a desired status.")
    arns = [
        task.arn
        for task in cluster.tasks.values()
        if task.desired_status == status
        and _visible(world, task)
        and (not started_by or task.started_by == started_by)
        and (not family or task.definition.family == family)
        and (not service or task.group == f"service:{last_part(str(service))}")
        and (not params.get("launchType") or task.facts.get("launchType") == params["launchType"])
    ]
    return page(params, "taskArns", arns)
