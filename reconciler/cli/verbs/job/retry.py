"""`job retry`: a journaled request for another attempt; whoever holds the lease carries it out."""

from __future__ import annotations

import click

from reconciler.cli.apps import say_one, the_one
from reconciler.cli.complete import complete_job
from reconciler.cli.options import Invocation, option, verb


@verb("retry", short_help="Ask for another attempt of a run that failed.")
@click.argument("name", shell_complete=complete_job)
@click.argument("occurrence")
@option("--reason", required=True, metavar="TEXT", help="Why; kept in the journal.")
def command(invocation: Invocation, *, name: str, occurrence: str, reason: str) -> None:
    """Ask for another attempt of a run that failed.

    The request is kept in the journal; the controller carries it out, with the files as they are then.
    """
    from reconciler.app import jobs  # noqa: PLC0415 - brings boto3

    desired = the_one(invocation)
    done = jobs.job_retry(invocation.settings, desired, name, occurrence, reason)
    say_one(invocation.output, desired.key, done)
