"""Durations as Go writes them, `1h30m`: the flag that takes one, and their spelling in tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click


def format_duration(duration: timedelta) -> str:
    """Write whole seconds as `38s`, `1m52s`, `2h`; below one second as `250ms`."""
    if timedelta(0) < duration < timedelta(seconds=1):
        return f"{duration // timedelta(milliseconds=1)}ms"
    rest, seconds = divmod(duration // timedelta(seconds=1), 60)
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
        from reconciler.source.duration import parse_duration  # noqa: PLC0415 - not for --help

        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(f"'{value}' {error}", param, ctx)
