"""`once`: a command that runs once per key, in front of any program. Needs no files and no controller."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from reconciler.cli.options import Invocation, verb
from reconciler.cli.shortcut import PROGRAM
from reconciler.runs.once.flags import FLAGS, Flag, WrongUsage, chosen

_SHARED = ("profile", "endpoint_url", "quiet")


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags of the table that `reconciler-once` reads too."""
    for flag in reversed(FLAGS):
        function = _option(flag)(function)
    return function


def _option(flag: Flag) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    attributes: dict[str, Any] = {"help": flag.text, "envvar": flag.variable, "show_envvar": True}
    if flag.metavar:
        attributes |= {"metavar": flag.metavar, "default": flag.default}
        attributes["show_default"] = bool(flag.default)
    else:
        attributes["is_flag"] = True
    return click.option(flag.name, flag.field, **attributes)


@verb(
    "once",
    short_help="Run a command once per key, whoever starts it.",
    formats=("text",),
    context_settings={"allow_interspersed_args": False},
)
@_options
@click.argument("argv", nargs=-1, metavar="COMMAND [ARGUMENTS]...", type=click.UNPROCESSED)
@click.pass_context
def command(
    ctx: click.Context, /, invocation: Invocation, *, argv: tuple[str, ...], **flags: Any
) -> int:
    """Run a command once per key, whoever starts it and however often.

    Only the claims table in DynamoDB is needed: no files, no controller. The exit code is the command's
    own; 0 at once when it has succeeded before; 5 when another runs it; 6 when an earlier run failed or
    nobody knows how it ended; 124 timed out, 125 could not be started, 126 not executable, 127 not found.
    """
    from reconciler.runs.once.command import run  # noqa: PLC0415 - not for --help

    typed = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in flags.items()
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    given = {name: invocation.values[name] for name in _SHARED}
    typed |= {n: "true" if v is True else str(v) for n, v in given.items() if v}
    try:
        options = chosen(typed, argv, os.environ, PROGRAM)
    except WrongUsage as error:
        raise invocation.usage_error(str(error)) from error
    return run(options, os.environ)
