"""`suspend`: the controller looks, and keeps its hands off, until `resume`."""

from __future__ import annotations

from reconciler.cli.apps import chosen, for_each, highest, say_done
from reconciler.cli.options import Invocation, option, verb


@verb("suspend", short_help="Keep the controller's hands off an app.")
@option(
    "--reason", required=True, metavar="TEXT", help="Why; shown everywhere, kept in the journal."
)
def command(invocation: Invocation, *, reason: str) -> int:
    """Keep the controller's hands off an app.

    It goes on observing and reporting; a migration that already runs is watched to its end.
    """
    from reconciler.app import ledger  # noqa: PLC0415 - brings boto3

    settings = invocation.settings
    apps = chosen(invocation)
    outcomes = for_each(invocation, apps, lambda d: ledger.suspend(settings, d, reason))
    say_done(invocation.output, outcomes)
    return highest(outcomes)
