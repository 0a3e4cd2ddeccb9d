"""Plain values and DynamoDB's typed ones; the real clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.aws.clock import SystemClock
from reconciler.aws.items import from_item, from_value, to_item, to_value

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(item=st.dictionaries(st.text(), values, max_size=4))
def test_what_is_stored_comes_back(item):
    """Every plain value survives the way to DynamoDB's types and back, ints as ints."""
    assert from_item(to_item(item)) == item


def test_numbers_come_back_as_int_where_they_are_whole():
    """DynamoDB may write a whole number with decimals or an exponent."""
    found = [from_value({"N": text}) for text in ("7", "7.0", "7E+2", "0.5")]
    assert found == [7, 7, 700, 0.5]
    assert [type(number) for number in found] == [int, int, int, float]


def test_sets_of_text_are_kept_as_sets():
    """A set becomes SS; sets of numbers of others can be read."""
    assert to_value({"b", "a"}) == {"SS": ["a", "b"]}
    assert from_value({"SS": ["a", "b"]}) == {"a", "b"}
    assert from_value({"NS": ["1", "2"]}) == {1, 2}


@pytest.mark.parametrize("value", [0.5, set(), {1}, object()])
def test_what_would_not_come_back_unchanged_is_refused(value):
    """Floats, empty or mixed sets and objects raise TypeError."""
    with pytest.raises(TypeError):
        to_value(value)


def test_an_unknown_type_is_refused():
    """A type that DynamoDB does not have is an error, not a guess."""
    with pytest.raises(ValueError, match="'X'"):
        from_value({"X": 1})


def test_the_real_clock_goes_forward():
    """Boot seconds count on over a sleep, the wall clock has a zone, a negative sleep is none."""
    clock = SystemClock()
    before = clock.boot_seconds()
    clock.sleep(timedelta(milliseconds=2))
    clock.sleep(timedelta(seconds=-5))
    assert clock.boot_seconds() - before >= 0.002
    assert clock.now().utcoffset() == timedelta(0)
