"""Many starts on the same keys with random kill -9: the command's own counter says one success per key."""

from __future__ import annotations

from reconciler.local.server import EmbeddedAws
from tests.e2e.stage import environment
from tests.e2e.storm import Storm
from tests.local.hours import midweek

KEYS, PROCESSES, KILLS = 3, 8, 4


def test_storms_on_three_keys(tmp_path):
    """Twenty-four processes, half of them killed: exactly one success for each key, never two at a time."""
    with EmbeddedAws(clock=midweek()) as aws:
        for number in range(KEYS):
            storm = Storm(
                environment(aws.endpoint_url, tmp_path),
                tmp_path / str(number),
                f"k{number}",
                number,
            )
            try:
                storm.rage(PROCESSES, KILLS)
            finally:
                storm.end()
            storm.check()
            assert storm.kills == KILLS
