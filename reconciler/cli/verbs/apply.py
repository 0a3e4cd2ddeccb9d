"""`apply`: converge once, under the same lease as the controller."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import saved
from reconciler.cli.apps import (
    Outcome,
    check_addresses,
    chosen,
    document,
    for_each,
    highest,
    restricted,
    wants,
)
from reconciler.cli.complete import complete_address
from reconciler.cli.documents import status_document, version_of
from reconciler.cli.durations import DurationType
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.output import looks
from reconciler.cli.progress import Progress
from reconciler.cli.prompt import DECLINED, confirmed
from reconciler.cli.verbs.diff import show
from reconciler.model.clock import format_duration

if TYPE_CHECKING:
    from reconciler.model.desired import DesiredApp
    from reconciler.model.status import AppStatus

INTERRUPTED = (
    "stopped looking; what was begun goes on in AWS, a migration too. `reconciler status` "
    "shows it, `apply` or a controller takes it up where it is"
)


@verb("apply", short_help="Converge once, showing progress.")
@click.argument("addresses", nargs=-1, shell_complete=complete_address)
@option("--prune", is_flag=True, help="Also delete what we made and the files no longer name.")
@option(
    "--plan",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Carry out just this plan of `diff --out FILE`; refused (4) when it is not the plan any more.",
)
@option("--dry-run", is_flag=True, help="Only show the plan; writes nothing.")
@option(
    "--wait",
    type=DurationType(),
    default="2m",
    help="How long to wait for whoever holds the app's lease.",
)
@option("--no-wait", is_flag=True, help="Do not wait for the lease: exit code 5 when it is held.")
@option("--timeout", type=DurationType(), default="30m", help="How long at most; then exit code 7.")
@option("--reason", default="", metavar="TEXT", help="Why; kept in the journal.")
def command(
    invocation: Invocation,
    *,
    addresses: tuple[str, ...],
    plan: Path | None,
    dry_run: bool,
    **options: Any,
) -> int:
    """Converge once: show the plan, ask, carry it out, wait until it has converged or failed.

    ADDRESS is kind/name, or a kind: nothing else is touched. It shares the app's lease with the
    controller, and stops when the files changed since the question was asked. A saved plan was looked
    at already: nobody is asked. Exit code 0 when all is as the files say and works.
    """
    if options["no_wait"]:
        invocation.without_effect("contradicts --no-wait", "--wait")
    from reconciler.app import act, look  # noqa: PLC0415 - brings boto3

    kept = _saved(invocation, plan, addresses, prune=options["prune"])
    if kept is not None:
        addresses, options["prune"] = kept.addresses, kept.prune
    apps = [d for d in chosen(invocation) if kept is None or d.key in kept.digests]
    previews = [look.preview(invocation.settings, d, prune=options["prune"]) for d in apps]
    known = [step.address for p in previews for step in p.plan.steps]
    check_addresses(invocation, addresses, known)
    only = frozenset(a for a in known if addresses and wants(addresses, a))
    previews = [r for p in previews if (r := restricted(p, addresses)).plan.steps or not only]
    if kept is not None:
        saved.check(kept, previews)
    if dry_run:
        show(invocation, [Outcome(p.desired.key, p) for p in previews], explain=False)
        return 0
    if not _agreed(invocation, previews, asks=kept is None):
        invocation.output.note("nothing was applied")
        return DECLINED
    begun = time.monotonic()
    done = [Outcome(p.desired.key, p.status) for p in previews if _is_done(p)]
    pending = [p.desired for p in previews if not _is_done(p)]
    progress = Progress(invocation, several=len(previews) > 1)

    def carry_out(desired: DesiredApp) -> AppStatus:
        digest = kept.digests[desired.key] if kept is not None else ""
        how = act.ApplyOptions(addresses=only, digest=digest, **options)
        return act.apply(invocation.settings, desired, options=how, on_event=progress.say)

    with progress.alive(), interruption_explained(invocation, INTERRUPTED):
        done += for_each(invocation, pending, carry_out)
    _print(invocation, done, timedelta(seconds=time.monotonic() - begun))
    return highest(done, code_of)


def _saved(
    invocation: Invocation, path: Path | None, addresses: Sequence[str], *, prune: bool
) -> saved.SavedPlan | None:
    if path is None:
        return None
    if addresses or prune:
        raise invocation.usage_error("--plan says what is applied: leave out ADDRESS and --prune")
    return saved.read(invocation, path)


@contextmanager
def interruption_explained(invocation: Invocation, text: str) -> Iterator[None]:
    """On Ctrl-C say what becomes of what is under way: ECS goes on without us."""
    try:
        yield
    except KeyboardInterrupt:
        invocation.output.note(text)
        raise


def _is_done(preview: Any) -> bool:
    """Say whether there is nothing to do and nothing to wait for: the lease stays where it is."""
    return bool(not preview.plan.acts and preview.status.converged)


def code_of(status: AppStatus) -> int:
    """Return the exit code that an app's status stands for; not converged is never 0."""
    return status.exit_code or (0 if status.converged else 1)


def _agreed(invocation: Invocation, previews: Sequence[Any], *, asks: bool) -> bool:
    """Show the plans on stderr and ask; nothing to do, or a saved plan, needs no answer."""
    from reconciler.plan import render  # noqa: PLC0415 - only when there is a plan

    changing = [p for p in previews if p.plan.acts]
    if not changing:
        return True
    if not invocation.values["quiet"]:
        for preview in changing:
            invocation.output.note(
                render.as_text(preview.plan, desired=preview.desired, style=looks)
            )
    where = ", ".join(f"{p.desired.key} ({p.desired.account})" for p in changing)
    return not asks or confirmed(invocation, f"Apply these changes to {where}?")


def _print(invocation: Invocation, outcomes: Sequence[Outcome[AppStatus]], took: timedelta) -> None:
    if invocation.output.is_json:
        invocation.output.document(document("Apply", outcomes, status_document))
        return
    for outcome in outcomes:
        if status := outcome.result:
            what = "is converged" if status.converged else f"is {status.sync}, {status.health}"
            message = f": {status.message}" if status.message and not status.converged else ""
            invocation.output.result(f"{outcome.key} {what} at {version_of(status)}{message}")
    if not invocation.values["quiet"]:
        invocation.output.note(f"took {format_duration(took)}")
