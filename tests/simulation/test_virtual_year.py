"""A virtual year of jobs in half months: occurrences are runs, each exactly once, counted by the commands.

Four of them are played by default and all twenty-four by `make soak`, since each takes seconds.
"""

from __future__ import annotations

from collections import Counter

import pytest

from reconciler.model.due import Concurrency
from tests.simulation.year import YEAR, Hours, Year

PARTS = 24
PART = YEAR / PARTS
JOBS = tuple(
    Hours(12, number=n, concurrency=(Concurrency.FORBID, Concurrency.ALLOW)[n % 2])
    for n in range(14)
)
"""Twenty-eight occurrences a day: 10,220 in a year."""

EXPECTED = 400
"""A part has at least so many; the last ones may fall behind its end."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "part", [pytest.param(n, marks=() if n % 6 == 0 else pytest.mark.soak) for n in range(PARTS)]
)
def test_each_occurrence_of_a_virtual_year_runs_exactly_once(part: int) -> None:
    """Under crashes, takeovers, jumps of clocks and doubled triggers no start is missing and none too many."""
    year = Year(part, JOBS)
    count = year.live(PART, after=PART * part)
    faults = Counter[str]()
    for (fault, _), number in year.world.coverage.items():
        faults[fault] += number
    assert count.occurrences == count.runs >= EXPECTED
    assert count.by_hand == sum(len(keys) for keys in year.world.keys.values())
    assert sum(faults.values()) > 0, faults
    assert count.events["triggers"] >= 2 * count.by_hand


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_whole_virtual_year_in_one_world() -> None:
    """The same for an hourly job and others beside it, 10,220 occurrences in one ledger."""
    hourly = Hours(1, concurrency=Concurrency.ALLOW)
    others = (Hours(12, number=1), Hours(24, number=2), Hours(24, number=3))
    count = Year(100, (hourly, *others)).live()
    assert count.occurrences == count.runs >= 10_000
