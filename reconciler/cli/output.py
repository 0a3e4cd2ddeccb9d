"""The two streams: results on stdout, everything else on stderr; colour, tables and JSON.

No state is told by colour alone, and nothing depends on the terminal's width.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from enum import Enum
from typing import Any, NamedTuple, TextIO

import click

STATE_COLORS = {
    "Synced": "green", "Healthy": "green", "SUCCEEDED": "green", "ok": "green",
    "OutOfSync": "yellow", "Progressing": "yellow", "Suspended": "yellow", "warning": "yellow",
    "RUNNING": "yellow", "LAUNCHING": "yellow", "STOPPING": "yellow", "Missing": "yellow",
    "not permitted to see": "yellow",
    "Degraded": "red", "Held": "red", "FAILED": "red", "UNKNOWN": "red", "failed": "red",
}  # fmt: skip


def wants_color(choice: str, environment: Mapping[str, str], stream: TextIO) -> bool:
    """Decide on colour: the flag, NO_COLOR, FORCE_COLOR or CLICOLOR_FORCE, TERM=dumb, the terminal."""
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        if environment.get(name, "0") not in ("", "0"):
            return True
    return environment.get("TERM") != "dumb" and stream.isatty()


class Output(NamedTuple):
    """Where and how one invocation prints: `form` is text, json, yaml or markdown."""

    form: str = "text"
    color: bool = False
    error_color: bool = False

    @classmethod
    def for_process(cls, form: str, choice: str, environment: Mapping[str, str]) -> Output:
        """Look at this process's streams; stdout and stderr may differ."""
        return cls(
            form,
            wants_color(choice, environment, sys.stdout),
            wants_color(choice, environment, sys.stderr),
        )

    @property
    def is_json(self) -> bool:
        """Whether a machine reads the result."""
        return self.form == "json"

    def result(self, text: str) -> None:
        """Write a piece of the result to stdout."""
        click.echo(text, color=self.color)

    def note(self, text: str) -> None:
        """Say something that is not the result, on stderr."""
        click.echo(text, err=True, color=self.error_color)

    def document(self, value: Any) -> None:
        """Write the one JSON document of the result."""
        self.result(as_json(value))

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table to stdout: columns as wide as they need, the last one never cut."""
        for line in table_lines(header, rows):
            self.result(line)


def as_json(value: Any) -> str:
    """Write a value as JSON: dataclasses and enums by value, times in UTC as RFC 3339."""
    import json  # noqa: PLC0415 - --help does without

    return json.dumps(value, indent=2, ensure_ascii=False, default=plain)


def plain(value: Any) -> Any:
    """Turn one value that JSON has no word for into one it has; TypeError for anything unknown."""
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date() | os.PathLike():
            return str(value)
        case timedelta():
            return value.total_seconds()
        case Enum():
            return value.value
        case set() | frozenset():
            return sorted(value)
        case Mapping():
            return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def local_time(text: str) -> str:
    """Write a stored time in the terminal's zone; a text that is no time stays as it is."""
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    except ValueError:
        return text


def wall_clock(instant: datetime, zone: tzinfo) -> str:
    """Write an instant on the wall clock of a time zone: `Mon 2026-11-30 03:10 JST`."""
    return instant.astimezone(zone).strftime("%a %Y-%m-%d %H:%M %Z")


def styled(word: str) -> str:
    """Colour a state's word; `Output` strips the colour where it is not wanted."""
    color = STATE_COLORS.get(word.strip())
    return click.style(word, fg=color) if color else word


ROLE_COLORS = {
    "create": "green", "update": "yellow", "adopt": "cyan", "delete": "red", "run": "blue",
    "wait": "cyan", "hold": "red",
}  # fmt: skip


def looks(text: str, role: str) -> str:
    """Colour a piece of a plan by its role, as `plan.render` asks for it."""
    color = ROLE_COLORS.get(role)
    return click.style(text, fg=color) if color else click.style(text, dim=True)


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns by two spaces; nothing is wrapped or cut."""
    widths = [max(len(str(row[i])) for row in (header, *rows)) for i in range(len(header))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(header, widths, strict=True)).rstrip()]
    for row in rows:
        cells = [str(c).ljust(w) for c, w in zip(row, widths, strict=True)]
        cells[-1] = cells[-1].rstrip()
        lines.append("  ".join(styled(cell) for cell in cells).rstrip())
    return lines


def make_streams_safe() -> None:
    """Let a terminal that has no `✔` print an escape instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
        reconfigure = getattr(stream, "reconfigure", None)
        if encoding != "utf8" and reconfigure is not None:
            reconfigure(errors="backslashreplace")


def silence_stdout() -> None:
    """Point stdout at nothing: its reader is gone, and Python's own flush at exit must not complain."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, sys.stdout.fileno())
    except (OSError, ValueError):
        return
    finally:
        os.close(nothing)
