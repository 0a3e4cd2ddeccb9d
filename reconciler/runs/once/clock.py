"""Time as `once` uses it: what this machine's clocks say, and the times that AWS writes.

Durations are measured on a clock that goes on while the machine sleeps; times of day are AWS's.
Neither `datetime` nor `calendar` is imported: they cost more than the few lines here.
"""

from __future__ import annotations

import os
import time

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock:
    """The clocks of this machine. A test replaces it."""

    def boot(self) -> float:
        """Return seconds since the machine was started, the time that it slept included."""
        return time.clock_gettime(_CLOCK)

    def wall(self) -> float:
        """Return the machine's idea of the time, seconds since 1970; for signatures only."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(max(0.0, seconds))

    def jittered(self, seconds: float) -> float:
        """Return about as many seconds: up to a fifth less or more, so that a crowd spreads out."""
        return seconds * (0.8 + 0.4 * os.urandom(1)[0] / 255)


def epoch(year: int, month: int, day: int, seconds: int = 0) -> int:
    """Return the seconds since 1970 of a moment in UTC; `seconds` are those since midnight."""
    shifted = year - (month <= 2)  # noqa: PLR2004 - the year of the calculation begins in March
    era, of_era = divmod(shifted, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1  # noqa: PLR2004 - as above
    days = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
    return days * _DAY + seconds


def parse_http_date(text: str) -> int | None:
    """Read a Date header, `Sat, 28 Nov 2026 17:10:07 GMT`; None for what is none."""
    parts = text.split()
    try:
        _, day, month, year, clock = parts[:5]
        return epoch(int(year), _MONTHS.index(month) + 1, int(day), _seconds(clock))
    except ValueError:
        return None


def parse_iso(text: str) -> int | None:
    """Read `2026-11-28T17:10:07Z`, fractions dropped, always as UTC; None for what is none."""
    date, _, rest = text.replace(" ", "T").partition("T")
    try:
        year, month, day = (int(part) for part in date.split("-"))
        return epoch(year, month, day, _seconds(rest[:8]))
    except ValueError:
        return None


def _seconds(clock: str) -> int:
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return hours * _HOUR + minutes * _MINUTE + seconds


def at(seconds: float) -> str:
    """Write a moment for people: `2026-11-28 17:10:07 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def lasting(seconds: float) -> str:
    """Write a duration as Go does: `38s`, `1m52s`, `2h`; below ten seconds with a tenth."""
    if 0 < seconds < 10:  # noqa: PLR2004 - short ones are told apart by tenths
        tenths = f"{seconds:.1f}".removesuffix(".0")
        return f"{tenths}s"
    minutes, left = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    parts = [f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (left, "s")) if n]
    return "".join(parts) or "0s"


def parse_duration(text: str) -> float:
    """Read a duration as Go writes it, `1h30m`, `250ms`; raises ValueError with the form."""
    left, total = text.strip(), 0.0
    while left:
        digits = left[: len(left) - len(left.lstrip("0123456789."))]
        left = left[len(digits) :]
        unit = next((u for u in ("ms", "h", "m", "s") if left.startswith(u)), "")
        try:
            number = float(digits)
        except ValueError:
            unit = ""
        if not unit:
            raise ValueError(f"'{text}' is no duration: write 30s, 5m or 1h30m")
        total += number * {"h": _HOUR, "m": _MINUTE, "s": 1, "ms": 0.001}[unit]
        left = left[len(unit) :]
    if not text.strip():
        raise ValueError("an empty text is no duration: write 30s, 5m or 1h30m")
    return total
