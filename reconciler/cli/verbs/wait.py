"""`wait`: for pipelines, after the commit was merged. Reads only."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from reconciler.cli.apps import check_addresses, chosen, document, for_each, highest, wants
from reconciler.cli.complete import complete_address
from reconciler.cli.documents import status_document
from reconciler.cli.durations import DurationType
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.progress import Progress

if TYPE_CHECKING:
    from reconciler.model.desired import DesiredApp
    from reconciler.model.status import AppStatus

WORDS = ("converged", "synced", "healthy", "revision=", "generation=")
_VALUES = {"revision": r"[0-9a-f]{4,40}", "generation": r"[0-9]{1,9}"}


class Condition(NamedTuple):
    """A word, and the value behind its `=`."""

    word: str
    value: str


class ConditionType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer clicks
    """A flag that takes a condition: `synced`, or `revision=3f2a91c`."""

    name = "condition"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Condition:
        """Take the text apart; a bad one is a usage error that shows the forms."""
        if isinstance(value, Condition):
            return value
        word, mark, rest = str(value).partition("=")
        if word + mark not in WORDS:
            self.fail(f"'{value}' is not one of {', '.join(WORDS)}", param, ctx)
        if mark and not re.fullmatch(_VALUES[word], rest):
            form = "a git commit, 4 to 40 digits" if word == "revision" else "a number"
            self.fail(f"'{value}': behind {word}= stands {form}", param, ctx)
        return Condition(word, rest)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[Any]:
        """Offer the words."""
        del ctx, param
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for the shell

        return [CompletionItem(word) for word in WORDS if word.startswith(incomplete)]


@verb("wait", short_help="Wait until a condition holds.")
@click.argument("addresses", nargs=-1, shell_complete=complete_address)
@option(
    "--for",
    "condition",
    type=ConditionType(),
    metavar="CONDITION",
    default="converged",
    help="converged, synced, healthy, revision=COMMIT or generation=N.",
)
@option("--timeout", type=DurationType(), default="15m", help="How long at most; then exit code 7.")
@option("--keep-waiting", is_flag=True, help="Also where only a person can help.")
def command(
    invocation: Invocation,
    *,
    addresses: tuple[str, ...],
    condition: Condition,
    timeout: timedelta,
    keep_waiting: bool,
) -> int:
    """Wait until a condition holds; reads only.

    synced: live equals the files. healthy: it works. converged: both. They are judged by the files of
    --dir: in a pipeline, those of the merged commit. revision=COMMIT and generation=N wait until a
    controller has said that this, or what came after it, has converged: there the files do not count.

    Exit code 0, or 7 when the time is over; at once 6, 8 or 4 when a migration failed, a rollout is
    held, or the app is suspended, for then it would never come.
    """
    from reconciler.app import wait  # noqa: PLC0415 - brings boto3

    settings = invocation.settings
    apps = chosen(invocation)
    known = {a for d in apps for a in d.addresses}
    check_addresses(invocation, addresses, sorted(known))
    progress = Progress(invocation, several=len(apps) > 1)
    ends = time.monotonic() + timeout.total_seconds()

    def look(desired: DesiredApp) -> AppStatus:
        left = timedelta(seconds=max(0.0, ends - time.monotonic()))
        only = frozenset(a for a in desired.addresses if addresses and wants(addresses, a))
        wanted = wait.WaitFor(condition.word, condition.value, only, keep_waiting)
        return wait.wait(settings, desired, wanted, left, progress.say)

    concerned = [d for d in apps if not addresses or any(wants(addresses, a) for a in d.addresses)]
    with progress.alive():
        outcomes = for_each(invocation, concerned, look)
    if invocation.output.is_json:
        invocation.output.document(document("Wait", outcomes, status_document))
    else:
        for outcome in outcomes:
            if outcome.result:
                said = f"{outcome.key}  {outcome.result.sync}  {outcome.result.health}"
                invocation.output.result(said)
    return highest(outcomes)
