"""The tests' own hour of the week."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.local.clock import WorldClock
from tests.local.hours import bring, midweek


@pytest.mark.parametrize("hours", range(7 * 24))
def test_a_clock_is_brought_forward_to_an_hour_whenever_it_is(hours):
    """From every hour of the week, by less than a week, and to the minute."""
    clock = WorldClock()
    clock.advance(timedelta(hours=hours))
    before = clock.now()

    bring(clock, "sun:05:20")

    assert f"{clock.now():%a %H:%M}" == "Sun 05:20"
    assert timedelta() <= clock.now() - before < timedelta(days=7, seconds=10)


def test_the_aws_of_a_test_begins_in_the_middle_of_the_week():
    """On Wednesday, four minutes before a round time."""
    assert f"{midweek().now():%a %H:%M}" == "Wed 12:01"
