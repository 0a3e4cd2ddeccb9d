"""Progress on stderr: one line per event, and a sign of life when nothing is said for 30 seconds.

Never cursor movement. A stderr that nobody reads must not stop what is being done.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Invocation
from reconciler.cli.output import plain

if TYPE_CHECKING:
    from reconciler.model.events import Event

SIGNS = {
    "done": click.style("✔", fg="green"),
    "progress": click.style("◎", fg="cyan"),
    "attention": click.style("!", fg="yellow"),
    "failed": click.style("✗", fg="red"),
}
HEARTBEAT = timedelta(seconds=30)


class Progress:
    """Takes events from any thread and prints them; `say` is the callback that `app` is given."""

    def __init__(self, invocation: Invocation, *, several: bool = False) -> None:
        self._invocation = invocation
        self._several = several
        self._spoke = threading.Event()
        self._last = ""
        self._said: dict[tuple[str, str], str] = {}

    def say(self, event: Event) -> None:
        """Print one event; --quiet prints none."""
        if event.kind == "waiting":
            self._last = " ".join(filter(None, (self._app(event), event.message)))
            return
        subject = (event.key, event.address)
        if event.message == self._said.get(subject) and event.kind == "progress":
            return  # no change; `alive` repeats it when nothing else is said
        self._said[subject] = event.message
        self._last = " ".join(filter(None, (self._app(event), event.address, event.message)))
        self._spoke.set()
        if self._invocation.values["quiet"]:
            return
        as_json = self._invocation.values["log_format"] == "json"
        self._print(_json_line(event) if as_json else self._text_line(event))

    @contextmanager
    def alive(self, interval: timedelta = HEARTBEAT) -> Iterator[None]:
        """Say what is being waited for whenever nothing was said for the interval."""
        done = threading.Event()
        thread = threading.Thread(
            target=self._beat, args=(done, interval), name="heartbeat", daemon=True
        )
        if not self._invocation.values["quiet"]:
            thread.start()
        try:
            yield
        finally:
            done.set()
            if thread.ident is not None:
                thread.join()

    def _beat(self, done: threading.Event, interval: timedelta) -> None:
        while not done.wait(interval.total_seconds()):
            if self._spoke.is_set():
                self._spoke.clear()
            elif self._last and self._invocation.values["log_format"] == "plain":
                self._print(f"  … still waiting: {self._last}")

    def _text_line(self, event: Event) -> str:
        app = f"{name} " if (name := self._app(event)) else ""
        where = f"{event.address:<20} " if event.address else ""
        return f"{SIGNS[event.kind]} {app}{where}{event.message}"

    def _app(self, event: Event) -> str:
        return event.key if self._several else ""

    def _print(self, line: str) -> None:
        try:
            self._invocation.output.note(line)
        except OSError:
            return


def _json_line(event: Event) -> str:
    import json  # noqa: PLC0415 - --help does without

    fields = {
        "time": event.at,
        "event": event.kind,
        "app": event.key,
        "address": event.address,
        "message": event.message,
    }
    return json.dumps(fields, ensure_ascii=False, default=plain)
