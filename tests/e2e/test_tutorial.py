"""The tutorial is true: its commands are run, and print what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from reconciler.plan.schedule import Schedule
from tests.e2e.tutorial import HOUR, LATER, TUTORIAL, Player, normalised, quiet_hour, schedule


@pytest.fixture
def player(tmp_path):
    """Return two terminals in a fresh copy of the project's folder."""
    player = Player(tmp_path, quiet_hour(datetime.now(UTC)))
    yield player
    player.end()


@pytest.mark.timeout(600)
def test_tutorial_prints_what_it_says(player):
    """Every block of docs/tutorial.md, in order, up to times, ids and names of this machine."""
    document = TUTORIAL.read_text()

    played = player.play(document)

    assert normalised(played).splitlines() == normalised(document).splitlines()


def test_volatile_parts_hide_nothing_else():
    """A changed revision, count or state is a difference; another time or id is none."""
    line = "19:24:16 production/shop converged (generation 1) at vm#" + "0a" * 16
    other = "20:00:01 production/shop converged (generation 1) at web-1#" + "1b" * 16

    assert normalised(line) == normalised(other)
    assert normalised(line) != normalised(line.replace("generation 1", "generation 2"))


@pytest.mark.parametrize("minute", range(0, 24 * 60, 5))
def test_the_nightly_job_is_far_away_whenever_it_is_played(minute):
    """At no time of the day would it begin by itself, and it is named with the day of the documented one."""
    now = datetime(2026, 11, 28, tzinfo=UTC) + timedelta(minutes=minute)
    hour = quiet_hour(now)

    tokyo = ZoneInfo("Asia/Tokyo")
    chosen, documented = (
        Schedule.parse(schedule(h), "Asia/Tokyo").after(now) for h in (hour, HOUR)
    )

    assert hour in (HOUR, LATER)
    assert chosen - now >= timedelta(hours=6)
    assert chosen.astimezone(tokyo).date() == documented.astimezone(tokyo).date()
