"""`task logs`: what a task's container wrote, from its beginning."""

from __future__ import annotations

import click

from reconciler.cli import tasks
from reconciler.cli.apps import the_one
from reconciler.cli.options import Invocation, option, verb


@verb("logs", short_help="Print a task's log.", formats=("text",))
@click.argument("task")
@option("-f", "--follow", is_flag=True, help="Until the task has ended; exits with its code.")
def command(invocation: Invocation, *, task: str, follow: bool) -> int:
    """Print the log of TASK: its id or how that begins, its ARN, or its idempotency key.

    Ctrl-C leaves the task alone.
    """
    from reconciler.app import one_off  # noqa: PLC0415 - brings boto3
    from reconciler.controller.one_off import Audience  # noqa: PLC0415 - as above

    desired = the_one(invocation)
    terminal = tasks.Terminal(invocation, stops=False)
    with terminal.listening():
        outcome = one_off.follow_logs(
            invocation.settings, desired, task, Audience(terminal, terminal), follow=follow
        )
    if not follow:
        return 0
    if terminal.signal:
        return terminal.code
    return tasks.tell(invocation, terminal, [outcome])
