"""Two hundred starts on one key with random kill -9, on the embedded AWS and on an emulator of others."""

from __future__ import annotations

import pytest

from tests.e2e.stage import environment
from tests.e2e.storm import Storm

PROCESSES, KILLS = 200, 60


@pytest.mark.timeout(300)
def test_two_hundred_on_one_key(shop, tmp_path):
    """The command's own counter says one success, whoever was killed."""
    storm = Storm(environment(shop.endpoint, tmp_path), tmp_path / "storm", "one", 1)
    try:
        storm.rage(PROCESSES, KILLS)
    finally:
        storm.end()
    storm.check()
    assert storm.kills == KILLS
    assert len(storm.codes) >= PROCESSES - KILLS
