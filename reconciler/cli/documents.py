"""The JSON forms of what verbs print; their fields are part of the interface (docs/cli.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.model.run import Run
    from reconciler.model.status import AppStatus
    from reconciler.runs.diagnosis import Diagnosis


def status_document(status: AppStatus) -> dict[str, Any]:
    """Say an app's status: both axes, what was applied, every resource."""
    return {
        "sync": status.sync,
        "health": status.health,
        "converged": status.converged,
        "generation": status.generation,
        "commit": status.commit,
        "contentHash": status.content_hash,
        "message": status.message,
        "exitCode": status.exit_code,
        "resources": [
            {
                "address": str(r.address),
                "sync": r.sync,
                "health": r.health,
                "running": r.running,
                "revision": r.revision,
                "message": r.message,
            }
            for r in status.resources
        ],
    }


def version_of(status: AppStatus) -> str:
    """Name what was applied, shortly: the commit, else the generation of the folder."""
    return status.commit[:7] if status.commit else f"generation {status.generation}"


def diagnosis_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """Say why a run ended as it did, beside what `run_document` says."""
    return {
        "stopCode": diagnosis.stop_code,
        "stoppedReason": diagnosis.stopped_reason,
        "exitCodes": dict(diagnosis.exit_codes),
        "likelyCause": diagnosis.likely_cause,
        "advice": diagnosis.advice,
        "log": list(diagnosis.log_lines),
        "next": diagnosis.next_command,
    }


def run_document(run: Run) -> dict[str, Any]:
    """Say where a run stands, as `migration` and `revision` or `job` and `occurrence`.

    The frozen request is not part of it.
    """
    return {
        str(run.kind): run.name,
        run.kind.noun: run.revision,
        "state": run.state,
        "attempt": run.attempt,
        "launch": run.launch,
        "guarantee": run.mode,
        "taskArn": run.task_arn,
        "exitCode": run.exit_code,
        "reason": run.reason,
        "evidence": run.evidence,
        "intentAt": run.intent_at,
        "runningSince": run.running_since,
        "settledAt": run.settled_at,
        "earlierAttempts": [
            {
                "attempt": past.number,
                "taskArn": past.task_arn,
                "exitCode": past.exit_code,
                "reason": past.reason,
                "intentAt": past.began_at,
                "settledAt": past.ended_at,
            }
            for past in run.past
        ],
    }
