"""`wait`: for pipelines, after the commit was merged. Reads only."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from reconciler.cli.apps import chosen, document, for_each, highest
from reconciler.cli.documents import status_document
from reconciler.cli.durations import DurationType
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.progress import Progress

if TYPE_CHECKING:
    from reconciler.model.desired import DesiredApp
    from reconciler.model.status import AppStatus


@verb("wait", short_help="Wait until a condition holds.")
@option(
    "--for",
    "condition",
    type=click.Choice(("converged", "synced", "healthy")),
    default="converged",
    help="Synced: live equals the files. Healthy: it works. Converged: both.",
)
@option("--timeout", type=DurationType(), default="15m", help="How long at most; then exit code 7.")
def command(invocation: Invocation, *, condition: str, timeout: timedelta) -> int:
    """Wait until a condition holds; reads only.

    The files that are waited for are those of --dir: in a pipeline, the ones of the merged commit.
    Exit code 7 when the time is over.
    """
    from reconciler.app import look  # noqa: PLC0415 - brings boto3

    settings = invocation.settings
    apps = chosen(invocation)
    progress = Progress(invocation, several=len(apps) > 1)
    ends = time.monotonic() + timeout.total_seconds()

    def wait(desired: DesiredApp) -> AppStatus:
        left = timedelta(seconds=max(0.0, ends - time.monotonic()))
        return look.wait(settings, desired, condition, left, progress.say)

    with progress.alive():
        outcomes = for_each(invocation, apps, wait)
    if invocation.output.is_json:
        invocation.output.document(document("Wait", outcomes, status_document))
    else:
        for outcome in outcomes:
            if outcome.result:
                said = f"{outcome.key}  {outcome.result.sync}  {outcome.result.health}"
                invocation.output.result(said)
    return highest(outcomes, lambda status: int(status.exit_code))
