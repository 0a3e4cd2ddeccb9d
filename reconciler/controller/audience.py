"""Whoever waits for a run: what is told to them, and what they may ask for meanwhile.

Used by `one_off`, `following` and `run_output`; played by the terminal (`cli.tasks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


class Listener(Protocol):
    """Hears what happens. `number` says of which task, from 0."""

    def moved(self, number: int, arn: str, status: str) -> None:
        """Hear that a task has another state."""

    def said(self, number: int, message: str) -> None:
        """Hear what a person should know."""

    def lines(self, number: int, lines: Sequence[str]) -> None:
        """Take what a task's container wrote."""


class Wishes(Protocol):
    """What the person who waits asks for meanwhile."""

    stop: bool
    """The tasks are to be stopped."""
    leave: bool
    """They are to be left alone."""

    def pause(self, length: timedelta) -> None:
        """Wait so long, or until something new is asked for."""


@dataclass(frozen=True)
class Audience:
    """Whoever waits: hears what happens, and may ask for something else."""

    listener: Listener
    wishes: Wishes
