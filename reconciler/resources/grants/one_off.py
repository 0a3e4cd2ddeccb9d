"""One-off tasks: what `task run` needs on top of reading, from whatever the files name.

The controller's policy does not contain it: who may start a command in a service's task may do what the
service may.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.plan.one_off import SUFFIX
from reconciler.resources.grants.ledger import keys, partition_of
from reconciler.resources.grants.roles import TASKS, task_roles
from reconciler.resources.grants.statement import Names, Statement, allow


def writes(names: Names) -> Iterator[Statement]:
    """Grant registering, starting and stopping tasks, and writing their part of the ledger."""
    families = names.families([{"family": family} for family in _families(names)])
    if not families:
        return
    tasks = [names.arn("ecs", f"task/{names.cluster_name}/*")]
    yield allow("EcsRegister", ["ecs:RegisterTaskDefinition"], families)
    yield allow(
        "EcsTagDefinitions",
        ["ecs:TagResource"],
        families,
        {"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}},
    )
    yield allow("EcsRunTasks", ["ecs:RunTask"], families, names.in_cluster)
    yield allow("EcsStopTasks", ["ecs:StopTask"], tasks, names.in_cluster)
    yield allow(
        "EcsTagTasks",  # --tag
        ["ecs:TagResource"],
        tasks,
        {"StringEquals": {"ecs:CreateAction": "RunTask"}},
    )
    if roles := task_roles(names.app):
        condition = {"StringEquals": {"iam:PassedToService": TASKS}}
        yield allow("PassTaskRoles", ["iam:PassRole"], map(names.role, roles), condition)


def ledger(names: Names) -> Iterator[Statement]:
    """Grant writing the app's part of the ledger, as far as runs of tasks go, and the claims of tasks."""
    own = keys([partition_of(names)])
    write = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
    yield allow("WriteState", write, [names.table("state")], own)
    yield allow("AppendJournal", ["dynamodb:PutItem"], [names.table("journal")], own)
    if names.app.guard is not None:
        claims = ["dynamodb:ConditionCheckItem", "dynamodb:GetItem", *write]
        tasks = keys([f"task#{names.app.key}/*"])
        yield allow("WriteClaims", claims, [names.table("claims")], tasks)


def _families(names: Names) -> set[str]:
    """Return every family that a task is started from: with a guard, services have another for it."""
    app = names.app
    behind = SUFFIX if app.guard is not None else ""
    services = {f"{s.task_definition['family']}{behind}" for s in app.services}
    documents = [m.task_definition for m in app.migrations]
    documents += [j.task_definition for j in app.jobs]
    return services | {str(document["family"]) for document in documents}
