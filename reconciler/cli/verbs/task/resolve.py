"""`task resolve`: a person's word in the place of evidence."""

from __future__ import annotations

import click

from reconciler.cli.apps import the_one
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.runs import settled


@verb("resolve", short_help="Say how a task ended, where it cannot be proven.")
@click.argument("task")
@option(
    "--as",
    "outcome",
    type=click.Choice(("succeeded", "failed")),
    required=True,
    help="How it ended, after a look at what it was to do.",
)
@option("--reason", required=True, metavar="TEXT", help="Why; kept in the journal.")
@option("--force", is_flag=True, help="Although ECS still shows its task, or cannot be asked.")
def command(invocation: Invocation, *, task: str, outcome: str, reason: str, force: bool) -> int:
    """Say how TASK ended, where it cannot be proven: its id, its ARN, or its idempotency key.

    With --force it asks first.
    """
    from reconciler.app import one_off  # noqa: PLC0415 - brings boto3

    desired = the_one(invocation)
    question = f"Record task {task} of {desired.key} as {outcome}, unproven?"
    return settled(
        invocation,
        desired.key,
        question,
        force=force,
        record=lambda: one_off.resolve(
            invocation.settings, desired, task, outcome, reason=reason, force=force
        ),
    )
