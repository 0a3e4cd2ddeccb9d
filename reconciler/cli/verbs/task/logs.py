"""`task logs`: what a task's container wrote."""

from __future__ import annotations

import click

from reconciler.cli.apps import the_one
from reconciler.cli.options import Invocation, verb
from reconciler.cli.run_logs import log_options, show_log


@verb("logs", short_help="Print a task's log.")
@click.argument("task")
@log_options
def command(invocation: Invocation, *, task: str, follow: bool, tail: int | None) -> int:
    """Print the log of TASK: its id or how that begins, its ARN, or its idempotency key.

    All of it in order, as the container wrote it.
    """
    from reconciler.app import run_logs  # noqa: PLC0415 - brings boto3

    desired = the_one(invocation)
    return show_log(
        invocation,
        desired.key,
        lambda excerpt, audience: run_logs.task_log(
            invocation.settings, desired, task, excerpt, audience
        ),
        follow=follow,
        tail=tail,
    )
