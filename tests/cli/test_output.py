"""Colour, tables and JSON."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.output import as_json, table_lines, wants_color
from reconciler.model.names import Address
from reconciler.model.plan import Verb


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("choice", "environment", "stream", "expected"),
    [
        ("always", {"NO_COLOR": "1"}, io.StringIO(), True),
        ("never", {"FORCE_COLOR": "1"}, Terminal(), False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, Terminal(), False),
        ("auto", {"NO_COLOR": ""}, Terminal(), True),
        ("auto", {"FORCE_COLOR": "1"}, io.StringIO(), True),
        ("auto", {"CLICOLOR_FORCE": "1"}, io.StringIO(), True),
        ("auto", {"CLICOLOR_FORCE": "0"}, io.StringIO(), False),
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, io.StringIO(), True),
        ("auto", {"TERM": "dumb"}, Terminal(), False),
        ("auto", {}, Terminal(), True),
        ("auto", {}, io.StringIO(), False),
    ],
)
def test_order_of_what_decides_on_colour(choice, environment, stream, expected):
    """Flag, NO_COLOR, FORCE_COLOR or CLICOLOR_FORCE, TERM=dumb, the terminal: the first that speaks."""
    assert wants_color(choice, environment, stream) is expected


@given(st.lists(st.tuples(st.text("abc /", max_size=30), st.text("abc", max_size=30)), max_size=5))
def test_tables_keep_every_cell(rows):
    """No cell is cut or wrapped, and columns start at the same place in every line."""
    lines = table_lines(("FIRST", "SECOND"), rows)

    start = max([len("FIRST"), *(len(first) for first, _ in rows)]) + 2
    assert len(lines) == len(rows) + 1
    for line, (first, second) in zip(lines[1:], rows, strict=True):
        assert line[:start].rstrip() == first.rstrip()
        assert line[start:] == second


def test_json_knows_our_values():
    """Times are RFC 3339 in UTC, durations seconds, enums and paths text."""
    value = {
        "at": datetime(2026, 11, 22, 12, tzinfo=UTC),
        "took": timedelta(seconds=90),
        "verb": Verb.CREATE,
        "where": Path("a/b"),
        "some": frozenset({"b", "a"}),
        "address": Address("service", "web"),
    }

    assert json.loads(as_json(value)) == {
        "at": "2026-11-22T12:00:00Z",
        "took": 90.0,
        "verb": "create",
        "where": "a/b",
        "some": ["a", "b"],
        "address": ["service", "web"],
    }


def test_json_refuses_what_it_does_not_know():
    """An unknown value is an error, never its Python spelling."""
    with pytest.raises(TypeError, match="object has no JSON form"):
        as_json({"what": object()})
