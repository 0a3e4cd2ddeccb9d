"""The simulated world: AWS's fakes on one timeline, controllers, the faults, and the history of it all."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import AwsError
from reconciler.store.ledger import AppStore
from reconciler.store.tables import Tables
from tests.fakes.dynamodb import FakeDynamoDB
from tests.fakes.ecs import FakeEcs
from tests.fakes.ecs_tasks import Nature
from tests.fakes.small import FakeEcr, FakeLogs, FakeSts
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport
from tests.simulation.desired import KEY, Wish, sample
from tests.simulation.faults import NoFaults
from tests.simulation.process import Body, Process
from tests.simulation.properties import Properties
from tests.simulation.scheduler import Scheduler

MUTATING = ("RunTask", "StopTask", "CreateService", "UpdateService", "RegisterTaskDefinition")
LONGEST_DELAY = 300.0
"""A delayed request arrives within the age of its signature, or never."""


@dataclass
class Setup:
    """What a scenario is made of."""

    seed: int = 0
    controllers: int = 2
    nature: Nature = field(default_factory=Nature)
    faults: NoFaults = field(default_factory=NoFaults)
    offsets: tuple[float, ...] = (0.0, 3000.0, -3000.0)
    rates: tuple[float, ...] = (1.0, 1.04, 0.96)
    guard: bool = True


class World:
    """Everything of one simulation. `wish` is what the files say now."""

    watched_by: type[Properties] = Properties

    def __init__(self, setup: Setup, make_body: Callable[[Process], Body]) -> None:
        self.seed = setup.seed
        self.setup = setup
        self.key = KEY
        self.faults = setup.faults
        self.make_body = make_body
        self.timeline = Timeline()
        self.scheduler = Scheduler(self.timeline)
        self.tables = Tables()
        self.count: Counter[str] = Counter()
        self.coverage: Counter[tuple[str, str]] = Counter()
        self.calls: list[str] = []
        self.under_way = 0
        """Delayed requests that have not arrived yet."""
        self.dynamodb = FakeDynamoDB(self.timeline, creation_seconds=0.0)
        self.ecs = FakeEcs(self.timeline, setup.nature)
        self.handlers = {
            "dynamodb": self.dynamodb.handle,
            "ecs": self.ecs.handle,
            "ecr": FakeEcr().handle,
            "sts": FakeSts().handle,
            "logs": FakeLogs().handle,
        }
        self.properties = self.watched_by(self)
        self.ecs.tasks.commands = self.properties.commands
        self.ecs.tasks.dynamodb = self.dynamodb.handle
        self.ecs.services.on_task_definition = self.properties.service_changes
        self.wish = Wish()
        self.quiet = Aws(FakeTransport(self.timeline, self.handlers), self.timeline)
        """A door without faults, for the test itself."""
        self.tables.ensure(self.quiet, self.timeline)
        self.processes = [
            Process(
                self,
                f"host{n}",
                offset=timedelta(seconds=setup.offsets[n % len(setup.offsets)]),
                rate=setup.rates[n % len(setup.rates)],
            )
            for n in range(setup.controllers)
        ]

    def start(self) -> None:
        """Boot the controllers, one after the other."""
        for n, process in enumerate(self.processes):
            self.timeline.at(0.3 * n, process.boot)

    @property
    def desired(self) -> Any:
        """What the files say now, as a DesiredApp."""
        return sample(self.wish, guard=self.setup.guard)

    def store(self) -> AppStore:
        """Return the ledger through the door without faults."""
        chance = random.Random(self.seed)
        return AppStore(
            self.quiet,
            self.tables,
            self.timeline,
            self.key,
            ids=lambda: f"{chance.getrandbits(64):016x}",
        )

    # -- the wire -----------------------------------------------------------------------------

    def draw(self, operation: str, params: Mapping[str, Any]) -> Any:
        """Count a wire call and return what goes wrong with it."""
        self.calls.append(operation)
        fault = self.faults.draw(len(self.calls), operation, params)
        if fault is not None:
            self.coverage[(str(fault), operation)] += 1
        return fault

    def handle(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Have AWS carry out a request that reached it."""
        if service == "ecs" and operation in MUTATING:
            self.properties.called(operation, params)
        answer = self.handlers[service](operation, params)
        if operation == "TransactWriteItems":
            for action in params["TransactItems"]:
                put = action.get("Put", {})
                if put.get("TableName") == self.tables.journal:
                    self.properties.journaled(json.loads(put["Item"]["ent"]["S"]))
        return answer

    def later(self, seconds: float, deliver: Callable[[], Any]) -> None:
        """Deliver a request whose sender does not wait for it."""
        self.under_way += 1

        def arrive() -> None:
            self.under_way -= 1
            try:
                deliver()
            except AwsError:
                self.count["late request refused"] += 1

        self.timeline.at(seconds, arrive)

    # -- running ------------------------------------------------------------------------------

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let the world go on, at most for so long; whether `until` came true."""
        ends = self.timeline.seconds + seconds
        while not until():
            before = self.timeline.seconds
            if not self.timeline.step(ends):
                return until()
            self.properties.check(before)
        return True

    def settled(self) -> bool:
        """Whether nothing is to be expected any more: outcome recorded, services follow."""
        return self.properties.settled(self.desired)

    @property
    def asleep_until(self) -> float:
        """When the last process that crashed or was frozen comes back."""
        return max(p.wake_at for p in self.processes)
