"""Durations as flags and in tables."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.durations import DurationType
from reconciler.model.clock import format_duration


@given(st.integers(1, 30 * 86400))
def test_what_is_written_can_be_read(seconds):
    """Writing whole seconds and reading them again changes nothing."""
    duration = timedelta(seconds=seconds)

    assert DurationType().convert(format_duration(duration), None, None) == duration


def test_spelling():
    """Go's spelling: units without zeros, and milliseconds below one second."""
    spelt = [format_duration(timedelta(seconds=s)) for s in (0, 0.25, 4.99, 38, 112, 7200, 5400)]

    assert spelt == ["0s", "250ms", "5s", "38s", "1m52s", "2h", "1h30m"]
