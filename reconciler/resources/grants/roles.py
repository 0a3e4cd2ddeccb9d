"""iam:PassRole: exactly the roles that the files name, each to the service that assumes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model.desired import DesiredApp
from reconciler.resources.grants.statement import Names, Statement, allow

TASKS, ECS = "ecs-tasks.amazonaws.com", "ecs.amazonaws.com"
"""Who assumes a task's roles, and who a service's own (load balancers, volumes, Service Connect)."""


def passes(names: Names) -> Iterator[Statement]:
    """Grant passing the declared roles."""
    for sid, roles, service in (
        ("PassTaskRoles", task_roles(names.app), TASKS),
        ("PassServiceRoles", service_roles(names.app), ECS),
    ):
        if roles:
            condition = {"StringEquals": {"iam:PassedToService": service}}
            yield allow(sid, ["iam:PassRole"], map(names.role, roles), condition)


def task_roles(app: DesiredApp) -> set[str]:
    """Return the roles of tasks as the files name them, overrides of migrations and jobs included."""
    declared = {
        str(document[name])
        for document in app.task_definitions
        for name in ("taskRoleArn", "executionRoleArn")
        if document.get(name)
    }
    overrides = {r for run in app.launched for r in roles_in(run.launch.get("overrides"))}
    return declared | overrides


def service_roles(app: DesiredApp) -> set[str]:
    """Return the roles that ECS itself assumes for services."""
    return {r for s in app.services for r in roles_in(s.service)}


def roles_in(document: Any) -> Iterator[str]:
    """Find every role in a document: AWS's fields for them end in `roleArn`, classic ELB has `role`."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            if isinstance(value, str) and (name.lower().endswith("rolearn") or name == "role"):
                yield value
            else:
                yield from roles_in(value)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from roles_in(value)
