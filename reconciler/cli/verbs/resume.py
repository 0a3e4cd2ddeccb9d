"""`resume`: ends a suspension."""

from __future__ import annotations

from reconciler.cli.apps import chosen, for_each, highest, say_done
from reconciler.cli.options import Invocation, option, verb


@verb("resume", short_help="End a suspension.")
@option("--reason", default="", metavar="TEXT", help="Why; kept in the journal.")
def command(invocation: Invocation, *, reason: str) -> int:
    """End a suspension: the controller acts again on what the files say now."""
    from reconciler.app import ledger  # noqa: PLC0415 - brings boto3

    settings = invocation.settings
    apps = chosen(invocation)
    outcomes = for_each(invocation, apps, lambda d: ledger.resume(settings, d, reason))
    say_done(invocation.output, outcomes)
    return highest(outcomes)
