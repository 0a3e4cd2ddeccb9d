"""`migration logs`: what the migration's container wrote."""

from __future__ import annotations

import click

from reconciler.cli.apps import the_one
from reconciler.cli.complete import complete_migration
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.runs import say_log


@verb("logs", short_help="Print the last log lines of a run.")
@click.argument("name", shell_complete=complete_migration)
@click.argument("revision", required=False)
@option("-n", "--lines", type=click.IntRange(1, 10_000), default=100, help="Lines at most.")
def command(invocation: Invocation, *, name: str, revision: str | None, lines: int) -> None:
    """Print the last log lines of a run: of REVISION, or of the newest one.

    Values that look like secrets are masked.
    """
    from reconciler.app import ledger  # noqa: PLC0415 - brings boto3

    desired = the_one(invocation)
    found = ledger.migration_logs(invocation.settings, desired, name, revision, lines)
    say_log(invocation, desired.key, found)
