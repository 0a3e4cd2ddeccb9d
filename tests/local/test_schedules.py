"""When at, rate and cron expressions of Application Auto Scaling come next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.local.schedules import Schedule

START = datetime(2026, 11, 2, tzinfo=UTC)


def following(text, moment, zone=""):
    """Return the next time as text in UTC."""
    schedule = Schedule.parse(text, zone)
    found = schedule.next_after(datetime.fromisoformat(moment).replace(tzinfo=UTC), START)
    return found.astimezone(UTC).isoformat()[:16] if found else None


@pytest.mark.parametrize(
    ("text", "moment", "expected"),
    [
        ("cron(0 18 ? * MON-FRI *)", "2026-11-27T18:00", "2026-11-30T18:00"),
        ("cron(0/15 9,17 * * ? *)", "2026-11-27T09:46", "2026-11-27T17:00"),
        ("cron(0 9 1 JAN ? 2028)", "2026-11-27T00:00", "2028-01-01T09:00"),
        ("cron(0 9 1 * ? 2025)", "2026-11-27T00:00", None),
        ("cron(0 9 L * ? *)", "2026-11-27T00:00", "2026-11-30T09:00"),
        ("cron(0 9 ? * 6#3 *)", "2026-11-27T00:00", "2026-12-18T09:00"),
        ("cron(0 9 ? * 6L *)", "2026-11-27T09:00", "2026-12-25T09:00"),
        ("cron(0 9 ? * L *)", "2026-11-27T09:00", "2026-11-28T09:00"),
        ("cron(0 9 ? * 1 *)", "2026-11-27T09:00", "2026-11-29T09:00"),
        ("cron(0 9 15W * ? *)", "2026-11-01T00:00", "2026-11-16T09:00"),
        ("cron(0 9 1W * ? *)", "2026-07-31T10:00", "2026-08-03T09:00"),
        ("at(2026-12-24T18:00:00)", "2026-11-27T00:00", "2026-12-24T18:00"),
        ("at(2026-12-24T18:00:00)", "2026-12-24T18:00", None),
        ("rate(1 day)", "2026-11-27T12:00", "2026-11-28T00:00"),
        ("rate(90 minutes)", "2026-11-02T00:00", "2026-11-02T01:30"),
        ("rate(2 hours)", "2026-11-01T00:00", "2026-11-02T00:00"),
    ],
)
def test_the_next_time(text, moment, expected):
    """As AWS documents its fields; Sunday is 1 and six fields are needed."""
    assert following(text, moment) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-28T12:00", "2026-03-30T00:30"),
        ("2026-10-24T12:00", "2026-10-25T00:30"),
        ("2026-10-25T00:31", "2026-10-26T01:30"),
    ],
)
def test_clock_changes(moment, expected):
    """A skipped time does not happen, a repeated one happens once."""
    assert following("cron(30 2 * * ? *)", moment, "Europe/Berlin") == expected


@pytest.mark.parametrize(
    "text",
    [
        "cron(0 18 * * *)",
        "cron(60 * * * ? *)",
        "cron(0 0 ? * 8 *)",
        "cron(0 0 32 * ? 2025)",
        "cron(0 24 1 * ? 2040)",
        "cron(0 0 1 * ? 1969)",
        "rate(0 days)",
        "daily",
    ],
)
def test_what_is_not_understood_is_an_error(text):
    """ValueError, before anything is kept."""
    with pytest.raises(ValueError):
        Schedule.parse(text)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - a zone is added
    st.sampled_from(["cron(*/7 3-5 * * ? *)", "cron(10 * ? * MON,WED *)", "rate(13 minutes)"]),
)
def test_the_next_time_is_the_first_one_after(moment, text):
    """It lies ahead, and nothing lies between: asking just before it gives the same."""
    now = moment.replace(tzinfo=UTC)
    schedule = Schedule.parse(text)
    found = schedule.next_after(now, START)
    assert found > now
    assert schedule.next_after(found - timedelta(microseconds=1), START) == found
