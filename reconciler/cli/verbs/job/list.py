"""`job list`: the jobs of the files with their next and last run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from reconciler.cli.apps import chosen, document, for_each, highest
from reconciler.cli.documents import run_document
from reconciler.cli.options import Invocation, verb
from reconciler.cli.output import wall_clock
from reconciler.cli.runs import say_tables
from reconciler.cli.suspensions import suspension_lines

HEADER = ("JOB", "SCHEDULE", "TIME ZONE", "NEXT", "LAST RUN", "RESULT")


@verb("list", short_help="List the jobs: schedule, next and last run.")
def command(invocation: Invocation) -> int:
    """List the jobs of the files: when each runs next, its newest run and how that ended."""
    from reconciler.app import jobs  # noqa: PLC0415 - brings boto3

    settings = invocation.settings
    outcomes = for_each(invocation, chosen(invocation), lambda d: jobs.job_list(settings, d))
    if invocation.output.is_json:
        invocation.output.document(
            document("Jobs", outcomes, lambda lines: {"jobs": [_document(n) for n in lines]})
        )
        return highest(outcomes)
    say_tables(
        invocation, outcomes, HEADER, lambda lines: [_row(n) for n in lines], "no job is declared"
    )
    for outcome in outcomes:
        suspensions = dict(line.suspension for line in outcome.result or () if line.suspension)
        for said in suspension_lines(outcome.key, suspensions):
            invocation.output.result(said)
    return highest(outcomes)


def _document(line: Any) -> dict[str, Any]:
    job = line.job
    return {
        "job": job.name,
        "schedule": job.schedule,
        "timeZone": job.time_zone,
        "suspended": line.suspended,
        "next": line.next,
        "heldBy": [str(address) for address in line.held_by],
        "floor": line.record.floor if line.record else None,
        "lastRun": run_document(line.newest) if line.newest else None,
    }


def _row(line: Any) -> tuple[str, ...]:
    job, run = line.job, line.newest
    zone = ZoneInfo(job.time_zone)
    upcoming = "-"
    if line.suspended:
        upcoming = "suspended" if line.suspension else "suspended in the files"
    if line.next:
        upcoming = f"{wall_clock(line.next, zone)} ({_span(line.next - line.now)})"
        if line.held_by:
            upcoming = f"held by {', '.join(map(str, line.held_by))}"
    last, result = "-", "-"
    if run is not None:
        since = run.running_since or run.intent_at
        took = f" {_span(run.settled_at - since)}" if run.settled_at else ""
        last = wall_clock(run.intent_at, zone) + took
        result = _result(run)
    return job.name, job.schedule, job.time_zone, upcoming, last, result


def _result(run: Any) -> str:
    from reconciler.runs.outcome import timed_out  # noqa: PLC0415 - not for --help

    match str(run.state):
        case "SUCCEEDED":
            return "timed out, exit 0" if timed_out(run) else "ok"
        case "FAILED" if timed_out(run):
            return "timed out"
        case "FAILED" if run.exit_code is not None:
            return f"exit {run.exit_code}"
        case state:
            return state


def _span(span: timedelta) -> str:
    """Say a length in its two largest units: `9h 5m`."""
    left = max(0, round(span.total_seconds()))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number}{unit}")
    return " ".join(parts[:2]) or "0s"
