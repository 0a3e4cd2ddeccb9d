"""Delays after failures, and words about standing problems."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.controller.backoff import Backoff, Standing


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_delays_stay_within_their_bounds(failures, random):
    """A delay is at least half of the full one and never longer than the longest."""
    delay = Backoff().delay(failures, random)
    assert timedelta(seconds=0.5) <= delay <= timedelta(minutes=5)


def test_a_standing_problem_is_said_at_growing_intervals():
    """It is said at once, after 1, 10 and 60 minutes, then each hour, though it occurs each second."""
    standing = Standing()
    said = [t for t in range(3 * 3600 + 1) if standing.raised("e/a", "down", t)]
    assert said == [0, 60, 600, 3600, 7200, 10800]


def test_a_problem_seen_rarely_is_not_said_in_bursts():
    """After a long silence one reminder is due, not all the missed ones."""
    standing = Standing()
    times = [0, 5000, 5001, 5002]
    assert [standing.raised("e/a", "down", t) for t in times] == [True, True, False, False]


def test_another_problem_is_news():
    """A different problem of the same app, and the same problem of another app, are said at once."""
    standing = Standing()
    assert standing.raised("e/a", "down", 0)
    assert standing.raised("e/a", "denied", 1)
    assert standing.raised("e/b", "denied", 1)
    assert not standing.raised("e/b", "denied", 2)


def test_clearing_tells_how_often_it_was_raised():
    """A recovery knows how many passes failed before, and is one only once."""
    standing = Standing()
    standing.raised("e/a", "down", 0)
    standing.raised("e/a", "down", 1)
    assert standing.times("e/a") == 2
    assert [standing.cleared("e/a"), standing.cleared("e/a")] == [2, 0]
