"""Roles: they exist, and who is to assume them may (iam:GetRole)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from reconciler.model.errors import NotFound
from reconciler.model.names import Address, last_part
from reconciler.plan.image_names import taken_apart
from reconciler.resources import image
from reconciler.resources.grants.roles import ECS, TASKS, roles_in
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import (
    Question,
    Scope,
    Verdict,
    Workload,
    failed,
    gathered,
    ok,
)

_ASSUME = "sts:AssumeRole"
_ACCOUNT = 4
"""The place of the account in an ARN."""


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask for each role that the workloads name, and for the one that Fargate needs."""
    for (role, principal), addresses in gathered(named(scope)).items():
        name = f"role {last_part(role)}"
        yield Question(name, addresses, partial(_role, reader, scope, role, principal))
    for workload in scope.workloads:
        if reason := _needs_execution_role(workload):
            name = f"execution role of {workload.address}"
            text = f"Fargate needs executionRoleArn {reason}; ECS refuses the task definition"
            yield Question(name, (workload.address,), partial(failed, text))


def named(scope: Scope) -> Iterator[tuple[tuple[str, str], Address]]:
    """Yield each role as an ARN, and who must be able to assume it, for each workload."""
    for workload in scope.workloads:
        address, document = workload.address, workload.task_definition
        for field in ("executionRoleArn", "taskRoleArn"):
            if document.get(field):
                yield (scope.names.role(str(document[field])), TASKS), address
        principal = ECS if workload.is_service else TASKS
        for role in roles_in(workload.fields):
            yield (scope.names.role(role), principal), address


def _role(reader: Reader, scope: Scope, role: str, principal: str) -> Verdict:
    account = role.split(":")[_ACCOUNT]
    if account != scope.app.account:
        return failed(f"it is of account {account}, and IAM passes a role to none but its own")
    try:
        answer = reader.ask("iam", "GetRole", RoleName=last_part(role))["Role"]
    except NotFound:
        return failed(f"there is no role {role}")
    if answer.get("Arn", role) != role:
        return failed(f"there is no role {role}; its ARN is {answer['Arn']}")
    if not trusts(answer.get("AssumeRolePolicyDocument"), principal, _surroundings(scope)):
        return failed(f"it does not trust {principal}, which has to assume it")
    return ok(f"trusts {principal}")


def trusts(policy: Any, principal: str, surroundings: Mapping[str, str]) -> bool:
    """Say whether a trust policy lets a service assume the role.

    `surroundings` are the condition keys that are known of the request, lower case; conditions about
    others are taken to hold. A policy that cannot be read is taken to trust.
    """
    document = _document(policy)
    if document is None:
        return True
    statements = _listed(document.get("Statement"))
    return any(
        statement.get("Effect") == "Allow"
        and _assumes(statement)
        and _names(statement.get("Principal"), principal)
        and _holds(statement.get("Condition") or {}, surroundings)
        for statement in statements
    )


def _surroundings(scope: Scope) -> dict[str, str]:
    """ECS names the account and an ARN of the region when it assumes a role (task-iam-roles)."""
    return {
        "aws:sourceaccount": scope.app.account,
        "aws:sourcearn": scope.names.arn("ecs", "*"),
    }


def _document(policy: Any) -> Mapping[str, Any] | None:
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except ValueError:
            return None
    return policy if isinstance(policy, Mapping) else None


def _assumes(statement: Mapping[str, Any]) -> bool:
    actions = _listed(statement.get("Action"))
    return any(fnmatchcase(_ASSUME.lower(), str(action).lower()) for action in actions)


def _names(found: Any, principal: str) -> bool:
    if found == "*":
        return True
    services = _listed(found.get("Service")) if isinstance(found, Mapping) else []
    return principal in services


def _holds(condition: Mapping[str, Any], surroundings: Mapping[str, str]) -> bool:
    """Judge the two conditions against the confused deputy; `*` of our ARN stands for any resource."""
    for operator, keys in condition.items():
        if not operator.startswith(("StringEquals", "StringLike", "Arn")) or "Not" in operator:
            continue
        for key, values in keys.items():
            ours = surroundings.get(key.lower())
            if ours is not None and not any(_overlap(ours, str(v)) for v in _listed(values)):
                return False
    return True


def _overlap(ours: str, pattern: str) -> bool:
    return fnmatchcase(ours, pattern) or fnmatchcase(pattern, ours)


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return []
    return value if isinstance(value, list | tuple) else [value]


def _needs_execution_role(workload: Workload) -> str:
    """Say for what Fargate needs the role; "" when it has one, or needs none (task_execution_IAM_role)."""
    if not workload.wants_fargate or workload.task_definition.get("executionRoleArn"):
        return ""
    for container in workload.containers:
        host = taken_apart(str(container.get("image", ""))).repository.partition("/")[0]
        logs = container.get("logConfiguration") or {}
        if image.ECR_HOST.fullmatch(host):
            return "to pull from ECR"
        if logs.get("logDriver") == "awslogs":
            return "to write logs"
        if container.get("secrets") or logs.get("secretOptions"):
            return "to read secrets"
    return ""
