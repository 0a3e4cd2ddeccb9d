"""The hour of the week in a test's embedded AWS: its own, whenever the test is run.

A maintenance window opens once a week and a nightly job begins by itself. So a test's AWS begins on
Wednesday at 12:01 UTC, far from both, and four minutes before the next round one.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from reconciler.local.clock import WorldClock

MIDWEEK = "wed:12:01"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = timedelta(days=7)


def midweek() -> WorldClock:
    """Return the clock for a new embedded AWS: real time, brought forward to the next `MIDWEEK`."""
    clock = WorldClock()
    bring(clock, MIDWEEK)
    return clock


def bring(clock: WorldClock, hour: str) -> None:
    """Let time pass until it is `hour`, `sun:05:20` in UTC."""
    day, clock_time = hour.split(":", 1)
    now = clock.now()
    monday = datetime.combine(now.date() - timedelta(days=now.weekday()), time(tzinfo=UTC))
    wanted = datetime.combine(
        monday.date() + timedelta(days=_DAYS.index(day)), time.fromisoformat(clock_time), UTC
    )
    clock.advance((wanted - now) % _WEEK)
