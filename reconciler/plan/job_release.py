"""What a job's runs start from, as a document that a release remembers; and the job made of it again.

Called by `plan.job_steps`, which says when a declaration is another one, and by everybody who has both
an app's files and its ledger: under a rollback jobs run from what they were, not from the files. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from reconciler.model.desired import DesiredApp, DesiredJob
from reconciler.model.due import CatchUp, Concurrency, JobPolicy
from reconciler.model.job import History
from reconciler.model.observed import LedgerView
from reconciler.model.release import Release
from reconciler.plan.canonical import canonical_json
from reconciler.plan.pin import pin_images
from reconciler.plan.schedule import Schedule
from reconciler.shapes.tables import TASK_DEFINITION

_SECOND = timedelta(seconds=1)


def declaration(job: DesiredJob, images: Mapping[str, str]) -> dict[str, Any]:
    """Return everything that a job's runs are made of, as plain JSON: values, no look-ups, digests for tags.

    `images` maps a reference as declared to its digest; the others stay as written. Times are seconds.
    """
    policy, deadline = job.policy, job.policy.starting_deadline
    return {
        "schedule": job.schedule,
        "timeZone": job.time_zone,
        "concurrency": policy.concurrency.value,
        "startingDeadline": None if deadline is None else deadline / _SECOND,
        "catchUp": policy.catch_up.value,
        "suspend": policy.suspended,
        "timeout": job.timeout / _SECOND,
        "startTimeout": job.start_timeout / _SECOND,
        "retries": job.retries,
        "retryBackoff": job.backoff / _SECOND,
        "successfulHistoryLimit": job.history.succeeded,
        "failedHistoryLimit": job.history.failed,
        "container": job.container,
        "launch": dict(job.launch),
        TASK_DEFINITION: pin_images(job.task_definition, images),
    }


def declaration_hash(declared: Mapping[str, Any]) -> str:
    """Return what tells one declaration from another; "" for that of a job which is gone."""
    return hashlib.sha256(canonical_json(declared).encode()).hexdigest() if declared else ""


def past_job(release: Release) -> DesiredJob:
    """Return the job as a release remembers it.

    Raises KeyError, TypeError or ValueError for a document that no `declaration` returned.
    """
    then = release.applied
    deadline = then["startingDeadline"]
    Schedule.parse(then["schedule"], then["timeZone"])  # as `source` checks what the files say
    return DesiredJob(
        address=release.address,
        schedule=then["schedule"],
        time_zone=then["timeZone"],
        policy=JobPolicy(
            concurrency=Concurrency(then["concurrency"]),
            catch_up=CatchUp(then["catchUp"]),
            starting_deadline=None if deadline is None else deadline * _SECOND,
            suspended=then["suspend"],
        ),
        container=then["container"],
        task_definition=then[TASK_DEFINITION],
        launch=then["launch"],
        timeout=then["timeout"] * _SECOND,
        start_timeout=then["startTimeout"] * _SECOND,
        retries=then["retries"],
        backoff=then["retryBackoff"] * _SECOND,
        history=History(then["successfulHistoryLimit"], then["failedHistoryLimit"]),
    )


def rolled_back(desired: DesiredApp, ledger: LedgerView) -> DesiredApp:
    """Return the app with the jobs that a rollback has going on as they were, whatever the files say.

    One that the files no longer have is among them; one that goes on under no rollback stays as it is.
    """
    past = {address: past_job(release) for address, release in ledger.released_jobs.items()}
    if not past:
        return desired
    jobs = {job.address: job for job in desired.jobs} | past
    return replace(desired, jobs=tuple(jobs.values()))
