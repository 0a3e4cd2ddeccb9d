"""`task list`: the one-off tasks that the ledger knows, and what ECS says of those that run."""

from __future__ import annotations

import click

from reconciler.cli.apps import chosen, document, for_each, highest
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.output import local_time
from reconciler.cli.tasks import outcome_document, short

HEADER = ("TASK", "FROM", "KEY", "STATE", "ECS", "EXIT", "STARTED", "REASON")


@verb("list", short_help="List one-off tasks.")
@option("-n", "--limit", type=click.IntRange(1), default=20, help="Tasks at most, newest first.")
def command(invocation: Invocation, *, limit: int) -> int:
    """List one-off tasks: those that run, and those that have ended, the newest first."""
    from reconciler.app import one_off  # noqa: PLC0415 - brings boto3

    settings = invocation.settings
    outcomes = for_each(invocation, chosen(invocation), lambda d: one_off.tasks(settings, d))
    if invocation.output.is_json:
        invocation.output.document(
            document(
                "TaskList",
                outcomes,
                lambda found: {
                    "tasks": [
                        outcome_document(one_off.Outcome(t.run, one_off.code_of(t.run)))
                        | {"lastStatus": t.status}
                        for t in found[:limit]
                    ]
                },
            )
        )
        return highest(outcomes)
    for outcome in outcomes:
        if outcome.result is None:
            continue
        if len(outcomes) > 1:
            invocation.output.result(outcome.key)
        if not outcome.result:
            invocation.output.result("no task has run")
            continue
        rows = [
            (
                short(task.run.task_arn or "-"),
                task.run.name,
                task.run.revision,
                str(task.run.state),
                task.status or "-",
                "-" if task.run.exit_code is None else str(task.run.exit_code),
                local_time(task.run.intent_at.isoformat()),
                task.run.reason,
            )
            for task in outcome.result[:limit]
        ]
        invocation.output.table(HEADER, rows)
    return highest(outcomes)
