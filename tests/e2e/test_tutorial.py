"""The tutorial is true: its commands are run, and print what it says."""

from __future__ import annotations

import pytest

from tests.e2e.tutorial import TUTORIAL, Player, normalised


@pytest.fixture
def player(tmp_path):
    """Return two terminals in a fresh copy of the project's folder."""
    player = Player(tmp_path)
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
