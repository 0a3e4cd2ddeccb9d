"""`run`: the controller."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from reconciler.cli.durations import DurationType
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.progress import Progress

if TYPE_CHECKING:
    from reconciler.controller.verdict import Ending


@verb("run", short_help="Run the controller.", formats=("text",))
@option(
    "--until",
    type=click.Choice(("converged",)),
    help="End when every app has converged, or cannot.",
)
@option("--timeout", type=DurationType(), help="With --until: how long at most; then exit code 7.")
@option("--workers", type=click.IntRange(1, 64), default=4, help="Apps worked on at the same time.")
@option(
    "--resync", type=DurationType(), default="60s", help="Look at every app at least this often."
)
@option(
    "--drain-timeout",
    type=DurationType(),
    default="20s",
    help="On SIGTERM: how long to bring what is under way to a safe point.",
)
def command(  # noqa: PLR0913 - one for each flag
    invocation: Invocation,
    *,
    until: str | None,
    timeout: timedelta | None,
    workers: int,
    resync: timedelta,
    drain_timeout: timedelta,
) -> int:
    """Run the controller on the folder until it is told to stop.

    It watches the files, keeps AWS as they say and opens no port. Several may run: one of them holds
    an app's lease, the others stand by. SIGTERM hands the leases over.
    """
    from dataclasses import replace  # noqa: PLC0415 - completion does without

    from reconciler.app import act  # noqa: PLC0415 - brings boto3

    if timeout and not until:
        raise invocation.usage_error("--timeout needs --until")
    whole_folder(invocation)
    settings = replace(invocation.settings, resync=resync, drain_timeout=drain_timeout)
    progress = Progress(invocation, several=True)
    ending = act.run(
        settings,
        workers=workers,
        until_converged=until is not None,
        timeout=timeout,
        on_event=progress.say,
    )
    return ended(invocation, ending)


def whole_folder(invocation: Invocation) -> None:
    """Refuse -a: a controller of one app would leave the others of its folder to nobody."""
    if invocation.values["app"]:
        raise invocation.usage_error(
            "a controller takes the whole folder: leave out -a (RECONCILER_APP), choose with -C"
        )


def ended(invocation: Invocation, ending: Ending) -> int:
    """Say why the controller ended, on stderr, and return its exit code."""
    for key, reason in ending.reasons.items():
        invocation.output.note(f"{key}: {reason}")
    return ending.exit_code
