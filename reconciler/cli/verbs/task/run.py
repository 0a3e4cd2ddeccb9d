"""`task run`: a command as a task of its own, in the foreground."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import failure, tasks
from reconciler.cli.apps import asked_for, the_one
from reconciler.cli.complete import complete_address
from reconciler.cli.durations import DurationType
from reconciler.cli.options import Invocation, option, verb

if TYPE_CHECKING:
    from reconciler.app.one_off import Order
    from reconciler.app.outcome import Outcome

COULD_NOT_START = 125
_SIZE = re.compile(r"\d+(\.\d+)?( ?(vcpu|gb))?", re.IGNORECASE)


@verb(
    "run",
    short_help="Run a command as a task, and end as it does.",
    context_settings={"allow_interspersed_args": False},
)
@option(
    "--from",
    "origin",
    metavar="ADDRESS",
    shell_complete=complete_address,
    help="Whose task definition and network: service/web, job/report, migration/db.",
)
@option(
    "--task-definition",
    "definition",
    metavar="FILE|ARN",
    help="Another task definition: a file in JSON or YAML, an ARN, or family:revision.",
)
@option(
    "--container",
    metavar="NAME",
    default="",
    help="Whose command, log and exit code; otherwise the first essential container's.",
)
@option("--cpu", metavar="UNITS", default="", help="CPU of the task: 512, or 0.5 vCPU.")
@option("--memory", metavar="MIB", default="", help="Memory of the task: 1024, or 1 GB.")
@option(
    "--set-env", "environment", metavar="K=V", multiple=True, help="A variable of the container."
)
@option(
    "--timeout",
    type=DurationType(),
    metavar="DURATION",
    default="30m",
    help="Stop it when it has run longer than this.",
)
@option("--detach", is_flag=True, help="Print the task's ARN once it is started, and leave it.")
@option("--count", type=click.IntRange(1, 50), default=1, help="So many tasks at once.")
@option("--tag", "tags", metavar="K=V", multiple=True, help="A tag on the task.")
@option(
    "--idempotency-key",
    "key",
    metavar="KEY",
    default="",
    help="The same key is the same task: again it is followed, or its end told, never started.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[--] [COMMAND]...")
def command(invocation: Invocation, **flags: Any) -> int:
    """Run a command as a task, pass its log on, and end with its exit code.

    States go to stderr, the container's log to stdout. Ctrl-C asks for the task's end, twice leaves
    it alone. Exit code 124: it ran into --timeout; 125: it never started; 6: nobody can say how it
    ended; of several tasks the highest.
    """
    from reconciler.app import one_off  # noqa: PLC0415 - brings boto3
    from reconciler.controller.audience import Audience  # noqa: PLC0415 - as above
    from reconciler.model.errors import (  # noqa: PLC0415 - as above
        AwsError,
        GuardRefused,
        InvalidDesiredState,
        PermanentError,
    )

    order = _order(invocation, flags)
    desired = the_one(invocation)
    terminal = tasks.Terminal(invocation, several=order.count > 1)
    try:
        with terminal.listening():
            outcomes = one_off.run(
                invocation.settings, desired, order, Audience(terminal, terminal)
            )
    except (GuardRefused, InvalidDesiredState):
        raise  # wrong account, another's key, wrong files: with codes of their own
    except (AwsError, PermanentError) as error:
        code = failure.report(error, asked_for(invocation))
        _leave(invocation, desired.key, terminal, terminal.started.values())
        return code if terminal.started else COULD_NOT_START
    return _end(invocation, desired.key, terminal, outcomes, order)


def _end(
    invocation: Invocation,
    key: str,
    terminal: tasks.Terminal,
    outcomes: Sequence[Outcome],
    order: Order,
) -> int:
    """Say what there is to say, and return the exit code."""
    code = tasks.tell(invocation, terminal, outcomes)
    going_on = [o.run.task_arn or o.run.revision for o in outcomes if o.code is None]
    if terminal.signal:
        code = terminal.code
    if invocation.output.is_json:
        document = tasks.document(key, outcomes, None if going_on else code)
        invocation.output.document(document)
    elif order.detach:
        for arn in going_on:
            invocation.output.result(arn)
    _leave(invocation, key, terminal, going_on)
    return code


def _leave(
    invocation: Invocation, key: str, terminal: tasks.Terminal, going_on: Iterable[str]
) -> None:
    """Say of what goes on without us how to see it again; whose end was asked for is only followed."""
    for arn in going_on:
        name = tasks.short(arn) if "/" in arn else arn
        verb = f"reconciler -a {key} task"
        tasks.say_it_goes_on(invocation, arn, [name], verb, asked_to_end=terminal.stop)


def _order(invocation: Invocation, flags: dict[str, Any]) -> Order:
    """Make the order of the flags; what cannot be is a usage error."""
    from reconciler.app.one_off import Order  # noqa: PLC0415 - brings boto3
    from reconciler.model.names import Address  # noqa: PLC0415 - as above
    from reconciler.plan.one_off import Ask  # noqa: PLC0415 - as above

    if not flags["origin"] and not flags["definition"]:
        raise invocation.usage_error(
            "say what to run: --from ADDRESS or --task-definition FILE|ARN"
        )
    for name in ("cpu", "memory"):
        if flags[name] and not _SIZE.fullmatch(flags[name]):
            raise invocation.usage_error(f"--{name} {flags[name]} is no size: 512, 0.5 vCPU, 1 GB")
    if flags["timeout"].total_seconds() < 1:
        raise invocation.usage_error("--timeout is at least 1s")
    try:
        origin = Address.parse(flags["origin"]) if flags["origin"] else None
    except ValueError as error:
        raise invocation.usage_error(f"--from: {error}") from error
    environment = _pairs(invocation, "--set-env", flags["environment"])
    _warn_of_secrets(invocation, environment)
    ask = Ask(
        key=flags["key"],
        timeout=flags["timeout"],
        container=flags["container"] or "",
        command=tuple(flags["command"]),
        environment=environment,
        cpu=flags["cpu"] or "",
        memory=flags["memory"] or "",
        tags=_pairs(invocation, "--tag", flags["tags"]),
    )
    return Order(ask, origin, flags["definition"] or "", flags["count"], flags["detach"])


def _pairs(invocation: Invocation, flag: str, texts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise invocation.usage_error(f"{flag} '{name}': write NAME=VALUE")
        found[name] = value
    return found


def _warn_of_secrets(invocation: Invocation, environment: dict[str, str]) -> None:
    """Warn of a secret on the command line: ECS shows it to everybody who may describe the task."""
    from reconciler.plan.mask import looks_secret  # noqa: PLC0415 - only with --set-env

    for name, value in environment.items():
        if looks_secret(name, value):
            invocation.output.note(
                f"warning: --set-env {name}: ECS and the ledger keep this value readable; "
                "declare it under secrets in the files instead"
            )
