"""Long runs, for `make soak`: pairs of faults on the nominal run, and many more seeds."""

from __future__ import annotations

import itertools

import pytest

from tests.simulation.body import DirectBody
from tests.simulation.faults import ALL
from tests.simulation.reconciler_body import ReconcilerBody
from tests.simulation.scenario import directed, seeded

NEAR = 40
"""Faults further apart than this many calls do not meet."""

STRIDE = 101
"""Every so many pairs; a prime, so that all kinds and places come up."""


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("controllers", [1, 2])
def test_pairs_of_faults_keep_every_guarantee(controllers: int) -> None:
    """Two faults within 40 calls of each other do no more harm than one."""
    length = len(directed({}, controllers, ReconcilerBody).world.calls)
    places = [
        (first, second)
        for first in range(1, length + 1)
        for second in range(first + 1, min(first + NEAR, length + NEAR))
    ]
    pairs = itertools.product(places, ALL, ALL)
    for (first, second), one, other in itertools.islice(pairs, 0, None, STRIDE):
        try:
            directed({first: one, second: other}, controllers, ReconcilerBody)
        except AssertionError as error:
            raise AssertionError(f"{first} {one}, {second} {other}: {error}") from error


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("shard", range(20))
def test_many_seeds_keep_every_guarantee(shard: int) -> None:
    """Fifty thousand seeds in twenty shards."""
    for seed in range(200_000 + shard * 2500, 200_000 + (shard + 1) * 2500):
        try:
            seeded(seed, (ReconcilerBody, DirectBody)[seed % 2])
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
