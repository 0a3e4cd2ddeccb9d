"""`job logs`: what a run's container wrote."""

from __future__ import annotations

import click

from reconciler.cli.apps import the_one
from reconciler.cli.complete import complete_job
from reconciler.cli.options import Invocation, verb
from reconciler.cli.run_logs import log_options, show_log


@verb("logs", short_help="Print the log of a run.")
@click.argument("name", shell_complete=complete_job)
@click.argument("occurrence", required=False)
@log_options
def command(
    invocation: Invocation, *, name: str, occurrence: str | None, follow: bool, tail: int | None
) -> int:
    """Print the log of a run: of OCCURRENCE as `job history` has it, or of the newest one.

    All of it in order, as the container wrote it; of a run that was tried again, that of its last attempt.
    """
    from reconciler.app import run_logs  # noqa: PLC0415 - brings boto3
    from reconciler.model.run import RunKind  # noqa: PLC0415 - as above

    desired = the_one(invocation)
    return show_log(
        invocation,
        desired.key,
        lambda excerpt, audience: run_logs.run_log(
            invocation.settings,
            desired,
            RunKind.JOB,
            name,
            occurrence,
            excerpt=excerpt,
            audience=audience,
        ),
        follow=follow,
        tail=tail,
    )
