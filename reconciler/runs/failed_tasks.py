"""Why a rollout failed, told by one of its tasks that stopped: the same diagnosis as of a run.

Called by `app` for rollouts that failed. Read only; when ECS shows no such task any more there is
nothing to add, and what may not be read is said, never raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.aws.door import Aws
from reconciler.model.errors import AwsError
from reconciler.model.names import Address, last_part
from reconciler.model.observed import ObservedApp, RolloutState, ServiceRecord
from reconciler.model.run import TaskSighting
from reconciler.plan.causes import cause_of
from reconciler.plan.mask import mask_text
from reconciler.plan.rollout import judge
from reconciler.runs.diagnosis import Diagnosis, log_of
from reconciler.runs.evidence import listed, sighting

_BY_US = ("Scaling activity initiated", "Task stopped by user")
"""Reasons of tasks that ended because the rollout did."""


def failed_rollouts(
    observed: ObservedApp, aws: Aws, cluster: str
) -> Mapping[Address, Sequence[str]]:
    """Return in lines, for each service whose last rollout failed, why it did.

    Also of one that has failed since the ledger was written. Asks ECS nothing where none has failed.
    """
    found: dict[Address, Sequence[str]] = {}
    for name, record in observed.ledger.services.items():
        live = observed.services.get(name)
        judged = (judge(record, live) if live is not None else None) or record
        if live is not None and judged.state is RolloutState.HELD:
            story = rollout_story(judged, aws, cluster)
            found[Address("service", name)] = (
                f"the last rollout failed: {mask_text(judged.reason)}",
                *story,
            )
    return found


def rollout_story(record: ServiceRecord, aws: Aws, cluster: str) -> Sequence[str]:
    """Return in lines what became of the newest task that failed in a service's rollout."""
    name = str(record.applied.get("service", {}).get("serviceName", record.name))
    try:
        tasks = [
            sighting(task)
            for task in listed(aws, cluster, {"serviceName": name, "desiredStatus": "STOPPED"})
        ]
    except AwsError as error:
        return (f"  its tasks cannot be seen: {mask_text(str(error))}",)
    failed = [t for t in tasks if t.started_by == record.deployment_id and _has_failed(t)]
    if not failed:
        return ()
    newest = max(failed, key=lambda task: (str(task.stopped_at), task.arn))
    count = f"{len(failed)} tasks failed; the last, " if len(failed) > 1 else ""
    told = _diagnosed(newest, record.task_definition_arn, aws)
    return (f"  {count}{last_part(newest.arn)}:", *told.lines()[1:])


def _has_failed(task: TaskSighting) -> bool:
    return not task.stopped_reason.startswith(_BY_US)


def _diagnosed(task: TaskSighting, definition: str, aws: Aws) -> Diagnosis:
    container = _culprit(task)
    code = task.exit_codes.get(container)
    lines, source = log_of(aws, definition, container, task.arn)
    said = " ".join((task.stopped_reason, *task.container_reasons.values()))
    cause = cause_of(said, code)
    told = {**task.container_reasons, **{n: str(c) for n, c in task.exit_codes.items()}}
    return Diagnosis(
        title=task.arn,
        reason="",
        stop_code=task.stop_code,
        stopped_reason=mask_text(task.stopped_reason),
        exit_codes={n: mask_text(c) for n, c in sorted(told.items())},
        likely_cause=cause.meaning if cause else "",
        advice=cause.advice if cause else "",
        log_lines=lines,
        log_source=source,
        next_command="",
    )


def _culprit(task: TaskSighting) -> str:
    """Return the container that ended first as far as it shows: by its code, by its reason, or any."""
    failing: Iterable[str] = (n for n, code in task.exit_codes.items() if code not in (0, 137, 143))
    others = (*failing, *task.container_reasons, *task.exit_codes)
    return next(iter(others), "")
