"""`resume`: ends a suspension."""

from __future__ import annotations

from reconciler.cli.apps import chosen, for_each, highest
from reconciler.cli.options import Invocation, option, verb


@verb("resume", short_help="End a suspension.", formats=("text",))
@option("--reason", default="", metavar="TEXT", help="Why; kept in the journal.")
def command(invocation: Invocation, *, reason: str) -> int:
    """End a suspension: the controller acts again on what the files say now."""
    from reconciler.app import ledger  # noqa: PLC0415 - brings boto3

    settings = invocation.settings
    apps = chosen(invocation)
    outcomes = for_each(invocation, apps, lambda d: ledger.resume(settings, d, reason))
    for outcome in outcomes:
        if not outcome.error:
            invocation.output.result(f"{outcome.key}: {outcome.result}")
    return highest(outcomes)
