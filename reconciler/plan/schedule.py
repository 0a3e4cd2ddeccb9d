"""A schedule: from `0 3 * * *`, `rate(6 hours)` or `cron(0 3 * * ? *)` to the instants it stands for.

Called by `source` to check the text, by `plan.occurrences` to decide what is due, and by `job next`.
PURE: who calls says what time it is. What daylight saving does: docs/kinds/job.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from reconciler.plan.aws_cron import AwsCron, translated

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""The names that cron and Kubernetes know."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RATE = re.compile(r"rate\(\s*(\d+)\s+(minute|hour|day)(s?)\s*\)")
_CRON = re.compile(r"cron\((.*)\)")
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_FIELDS = 5
_LONGEST_RATE = timedelta(days=366)


@dataclass(frozen=True)
class Schedule:
    """A schedule in a time zone. Instants go in and come out as aware datetimes; out in UTC, whole minutes.

    A local time that does not exist (the clock was put forward) is skipped; one that comes twice (put
    back) happens once, the first time. A rate counts from 1970-01-01T00:00Z and knows no local time.
    """

    text: str
    zone: str = "UTC"

    @classmethod
    def parse(cls, text: str, zone: str = "UTC") -> Schedule:
        """Check both; raises ValueError that says which field is wrong, and what is allowed there."""
        if zone not in _zones():
            raise ValueError(f"'{zone}' is no time zone of the IANA database, as Asia/Tokyo is")
        schedule = cls(text, zone)
        if schedule._every is None:
            _ = schedule._cron
            if schedule.after(_EPOCH.replace(year=2000)) is None:
                raise ValueError(f"'{text}' never happens")
        return schedule

    def after(self, instant: datetime) -> datetime | None:
        """Return the first occurrence later than `instant`, None when there is none any more."""
        return next(self._forward(instant), None)

    def latest(self, instant: datetime) -> datetime | None:
        """Return the last occurrence that is not later than `instant`, None when there was none."""
        if self._every is not None:
            return _EPOCH + (instant - _EPOCH) // self._every * self._every
        local = instant.astimezone(self._tz).replace(tzinfo=None)
        # From a minute that comes twice, the later ones of the first time lie before us too.
        start = local + timedelta(hours=3)
        for tick in CronSim(self._cron.expression, start, reverse=True):
            found = self._instant(tick)
            if found is not None and found <= instant:
                return found
            if tick.year < self._cron.first_year:
                return None
        return None

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the occurrences later than `after` and not later than `until`, in order."""
        for occurrence in self._forward(after):
            if occurrence > until:
                return
            yield occurrence

    def _forward(self, after: datetime) -> Iterator[datetime]:
        if self._every is not None:
            number = (after - _EPOCH) // self._every
            while True:
                number += 1
                yield _EPOCH + number * self._every
        local = after.astimezone(self._tz).replace(tzinfo=None)
        # Back over an hour that may come twice: what already happened is left out below.
        start = max(local - timedelta(hours=3), self._cron.eve)
        for tick in CronSim(self._cron.expression, start):
            if tick.year > self._cron.last_year:
                return
            found = self._instant(tick)
            if found is not None and found > after:
                yield found

    def _instant(self, tick: datetime) -> datetime | None:
        """Return the instant of a local time: the first of two, None for one that does not exist."""
        if not self._cron.happens(tick):
            return None
        found = tick.replace(tzinfo=self._tz, fold=0).astimezone(UTC)
        exists = found.astimezone(self._tz).replace(tzinfo=None) == tick
        return found if exists else None

    @cached_property
    def _tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @cached_property
    def _every(self) -> timedelta | None:
        match = _RATE.fullmatch(self.text.strip())
        if match is None:
            if self.text.strip().startswith("rate"):
                raise ValueError(
                    f"'{self.text}': write rate(5 minutes), rate(1 hour) or rate(7 days)"
                )
            return None
        number, unit, plural = int(match[1]), match[2], match[3]
        if not timedelta(0) < number * _UNITS[unit] <= _LONGEST_RATE:
            raise ValueError(f"'{self.text}': from rate(1 minute) to rate(366 days)")
        if (number == 1) == bool(plural):
            # As EventBridge Scheduler has it: rate(1 hour), rate(5 hours).
            raise ValueError(f"'{self.text}': write {number} {unit}{'' if number == 1 else 's'}")
        return number * _UNITS[unit]

    @cached_property
    def _cron(self) -> AwsCron:
        text = " ".join(MACROS.get(self.text.strip(), self.text).split())
        match = _CRON.fullmatch(text)
        if match is not None:
            cron = translated(match[1])
        elif len(text.split()) == _FIELDS:
            cron = AwsCron(text)
        else:
            raise ValueError(
                f"'{self.text}' is no schedule: write five fields as in '0 3 * * *', "
                "rate(6 hours), or cron(0 3 * * ? *) with the six fields of AWS"
            )
        try:
            CronSim(cron.expression, datetime(2000, 1, 1))  # noqa: DTZ001 - only parsed
        except CronSimError as error:
            raise ValueError(f"'{self.text}': {_said(error, cron.expression)}") from error
        return cron


def _said(error: CronSimError, expression: str) -> str:
    """Return cronsim's complaint with what the field may hold."""
    field = str(error).removeprefix("Bad ")
    if field not in _ALLOWED:
        return str(error).lower()
    if field == "day-of-month" and _is_right_in_other_months(expression):
        return "never happens: its months have no such day"
    return f"wrong {field}: {_ALLOWED[field]}; ranges go upwards, steps are 1 or more"


def _is_right_in_other_months(expression: str) -> bool:
    minute, hour, day, _, weekday = expression.split()
    try:
        CronSim(f"{minute} {hour} {day} * {weekday}", datetime(2000, 1, 1))  # noqa: DTZ001 - only parsed
    except CronSimError:
        return False
    return True


_ALLOWED = {
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31, or L for the last",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 or SUN-SAT (0 and 7 are Sunday), 5L, MON#1",
}


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
