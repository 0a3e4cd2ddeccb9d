"""`suspend`: the controller looks, and keeps its hands off, until `resume` or for a while."""

from __future__ import annotations

from datetime import timedelta

import click

from reconciler.cli.apps import chosen, for_each, highest, say_done, the_one
from reconciler.cli.complete import complete_address
from reconciler.cli.durations import DurationType
from reconciler.cli.options import Invocation, option, verb


@verb("suspend", short_help="Keep the controller's hands off an app.")
@click.argument("address", required=False, shell_complete=complete_address)
@option(
    "--reason", required=True, metavar="TEXT", help="Why; shown everywhere, kept in the journal."
)
@option(
    "--for",
    "length",
    type=DurationType(),
    help="For how long, by AWS's clock; otherwise until `resume`.",
)
def command(
    invocation: Invocation, *, address: str | None, reason: str, length: timedelta | None
) -> int:
    """Keep the controller's hands off an app, or off one ADDRESS of it.

    It goes on observing and reporting; a migration that already runs is watched to its end. With
    --for the controller goes on by itself when the time is over.
    """
    from reconciler.app import ledger  # noqa: PLC0415 - brings boto3
    from reconciler.model.names import there_are  # noqa: PLC0415 - completion does without

    if length is not None and length <= timedelta(0):
        raise invocation.usage_error("--for takes more than no time: 30m, 2h")
    settings = invocation.settings
    apps = chosen(invocation) if address is None else [the_one(invocation)]
    if address is not None and address not in (known := [str(a) for a in apps[0].addresses]):
        raise invocation.usage_error(f"no resource '{address}'; {there_are(known)}")
    outcomes = for_each(
        invocation, apps, lambda d: ledger.suspend(settings, d, reason, length, address or "")
    )
    say_done(invocation.output, outcomes)
    return highest(outcomes)
