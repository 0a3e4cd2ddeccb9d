"""`jobs:` → DesiredJob values. Called by `document`; the common part is `workload`."""

from __future__ import annotations

from reconciler.model.desired import DesiredJob
from reconciler.model.due import CatchUp, Concurrency, JobPolicy
from reconciler.model.job import History
from reconciler.model.names import Address
from reconciler.plan.schedule import Schedule
from reconciler.source.checks import Checks
from reconciler.source.fields import JOB_OWN, MANAGED_RUN, misplaced_fields, run_fields
from reconciler.source.nodes import Entry, Mapping
from reconciler.source.once_only import deciding_container, once_only
from reconciler.source.own import JobSection, check
from reconciler.source.report import Report
from reconciler.source.workload import AppContext, Rules, assemble
from reconciler.source.written import write_defaults, write_names


def job_rules() -> Rules:
    """Return what may be written in a job."""
    return Rules(
        section="jobs",
        prefix="launch",
        operation="RunTask",
        fields=run_fields(),
        own=JOB_OWN,
        managed=MANAGED_RUN - {"taskDefinition"},
        elsewhere=misplaced_fields(),
    )


def build_job(name: str, entry: Entry, context: AppContext) -> DesiredJob | None:
    """Return the job; None when it cannot be read at all. Mistakes are reported."""
    workload = assemble(name, entry, job_rules(), context)
    if workload is None or not isinstance(entry.value, Mapping):
        return None
    own = Mapping(entry.place, entry.value.only(JOB_OWN - {"from"}).entries)
    section = check(JobSection, own, workload.label, context.report)
    write_names(workload, context)
    write_defaults(workload, context, blocking_logs=True)
    checks = Checks(workload, context)
    checks.run()
    declared = section.container if section else own.text("container")
    container = deciding_container(workload, declared, own, context)
    once_only(workload, container, checks)
    workload.canonical()
    if section is None or container is None:
        return None
    _timetable(section, own, workload.label, context.report)
    _catch_up(section, own, workload.label, context.report)
    return DesiredJob(
        address=Address("job", name),
        schedule=section.schedule,
        time_zone=section.timeZone,
        policy=_policy(section),
        container=container,
        task_definition=workload.task,
        launch=workload.api,
        timeout=section.timeout,
        start_timeout=section.startTimeout,
        retries=section.retries,
        backoff=section.retryBackoff,
        history=History(section.successfulHistoryLimit, section.failedHistoryLimit),
        written=frozenset(workload.written),
        origins={
            **workload.origins,
            ("job", "schedule"): own.entries["schedule"].value.place.origin,
        },
    )


def _policy(section: JobSection) -> JobPolicy:
    return JobPolicy(
        concurrency=section.concurrency,
        catch_up=section.catchUp,
        starting_deadline=section.startingDeadline,
        suspended=section.suspend,
    )


def _timetable(section: JobSection, own: Mapping, label: str, report: Report) -> None:
    """Report a schedule that means nothing, and a time zone that does not exist, each at its place."""
    for word, text, zone in (
        ("schedule", section.schedule, "UTC"),
        ("timeZone", "@daily", section.timeZone),
    ):
        try:
            Schedule.parse(text, zone)
        except ValueError as wrong:
            place = own.entries[word].value.place
            report.error(place, str(wrong), "invalid-value", path=f"{label}.{word}")


def _catch_up(section: JobSection, own: Mapping, label: str, report: Report) -> None:
    if section.catchUp is not CatchUp.ALL:
        return
    path, place = f"{label}.catchUp", own.entries["catchUp"].value.place
    if section.startingDeadline is None:
        message = "all needs a startingDeadline: how far back is it to go?"
        report.error(place, message, "required", path=path)
    if section.concurrency is Concurrency.REPLACE:
        message = "all and concurrency replace: each would stop the one before it"
        report.error(place, message, "two-forms", path=path)
