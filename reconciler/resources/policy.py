"""The least IAM policy for exactly what the files name: a pure function of the desired state.

Called by `doctor --iam-policy`. Which actions can be limited to which resources and conditions is from
AWS's service authorization reference; each part of AWS has a file in `resources.grants`, and a new one
is added to `READS` or `WRITES`.
"""

from __future__ import annotations

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
    """The task role of migrations: what their guard container needs to claim a run."""


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
}


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
