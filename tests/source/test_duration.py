"""Durations as Go writes them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.source.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("1h30m", 5400), ("1.5h", 5400), ("500ms", 0.5), (" 20m ", 1200)],
)
def test_durations(text, seconds):
    """The forms of the documentation."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "m", "5 m", "-5m", "0s", "5d", "9999999h", "1e3s", "5m5", "\uff15m"]
)
def test_no_durations(text):
    """Anything else is refused, zero and more than a year too."""
    with pytest.raises(ValueError, match=r"duration|more than zero"):
        parse_duration(text)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(1, 59))
def test_parts_add_up(hours, minutes, seconds):
    """Hours, minutes and seconds are summed."""
    expected = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == expected
