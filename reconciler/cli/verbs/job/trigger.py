"""`job trigger`: a run by hand, once for each idempotency key."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import click

from reconciler.cli.apps import API_VERSION, done_document, the_one
from reconciler.cli.complete import complete_job
from reconciler.cli.documents import run_document
from reconciler.cli.durations import DurationType
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.progress import Progress


@verb("trigger", short_help="Run a job now, once for each key.")
@click.argument("name", shell_complete=complete_job)
@option("--key", metavar="TEXT", help="Idempotency key: the same key never runs twice.")
@option("--reason", default="", metavar="TEXT", help="Why; kept in the journal.")
@option("--wait", is_flag=True, help="Until it has ended; exit code and log of its container.")
@option("--timeout", type=DurationType(), help="How long to wait at most; then exit code 7.")
def command(  # noqa: PLR0913 - one for each flag
    invocation: Invocation,
    *,
    name: str,
    key: str | None,
    reason: str,
    wait: bool,
    timeout: timedelta | None,
) -> int:
    """Run a job now, once for each key, beside its schedule; without --key always anew.

    Without --wait the request is kept, and the controller carries it out. With --wait it is begun at
    once, a controller or not, and seen to its end: exit code of the command, 124 when it ran too long,
    125 when it could not start, 6 when its outcome is unknown.
    """
    from reconciler.app import jobs  # noqa: PLC0415 - brings boto3

    desired = the_one(invocation)
    asked = jobs.Asked(name, key or uuid.uuid4().hex[:12], reason, timeout)
    known = jobs.job_trigger(invocation.settings, desired, asked)
    if not wait:
        _say(invocation, desired.key, asked, known)
        return 0
    progress = Progress(invocation)
    with progress.alive():
        done = jobs.job_wait(invocation.settings, desired, asked, progress.say)
    if invocation.output.is_json:
        invocation.output.document(
            {"apiVersion": API_VERSION, "kind": "JobRun", "key": desired.key}
            | {"run": run_document(done.run), "log": list(done.log), "exitCode": done.exit_code}
        )
        return int(done.exit_code)
    for line in done.log:
        invocation.output.result(line)
    for line in done.story or (f"{done.run.address} {done.run.which}: {done.run.state}",):
        invocation.output.note(line)
    return int(done.exit_code)


def _say(invocation: Invocation, key: str, asked: Any, known: Any) -> None:
    which = f"{asked.run_key.address} {asked.run_key.revision}"
    said = f"{which} is asked for; the controller begins it"
    if known is not None:
        said = f"{which} was asked for before: it is {known.state}"
    if invocation.output.is_json:
        invocation.output.document(
            done_document(key, said) | {"occurrence": asked.run_key.revision}
        )
    else:
        invocation.output.result(said)
