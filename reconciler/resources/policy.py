"""The least IAM policy for exactly what the files name: a pure function of the desired state.

Called by `doctor --iam-policy`. Which actions can be limited to which resources and conditions is from
AWS's service authorization reference; each part of AWS has a file in `resources.grants`, and a new one
is added to `READS` or `WRITES`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from reconciler.model.desired import DesiredApp
from reconciler.resources.grants import (
    autoscaling,
    ecs,
    images,
    ledger,
    logs,
    lookups,
    one_off,
    preflight,
    redis,
    roles,
)
from reconciler.resources.grants.statement import Names, Statement, merged

Grant = Callable[[Names], Iterator[Statement]]


class Role(StrEnum):
    """Who the policy is for."""

    CONTROLLER = "controller"
    """`run`, `apply` and the operator verbs."""
    DIFF = "diff"
    """`diff`, `status`, `history`, `doctor`: nothing but reads."""
    GUARD = "guard"
    """The task role of what runs with a guard: what that container needs to claim a run."""
    TASK_RUN = "task-run"
    """`task run`, `task stop`: reads, and starting tasks of whatever the files name."""


READS: tuple[Grant, ...] = (
    ecs.reads,
    ledger.reads,
    images.reads,
    logs.reads,
    lookups.reads,
    autoscaling.reads,
    redis.reads,
    preflight.reads,
)
"""What observing an app needs, and saying why something failed."""

WRITES: tuple[Grant, ...] = (
    ecs.service_writes,
    ecs.prune_writes,
    ecs.definition_writes,
    ecs.run_writes,
    autoscaling.writes,
    redis.writes,
    roles.passes,
    ledger.writes,
)
"""What converging needs on top."""

_GRANTS: Mapping[Role, tuple[Grant, ...]] = {
    Role.DIFF: READS,
    Role.CONTROLLER: (*READS, *WRITES),
    Role.GUARD: (ledger.guard,),
    Role.TASK_RUN: (*READS, one_off.writes, one_off.ledger),
}


MANAGED = 6144
"""Characters that IAM takes in a managed policy, white space not counted (IAM and AWS STS quotas)."""


def least_policy(apps: Sequence[DesiredApp], role: Role) -> dict[str, Any]:
    """Return one policy document for all apps; the same input gives the same text.

    The controller's policy contains the one for `diff`. Raises ValueError when `apps` is empty.
    """
    if not apps:
        raise ValueError("a policy needs at least one app")
    statements = [
        statement
        for app in sorted(apps, key=lambda app: app.key)
        for grant in _GRANTS[role]
        for statement in grant(Names(app))
    ]
    return {"Version": "2012-10-17", "Statement": merged(statements)}


def size(document: Mapping[str, Any]) -> int:
    """Return how many characters IAM counts of a policy."""
    return len(json.dumps(document, separators=(",", ":")))


def in_parts(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return policies that allow together what the one does, each small enough for IAM.

    Statements keep their order. One that is too large by itself is split by its resources.
    """
    parts: list[dict[str, Any]] = []
    for whole in document["Statement"]:
        for statement in _split(document, whole):
            last = parts[-1]["Statement"] if parts else []
            grown = {**document, "Statement": [*last, statement]}
            if parts and size(grown) <= MANAGED:
                parts[-1] = grown
            else:
                parts.append({**document, "Statement": [statement]})
    return parts


def _split(document: Mapping[str, Any], statement: Statement) -> Iterator[Statement]:
    resources = statement["Resource"]
    if size({**document, "Statement": [statement]}) <= MANAGED or len(resources) == 1:
        yield statement
        return
    middle = len(resources) // 2
    nameless = {k: v for k, v in statement.items() if k != "Sid"}  # a Sid must not come twice
    for half in (resources[:middle], resources[middle:]):
        yield from _split(document, {**nameless, "Resource": half})
