"""`job resolve`: a person's word in the place of evidence."""

from __future__ import annotations

import click

from reconciler.cli.apps import the_one
from reconciler.cli.complete import complete_job
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.runs import settled


@verb("resolve", short_help="Say how a run ended, where it cannot be proven.")
@click.argument("name", shell_complete=complete_job)
@click.argument("occurrence")
@option(
    "--as",
    "outcome",
    type=click.Choice(("succeeded", "failed", "not-started")),
    required=True,
    help="How it ended, after a look at what it was to do.",
)
@option("--reason", required=True, metavar="TEXT", help="Why; kept in the journal.")
@option("--force", is_flag=True, help="Although ECS still shows its task, or cannot be asked.")
def command(  # noqa: PLR0913 - one for each flag
    invocation: Invocation,
    *,
    name: str,
    occurrence: str,
    outcome: str,
    reason: str,
    force: bool,
) -> int:
    """Say how a run ended, where it cannot be proven.

    It is over then; `not-started` has it launched again. With --force it asks first.
    """
    from reconciler.app import jobs  # noqa: PLC0415 - brings boto3

    desired = the_one(invocation)
    question = f"Record job/{name} {occurrence} of {desired.key} as {outcome}, unproven?"
    return settled(
        invocation,
        desired.key,
        question,
        force=force,
        record=lambda: jobs.job_resolve(
            invocation.settings, desired, name, occurrence, outcome, reason=reason, force=force
        ),
    )
