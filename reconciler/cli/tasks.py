"""What the verbs of `task` share: who waits at the terminal, and how an end is told.

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
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.apps import API_VERSION
from reconciler.cli.durations import spelled
from reconciler.cli.options import Invocation
from reconciler.cli.output import silence_stdout
from reconciler.cli.progress import SIGNS
from reconciler.controller.signals import handled_by

if TYPE_CHECKING:
    from datetime import timedelta

    from reconciler.app.one_off import Outcome

INTERRUPTED, TERMINATED = 130, 143
STILL_RUNS = click.style("►", fg="cyan")


class Terminal:
    """Prints what tasks do, and takes Ctrl-C: once asks for their end, twice leaves them alone.

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
        before = self._of(number)
        try:
            self._stream.write("".join(f"{before}{line}\n" for line in lines))
            self._stream.flush()
        except BrokenPipeError:
            silence_stdout()

    def elapsed(self) -> str:
        """Return how long it has been, in words."""
        return spelled(time.monotonic() - self._began)

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
    from reconciler.runs.outcome import timed_out  # noqa: PLC0415 - not for --help

    for number, outcome in enumerate(outcomes):
        of = f"[{number + 1}] " if len(outcomes) > 1 else ""
        run, name = outcome.run, f"task {short(outcome.run.task_arn or '')}".rstrip()
        if outcome.code is None:
            continue
        sign = SIGNS["failed"] if outcome.code else SIGNS["done"]
        if run.exit_code is not None:
            end = f"exit {run.exit_code}"
            if timed_out(run):
                end = f"ran longer than its timeout, {end}"
        else:
            end = "never started" if run.state == "FAILED" else str(run.state)
        text = f"{sign} {of}{name} {end} ({terminal.elapsed()})"
        if outcome.diagnosis is not None:
            # The log was just passed on as a whole.
            text = "\n".join([text, *replace(outcome.diagnosis, log_lines=()).lines()[1:]])
        if outcome.code or not invocation.values["quiet"]:
            invocation.output.note(text)
    return max((outcome.code or 0 for outcome in outcomes), default=0)


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
    run, diagnosis = outcome.run, outcome.diagnosis
    facts = {
        "idempotencyKey": run.revision,
        "name": run.name,
        "taskArn": run.task_arn,
        "state": run.state,
        "container": run.container,
        "exitCode": run.exit_code,
        "code": outcome.code,
        "reason": run.reason,
        "guarantee": run.mode,
        "startedAt": run.intent_at,
        "endedAt": run.settled_at,
    }
    if diagnosis is None:
        return facts
    return facts | {
        "stopCode": diagnosis.stop_code,
        "stoppedReason": diagnosis.stopped_reason,
        "exitCodes": dict(diagnosis.exit_codes),
        "likelyCause": diagnosis.likely_cause,
        "log": list(diagnosis.log_lines),
        "next": diagnosis.next_command,
    }
