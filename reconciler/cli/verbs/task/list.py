"""`task list`: the one-off tasks that the ledger knows, and what ECS says of those that run."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.apps import chosen, document, for_each, highest
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.output import local_time
from reconciler.cli.runs import say_tables
from reconciler.cli.tasks import outcome_document, short

HEADER = ("TASK", "FROM", "KEY", "STATE", "ECS", "EXIT", "STARTED", "REASON")


@verb("list", short_help="List one-off tasks.")
@option("-n", "--limit", type=click.IntRange(1), default=20, help="Tasks at most, newest first.")
def command(invocation: Invocation, *, limit: int) -> int:
    """List one-off tasks: those that run, and those that have ended, the newest first."""
    from reconciler.app import one_off  # noqa: PLC0415 - brings boto3
    from reconciler.app.outcome import Outcome, code_of  # noqa: PLC0415 - as above

    settings = invocation.settings
    outcomes = for_each(invocation, chosen(invocation), lambda d: one_off.tasks(settings, d))
    if invocation.output.is_json:
        invocation.output.document(
            document(
                "TaskList",
                outcomes,
                lambda found: {
                    "tasks": [
                        outcome_document(Outcome(t.run, code_of(t.run))) | {"lastStatus": t.status}
                        for t in found[:limit]
                    ]
                },
            )
        )
        return highest(outcomes)
    say_tables(
        invocation,
        outcomes,
        HEADER,
        lambda found: [_row(task) for task in found[:limit]],
        "no task has run",
    )
    return highest(outcomes)


def _row(task: Any) -> tuple[str, ...]:
    run = task.run
    return (
        short(run.task_arn or "-"),
        run.name,
        run.revision,
        str(run.state),
        task.status or "-",
        "-" if run.exit_code is None else str(run.exit_code),
        local_time(run.intent_at.isoformat()),
        run.reason,
    )
