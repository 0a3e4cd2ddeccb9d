"""Durations as Go writes them, `1h30m`: the flag that takes one. Called by the verbs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click


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
