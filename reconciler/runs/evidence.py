"""What ECS shows of a run's task, as a `TaskSighting`. Read only.

Called by `runs.advance`, `runs.start`, `runs.operate` and by whoever follows a task. botocore's waiters are
never used: `tasks_stopped` ignores exit codes and spins on MISSING.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from reconciler.aws.door import Aws
from reconciler.aws.items import from_item
from reconciler.model.batches import batches
from reconciler.model.errors import UnexpectedAnswer
from reconciler.model.names import last_part
from reconciler.model.run import Claim, Run, TaskPhase, TaskSighting
from reconciler.plan.causes import refused_command
from reconciler.store.records import decode_claim

DESCRIBE_LIMIT = 100
"""DescribeTasks takes at most 100 tasks (ecs DescribeTasks)."""

_PHASES = {
    "RUNNING": TaskPhase.RUNNING,
    "DEACTIVATING": TaskPhase.RUNNING,
    "STOPPING": TaskPhase.RUNNING,
    "DEPROVISIONING": TaskPhase.RUNNING,
    "STOPPED": TaskPhase.STOPPED,
    "DELETED": TaskPhase.STOPPED,
}


def look_at(aws: Aws, cluster: str, arn: str) -> TaskSighting:
    """Return the task as DescribeTasks shows it now; MISSING when ECS does not (or no longer) know it."""
    answer = aws.call("ecs", "DescribeTasks", cluster=cluster, tasks=[arn])
    tasks = answer.get("tasks", ())
    if tasks:
        return sighting(tasks[0])
    reasons = [failure.get("reason", "") for failure in answer.get("failures", ())]
    if "MISSING" in reasons:
        return TaskSighting(phase=TaskPhase.MISSING, arn=arn)
    raise UnexpectedAnswer(
        f"DescribeTasks shows neither task {arn} nor that it is MISSING ({', '.join(reasons) or 'empty'})",
        operation="ecs:DescribeTasks",
    )


def claim(aws: Aws, table: str, key: str) -> Claim | None:
    """Return a claim cell as it is now (consistent read), None when there is no such cell."""
    typed = {"k": {"S": key}}
    answer = aws.call("dynamodb", "GetItem", TableName=table, Key=typed, ConsistentRead=True)
    item = answer.get("Item")
    return decode_claim(from_item(item), table) if item else None


def find(aws: Aws, cluster: str, run: Run) -> TaskSighting | None:
    """Return the task of a launch whose ARN is not known, None when ECS shows none.

    `startedBy` must be the only filter and finds only tasks that are to run; stopped ones are found
    through their family (ecs ListTasks).
    """
    alive = listed(aws, cluster, {"startedBy": run.started_by})
    found = [task for task in alive if task.get("startedBy") == run.started_by]
    if not found:
        family = last_part(str(run.request["taskDefinition"])).partition(":")[0]
        stopped = listed(aws, cluster, {"family": family, "desiredStatus": "STOPPED"})
        found = [task for task in stopped if task.get("startedBy") == run.started_by]
    if not found:
        return None
    # Two tasks of one launch: ECS forgot the token in between. The first is the one that ran.
    return min(
        (sighting(task) for task in found), key=lambda seen: (str(seen.created_at), seen.arn)
    )


def listed(aws: Aws, cluster: str, filters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield DescribeTasks' word for every task that ListTasks finds with these filters."""
    arns: list[str] = []
    for page in aws.pages("ecs", "ListTasks", cluster=cluster, **filters):
        arns += page.get("taskArns", ())
    yield from described(aws, cluster, arns)


def described(aws: Aws, cluster: str, arns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Yield DescribeTasks' word for each of these tasks that ECS still shows."""
    for some in batches(arns, DESCRIBE_LIMIT):
        yield from aws.call("ecs", "DescribeTasks", cluster=cluster, tasks=some).get("tasks", ())


def sighting(task: Mapping[str, Any]) -> TaskSighting:
    """Boil one element of DescribeTasks' `tasks[]` down. `containers` may be absent right after RunTask."""
    containers: list[Mapping[str, Any]] = [c for c in task.get("containers", ()) if "name" in c]
    status = str(task.get("lastStatus", ""))
    return TaskSighting(
        phase=_PHASES.get(status, TaskPhase.STARTING),
        arn=str(task.get("taskArn", "")),
        last_status=status,
        started_by=str(task.get("startedBy", "")),
        created_at=_time(task.get("createdAt")),
        started_at=_time(task.get("startedAt")),
        stopped_at=_time(task.get("stoppedAt")),
        stop_code=str(task.get("stopCode", "")),
        stopped_reason=str(task.get("stoppedReason", "")),
        exit_codes={
            c["name"]: int(c["exitCode"]) for c in containers if c.get("exitCode") is not None
        },
        container_reasons={c["name"]: str(c["reason"]) for c in containers if c.get("reason")},
        container_started=frozenset(c["name"] for c in containers if _started(c)),
    )


def _started(container: Mapping[str, Any]) -> bool:
    """Whether ECS says that the container ran, or may have run: once created it has the runtime's id."""
    if container.get("lastStatus") == "RUNNING" or container.get("exitCode") is not None:
        return True
    return bool(container.get("runtimeId")) and not refused_command(container.get("reason"))


def _time(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None
