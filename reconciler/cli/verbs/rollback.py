"""`rollback`: services and jobs back to what they were; the app is suspended, the database stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.apps import API_VERSION, check_addresses, the_one, wants
from reconciler.cli.complete import complete_rolled
from reconciler.cli.documents import status_document
from reconciler.cli.durations import DurationType
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.output import looks
from reconciler.cli.progress import Progress
from reconciler.cli.prompt import DECLINED, confirmed
from reconciler.cli.verbs.apply import code_of, interruption_explained

if TYPE_CHECKING:
    from reconciler.model.desired import DesiredApp
    from reconciler.model.names import Address
    from reconciler.model.status import AppStatus

INTERRUPTED = (
    "stopped looking; the app is suspended, and what was begun goes on in ECS. The same `rollback` "
    "again finishes it, `resume` gives it up"
)


@verb("rollback", short_help="Put services and jobs back to an earlier rollout.")
@click.argument("addresses", nargs=-1, shell_complete=complete_rolled)
@option("--to", type=click.IntRange(1), metavar="N", help="What was at entry N of the journal.")
@option("--to-revision", metavar="COMMIT", help="What a git commit rolled out.")
@option("--dry-run", is_flag=True, help="Only show it; writes nothing.")
@option("--force", is_flag=True, help="Also behind a migration that is declared irreversible.")
@option("--reason", default="", metavar="TEXT", help="Why; shown everywhere, kept in the journal.")
@option(
    "--wait",
    type=DurationType(),
    default="2m",
    help="How long to wait for whoever holds the app's lease.",
)
@option("--no-wait", is_flag=True, help="Do not wait for the lease: exit code 5 when it is held.")
@option("--timeout", type=DurationType(), default="30m", help="How long at most; then exit code 7.")
def command(
    invocation: Invocation, *, addresses: tuple[str, ...], dry_run: bool, **options: Any
) -> int:
    """Put services and jobs back to an earlier rollout, and suspend the app.

    Without --to and --to-revision: before the last rollout; of ADDRESS, before its own last one. Each
    goes back to exactly the task definition and the service's fields of then, a job to all of its words;
    the desired count, tags and the database stay. Meanwhile jobs run as they were put back.
    Repeated, it finishes what it began; to go further back name --to.

    Exit code 0 when they run again, 4 when it is refused, 8 when ECS reverted it.
    """
    if options["no_wait"]:
        invocation.without_effect("contradicts --no-wait", "--wait")
    from reconciler.app import act, rollback, rollback_choice  # noqa: PLC0415 - brings boto3

    if options["to"] is not None and options["to_revision"]:
        raise invocation.usage_error("--to and --to-revision contradict each other")
    desired = the_one(invocation)
    wanted = rollback_choice.Wanted(
        number=options["to"],
        revision=options["to_revision"] or "",
        addresses=_addresses(invocation, desired, addresses),
        reason=options["reason"],
        force=options["force"],
    )
    seen = rollback.preview(invocation.settings, desired, wanted)
    if dry_run or seen.is_done:
        _print(invocation, seen, None, dry_run=dry_run)
        return 0
    if not _agreed(invocation, seen):
        invocation.output.note("nothing was rolled back")
        return DECLINED
    progress = Progress(invocation, several=False)
    how = act.ApplyOptions(
        no_wait=options["no_wait"], wait=options["wait"], timeout=options["timeout"]
    )
    with progress.alive(), interruption_explained(invocation, INTERRUPTED):
        status = rollback.roll_back(invocation.settings, seen, how, progress.say)
    _print(invocation, seen, status, dry_run=False)
    return code_of(status)


def _addresses(
    invocation: Invocation, desired: DesiredApp, addresses: Sequence[str]
) -> frozenset[Address]:
    known = [s.address for s in desired.services] + [j.address for j in desired.jobs]
    for text in addresses:
        if text.partition("/")[0] == "migration":
            raise invocation.usage_error(
                "a migration is never rolled back: the database stays as it is"
            )
    check_addresses(invocation, addresses, known)
    return frozenset(a for a in known if addresses and wants(addresses, a))


def _agreed(invocation: Invocation, seen: Any) -> bool:
    if not invocation.values["quiet"]:
        invocation.output.note(_text(seen))
    where = f"{seen.desired.key} ({seen.desired.account})"
    return confirmed(invocation, f"Roll {where} back?")


def _text(seen: Any) -> str:
    from reconciler.plan import render  # noqa: PLC0415 - only when there is a plan

    return render.as_text(seen.plan, style=looks).rstrip("\n")


def _print(invocation: Invocation, seen: Any, status: AppStatus | None, *, dry_run: bool) -> None:
    if invocation.output.is_json:
        invocation.output.document(_document(seen, status, dry_run=dry_run))
        return
    key = seen.desired.key
    if dry_run:
        invocation.output.result(_text(seen))
    elif status is None:
        invocation.output.result(f"{key} is {seen.order.reason} already")
    else:
        what = "" if status.converged else f", but is {status.health}"
        message = f": {status.message}" if status.message and not status.converged else ""
        invocation.output.result(f"{key} is {seen.order.reason}{what}{message}")
        invocation.output.result(f"suspended until: reconciler -a {key} resume")


def _document(seen: Any, status: AppStatus | None, *, dry_run: bool) -> dict[str, Any]:
    from reconciler.plan import render  # noqa: PLC0415 - only when there is a plan

    return {
        "apiVersion": API_VERSION,
        "kind": "Rollback",
        "key": seen.desired.key,
        "dryRun": dry_run,
        "reason": seen.order.reason,
        "targets": [
            {
                "address": str(address),
                "entry": release.begun,
                "generation": release.generation,
                "commit": release.commit,
                "steadySince": release.at,
                "taskDefinition": release.task_definition_arn,
            }
            for address, release in sorted(seen.order.releases.items())
        ],
        "jobsGoingOn": seen.order.going_on,
        "leftAlone": {str(address): why for address, why in sorted(seen.left.items())},
        "crossed": [
            {"migration": r.name, "revision": r.revision, "irreversible": r.irreversible}
            for r in seen.order.crossed
        ],
        "plan": render.as_document(seen.plan),
        "status": None if status is None else status_document(status),
    }
