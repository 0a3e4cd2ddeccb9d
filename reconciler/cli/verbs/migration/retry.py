"""`migration retry`: a journaled request; whoever holds the lease carries it out."""

from __future__ import annotations

import click

from reconciler.cli.apps import say_one, the_one
from reconciler.cli.complete import complete_migration
from reconciler.cli.options import Invocation, option, verb


@verb("retry", short_help="Ask for another attempt of a failed revision.")
@click.argument("name", shell_complete=complete_migration)
@click.argument("revision")
@option("--reason", required=True, metavar="TEXT", help="Why; kept in the journal.")
def command(invocation: Invocation, *, name: str, revision: str, reason: str) -> None:
    """Ask for another attempt of a failed revision.

    The request is kept in the journal; the controller, or the next `apply`, carries it out.
    """
    from reconciler.app import ledger  # noqa: PLC0415 - brings boto3

    desired = the_one(invocation)
    done = ledger.migration_retry(invocation.settings, desired, name, revision, reason)
    say_one(invocation.output, desired.key, done)
