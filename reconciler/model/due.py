"""What a scheduled job may do about occurrences that were missed or that meet a run still under way.

Declared in the files (`source`), decided on by `plan.occurrences`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Concurrency(StrEnum):
    """What happens to an occurrence while a run of the job is under way: Kubernetes's three words."""

    FORBID = "forbid"
    ALLOW = "allow"
    REPLACE = "replace"


class CatchUp(StrEnum):
    """Which occurrences are made up for that nobody started in time, as while no controller was alive."""

    LATEST = "latest"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True)
class JobPolicy:
    """How a job treats its occurrences. Without a starting deadline nothing is ever too late."""

    concurrency: Concurrency = Concurrency.FORBID
    catch_up: CatchUp = CatchUp.LATEST
    starting_deadline: timedelta | None = None
    suspended: bool = False


@dataclass(frozen=True)
class Skipped:
    """Occurrences that are never started, from the first to the last of them, and why."""

    first: datetime
    last: datetime
    count: int
    """At most `plan.occurrences.COUNTED`: more than that are not counted."""
    reason: str


@dataclass(frozen=True)
class Due:
    """What is to be done about a job now: at most one occurrence is started in one pass.

    `skipped` come before `start`, and are decided together with it. `waits` says why an occurrence
    that is due is neither started nor skipped.
    """

    start: datetime | None = None
    skipped: tuple[Skipped, ...] = ()
    waits: str = ""
    next: datetime | None = None
    """The next occurrence that is not due yet."""
    look_again: datetime | None = None
    """When the answer changes by itself: the next occurrence, or the end of a deadline."""
