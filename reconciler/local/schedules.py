"""When a scheduled action of Application Auto Scaling runs next: `at(…)`, `rate(…)`, `cron(…)`.

Called by `scaling_registry`. cron has AWS's six fields, Sunday is 1, and one of the two day fields is
`?`. A time that a clock change skips does not happen, one that it repeats happens once. Source:
"Schedule recurring scaling actions" in the Application Auto Scaling user guide.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_SHAPE = re.compile(r"(at|rate|cron)\((.+)\)")
_UNITS = {"minute": 1, "hour": 60, "day": 1440}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_DAYS_AHEAD = 5 * 366
_FIELDS = 6
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Schedule:
    """A parsed schedule. Raises ValueError in `parse` for one that is not understood."""

    kind: str
    words: Sequence[str]
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str, zone: str = "") -> Schedule:
        """Read an expression and the name of a time zone, UTC when empty."""
        shape = _SHAPE.fullmatch(text.strip())
        if shape is None:
            raise ValueError(f"{text} is no at, rate or cron expression")
        words = shape[2].split()
        schedule = cls(shape[1], words, ZoneInfo(zone or "UTC"))
        if shape[1] == "cron" and len(words) != _FIELDS:
            raise ValueError(f"{text}: cron has six fields")
        schedule._check()
        return schedule

    def _check(self) -> None:
        """Look at every field, whatever the year that is named and the one that it is; raises ValueError."""
        words = self.words
        if self.kind == "cron":
            _values(words[-1], _FIRST_YEAR, _LAST_YEAR)
            words = [*words[:-1], "*"]
        Schedule(self.kind, words, self.zone).next_after(_SOME_TIME, _SOME_TIME)

    def next_after(self, moment: datetime, start: datetime) -> datetime | None:
        """Return the first time after `moment`; a rate counts from `start`. None: never again."""
        if self.kind == "at":
            once = datetime.fromisoformat(self.words[0]).replace(tzinfo=self.zone)
            return once if once > moment else None
        if self.kind == "rate":
            return _next_of_rate(self.words, moment, start)
        return self._next_of_cron(moment)

    def _next_of_cron(self, moment: datetime) -> datetime | None:
        minutes, hours, *_, years = self.words
        local = moment.astimezone(self.zone)
        for ahead in range(_DAYS_AHEAD):
            day = local.date() + timedelta(days=ahead)
            if not (_in(day.year, years, _FIRST_YEAR, _LAST_YEAR) and self._on(day)):
                continue
            for hour in _values(hours, 0, 23):
                for minute in _values(minutes, 0, 59):
                    found = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                    if found > moment and _exists(found):
                        return found
        return None

    def _on(self, day: date) -> bool:
        _, _, days, months, weekdays, _ = self.words
        if not _in(day.month, months, 1, 12, _MONTHS):
            return False
        last = calendar.monthrange(day.year, day.month)[1]
        if days.endswith("W"):
            return day.day == _nearest_weekday(day, days[:-1], last)
        if days not in ("?", "*"):
            return day.day == last if days == "L" else _in(day.day, days, 1, 31)
        return weekdays in ("?", "*") or _on_weekday(day, weekdays, last)


def _next_of_rate(words: Sequence[str], moment: datetime, start: datetime) -> datetime:
    unit = _UNITS.get(words[1].removesuffix("s"), 0)
    every = timedelta(minutes=int(words[0]) * unit)
    if every <= timedelta():
        raise ValueError(f"rate({' '.join(words)}) is no rate")
    if moment < start:
        return start
    return start + ((moment - start) // every + 1) * every


def _nearest_weekday(day: date, field: str, last: int) -> int:
    """Return the day of `15W` or `LW` in the month of `day`: the weekday next to it, in that month."""
    wanted = day.replace(day=last if field == "L" else min(int(field), last))
    if wanted.weekday() == 5:  # noqa: PLR2004 - Saturday
        return wanted.day - 1 if wanted.day > 1 else wanted.day + 2
    if wanted.weekday() == 6:  # noqa: PLR2004 - Sunday
        return wanted.day + 1 if wanted.day < last else wanted.day - 2
    return wanted.day


def _on_weekday(day: date, field: str, last: int) -> bool:
    """Whether a day of the week matches: `MON-FRI`, `6#3` for the third Friday, `6L` for the last."""
    number = day.isoweekday() % 7 + 1  # Sunday is 1
    if "#" in field:
        wanted, _, nth = field.partition("#")
        return _in(number, wanted, 1, 7, _WEEKDAYS, 1) and (day.day - 1) // 7 + 1 == int(nth)
    if field.endswith("L") and field != "L":
        return _in(number, field[:-1], 1, 7, _WEEKDAYS, 1) and day.day > last - 7
    return _in(number, "7" if field == "L" else field, 1, 7, _WEEKDAYS, 1)


def _in(  # noqa: PLR0913, PLR0917 - a field and its range
    value: int, field: str, low: int, high: int, names: Sequence[str] = (), first: int = 1
) -> bool:
    return value in _values(field, low, high, names, first)


def _values(
    field: str, low: int, high: int, names: Sequence[str] = (), first: int = 1
) -> Sequence[int]:
    """Return the numbers that a field stands for, sorted: `*`, `a`, `a-b`, `a/step`, lists of them."""
    found: set[int] = set()
    for part in field.upper().split(","):
        span, slash, step = part.partition("/")
        begin, dash, end = span.partition("-")
        start = low if begin == "*" else _number(begin, names, first)
        stop = _number(end, names, first) if dash else (high if slash or begin == "*" else start)
        if not low <= start <= high or not low <= stop <= high:
            raise ValueError(f"{part} is not within {low} and {high}")
        found.update(range(start, stop + 1, int(step) if slash else 1))
    return sorted(found)


def _number(text: str, names: Sequence[str], first: int) -> int:
    return names.index(text) + first if text in names else int(text)


def _exists(moment: datetime) -> bool:
    """Whether a local time is not skipped by a clock change."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo).replace(tzinfo=None) == (
        moment.replace(tzinfo=None)
    )
