"""`job logs`: what a run's container wrote."""

from __future__ import annotations

import click

from reconciler.cli.complete import complete_job
from reconciler.cli.options import Invocation, verb
from reconciler.cli.run_logs import attempt_option, log_options, show_run_log


@verb("logs", short_help="Print the log of a run.")
@click.argument("name", shell_complete=complete_job)
@click.argument("occurrence", required=False)
@log_options
@attempt_option
def command(
    invocation: Invocation, *, name: str, occurrence: str | None, **excerpt: int | None
) -> int:
    """Print the log of a run: of OCCURRENCE as `job history` has it, or of the newest one.

    All of it in order, as the container wrote it; of a run that was tried again, that of its newest attempt.
    """
    return show_run_log(invocation, "JOB", name, occurrence, **excerpt)
