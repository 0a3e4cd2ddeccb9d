"""`resume`: ends suspensions."""

from __future__ import annotations

import click

from reconciler.cli.apps import chosen, for_each, highest, say_done, the_one
from reconciler.cli.complete import complete_address
from reconciler.cli.options import Invocation, option, verb


@verb("resume", short_help="End a suspension.")
@click.argument("address", required=False, shell_complete=complete_address)
@option("--reason", default="", metavar="TEXT", help="Why; kept in the journal.")
def command(invocation: Invocation, *, address: str | None, reason: str) -> int:
    """End a suspension: the controller acts again on what the files say now.

    Without ADDRESS all suspensions of the app, those of single addresses too.
    """
    from reconciler.app import ledger  # noqa: PLC0415 - brings boto3

    settings = invocation.settings
    apps = chosen(invocation) if address is None else [the_one(invocation)]
    outcomes = for_each(invocation, apps, lambda d: ledger.resume(settings, d, reason, address))
    say_done(invocation.output, outcomes)
    return highest(outcomes)
