"""What the verbs that wait for runs share: who waits at the terminal, and how an end is told.

The container's own output goes to stdout untouched; everything that we say goes to stderr.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.apps import API_VERSION
from reconciler.cli.documents import diagnosis_document
from reconciler.cli.failure import INTERRUPTED, TERMINATED, Terminated
from reconciler.cli.options import Invocation
from reconciler.cli.output import silence_stdout
from reconciler.cli.progress import SIGNS
from reconciler.controller.signals import handled_by
from reconciler.model.clock import format_duration

if TYPE_CHECKING:
    from reconciler.app.outcome import Outcome
    from reconciler.model.run import Run

STILL_RUNS = click.style("►", fg="cyan")


class Terminal:
    """Prints what tasks do, and takes Ctrl-C: once asks for their end, twice leaves them alone.

    Where it does not stop them it leaves them at once. Again ends this process, whatever it waits for.
    With `several` each line says of which task it is. With -o json logs go to stderr: stdout is one
    document.
    """

    def __init__(
        self, invocation: Invocation, *, several: bool = False, stops: bool = True
    ) -> None:
        self.stop = False
        self.leave = False
        self.started: dict[int, str] = {}
        """The tasks that are known, by their number."""
        self.signal = 0
        """The first signal that came, 0 when none did."""
        self._invocation, self._several, self._stops = invocation, several, stops
        self._news = threading.Event()
        self._began = time.monotonic()
        self._stream = sys.stderr if invocation.output.is_json else sys.stdout

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGINT, SIGTERM and SIGHUP for as long as this lasts."""
        with handled_by(self._take, signal.SIGINT, signal.SIGTERM):
            yield

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self.leave:
            raise KeyboardInterrupt if number == signal.SIGINT else Terminated
        self.signal = self.signal or number
        if self.stop or not self._stops:
            self.leave = True
        else:
            self.stop = True
            self._note("! asking for its end; again to leave it alone")
        self._news.set()

    @property
    def code(self) -> int:
        """The exit code of a process that this signal ended."""
        return INTERRUPTED if self.signal == signal.SIGINT else TERMINATED

    def pause(self, length: timedelta) -> None:
        """Wait so long, or until a signal comes."""
        if self._news.wait(length.total_seconds()):
            self._news.clear()

    def moved(self, number: int, arn: str, status: str) -> None:
        """Say the state of a task, with the time since the beginning."""
        self.started[number] = arn
        self._note(f"{STILL_RUNS} {self._of(number)}task {short(arn)} {status} ({self.elapsed()})")

    def said(self, number: int, message: str) -> None:
        """Say something on stderr."""
        self._note(f"{SIGNS['progress']} {self._of(number)}{message} ({self.elapsed()})")

    def lines(self, number: int, lines: Sequence[str]) -> None:
        """Write what a container wrote, as it is. A reader that has gone away does not end the task."""
        try:
            self._write(self._of(number), lines)
        except BrokenPipeError:
            silence_stdout()

    def _write(self, before: str, lines: Sequence[str]) -> None:
        self._stream.write("".join(f"{before}{line}\n" for line in lines))
        self._stream.flush()

    def elapsed(self) -> str:
        """Return how long it has been, in words."""
        return format_duration(timedelta(seconds=int(time.monotonic() - self._began)))

    def _of(self, number: int) -> str:
        return f"[{number + 1}] " if self._several else ""

    def _note(self, text: str) -> None:
        if not self._invocation.values["quiet"]:
            self._invocation.output.note(text)


def short(arn: str) -> str:
    """Return the beginning of a task's id: enough to name it."""
    return arn.rpartition("/")[2][:12]


def tell(invocation: Invocation, terminal: Terminal, outcomes: Sequence[Outcome]) -> int:
    """Say how tasks ended, with the diagnosis of those that failed, and return the worst exit code."""
    for number, outcome in enumerate(outcomes):
        of = f"[{number + 1}] " if len(outcomes) > 1 else ""
        if outcome.code is None:
            continue
        sign = SIGNS["failed"] if outcome.code else SIGNS["done"]
        text = f"{sign} {of}{_name(outcome.run)} {_end(outcome)} ({terminal.elapsed()})"
        if outcome.code and outcome.diagnosis is not None:
            # The log was just passed on as a whole.
            text = "\n".join([text, *replace(outcome.diagnosis, log_lines=()).lines()[1:]])
        if outcome.code or not invocation.values["quiet"]:
            invocation.output.note(text)
    return max((outcome.code or 0 for outcome in outcomes), default=0)


def _name(run: Run) -> str:
    if run.kind == "task":
        return f"task {short(run.task_arn or '')}".rstrip()
    return f"{run.address} {run.which}"


def _end(outcome: Outcome) -> str:
    from reconciler.runs.outcome import timed_out  # noqa: PLC0415 - not for --help

    run = outcome.run
    if run.exit_code is not None:
        late = "ran longer than its timeout, " if timed_out(run) else ""
        return f"{late}exit {run.exit_code}"
    if not run.ended:  # ECS's word, which nobody has written down
        return f"has stopped, code {outcome.code}"
    return "never started" if run.state == "FAILED" else str(run.state)


def say_it_goes_on(
    invocation: Invocation,
    what: str,
    called: Sequence[str],
    verb: str,
    *,
    asked_to_end: bool = False,
) -> None:
    """Say of a run that goes on without us how to see it again and how to stop it, unless that was asked for.

    `verb` is the beginning of its verbs, `reconciler -a KEY job`; `called` what they call the run by.
    """
    name = " ".join(called)
    said = "was asked to end, which is not waited for" if asked_to_end else "goes on"
    lines = [f"{STILL_RUNS} {what} {said}", f"  follow it: {verb} logs -f {name}"]
    if not asked_to_end and not verb.endswith("migration"):
        reason = ' --reason "…"' if verb.endswith("job") else ""
        lines.append(f"  stop it:   {verb} stop {name}{reason}")
    invocation.output.note("\n".join(lines))


def document(key: str, outcomes: Sequence[Outcome], code: int | None) -> dict[str, Any]:
    """Make the one JSON document of a verb of `task`; `exitCode` is null for tasks that go on."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Tasks",
        "key": key,
        "exitCode": code,
        "tasks": [outcome_document(outcome) for outcome in outcomes],
    }


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """Say where a task stands; what it was started with is not part of it."""
    from reconciler.runs.diagnosis import exit_codes  # noqa: PLC0415 - not for --help

    run, diagnosis = outcome.run, outcome.diagnosis
    facts = {
        "idempotencyKey": run.revision,
        "name": run.name,
        "taskArn": run.task_arn,
        "state": run.state,
        "container": run.container,
        "exitCode": run.exit_code,
        "exitCodes": exit_codes(run),
        "code": outcome.code,
        "reason": run.reason,
        "guarantee": run.mode,
        "startedAt": run.intent_at,
        "endedAt": run.settled_at,
    }
    if diagnosis is None:
        return facts
    return facts | diagnosis_document(diagnosis)
