"""AWS's six fields, `cron(0 3 ? * MON-FRI 2026)`, in the words of cron and two conditions on top.

Called by `plan.schedule`. The fields and their signs: Amazon EventBridge Scheduler, "Schedule types".
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta

_FIELDS = 6
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_WEEKDAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NAMES = re.compile("|".join(_MONTHS))
_RANGE = re.compile(r"(\d+)-(\d+)(?:/(\d+))?")
_SATURDAY, _SUNDAY = 5, 6
"""As `datetime.weekday` counts."""


@dataclass(frozen=True)
class AwsCron:
    """A five-field expression, and what five fields cannot say: years, and `15W`."""

    expression: str
    years: frozenset[int] = frozenset()
    """Empty: every year."""
    near: int = 0
    """The day of the month that `W` moves to its nearest weekday; 0: none."""

    @property
    def first_year(self) -> int:
        """The first year in which something can happen."""
        return min(self.years, default=_FIRST_YEAR)

    @property
    def last_year(self) -> int:
        """The last year in which something can happen."""
        return max(self.years, default=_LAST_YEAR)

    @property
    def eve(self) -> datetime:
        """The last moment on the wall clock before something can happen."""
        return datetime(self.first_year, 1, 1) - timedelta(seconds=1)  # noqa: DTZ001 - a wall clock

    def happens(self, tick: datetime) -> bool:
        """Whether a minute that the five fields name is meant."""
        if self.years and tick.year not in self.years:
            return False
        return not self.near or tick.day == nearest_weekday(tick.year, tick.month, self.near)


def translated(text: str) -> AwsCron:
    """Read six fields; raises ValueError for what AWS would refuse too."""
    fields = text.upper().split()
    if len(fields) != _FIELDS:
        raise ValueError(
            f"cron({text}) has {len(fields)} fields; AWS's has six: minutes, hours, day of month, month, "
            "day of week, year"
        )
    minute, hour, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise ValueError(
            f"cron({text}): exactly one of day of month and day of week must be '?', as AWS has it"
        )
    near = 0
    if match := re.fullmatch(r"(\d{1,2})W", day):
        near, day = int(match[1]), "*"
        if not 1 <= near <= 31:  # noqa: PLR2004 - days of a month
            raise ValueError(f"cron({text}): wrong day-of-month: 1W to 31W")
    day = "*" if day == "?" else day
    weekday = "*" if weekday == "?" else ",".join(_weekday(text, w) for w in weekday.split(","))
    fields = [
        _unwrapped(minute, 0, 59),
        _unwrapped(hour, 0, 23),
        day,
        _unwrapped(_NAMES.sub(lambda name: str(_MONTHS.index(name[0]) + 1), month), 1, 12),
        _unwrapped(weekday, 0, 6),
    ]
    return AwsCron(" ".join(fields), _years(text, year), near)


def _unwrapped(field: str, low: int, high: int) -> str:
    """Spell ranges that go over the end as lists: AWS takes `20-2` and `SAT-SUN`, cron does not."""
    return ",".join(_as_list(part, low, high) for part in field.split(","))


def _as_list(part: str, low: int, high: int) -> str:
    match = _RANGE.fullmatch(part)
    if match is None:
        return part
    first, last, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if not (low <= last < first <= high) or not step:
        return part
    length = high - low + 1
    values = range(first, last + length + 1, step)
    return ",".join(str((value - low) % length + low) for value in values)


def nearest_weekday(year: int, month: int, day: int) -> int:
    """Return the weekday nearest to a day, in the same month; 0 when the month has no such day."""
    last = monthrange(year, month)[1]
    if day > last:
        return 0
    falls_on = datetime(year, month, day).weekday()  # noqa: DTZ001 - a calendar has no zone
    if falls_on == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if falls_on == _SUNDAY:
        return day + 1 if day < last else day - 2
    return day


def _weekday(text: str, field: str) -> str:
    """Turn 1-7 for SUN-SAT into cron's 0-6; `L` alone is Saturday."""
    if field == "L":
        return "6"
    body, step = (*field.split("/", 1), "")[:2] if "/" in field else (field, "")
    if body != "*":
        body = "-".join(_day_number(text, part) for part in body.split("-"))
    return f"{body}/{step}" if step else body


def _day_number(text: str, part: str) -> str:
    match = re.fullmatch(r"([1-7]|[A-Z]{3})(L|#[1-5])?", part)
    number = None
    if match is not None:
        number = int(match[1]) if match[1].isdigit() else _WEEKDAYS.get(match[1])
    if match is None or number is None:
        raise ValueError(
            f"cron({text}): wrong day-of-week '{part}': 1-7 or SUN-SAT (1 is Sunday), 6L, MON#1"
        )
    return f"{number - 1}{match[2] or ''}"


def _years(text: str, field: str) -> frozenset[int]:
    if field == "*":
        return frozenset()
    years: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(\*|(\d{4})(?:-(\d{4}))?)(?:/(\d+))?", part)
        if match is None or match[4] == "0":
            raise ValueError(f"cron({text}): wrong year '{part}': 1970-2199")
        first = int(match[2]) if match[2] else _FIRST_YEAR
        last = int(match[3]) if match[3] else (_LAST_YEAR if match[4] or not match[2] else first)
        if not _FIRST_YEAR <= first <= last <= _LAST_YEAR:
            raise ValueError(f"cron({text}): wrong year '{part}': 1970-2199")
        years.update(range(first, last + 1, int(match[4] or 1)))
    return frozenset(years)
