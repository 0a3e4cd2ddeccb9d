"""Facts about schedules: texts, time zones, daylight saving, and an independent cron beside ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from croniter import CroniterBadDateError, croniter
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reconciler.plan.schedule import Schedule

ZONES = (
    *("UTC", "America/New_York", "America/Los_Angeles", "America/Sao_Paulo", "America/St_Johns"),
    *("America/Santiago", "America/Havana", "Europe/London", "Europe/Berlin", "Europe/Dublin"),
    *("Africa/Cairo", "Africa/Casablanca", "Asia/Tokyo", "Asia/Kolkata", "Asia/Gaza"),
    *("Asia/Beirut", "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Apia"),
)
FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
"""Ten years."""


def _field(low: int, high: int, *, star: bool = True) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    # croniter reads 1-1 as everything.
    pairs = st.lists(number, min_size=2, max_size=2, unique=True).map(sorted)
    span = pairs.map(lambda pair: f"{pair[0]}-{pair[1]}")
    kinds = [number.map(str), span, st.lists(number, min_size=2, max_size=3).map(_listed)]
    stepped = st.tuples(span, st.integers(2, 9)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    kinds.append(stepped)
    if star:
        kinds.append(st.just("*"))
    return st.one_of(kinds)


def _listed(numbers: list[int]) -> str:
    return ",".join(map(str, numbers))


EXPRESSIONS = st.one_of(
    st.tuples(_field(0, 59), _field(0, 23), _field(1, 31), _field(1, 12), st.just("*")),
    st.tuples(_field(0, 59), _field(0, 23), st.just("*"), _field(1, 12), _field(0, 6)),
    # Both given: either of them matches, as cron has it.
    st.tuples(
        _field(0, 59),
        _field(0, 23),
        _field(1, 28, star=False),
        st.just("*"),
        _field(0, 6, star=False),
    ),
).map(" ".join)


def _ever_happens(expression: str) -> bool:
    try:
        croniter(expression, FIRST).get_next()
    except CroniterBadDateError:
        return False
    return True


def _expected(expression: str, zone: str, after: datetime, number: int) -> list[datetime]:
    """Return what croniter's wall-clock times are in a zone: gaps left out, repeats once."""
    tz = ZoneInfo(zone)
    wall = after.astimezone(tz).replace(tzinfo=None) - timedelta(hours=4)
    found: list[datetime] = []
    for tick in croniter(expression, wall).all_next(datetime):
        instant = tick.replace(tzinfo=tz).astimezone(UTC)
        if instant.astimezone(tz).replace(tzinfo=None) == tick and instant > after:
            found.append(instant)
        if len(found) == number:
            break
    return found


@settings(max_examples=100)
@given(
    EXPRESSIONS,
    st.sampled_from(ZONES),
    st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC)),
)
def test_schedule_agrees_with_an_independent_cron(
    expression: str, zone: str, after: datetime
) -> None:
    """From any instant of ten years, in twenty zones, the next occurrences are croniter's wall times."""
    assume(_ever_happens(expression))
    schedule = Schedule.parse(expression, zone)
    expected = _expected(expression, zone, after, 20)
    assert list(islice(schedule.between(after, LAST.replace(year=2099)), 20)) == expected
    assert schedule.after(after) == expected[0]
    assert schedule.latest(expected[0]) == expected[0]
    assert schedule.latest(expected[1] - timedelta(seconds=1)) == expected[0]


@pytest.mark.parametrize("zone", ZONES)
def test_daily_schedule_runs_on_every_day_of_ten_years(zone: str) -> None:
    """Each day has its 02:30 once, but for the days on which the clock leaps over it."""
    tz, schedule = ZoneInfo(zone), Schedule.parse("30 2 * * *", zone)
    days = [occurrence.astimezone(tz) for occurrence in schedule.between(FIRST, LAST)]
    assert all((day.hour, day.minute, day.fold) == (2, 30, 0) for day in days)
    dates = {day.date() for day in days}
    assert len(dates) == len(days)
    missing = {
        date
        for offset in range(1, (LAST - FIRST).days - 1)
        if (date := (FIRST + timedelta(days=offset)).date()) not in dates
    }
    for date in missing:
        tick = datetime(date.year, date.month, date.day, 2, 30)  # noqa: DTZ001 - a wall clock
        there = tick.replace(tzinfo=tz).astimezone(UTC).astimezone(tz).replace(tzinfo=None)
        assert there != tick


@pytest.mark.parametrize(
    ("text", "zone", "night", "expected"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-29", []),
        ("0 3 * * *", "Europe/Berlin", "2026-03-29", ["01:00"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25", ["00:30"]),
        (
            "*/30 1-3 * * *",
            "Europe/Berlin",
            "2026-10-25",
            ["23:00", "23:30", "00:00", "00:30", "02:00", "02:30"],
        ),
        ("*/30 1-3 * * *", "Europe/Berlin", "2026-03-29", ["00:00", "00:30", "01:00", "01:30"]),
        ("30 1 * * *", "America/New_York", "2026-11-01", ["05:30"]),
        ("30 2 * * *", "America/New_York", "2026-03-08", []),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-04", []),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-05", ["14:45"]),
        (
            "rate(1 hour)",
            "Europe/Berlin",
            "2026-10-25",
            [f"{hour:02}:00" for hour in (22, 23, *range(23))],
        ),
    ],
)
def test_daylight_saving_nights(text: str, zone: str, night: str, expected: list[str]) -> None:
    """A local time that does not exist is skipped, one that comes twice happens the first time only."""
    day = datetime.fromisoformat(night).replace(tzinfo=ZoneInfo(zone))
    start, end = day.astimezone(UTC), (day + timedelta(days=1)).astimezone(UTC)
    just_before = start - timedelta(seconds=1)
    found = Schedule.parse(text, zone).between(just_before, end - timedelta(seconds=1))
    assert [f"{occurrence:%H:%M}" for occurrence in found] == expected


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("rate(6 hours)", "2026-11-28T00:00", ["2026-11-28T06:00", "2026-11-28T12:00"]),
        ("rate(1 minute)", "2026-11-28T00:00:30", ["2026-11-28T00:01", "2026-11-28T00:02"]),
        ("@daily", "2026-11-28T00:00", ["2026-11-29T00:00", "2026-11-30T00:00"]),
        ("@hourly", "2026-11-28T00:00", ["2026-11-28T01:00", "2026-11-28T02:00"]),
        ("0 9 * JAN,jul Mon-Fri", "2026-11-28T00:00", ["2027-01-01T09:00", "2027-01-04T09:00"]),
        ("0 0 29 2 *", "2026-11-28T00:00", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("cron(0 3 ? * MON-FRI *)", "2026-11-28T00:00", ["2026-11-30T03:00", "2026-12-01T03:00"]),
        ("cron(0 3 ? * 1 *)", "2026-11-28T00:00", ["2026-11-29T03:00", "2026-12-06T03:00"]),
        ("cron(0 12 ? * SAT-SUN *)", "2026-11-28T12:00", ["2026-11-29T12:00", "2026-12-05T12:00"]),
        (
            "cron(0/30 20-2 ? * MON-FRI *)",
            "2026-11-30T02:00",
            ["2026-11-30T02:30", "2026-11-30T20:00"],
        ),
        ("cron(0 9 1 nov-feb ? *)", "2026-12-02T00:00", ["2027-01-01T09:00", "2027-02-01T09:00"]),
        ("cron(50-10/10 3 * * ? *)", "2026-11-28T03:05", ["2026-11-28T03:10", "2026-11-28T03:50"]),
        ("cron(0/15 9 28 * ? *)", "2026-11-28T09:20", ["2026-11-28T09:30", "2026-11-28T09:45"]),
        ("cron(0 9 ? * 6L *)", "2026-11-28T00:00", ["2026-12-25T09:00", "2027-01-29T09:00"]),
        ("cron(0 9 ? * L *)", "2026-11-28T00:00", ["2026-11-28T09:00", "2026-12-05T09:00"]),
        ("cron(0 9 ? * 2#1 *)", "2026-11-28T00:00", ["2026-12-07T09:00", "2027-01-04T09:00"]),
        ("cron(0 9 L * ? *)", "2026-11-28T00:00", ["2026-11-30T09:00", "2026-12-31T09:00"]),
        ("cron(0 9 1W * ? *)", "2026-10-28T00:00", ["2026-11-02T09:00", "2026-12-01T09:00"]),
        ("cron(0 9 31W * ? *)", "2026-10-28T00:00", ["2026-10-30T09:00", "2026-12-31T09:00"]),
        ("cron(0 9 1 1 ? 2030/5)", "2026-10-28T00:00", ["2030-01-01T09:00", "2035-01-01T09:00"]),
    ],
)
def test_texts_mean_these_instants(text: str, after: str, expected: list[str]) -> None:
    """Macros, rates, names and AWS's six fields give the instants that their documentation gives."""
    start = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = Schedule.parse(text).between(start, start.replace(year=2050))
    assert [f"{o:%Y-%m-%dT%H:%M}" for o in islice(found, 2)] == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 25 * * *", "hour: 0-23"),
        ("61 * * * *", "minute: 0-59"),
        ("0 0 30 2 *", "never happens: its months have no such day"),
        ("0 0 31 4,6 *", "never happens: its months have no such day"),
        ("0 0 32 2 *", "day-of-month: 1-31"),
        ("0 0 * * FRI-MON", "ranges go upwards"),
        ("*/0 * * * *", "steps are 1 or more"),
        ("0 0 31 2 1", None),
        ("0 0 * 13 *", "month: 1-12"),
        ("0 0 * * 8", "day-of-week: 0-7"),
        ("0 3 * *", "five fields"),
        ("0 0 3 * * *", "five fields"),
        ("", "five fields"),
        ("every day", "five fields"),
        ("rate(1 hours)", "write 1 hour"),
        ("rate(5 minute)", "write 5 minutes"),
        ("rate(0 minutes)", "from rate(1 minute)"),
        ("rate(999 days)", "from rate(1 minute)"),
        ("rate(1.5 hours)", "write rate(5 minutes)"),
        ("cron(0 3 * * *)", "5 fields"),
        ("cron(0 3 * * * *)", "exactly one"),
        ("cron(0 3 ? * ? *)", "exactly one"),
        ("cron(0 3 ? * 0 *)", "day-of-week '0'"),
        ("cron(0 3 ? * 8 *)", "day-of-week '8'"),
        ("cron(0 24-2 ? * MON *)", "hour: 0-23"),
        ("cron(0 20-2/0 ? * MON *)", "steps are 1 or more"),
        ("cron(0 3 32W * ? *)", "1W to 31W"),
        ("cron(0 3 1 * ? 1969)", "wrong year '1969'"),
        ("cron(0 3 1 * ? soon)", "wrong year 'SOON'"),
        ("cron(0 3 1 * ? 1999)", "never happens"),
    ],
)
def test_wrong_texts_say_what_is_allowed(text: str, said: str | None) -> None:
    """A schedule that cannot be read is refused with the field and what may stand there."""
    if said is None:  # the 31st or a Monday: Mondays remain
        assert Schedule.parse(text).after(FIRST) is not None
        return
    with pytest.raises(ValueError, match=_literal(said)):
        Schedule.parse(text)


def _literal(text: str) -> str:
    return text.replace("(", r"\(").replace(")", r"\)").replace("?", r"\?")


def test_unknown_zone_is_refused() -> None:
    """A time zone is one of the IANA database; an abbreviation or an offset is not."""
    for zone in ("JST", "UTC+9", "Asia/Tokio", ""):
        with pytest.raises(ValueError, match="time zone"):
            Schedule.parse("0 3 * * *", zone)


@settings(max_examples=100)
@given(
    st.sampled_from(["rate(7 minutes)", "*/7 * * * *", "30 2 * * *", "cron(0 9 15W * ? *)"]),
    st.sampled_from(ZONES),
    st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC)),
)
def test_latest_and_after_are_neighbours(text: str, zone: str, now: datetime) -> None:
    """Nothing lies between the latest occurrence and the next one, and occurrences only grow."""
    schedule = Schedule.parse(text, zone)
    latest, following = schedule.latest(now), schedule.after(now)
    assert latest is not None
    assert following is not None
    assert latest <= now < following
    assert schedule.after(latest) == following
    some = list(islice(schedule.between(now, LAST.replace(year=2099)), 50))
    assert some == sorted(set(some))
