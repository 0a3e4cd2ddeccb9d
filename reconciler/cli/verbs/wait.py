"""`wait`: for pipelines, after the commit was merged. Reads only."""

from __future__ import annotations

import re
import time
from datetime import timedelta

from reconciler.cli.apps import chosen, document, for_each, highest
from reconciler.cli.documents import status_document
from reconciler.cli.durations import DurationType
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.progress import Progress
from reconciler.model.desired import DesiredApp
from reconciler.model.status import AppStatus

CONDITION = re.compile(r"converged|synced|healthy|revision=[A-Za-z0-9._-]{4,64}")


@verb("wait", short_help="Wait until a condition holds.")
@option(
    "--for",
    "condition",
    default="converged",
    metavar="CONDITION",
    help="converged, synced, healthy, or revision=COMMIT.",
)
@option("--timeout", type=DurationType(), default="15m", help="How long at most; then exit code 7.")
def command(invocation: Invocation, *, condition: str, timeout: timedelta) -> int:
    """Wait until a condition holds, or until it cannot hold any more.

    A migration that failed ends it with 6 and a rollout that was reverted with 8: waiting longer
    would not help.
    """
    from reconciler import app  # noqa: PLC0415 - brings boto3

    if not CONDITION.fullmatch(condition):
        raise invocation.usage_error(
            f"--for {condition}: write converged, synced, healthy or revision=COMMIT"
        )
    settings = invocation.settings
    apps = chosen(invocation)
    progress = Progress(invocation, several=len(apps) > 1)
    ends = time.monotonic() + timeout.total_seconds()

    def wait(desired: DesiredApp) -> AppStatus:
        left = timedelta(seconds=max(0.0, ends - time.monotonic()))
        return app.wait(settings, desired, condition, left, progress.say)

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
