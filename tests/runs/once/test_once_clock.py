"""Times and durations as `once` reads and writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.runs.once.clock import at, lasting, parse_duration, parse_http_date, parse_iso
from reconciler.source.duration import parse_duration as parse_in_files

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2399, 12, 31)).map(  # noqa: DTZ001 - bounds are naive
    lambda d: d.replace(tzinfo=UTC, microsecond=0)
)


@given(MOMENTS)
def test_times_of_aws_are_read_as_the_standard_library_reads_them(moment):
    """A Date header and an ISO time give the same seconds as datetime does."""
    assert parse_http_date(format_datetime(moment, usegmt=True)) == moment.timestamp()
    assert parse_iso(moment.strftime("%Y-%m-%dT%H:%M:%SZ")) == moment.timestamp()
    assert at(moment.timestamp()) == moment.strftime("%Y-%m-%d %H:%M:%S UTC")


@pytest.mark.parametrize("text", ["", "yesterday", "Sat, 28 Foo 2026 17:10:07 GMT", "2026-13"])
def test_what_is_no_time_is_none(text):
    """A header that is none is no error: the time is then not known."""
    assert parse_http_date(text) is None
    assert parse_iso(text) is None


@given(st.text("0123456789hms. ", max_size=8))
def test_durations_are_those_of_the_files(text):
    """Whatever the files take as a duration, the flags take, as the same number of seconds."""
    try:
        wanted = parse_in_files(text).total_seconds()
    except ValueError:
        return
    assert parse_duration(text) == pytest.approx(wanted)


@pytest.mark.parametrize("text", ["", "5", "m", "5x", "-5s", "1.2.3s", "5s4", "nan s"])
def test_what_is_no_duration_is_refused_with_its_form(text):
    """The message shows how one is written."""
    with pytest.raises(ValueError, match="write 30s, 5m or 1h30m"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.04, "0s"),
        (1.25, "1.2s"),
        (9.96, "10s"),
        (38.4, "38s"),
        (112, "1m52s"),
        (7200, "2h"),
        (3725, "1h2m5s"),
    ],
)
def test_durations_are_written_as_go_writes_them(seconds, text):
    """Short ones with a tenth."""
    assert lasting(seconds) == text
