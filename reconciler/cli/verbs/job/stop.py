"""`job stop`: a journaled wish; whoever drives the run carries it out."""

from __future__ import annotations

import click

from reconciler.cli.apps import say_one, the_one
from reconciler.cli.complete import complete_job
from reconciler.cli.options import Invocation, option, verb


@verb("stop", short_help="Stop a run.")
@click.argument("name", shell_complete=complete_job)
@click.argument("occurrence")
@option("--reason", required=True, metavar="TEXT", help="Why; kept in the journal.")
def command(invocation: Invocation, *, name: str, occurrence: str, reason: str) -> None:
    """Stop a run.

    The controller stops its task; no other attempt follows. A run by hand that has not begun never
    begins.
    """
    from reconciler.app import jobs  # noqa: PLC0415 - brings boto3

    desired = the_one(invocation)
    done = jobs.job_stop(invocation.settings, desired, name, occurrence, reason)
    say_one(invocation.output, desired.key, done)
