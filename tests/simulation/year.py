"""A virtual year of jobs: between two occurrences time leaps, around each of them anything may happen.

Nobody's share of luck is left out: processes crash, freeze and take over, messages are lost, late or
doubled, clocks jump either way, everybody is away over several occurrences, people ask twice.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from reconciler.model.desired import DesiredJob
from reconciler.model.due import CatchUp, Concurrency
from reconciler.model.job import instant_of, occurrence
from reconciler.model.run import RunState
from tests.fakes.ecs_tasks import Nature
from tests.simulation.faults import Fault, NoFaults, Seeded
from tests.simulation.job_properties import told
from tests.simulation.jobs import JobWorld, a_job
from tests.simulation.properties import ViolationError
from tests.simulation.world import Setup

YEAR = timedelta(days=365)
HOUR = 3600.0
PATIENCE = 6 * HOUR
"""Virtual seconds within which everything that is due has been begun and ended, whatever happens."""

AHEAD = 6.0
"""How long before the next occurrence the world wakes up."""


@dataclass(frozen=True)
class Hours:
    """A job of every so many hours at a minute: its occurrences without any cron library."""

    every: int
    minute: int = 0
    concurrency: Concurrency = Concurrency.FORBID
    number: int = 0

    @property
    def name(self) -> str:
        """A name that tells it from the others."""
        return f"every-{self.every}-at-{self.minute}-{self.concurrency}-{self.number}"

    def job(self) -> DesiredJob:
        """Return it as the files say it: everything that was missed is made up for."""
        return a_job(
            self.name,
            f"{self.minute} */{self.every} * * *",
            concurrency=self.concurrency,
            catch_up=CatchUp.ALL,
            timeout=timedelta(days=20),
            retries=2,
        )

    def latest(self, now: datetime) -> datetime:
        """Return the last occurrence not later than `now`."""
        step = timedelta(hours=self.every)
        first = now.replace(hour=0, minute=self.minute, second=0, microsecond=0) - step
        return first + (now - first) // step * step

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the occurrences later than `after` and not later than `until`."""
        found = self.latest(after) + timedelta(hours=self.every)
        while found <= until:
            yield found
            found += timedelta(hours=self.every)


class Busy(Nature):
    """Weather, but no command that fails: then runs are occurrences."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def _bad(self, likely: float) -> bool:
        return self.chance.random() < likely

    def refuses(self, request: object) -> str:
        """Return a placement failure now and then."""
        return "RESOURCE:MEMORY" if self._bad(0.01) else ""

    def boot(self) -> float:
        """Return up to half a minute."""
        return self.chance.choice((1.0,) * 60 + (30.0,))

    def fails_to_start(self) -> bool:
        """Return whether the image cannot be pulled."""
        return self._bad(0.01)

    def guard_answer_lost(self) -> bool:
        """Return whether the guard has to recognise its own claim."""
        return self._bad(0.05)

    def guard_dies(self) -> bool:
        """Return whether the task dies between claim and command: then the next attempt follows."""
        return self._bad(0.01)

    def duration(self) -> float:
        """Return seconds, seldom minutes."""
        return self.chance.choice((1.0,) * 300 + (300.0,))

    def host_lost(self) -> bool:
        """Return whether ECS loses the exit code: a person says how it ended."""
        return self._bad(0.002)


class YearFaults(Seeded):
    """As in the seeded schedules, without the pauses of hours: they cost thousands of heartbeats."""

    KINDS: ClassVar = tuple(k for k in Seeded.KINDS if k not in (Fault.PAUSE_2H, Fault.FROZEN_2H))

    def downtime(self) -> float:
        """Return how long a crashed process stays down."""
        return self.chance.choice((1.0, 10.0, 60.0, 120.0))

    def delay(self) -> float:
        """Return how much later a delayed request arrives."""
        return self.chance.choice((1.0, 30.0, 120.0))


@dataclass
class Count:
    """What a year came to."""

    occurrences: int = 0
    runs: int = 0
    by_hand: int = 0
    events: Counter[str] = field(default_factory=Counter)


class Year:
    """One year of one app."""

    def __init__(self, seed: int, jobs: Sequence[Hours], *, rate: float = 0.002) -> None:
        self.chance = random.Random(seed)
        self.jobs = jobs
        self.world = JobWorld(
            Setup(
                seed=seed,
                controllers=self.chance.choice((1, 2, 2, 3)),
                nature=Busy(self.chance),
                faults=YearFaults(self.chance, rate, 10**9),
            ),
            lambda _: tuple(job.job() for job in jobs),
            alone=True,
        )

    def live(self, length: timedelta = YEAR, *, after: timedelta = timedelta(0)) -> Count:
        """Live through so much of it, beginning so late; raises ViolationError at what must not be."""
        world = self.world
        world.leap(after.total_seconds())
        world.start()
        self._until(lambda: len(world.properties.floors) == len(self.jobs))
        starts = dict(world.properties.floors)
        ends = world.now + length
        number = 0
        while world.now < ends:
            number += 1
            self._meanwhile(number)
            self._until_quiet()
        world.faults.draw = NoFaults().draw  # type: ignore[method-assign]
        self._until_quiet()
        world.run(HOUR, lambda: world.under_way == 0)
        world.properties.verify_journal()
        world.properties.verify_jobs()
        return self._counted(starts)

    # -- what happens -----------------------------------------------------------------------------

    def _meanwhile(self, number: int) -> None:
        """Leap to the next occurrence, or over several; somebody dies, a clock jumps, people ask."""
        world, chance = self.world, self.chance
        after = max(0.0, self._seconds_to_next() - AHEAD)
        what = chance.random()
        if what < 0.02:
            after += chance.uniform(0, 24 * HOUR)
            world.count["all away over occurrences"] += 1
        elif what < 0.07:
            process = chance.choice(world.processes)
            world.timeline.at(chance.uniform(0, 60), lambda: self._kill(process))
        elif what < 0.10:
            jump = chance.choice((-7200.0, -600.0, -30.0, 30.0, 600.0, 7200.0))
            world.timeline.at(chance.uniform(0, 60), lambda: world.aws_jumps(jump))
        elif what < 0.13:
            other, jump = chance.choice(world.processes), chance.uniform(-1e5, 1e5)
            world.timeline.at(chance.uniform(0, 60), lambda: world.host_jumps(other, jump))
        elif what < 0.18:
            job, key = chance.choice(self.jobs).name, f"k{number}"
            for seconds in (0.0, chance.uniform(0, 200)):
                world.timeline.at(seconds, lambda: world.trigger(job, key))
        world.leap(after)

    def _kill(self, process: object) -> None:
        self.world.count["killed"] += 1
        process.stop()  # type: ignore[attr-defined]
        process.restart_in(self.world.faults.downtime())  # type: ignore[attr-defined]

    def _seconds_to_next(self) -> float:
        now, floors = self.world.now, self.world.properties.floors
        upcoming = min(
            job.latest(max(now, floors[job.name])) + timedelta(hours=job.every) for job in self.jobs
        )
        return (upcoming - now).total_seconds()

    # -- waiting ------------------------------------------------------------------------------------

    def _until_quiet(self) -> None:
        world = self.world
        world.run(AHEAD + 1.0)
        while True:
            self._until(lambda: self._is_quiet() or self._unknown())
            if not self._unknown():
                return
            world.run(PATIENCE, lambda: not world.properties.commands.running)
            for run in world.properties.unfinished():
                if run.state is RunState.UNKNOWN:
                    world.settle_unknown(run)

    def _until(self, reached: object) -> None:
        if not self.world.run(PATIENCE, reached):  # type: ignore[arg-type]
            raise ViolationError(f"seed {self.world.seed}: not settled at {self.world.now}")
        self.world.properties.check(0.0)

    def _is_quiet(self) -> bool:
        world, properties = self.world, self.world.properties
        now = world.now
        return (
            not properties.listed()
            and all(properties.floors[j.name] >= j.latest(now) for j in self.jobs)
            and all(
                f"{job} manual-{key}" in properties.begun
                for job, keys in world.keys.items()
                for key in keys
            )
        )

    def _unknown(self) -> bool:
        properties = self.world.properties
        return any(properties.job_state(key) == "UNKNOWN" for key in properties.listed())

    # -- counting -----------------------------------------------------------------------------------

    def _counted(self, starts: dict[str, datetime]) -> Count:
        """Hold the commands' own starts against the occurrences: each exactly once."""
        world, count = self.world, Count(events=self.world.count)
        starts_of: Counter[tuple[str, str]] = Counter(
            told(e)[:2] for e in world.properties.commands.executions
        )
        for job in self.jobs:
            floor = world.properties.floors[job.name]
            for instant in job.between(starts[job.name], floor):
                count.occurrences += 1
                count.runs += self._once(starts_of, (job.name, occurrence(instant)))
            for key in world.keys.get(job.name, ()):
                count.by_hand += self._once(starts_of, (job.name, f"manual-{key}"))
        if starts_of:
            raise ViolationError(f"started although not due: {sorted(starts_of)[:5]}")
        assert all(instant_of(name) is None for _, name in starts_of)
        return count

    @staticmethod
    def _once(starts_of: Counter[tuple[str, str]], which: tuple[str, str]) -> int:
        number = starts_of.pop(which, 0)
        if number != 1:
            raise ViolationError(f"{which} was started {number} times")
        return number
