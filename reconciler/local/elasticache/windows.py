"""Maintenance windows, `sun:05:00-sun:06:00` in UTC, and when the next one opens."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from reconciler.local.elasticache.errors import invalid

DEFAULT_WINDOW = "sun:05:00-sun:06:00"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PART = r"(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):([0-5]\d)"
_WINDOW = re.compile(f"{_PART}-{_PART}")
_WEEK = timedelta(days=7)
_SHORTEST = timedelta(minutes=60)


def checked_window(text: str) -> str:
    """Return a window in lower case. Raises InvalidParameterValue for a bad one or less than an hour."""
    window = text.lower()
    if not _WINDOW.fullmatch(window):
        raise invalid(
            f"Invalid maintenance window {text!r}: the format is ddd:hh24:mi-ddd:hh24:mi."
        )
    start, end = _offsets(window)
    if (end - start) % _WEEK < _SHORTEST:
        raise invalid("The maintenance window must be at least 60 minutes.")
    return window


def next_opening(window: str, now: datetime) -> datetime:
    """Return when the window opens next, or `now` while it is open."""
    start, end = _offsets(window)
    monday = (now - timedelta(days=now.weekday())).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    since = (now - monday - start) % _WEEK
    return now if since < (end - start) % _WEEK else now - since + _WEEK


def _offsets(window: str) -> tuple[timedelta, timedelta]:
    """Return start and end as times since Monday midnight."""
    found = _WINDOW.fullmatch(window)
    if found is None:
        raise ValueError(window)
    day, hour, minute, end_day, end_hour, end_minute = found.groups()
    return _offset(day, hour, minute), _offset(end_day, end_hour, end_minute)


def _offset(day: str, hour: str, minute: str) -> timedelta:
    return timedelta(days=_DAYS.index(day), hours=int(hour), minutes=int(minute))
