"""`migration logs`: what the migration's container wrote."""

from __future__ import annotations

import click

from reconciler.cli.apps import API_VERSION, the_one
from reconciler.cli.complete import complete_migration
from reconciler.cli.options import Invocation, option, verb


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
    if invocation.output.is_json:
        invocation.output.document(
            {"apiVersion": API_VERSION, "kind": "Log", "key": desired.key, "lines": list(found)}
        )
        return
    for line in found:
        invocation.output.result(line)
