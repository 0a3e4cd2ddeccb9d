"""`job next`: when a job runs next, from the files alone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click

from reconciler.cli.apps import API_VERSION, the_one
from reconciler.cli.complete import complete_job
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.output import wall_clock


@verb("next", short_help="Print when a job runs next.")
@click.argument("name", shell_complete=complete_job)
@option("-n", "--count", type=click.IntRange(1, 1000), default=5, help="How many occurrences.")
def command(invocation: Invocation, *, name: str, count: int) -> None:
    """Print when a job runs next, on the wall clock of its time zone and in UTC.

    Asks nobody: it is the schedule of the files, counted from this machine's clock.
    """
    from reconciler.app import jobs  # noqa: PLC0415 - brings pydantic

    desired = the_one(invocation)
    job = jobs.job_of(desired, name)
    found = jobs.job_next(desired, name, datetime.now(UTC), count)
    if invocation.output.is_json:
        invocation.output.document(
            {"apiVersion": API_VERSION, "kind": "Next", "key": desired.key, "next": found}
        )
        return
    zone = ZoneInfo(job.time_zone)
    for instant in found:
        utc = "" if job.time_zone == "UTC" else instant.strftime("  (%Y-%m-%dT%H:%M:%SZ)")
        invocation.output.result(wall_clock(instant, zone) + utc)
    if not found:
        invocation.output.result("no run is to come")
