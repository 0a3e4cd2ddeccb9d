"""What happened, said while it happens: the progress lines of `apply`, `run` and `local`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconciler.model.names import AppKey


class EventKind(StrEnum):
    """How a line is marked: done, still going, needs attention, failed.

    WAITING is no line: it is what to name when nothing else was said for a while.
    """

    DONE = "done"
    PROGRESS = "progress"
    ATTENTION = "attention"
    FAILED = "failed"
    WAITING = "waiting"


@dataclass(frozen=True)
class Event:
    """One progress line; `address` is empty when it is about the whole app."""

    kind: EventKind
    key: AppKey
    address: str
    message: str
    at: datetime
