"""`migration resolve`: a person's word in the place of evidence."""

from __future__ import annotations

import click

from reconciler.cli.apps import the_one
from reconciler.cli.complete import complete_migration
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.runs import settled


@verb("resolve", short_help="Say how a revision ended, where it cannot be proven.")
@click.argument("name", shell_complete=complete_migration)
@click.argument("revision")
@option(
    "--as",
    "outcome",
    type=click.Choice(("succeeded", "failed")),
    required=True,
    help="How it ended, after a look at the database.",
)
@option("--reason", required=True, metavar="TEXT", help="Why; kept in the journal.")
@option("--force", is_flag=True, help="Although ECS still shows its task, or cannot be asked.")
def command(  # noqa: PLR0913 - one for each flag
    invocation: Invocation,
    *,
    name: str,
    revision: str,
    outcome: str,
    reason: str,
    force: bool,
) -> int:
    """Say how a revision ended, where it cannot be proven.

    Also adopts a database that was migrated before reconciler came: a revision that is not in the
    ledger, --as succeeded. With --force it asks first.
    """
    from reconciler.app import ledger  # noqa: PLC0415 - brings boto3

    desired = the_one(invocation)
    question = f"Record migration/{name} {revision} of {desired.key} as {outcome}, unproven?"
    return settled(
        invocation,
        desired.key,
        question,
        force=force,
        record=lambda: ledger.migration_resolve(
            invocation.settings, desired, name, revision, outcome, reason=reason, force=force
        ),
    )
