"""Scenarios: a history of edits under faults, then peace, then the truth; and what must be true at the end."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from reconciler.model.run import Run, RunState
from reconciler.runs.operate import Operator, Subject, resolve, retry
from tests.fakes.ecs_tasks import Nature
from tests.simulation.body import DirectBody
from tests.simulation.desired import Wish
from tests.simulation.faults import Directed, Fault, NoFaults, Seeded
from tests.simulation.process import Body, Process
from tests.simulation.properties import ViolationError
from tests.simulation.world import LONGEST_DELAY, Setup, World

MakeBody = Callable[[Process], Body]

PATIENCE = 4 * 3600.0
"""Virtual seconds within which everything must be settled once the faults have stopped: the longest is
five launches that each wait fifteen minutes for somebody to claim them."""

PERSON = Operator("arn:aws:iam::123456789012:user/ann", "the simulation knows what happened")


class SeededNature(Nature):
    """Weather and wear: everything that AWS leaves open is drawn."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.calm = False

    def _bad(self, likely: float) -> bool:
        return not self.calm and self.chance.random() < likely

    def refuses(self, request: object) -> str:
        """Return a placement failure now and then."""
        return "RESOURCE:MEMORY" if self._bad(0.05) else ""

    def visible_after(self) -> float:
        """Return a delay of up to 8 s."""
        return self.chance.choice((0.0, 0.5, 8.0))

    def boot(self) -> float:
        """Return up to a minute."""
        return self.chance.choice((1.0, 5.0, 60.0))

    def fails_to_start(self) -> bool:
        """Return whether the image cannot be pulled."""
        return self._bad(0.06)

    def guard_answer_lost(self) -> bool:
        """Return whether the guard has to recognise its own claim."""
        return self._bad(0.15)

    def guard_dies(self) -> bool:
        """Return whether the task dies between claim and command."""
        return self._bad(0.05)

    def duration(self) -> float:
        """Return seconds to more than an hour, past the timeout of twenty minutes."""
        return self.chance.choice((2.0, 20.0, 20.0, 200.0, 4000.0))

    def exit_code(self) -> int:
        """Return a failure now and then."""
        return 1 if self._bad(0.2) else 0

    def host_lost(self) -> bool:
        """Return whether ECS loses the exit code."""
        return self._bad(0.03)


@dataclass
class Ending:
    """How a scenario ended: the state of each revision before a person settled anything."""

    world: World
    states: dict[str, str]


def seeded(seed: int, make_body: MakeBody = DirectBody, *, guard: bool = True) -> Ending:
    """Live through four edits, random faults and a stale checkout; then settle and check."""
    chance = random.Random(seed)
    nature = SeededNature(chance)
    faults = Seeded(
        chance, rate=chance.choice((0.004, 0.01, 0.03)), limit=chance.choice((3, 6, 12))
    )
    controllers = chance.choice((1, 2, 2, 3))
    setup = Setup(
        seed=seed,
        controllers=controllers,
        nature=nature,
        faults=faults,
        offsets=tuple(chance.choice((0.0, -4000.0, 4000.0)) for _ in range(3)),
        rates=tuple(chance.choice((1.0, 0.96, 1.04)) for _ in range(3)),
        guard=guard,
    )
    world = World(setup, make_body)
    world.start()
    wishes = [
        (chance.choice((5.0, 100.0)), Wish("2", 1, 2)),
        (chance.choice((30.0, 900.0)), Wish(chance.choice(("1", "2")), 2, 3)),
        (chance.choice((30.0, 900.0)), Wish(chance.choice(("2", "3")), 2, 4)),
    ]
    for seconds, wish in wishes:
        world.run(seconds)
        world.wish = wish
    world.run(900.0, world.settled)
    nature.calm = True
    return settle(world)


def directed(plan: dict[int, Fault], controllers: int, make_body: MakeBody = DirectBody) -> Ending:
    """Live through two revisions with given faults at given calls; then settle and check."""
    setup = Setup(seed=1, controllers=controllers, faults=Directed(plan))
    return live(setup, 120.0, make_body)


def live(setup: Setup, patience: float = 120.0, make_body: MakeBody = DirectBody) -> Ending:
    """Live through two revisions, the second after `patience` seconds at most; settle and check."""
    world = World(setup, make_body)
    world.start()
    world.run(patience, world.settled)
    world.wish = Wish("2", 1, 2)
    world.run(patience, world.settled)
    return settle(world)


def settle(world: World) -> Ending:
    """Stop the faults, let everybody come back, have a person settle what is left, and check it all."""
    world.faults.draw = NoFaults().draw  # type: ignore[method-assign]
    world.run(PATIENCE, world.settled)
    _wake_the_last(world)
    if not world.run(PATIENCE, world.settled):
        raise ViolationError(f"not settled: {_describe(world)}")
    world.run(LONGEST_DELAY, lambda: world.under_way == 0)
    states = {run.revision: str(run.state) for run in world.properties.runs()}
    have_it_settled_by_a_person(world)
    _check(world)
    return Ending(world, states)


def _wake_the_last(world: World) -> None:
    """Let processes that are still down or frozen come back alone: the others are gone by then."""
    left = world.asleep_until - world.timeline.seconds
    if left <= 0:
        return
    for process in world.processes:
        if process.wake_at <= world.timeline.seconds:
            process.stop()
            process.restart_in(left + 60.0)
    world.run(left + 1.0)


def have_it_settled_by_a_person(world: World) -> None:
    """Resolve what is Unknown truthfully, retry what Failed: then everything converges."""
    for _ in range(6):
        desired = world.desired.migrations[0].revision
        subject = Subject(world.store(), "production", "db", desired)
        # Nobody says how a migration ended while its command can be seen to run.
        world.run(PATIENCE, lambda: not world.properties.commands.running)
        active = world.properties.active()
        if active and _run(world, active).state is RunState.UNKNOWN:
            run = _run(world, active)
            other = replace(subject, revision=run.revision)
            resolve(other, _truth(world, run), PERSON)
        elif world.properties.state(desired) == RunState.FAILED:
            retry(subject, PERSON)
        elif world.settled():
            break
        if not world.run(PATIENCE, world.settled):
            raise ViolationError(f"not settled by a person: {_describe(world)}")


def _truth(world: World, run: Run) -> RunState:
    mine = [e for e in world.properties.commands.executions if e.token[:32] == run.token[:32]]
    if any(e.exit_code == 0 for e in mine):
        world.properties.adopted.add(run.revision)
        return RunState.SUCCEEDED
    return RunState.FAILED


def _run(world: World, active: str) -> Run:
    return next(run for run in world.properties.runs() if run.item_key == active)


def _check(world: World) -> None:
    world.properties.verify_journal()
    for run in world.properties.runs():
        real = any(
            e.environment["REVISION"] == run.revision and e.exit_code == 0
            for e in world.properties.commands.executions
        )
        if (run.state is RunState.SUCCEEDED) != real:
            raise ViolationError(f"S4: revision {run.revision} is {run.state}, really {real}")
    desired = world.desired
    name = desired.services[0].service_name
    older = world.properties.state(desired.migrations[0].revision) != RunState.SUCCEEDED
    wanted = desired.services[0].task_definition["containerDefinitions"][0]["image"]
    if not older and world.ecs.services.image_of("production", name) != wanted:
        raise ViolationError(f"not converged: {_describe(world)}")


def _describe(world: World) -> str:
    states = {run.revision: str(run.state) for run in world.properties.runs()}
    return (
        f"seed {world.seed}, wish {world.wish}, runs {states}, active {world.properties.active()}"
    )
