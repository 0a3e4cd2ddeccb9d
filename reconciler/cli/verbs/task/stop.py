"""`task stop`: ask for a task's end, and see it."""

from __future__ import annotations

import click

from reconciler.cli import tasks
from reconciler.cli.apps import the_one
from reconciler.cli.options import Invocation, option, verb


@verb("stop", short_help="Stop a task.")
@click.argument("task")
@option("--reason", metavar="TEXT", default="by hand", help="Why; kept in the journal.")
def command(invocation: Invocation, *, task: str, reason: str) -> int:
    """Stop TASK: its id or how that begins, its ARN, or its idempotency key.

    The container gets SIGTERM, and SIGKILL after its stopTimeout. Waits for the end; Ctrl-C leaves
    the rest to ECS.
    """
    from reconciler.app import one_off  # noqa: PLC0415 - brings boto3
    from reconciler.controller.audience import Audience  # noqa: PLC0415 - as above

    desired = the_one(invocation)
    terminal = tasks.Terminal(invocation, stops=False)
    with terminal.listening():
        outcome = one_off.stop(
            invocation.settings, desired, task, reason, Audience(terminal, terminal)
        )
    if invocation.output.is_json:
        document = tasks.document(desired.key, [outcome], outcome.code)
        invocation.output.document(document)
    else:
        tasks.tell(invocation, terminal, [outcome])
    return terminal.code if terminal.signal else 0
