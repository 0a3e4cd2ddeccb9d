"""What the verbs `logs` of jobs, migrations and tasks share: flags, the one document, how they end.

What a container wrote goes to stdout as it is, line by line; with -o json into one document that is
written as the lines come, so that no log is too long for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import tasks
from reconciler.cli.apps import API_VERSION, the_one
from reconciler.cli.documents import run_document
from reconciler.cli.options import Invocation, option
from reconciler.cli.output import as_json

if TYPE_CHECKING:
    from reconciler.app.outcome import Outcome
    from reconciler.app.run_logs import Excerpt
    from reconciler.controller.audience import Audience
    from reconciler.model.names import AppKey
    from reconciler.model.run import Run

Read = Callable[["Excerpt", "Audience"], "Outcome | None"]


def attempt_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flag of runs that may be tried again."""
    add = option(
        "--attempt",
        type=click.IntRange(min=1),
        metavar="N",
        help="Of a run that was tried again: this attempt's, otherwise the newest one's.",
    )
    return add(function)


def log_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags that every `logs` has."""
    for add in (
        option(
            "-f",
            "--follow",
            is_flag=True,
            help="On to the end of the run, and exit as it did. Ctrl-C leaves it alone.",
        ),
        option(
            "-n",
            "--tail",
            type=click.IntRange(min=0),
            help="Begin so many lines before the end; otherwise at the beginning.",
        ),
    ):
        function = add(function)
    return function


class LogDocument:
    """The JSON document of a log, written as it comes: nothing before the first line or the end."""

    def __init__(self, key: AppKey) -> None:
        self._key, self._count, self._open = key, 0, False

    def add(self, lines: Sequence[str]) -> None:
        """Write some lines."""
        self._begin()
        text = []
        for line in lines:
            text.append(f"{',' if self._count else ''}\n    {as_json(line)}")
            self._count += 1
        sys.stdout.write("".join(text))
        sys.stdout.flush()

    def end(self, outcome: Outcome | None, code: int | None) -> None:
        """Write the end: how the run stands, and the exit code of one that has ended."""
        self._begin()
        run = run_document(outcome.run) if outcome else None
        rest = as_json({"run": run, "exitCode": code}).removeprefix("{\n")
        sys.stdout.write(f"{self._bracket()},\n{rest}\n")
        self._open = False

    def break_off(self) -> None:
        """Close a document that was begun, where an error comes in its place: it lacks `run`."""
        if self._open:
            sys.stdout.write(f"{self._bracket()}\n}}\n")

    def _begin(self) -> None:
        if not self._open:
            self._open = True
            head = as_json({"apiVersion": API_VERSION, "kind": "Log", "key": self._key})
            sys.stdout.write(head.removesuffix("\n}") + ',\n  "lines": [')

    def _bracket(self) -> str:
        return "\n  ]" if self._count else "]"


class Reader(tasks.Terminal):
    """Whoever reads a log: leaves the run alone, and is gone when the reader of stdout is."""

    def __init__(self, invocation: Invocation, document: LogDocument | None) -> None:
        super().__init__(invocation, stops=False)
        self._document = document

    def lines(self, number: int, lines: Sequence[str]) -> None:
        """Write what a container wrote, as it is. Raises BrokenPipeError, which ends the verb."""
        del number
        if self._document is None:
            self._write("", lines)
        else:
            self._document.add(lines)


def show_run_log(
    invocation: Invocation, kind: str, name: str, revision: str | None, **limits: Any
) -> int:
    """Show the log of a run of a job (JOB) or migration (MIGRATION): of `revision`, else of the newest one.

    `limits` are the flags of `log_options`. Returns the exit code.
    """
    from reconciler.app.run_logs import run_log  # noqa: PLC0415 - brings boto3
    from reconciler.model.run import RunKind  # noqa: PLC0415 - as above

    desired = the_one(invocation)

    def read(excerpt: Excerpt, audience: Audience) -> Outcome | None:
        return run_log(
            invocation.settings,
            desired,
            RunKind[kind],
            name,
            revision,
            excerpt=excerpt,
            audience=audience,
        )

    return show_log(invocation, desired.key, read, **limits)


def show_log(  # noqa: PLR0913 - the flags of the verbs
    invocation: Invocation,
    key: AppKey,
    read: Read,
    *,
    follow: bool,
    tail: int | None,
    attempt: int | None = None,
) -> int:
    """Show the log that `read` passes on; return the exit code: with `follow` the run's own."""
    from reconciler.app.run_logs import Excerpt  # noqa: PLC0415 - brings boto3
    from reconciler.controller.audience import Audience  # noqa: PLC0415 - as above

    document = LogDocument(key) if invocation.output.is_json else None
    reader = Reader(invocation, document)
    try:
        with reader.listening():
            outcome = read(Excerpt(tail, follow, attempt), Audience(reader, reader))
    except BaseException:
        if document is not None:
            document.break_off()
        raise
    ran = outcome.code if outcome else None
    if document is not None:
        document.end(outcome, ran)
    elif follow and outcome is not None and not reader.signal:
        tasks.tell(invocation, reader, [outcome])
    if outcome is not None and attempt is None and not follow:
        _say_which(invocation, outcome.run)
    if ran is None:
        _say_it_goes_on(invocation, key, outcome, follow=follow)
    if reader.signal:
        return reader.code
    return (ran or 0) if follow else 0


def _say_which(invocation: Invocation, run: Run) -> None:
    """Say of a run that was tried again that there is more, and how to see it."""
    if run.past and not invocation.values["quiet"]:
        before = ", ".join(str(past.number) for past in run.past)
        invocation.output.note(f"that was attempt {run.attempt}: --attempt shows {before}")


def _say_it_goes_on(
    invocation: Invocation, key: AppKey, outcome: Outcome | None, *, follow: bool
) -> None:
    if outcome is None or invocation.values["quiet"]:
        return
    run = outcome.run
    called = (
        [tasks.short(run.task_arn or run.revision)]
        if run.kind == "task"
        else [run.name, run.revision]
    )
    what = f"{run.address} {run.which}"
    if follow:
        tasks.say_it_goes_on(invocation, what, called, f"reconciler -a {key} {run.kind}")
    else:
        invocation.output.note(f"{tasks.STILL_RUNS} {what} is {run.state}: -f follows it")
