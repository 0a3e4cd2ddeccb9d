"""A few hours of an app with jobs beside its migration, under faults; then peace, and what must be true."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

from reconciler.model.desired import DesiredJob
from reconciler.model.due import CatchUp, Concurrency
from reconciler.model.run import RunState
from tests.simulation.desired import Wish
from tests.simulation.faults import Directed, Fault, NoFaults, Seeded
from tests.simulation.jobs import JobWorld, a_job
from tests.simulation.properties import ViolationError
from tests.simulation.scenario import PATIENCE, SeededNature, have_it_settled_by_a_person
from tests.simulation.world import LONGEST_DELAY, Setup

MakeJobs = Callable[[str], tuple[DesiredJob, ...]]


class Unhurried(SeededNature):
    """As the seeded nature; once it is calm commands are short too."""

    def duration(self) -> float:
        """Return seconds to more than an hour, past the timeout of twenty minutes."""
        return 20.0 if self.calm else super().duration()


def drawn_jobs(chance: random.Random) -> MakeJobs:
    """Return two jobs with drawn words: each policy meets each fault in some seed."""
    words = [
        {
            "concurrency": chance.choice(tuple(Concurrency)),
            "catch_up": chance.choice(tuple(CatchUp)),
            "starting_deadline": chance.choice((None, timedelta(minutes=10), timedelta(hours=3))),
            "retries": chance.choice((0, 1, 2)),
            "backoff": timedelta(seconds=chance.choice((5, 60))),
        }
        for _ in range(2)
    ]
    schedules = ("*/20 * * * *", "7 * * * *")
    return lambda revision: tuple(
        a_job(f"job{n}", schedules[n], revision, **words[n]) for n in range(2)
    )


def seeded_jobs(seed: int) -> JobWorld:
    """Live through an edit, random faults, jumps of clocks and doubled triggers; settle and check."""
    chance = random.Random(f"jobs/{seed}")
    nature = Unhurried(chance)
    world = JobWorld(
        Setup(
            seed=seed,
            controllers=chance.choice((1, 2, 2, 3)),
            nature=nature,
            faults=Seeded(chance, chance.choice((0.004, 0.01, 0.03)), chance.choice((3, 6, 12))),
            offsets=tuple(chance.choice((0.0, -4000.0, 4000.0)) for _ in range(3)),
            rates=tuple(chance.choice((1.0, 0.96, 1.04)) for _ in range(3)),
        ),
        drawn_jobs(chance),
    )
    world.start()
    world.run(chance.choice((60.0, 300.0)))
    for number in range(3):
        _meanwhile(world, chance, number)
        world.run(chance.choice((60.0, 300.0, 900.0)))
    nature.calm = True
    return settle_jobs(world)


def _meanwhile(world: JobWorld, chance: random.Random, number: int) -> None:
    """Leap to just before or over some occurrences; edit, jump, ask, as it is drawn."""
    job, key = chance.choice(("job0", "job1")), f"k{number}"
    for seconds in (0.0, chance.uniform(0, 120)):
        world.timeline.at(seconds, lambda: world.trigger(job, key))
    if chance.random() < 0.3:
        world.aws_jumps(chance.choice((-7200.0, -60.0, 60.0, 7200.0)))
    if chance.random() < 0.3:
        world.host_jumps(chance.choice(world.processes), chance.uniform(-1e5, 1e5))
    if number == 1:
        world.wish = Wish("2", 1, 2)
    world.leap(chance.choice((0.0, 1100.0, 5000.0)))


def directed_jobs(plan: dict[int, Fault], controllers: int) -> JobWorld:
    """Live through two occurrences and a run by hand with given faults at given calls."""
    setup = Setup(seed=1, controllers=controllers, faults=Directed(plan))
    return live_jobs(setup, lambda _: (a_job("job0", "*/20 * * * *", catch_up=CatchUp.ALL),))


def live_jobs(setup: Setup, make_jobs: MakeJobs) -> JobWorld:
    """Live through two occurrences and a run by hand of an app of jobs alone; settle and check."""
    world = JobWorld(setup, make_jobs, alone=True)
    world.start()
    world.run(120.0, lambda: len(world.properties.floors) == len(world.desired.jobs))
    world.leap(480.0)
    world.run(180.0)
    world.trigger("job0", "k0")
    world.leap(960.0)
    world.run(240.0)
    return settle_jobs(world)


def settle_jobs(world: JobWorld) -> JobWorld:
    """Stop the faults, let everybody come back, have people settle what is left, and check it all."""
    world.faults.draw = NoFaults().draw  # type: ignore[method-assign]
    world.run(max(0.0, world.asleep_until - world.timeline.seconds) + 1.0)
    for _ in range(8):
        if not world.run(PATIENCE, lambda: _at_rest(world)):
            raise ViolationError(f"seed {world.seed}: not settled, {world.properties.listed()}")
        if _done(world):
            break
        world.run(PATIENCE, lambda: not world.properties.commands.running)
        for run in world.properties.unfinished():
            if run.state is RunState.UNKNOWN:
                world.settle_unknown(run)
        if not world.alone:
            have_it_settled_by_a_person(world)
    else:
        raise ViolationError(f"seed {world.seed}: not settled by a person")
    world.run(LONGEST_DELAY, lambda: world.under_way == 0)
    world.properties.verify_journal()
    world.properties.verify_jobs()
    _once_for_each_key(world)
    return world


def _at_rest(world: JobWorld) -> bool:
    """Whether nothing goes on by itself: of what is listed all is Unknown, or held by its migration."""
    properties = world.properties
    states = [properties.job_state(key) for key in properties.listed()]
    if not world.alone and not world.settled():
        return False
    held = not world.alone and properties.state(world.wish.revision) != RunState.SUCCEEDED
    resting = ("UNKNOWN", "FAILED", "NOT_STARTED") if held else ("UNKNOWN",)
    return all(s in resting for s in states) and (held or "UNKNOWN" in states or _asked(world))


def _asked(world: JobWorld) -> bool:
    """Whether every run by hand that was asked for has begun."""
    return all(
        f"{job} manual-{key}" in world.properties.begun
        for job, keys in world.keys.items()
        for key in keys
    )


def _done(world: JobWorld) -> bool:
    succeeded = world.alone or world.properties.state(world.wish.revision) == RunState.SUCCEEDED
    return succeeded and not world.properties.listed() and _asked(world)


def _once_for_each_key(world: JobWorld) -> None:
    """Check that a key which two people used has one run, and that it is over."""
    runs = {run.item_key: run for run in world.properties.job_runs()}
    for job, keys in world.keys.items():
        for key in keys:
            run = runs.get(f"OCC#{job}#manual-{key}")
            if run is None or not run.over:
                raise ViolationError(f"the run by hand {job} {key} is not over: {run}")
