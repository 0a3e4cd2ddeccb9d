"""Every error of the program becomes a message and an exit code here, and nowhere else.

No traceback for anything that a user can cause. With `-o json` the error is one JSON document on stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import click

from reconciler.cli.output import as_json, wants_color

USAGE = 2
TIMED_OUT = 7
INTERRUPTED = 130
TERMINATED = 143
LONGEST_LINE = 160
"""Characters of a file's line that a diagnostic shows."""


class Terminated(BaseException):
    """SIGTERM came. Not an Exception: nothing may take it for an error and go on."""


class Asked(NamedTuple):
    """What the error printer must know even when the command line could not be parsed."""

    as_json: bool = False
    verbose: bool = False
    terraform_codes: bool = False
    """`diff --detailed-exitcode`: 2 means differences there, so every error is 1."""
    greater_than_one: bool = False
    """`diff`: 1 means differences, so an error without a code of its own is 2."""
    color: str = "auto"

    @classmethod
    def of(cls, arguments: Sequence[str], environment: Mapping[str, str]) -> Asked:
        """Read them off the raw arguments, leniently."""
        diff = "diff" in arguments
        detailed = "--detailed-exitcode" in arguments or _truthy(
            environment.get("RECONCILER_DIFF_DETAILED_EXITCODE")
        )
        return cls(
            as_json=_value(arguments, ("-o", "--output"), environment, "RECONCILER_OUTPUT")
            == "json",
            verbose=any(a in ("-v", "--verbose") for a in arguments)
            or _truthy(environment.get("RECONCILER_VERBOSE")),
            terraform_codes=diff and detailed,
            greater_than_one=diff,
            color=_value(arguments, ("--color",), environment, "RECONCILER_COLOR") or "auto",
        )


def report(error: BaseException, asked: Asked) -> int:
    """Say what went wrong on stderr and return the exit code of the process."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    try:
        document = describe(error)
        text = as_json({"error": document}) if asked.as_json else as_text(error, document, asked)
        color = wants_color(asked.color, os.environ, sys.stderr)
        click.echo(text, err=True, color=color)
        annotate(error, os.environ)
    except BrokenPipeError:
        pass  # nobody reads stderr any more; the code still tells
    return exit_code(error, asked)


def exit_code(error: BaseException, asked: Asked | None = None) -> int:
    """Find the exit code of an error; the table is in docs/cli.md."""
    from reconciler.model.errors import ReconcilerError  # noqa: PLC0415 - only for errors

    asked = asked or Asked()
    match error:
        case KeyboardInterrupt() | click.Abort():
            return INTERRUPTED
        case Terminated():
            return TERMINATED
        case _ if asked.terraform_codes:
            return 1
        case click.ClickException() | ReconcilerError():
            code = int(error.exit_code)
        case TimeoutError():
            code = TIMED_OUT
        case _:
            code = 1
    return max(code, 2) if asked.greater_than_one else code


def describe(error: BaseException) -> dict[str, Any]:
    """Make the JSON form of an error: kind, message, exit code, and what else is known."""
    from reconciler.model.errors import (  # noqa: PLC0415 - only for errors
        AwsError,
        InvalidDesiredState,
    )

    document: dict[str, Any] = {"kind": type(error).__name__, "message": message_of(error)}
    document["exitCode"] = exit_code(error)
    if isinstance(error, AwsError):
        document["operation"] = error.operation
        document["code"] = error.code
        document["requestId"] = error.request_id
    if isinstance(error, InvalidDesiredState):
        document["message"] = "the desired state is invalid"
        document["diagnostics"] = [diagnostic_document(d) for d in error.diagnostics]
    if hint := hint_for(error):
        document["hint"] = hint
    return document


def message_of(error: BaseException) -> str:
    """Put an error into words for a person; foreign exceptions get their type's name."""
    from reconciler.model.errors import ReconcilerError  # noqa: PLC0415 - only for errors

    match error:
        case KeyboardInterrupt() | click.Abort():
            return "interrupted"
        case Terminated():
            return "terminated"
        case click.ClickException():
            return error.format_message()
        case ReconcilerError() | TimeoutError():
            return str(error) or type(error).__name__
        case OSError() if error.filename:
            return f"{error.filename}: {error.strerror}"
        case _:
            return f"internal error: {type(error).__name__}: {error}"


def as_text(error: BaseException, document: Mapping[str, Any], asked: Asked) -> str:
    """Write an error for a person: diagnostics with their lines, or one message, and a hint."""
    from reconciler.model.errors import InvalidDesiredState  # noqa: PLC0415 - only for errors

    if isinstance(error, InvalidDesiredState):
        return "\n".join(diagnostic_lines(error.diagnostics))
    if isinstance(error, click.UsageError) and error.message.startswith("Usage: "):
        return error.message  # nothing was typed after a group's name: click's error is the help
    lines = [click.style("error: ", fg="red", bold=True) + str(document["message"])]
    if isinstance(error, click.UsageError) and error.ctx is not None:
        lines.append(f"  hint: {error.ctx.command_path} -h")
    if "hint" in document:
        lines.append(f"  hint: {document['hint']}")
    if asked.verbose:
        lines += list(_details(error, document))
    return "\n".join(lines)


def hint_for(error: BaseException) -> str:
    """Say what to type or change next, where that is known."""
    from reconciler.model import errors  # noqa: PLC0415 - only for errors

    if isinstance(error, errors.AccessDenied):
        add = f"add {error.permission} to the role"
        return f"{add}; `reconciler doctor --iam-policy` prints the least policy"
    known = {
        errors.BadCredentials: "give --profile NAME, or --endpoint-url URL for a local AWS",
        errors.Unreachable: "check --endpoint-url, AWS_ENDPOINT_URL*, the region and the network",
        errors.LeaseHeld: "leave out --no-wait to ask the holder for a hand-over",
        errors.CorruptLedger: "nothing is done until that item is mended (docs/tables.md, A damaged "
        "item); `reconciler history --verify` checks the journal",
    }
    if hint := known.get(type(error), ""):
        return str(hint)
    ours = (errors.ReconcilerError, click.ClickException, OSError, click.Abort)
    if isinstance(error, Exception) and not isinstance(error, ours):
        return "this is a mistake of ours: please report it with the output of the same call and -v"
    return ""


def diagnostic_lines(diagnostics: Sequence[Any]) -> Iterator[str]:
    """Write diagnostics as compilers do: the place, the line, carets below; nothing wraps."""
    for diagnostic in diagnostics:
        color = "red" if diagnostic.severity == "error" else "yellow"
        severity = click.style(f"{diagnostic.severity}:", fg=color, bold=True)
        yield f"{diagnostic.origin}: {severity} {diagnostic.message} [{diagnostic.rule}]"
        if diagnostic.source_line:
            number = str(diagnostic.origin.line)
            line, column = _excerpt(
                diagnostic.source_line.rstrip("\n"), diagnostic.origin.column - 1
            )
            indent = "".join("\t" if c == "\t" else " " for c in line[:column])
            width = max(1, min(diagnostic.width, len(line) - column))
            carets = click.style("^" * width, fg=color)
            yield f" {number} | {line}"
            yield f" {' ' * len(number)} | {indent}{carets}"


def _excerpt(text: str, column: int) -> tuple[str, int]:
    """Return what of a line is shown, and where in that the column is; nothing that steers a terminal."""
    line = "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
    if len(line) <= LONGEST_LINE:
        return line, column
    start = max(0, min(column - LONGEST_LINE // 3, len(line) - LONGEST_LINE))
    end = start + LONGEST_LINE
    before, after = "…" if start else "", "…" if end < len(line) else ""
    return f"{before}{line[start:end]}{after}", column - start + len(before)


def diagnostic_document(diagnostic: Any) -> dict[str, Any]:
    """Make the JSON form of one diagnostic."""
    return {
        "file": diagnostic.origin.file,
        "line": diagnostic.origin.line,
        "column": diagnostic.origin.column,
        "severity": str(diagnostic.severity),
        "rule": diagnostic.rule,
        "message": diagnostic.message,
    }


def annotate(error: BaseException, environment: Mapping[str, str]) -> None:
    """On GitHub Actions, mark the lines of the files in the pull request."""
    from reconciler.model.errors import InvalidDesiredState  # noqa: PLC0415 - only for errors

    if isinstance(error, InvalidDesiredState):
        annotate_diagnostics(error.diagnostics, environment)


def annotate_diagnostics(diagnostics: Sequence[Any], environment: Mapping[str, str]) -> None:
    """Write `::error file=…::` lines to stderr, where the runner reads them as well as on stdout."""
    if environment.get("GITHUB_ACTIONS") != "true":
        return
    for diagnostic in diagnostics:
        place = diagnostic.origin
        file = _escaped(place.file).replace(":", "%3A").replace(",", "%2C")
        click.echo(
            f"::{diagnostic.severity} file={file},line={place.line},col={place.column}"
            f"::{_escaped(diagnostic.message)}",
            err=True,
        )


def _escaped(text: str) -> str:
    """Escape as GitHub's runner wants it, so that a message cannot end the command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _details(error: BaseException, document: Mapping[str, Any]) -> Iterator[str]:
    for name in ("operation", "code", "requestId"):
        if document.get(name):
            yield f"  {name}: {document[name]}"
    if str(document["message"]).startswith("internal error"):
        import traceback  # noqa: PLC0415 - only for our own mistakes

        yield "".join(traceback.format_exception(error)).rstrip()


def _truthy(text: str | None) -> bool:
    return (text or "").lower() in ("1", "true", "t", "yes", "y", "on")


def _value(
    arguments: Sequence[str], names: Sequence[str], environment: Mapping[str, str], variable: str
) -> str:
    """Find an option's last value in raw arguments: `-o json`, `-ojson`, `--output=json`."""
    found = environment.get(variable, "")
    for i, argument in enumerate(arguments):
        for name in names:
            separator = "=" if name.startswith("--") else ""
            if argument == name and i + 1 < len(arguments):
                found = arguments[i + 1]
            elif argument.startswith(name + separator) and argument != name:
                found = argument[len(name + separator) :]
    return found
