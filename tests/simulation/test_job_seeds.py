"""Jobs under seeded schedules and under every fault at every call of a nominal run."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.faults import ALL, Fault
from tests.simulation.job_scenario import directed_jobs, seeded_jobs

SEEDS = 8
STRIDE = 7
"""By default every so many calls are struck; a prime, so that all operations come up."""


def play(first: int, number: int) -> Counter[str]:
    """Play so many seeds and return what they met."""
    met = Counter[str]()
    for seed in range(first, first + number):
        try:
            world = seeded_jobs(seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        met.update(world.count)
        met["executions"] += sum(
            "JOB_OCCURRENCE" in e.environment for e in world.properties.commands.executions
        )
        met["skipped"] += world.properties.skipped.total()
        for (fault, _), times in world.coverage.items():
            met[fault] += times
        met.update(str(run.state) for run in world.properties.job_runs())
    return met


@pytest.mark.parametrize("shard", range(2))
def test_seeded_schedules_of_jobs_keep_every_guarantee(shard: int) -> None:
    """Jobs of any policy, beside a migration that may fail: J1 to J5 and S1 to S8 hold to the end."""
    met = play(shard * SEEDS, SEEDS)
    assert met["executions"] > SEEDS
    assert met["SUCCEEDED"], met
    assert met["FAILED"], met
    assert sum(met[str(fault)] for fault in ALL) > SEEDS, met


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("shard", range(20))
def test_many_seeds_of_jobs_keep_every_guarantee(shard: int) -> None:
    """Two thousand seeds in twenty shards, which meet every kind of fault."""
    met = play(10_000 + shard * 100, 100)
    assert all(met[str(fault)] for fault in ALL), met


def strike(fault: Fault, controllers: int, stride: int) -> None:
    """Play the nominal run once for each of its calls, or every so many, with the fault there."""
    calls = directed_jobs({}, controllers).calls
    assert {"TransactWriteItems", "RunTask", "DescribeTasks"} <= set(calls)
    played, begin = 0, ALL.index(fault) % stride + 1
    for number in range(begin, len(calls) + 1, stride):
        try:
            world = directed_jobs({number: fault}, controllers)
        except AssertionError as error:
            raise AssertionError(
                f"{fault} at call {number}, {calls[number - 1]}: {error}"
            ) from error
        if not world.coverage:
            break  # the last calls of the nominal run come after the faults have stopped
        played += 1
    assert played * stride > len(calls) / 2, f"struck {played} of {len(calls)} calls"


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("controllers", [1, 2])
@pytest.mark.parametrize("fault", ALL)
def test_single_fault_anywhere_keeps_every_guarantee_of_jobs(
    fault: Fault, controllers: int
) -> None:
    """Wherever a fault strikes, each occurrence is started once at most, and all ends truthfully."""
    strike(fault, controllers, STRIDE)
