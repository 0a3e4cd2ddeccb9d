"""Seeded schedules: edits, weather and several faults at once, on one to three controllers."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.faults import ALL
from tests.simulation.reconciler_body import ReconcilerBody
from tests.simulation.scenario import seeded

SHARDS, SEEDS = 20, 100
"""2,000 schedules; each shard is one test, so that pytest-xdist can share them out."""

CRITICAL = ("RunTask", "TransactWriteItems", "DescribeTasks", "UpdateItem")


# A shard takes half a minute of processor time: on a busy machine it is not to be taken for hanging.
@pytest.mark.timeout(900)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_seeded_schedules_keep_every_guarantee(shard: int) -> None:
    """A hundred schedules in claim mode end truthfully, and together meet every kind of fault."""
    faults, calls, states, events = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for seed in range(shard * SEEDS, (shard + 1) * SEEDS):
        try:
            ending = seeded(seed, ReconcilerBody)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        world = ending.world
        for (fault, operation), number in world.coverage.items():
            faults[fault] += number
            calls[operation] += number
        states.update(ending.states.values())
        events.update(world.count)
        events["guard refused"] += world.ecs.tasks.refused_by_guard
        events["deduplicated"] += world.ecs.tasks.deduplicated
        events["executions"] += len(world.properties.commands.executions)
    assert all(faults[str(fault)] for fault in ALL), faults
    assert all(calls[operation] for operation in CRITICAL), calls
    assert all(states[state] for state in ("SUCCEEDED", "FAILED", "UNKNOWN")), states
    assert events["executions"] > SEEDS
    assert events["deduplicated"]


@pytest.mark.parametrize("shard", range(4))
def test_seeded_schedules_without_a_guard_keep_every_guarantee(shard: int) -> None:
    """In token mode the same holds under ECS's token rule and AWS's age limit for requests."""
    unknown = 0
    for seed in range(100_000 + shard * 50, 100_000 + (shard + 1) * 50):
        try:
            ending = seeded(seed, guard=False)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        unknown += "UNKNOWN" in ending.states.values()
    assert unknown
