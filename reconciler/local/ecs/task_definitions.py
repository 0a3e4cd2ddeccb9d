"""Task definition operations. Revisions never restart; a definition never changes but for its status."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from reconciler.local.ecs import task_definition_rules as rules
from reconciler.local.ecs.errors import client_error, invalid
from reconciler.local.ecs.pages import page
from reconciler.local.ecs.state import (
    Document,
    Scope,
    TaskDefinition,
    World,
    make_arn,
    without_nulls,
)
from reconciler.model.names import last_part

_CONTAINER_DEFAULTS: Mapping[str, Any] = {
    "cpu": 0,
    "portMappings": [],
    "essential": True,
    "environment": [],
    "mountPoints": [],
    "volumesFrom": [],
    "systemControls": [],
}
_HEALTH_DEFAULTS: Mapping[str, Any] = {"interval": 30, "timeout": 5, "retries": 3}


def register(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """RegisterTaskDefinition: always a new revision."""
    request = copy.deepcopy(dict(params))
    tags = list(request.pop("tags", None) or [])
    request["cpu"], request["memory"] = rules.size(request)
    rules.check(request)
    family = str(request["family"])
    revisions = world.task_definitions.setdefault(scope, {}).setdefault(family, [])
    revision = len(revisions) + 1
    arn = make_arn(scope, f"task-definition/{family}:{revision}")
    document = _with_defaults(request)
    document |= {
        "taskDefinitionArn": arn,
        "revision": revision,
        "status": "ACTIVE",
        "registeredAt": world.now(),
        "registeredBy": f"arn:aws:iam::{scope[0]}:root",
        "compatibilities": _compatibilities(request),
    }
    definition = TaskDefinition(arn, family, revision, document, tags)
    revisions.append(definition)
    return {"taskDefinition": document, "tags": tags}


def _compatibilities(request: Mapping[str, Any]) -> list[str]:
    return ["EC2", "FARGATE"] if request.get("networkMode") == "awsvpc" else ["EC2"]


def _with_defaults(request: Document) -> Document:
    document = without_nulls(request)
    document.setdefault("volumes", [])
    document.setdefault("placementConstraints", [])
    mode = document.get("networkMode", "bridge")
    document["containerDefinitions"] = [
        _container_with_defaults(c, mode) for c in document["containerDefinitions"]
    ]
    return document


def _container_with_defaults(container: Document, network_mode: str) -> Document:
    filled = {**copy.deepcopy(dict(_CONTAINER_DEFAULTS)), **container}
    for mapping in filled["portMappings"]:
        mapping.setdefault("protocol", "tcp")
        same = network_mode in ("awsvpc", "host")
        mapping.setdefault("hostPort", mapping.get("containerPort", 0) if same else 0)
    if filled.get("healthCheck"):
        filled["healthCheck"] = {**_HEALTH_DEFAULTS, **filled["healthCheck"]}
    return filled


def find(world: World, scope: Scope, reference: str) -> TaskDefinition:
    """Return the revision that `family`, `family:revision` or an ARN means.

    A family alone means its newest ACTIVE revision. Raises ClientException when there is none.
    """
    name, _, revision = last_part(reference).partition(":")
    revisions = world.task_definitions.get(scope, {}).get(name, [])
    if not revision:
        active = [d for d in revisions if d.active]
        if active:
            return active[-1]
    elif revision.isdigit() and 1 <= int(revision) <= len(revisions):
        return revisions[int(revision) - 1]
    raise client_error("Unable to describe task definition.")


def find_active(world: World, scope: Scope, reference: str) -> TaskDefinition:
    """Return a revision that new tasks may use; raises ClientException otherwise."""
    if not reference:
        raise client_error("TaskDefinition can not be blank.")
    try:
        definition = find(world, scope, reference)
    except Exception as error:
        raise client_error("TaskDefinition not found.") from error
    if not definition.active:
        raise client_error("TaskDefinition is inactive")
    return definition


def describe(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DescribeTaskDefinition; tags only with include=["TAGS"]."""
    definition = find(world, scope, str(params.get("taskDefinition") or ""))
    answer: Document = {"taskDefinition": definition.document}
    if "TAGS" in (params.get("include") or []):
        answer["tags"] = definition.tags
    return answer


def list_all(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """ListTaskDefinitions. `familyPrefix` is the full family name, as AWS documents it."""
    status = params.get("status") or "ACTIVE"
    family, families = params.get("familyPrefix"), world.task_definitions.get(scope, {})
    names = sorted(families) if family is None else [str(family)]
    arns = [d.arn for n in names for d in families.get(n, []) if d.document["status"] == status]
    if params.get("sort") == "DESC":
        arns.reverse()
    return page(params, "taskDefinitionArns", arns)


def list_families(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """ListTaskDefinitionFamilies; here `familyPrefix` is a prefix."""
    prefix, status = str(params.get("familyPrefix") or ""), params.get("status") or "ALL"
    found = []
    for family, revisions in sorted(world.task_definitions.get(scope, {}).items()):
        active = any(d.active for d in revisions)
        if family.startswith(prefix) and (status == "ALL" or active == (status == "ACTIVE")):
            found.append(family)
    return page(params, "families", found)


def deregister(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DeregisterTaskDefinition: INACTIVE, still describable."""
    reference = str(params.get("taskDefinition") or "")
    if ":" not in last_part(reference):
        raise invalid("Missing revision.")
    definition = find(world, scope, reference)
    definition.document |= {"status": "INACTIVE", "deregisteredAt": world.now()}
    return {"taskDefinition": definition.document}


def delete(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DeleteTaskDefinitions: only INACTIVE ones; they stay as DELETE_IN_PROGRESS."""
    deleted, failures = [], []
    for reference in params.get("taskDefinitions") or []:
        definition = find(world, scope, str(reference))
        if definition.active:
            reason = "The specified task definition is still in ACTIVE status."
            failures.append({"arn": definition.arn, "reason": reason})
            continue
        definition.document |= {"status": "DELETE_IN_PROGRESS", "deleteRequestedAt": world.now()}
        deleted.append(definition.document)
    return {"taskDefinitions": deleted, "failures": failures}
