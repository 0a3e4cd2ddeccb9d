"""Durations as Go writes them, `1h30m`: read from flags, written in progress and tables."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import click

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_LONGEST = timedelta(days=366)


def parse_duration(text: str) -> timedelta:
    """Read `30s`, `5m`, `1h30m`, `1.5h`, `500ms`; raises ValueError for anything else, 0 included."""
    text = text.strip()
    total, position = 0.0, 0
    for part in _PART.finditer(text):
        if part.start() != position:
            break
        total += float(part[1]) * _UNITS[part[2]]
        position = part.end()
    if not text or position != len(text):
        raise ValueError(f"'{text}' is not a duration: write 30s, 5m or 1h30m")
    if not 0 < total <= _LONGEST.total_seconds():
        raise ValueError(f"'{text}' is not between 1ms and {_LONGEST.days} days")
    return timedelta(seconds=total)


def format_duration(duration: timedelta) -> str:
    """Write whole seconds as `38s`, `1m52s`, `2h`; below one second as `250ms`."""
    if timedelta(0) < duration < timedelta(seconds=1):
        return f"{int(duration.total_seconds() * 1000)}ms"
    rest, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(rest, 60)
    parts = [f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if n]
    return "".join(parts) or "0s"


class DurationType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer clicks
    """A flag that takes a duration."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Turn the text into a timedelta; a bad one is a usage error that shows the form."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
