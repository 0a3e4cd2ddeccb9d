"""A controller process: heartbeat and worker on the real store and the real door, over a faulty wire."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import greenlet

from reconciler.aws.door import Aws
from reconciler.aws.translate import from_code
from reconciler.model.errors import (
    AwsError,
    LeaseHeld,
    LeaseLost,
    OutcomeUnknown,
    ReconcilerError,
)
from reconciler.store.ledger import AppStore
from reconciler.store.members import Member
from tests.simulation.faults import Fault
from tests.simulation.scheduler import Life

if TYPE_CHECKING:
    from tests.simulation.world import World

SIGNATURE_SECONDS = 300.0
"""AWS refuses a request that is older than five minutes."""

TIMEOUT_SECONDS = 5.0
HEARTBEAT_SECONDS = 5.0

_PAUSES = {Fault.PAUSE_20S: 20.0, Fault.PAUSE_2H: 7200.0}
_FREEZES = {Fault.FROZEN_2M: 120.0, Fault.FROZEN_2H: 7200.0}


@lru_cache(maxsize=4096)
def _date(at: datetime) -> str:
    return format_datetime(at, usegmt=True)


class Body(Protocol):
    """One pass over the app: what the worker repeats. Made anew for each incarnation of a process."""

    def __call__(self) -> timedelta | None:
        """Take a pass; return when to take the next one, None for the resync."""


class Process:
    """One host with one controller on it; `boot` starts a new incarnation."""

    def __init__(self, world: World, name: str, *, offset: timedelta, rate: float) -> None:
        self.world = world
        self.name = name
        self.clock = world.timeline.host(offset=offset, rate=rate, on_sleep=self._sleep)
        self.chance = random.Random(f"{world.seed}/{name}")
        self.life = Life()
        self.incarnation = 0
        self.wake_at = 0.0

    # -- life ---------------------------------------------------------------------------------

    def boot(self) -> None:
        """Start a new incarnation: new member, nothing remembered."""
        self.life.over = True
        self.life = Life()
        self.incarnation += 1
        self.aws = Aws(_Wire(self, self.life), self.clock, chance=self.chance)
        self.member = self._new_member()
        self.store = AppStore(
            self.aws, self.world.tables, self.clock, self.world.key, ids=self._identifier
        )
        body = self.world.make_body(self)
        life = self.life
        self.world.scheduler.spawn(life, lambda: self._alive(self._beat))
        self.world.scheduler.spawn(life, lambda: self._alive(lambda: self._work(body)))

    def crash(self) -> None:
        """Die at once, on the spot; come back after a while."""
        self.life.over = True
        self.restart_in(self.world.faults.downtime())
        raise greenlet.GreenletExit

    def restart_in(self, seconds: float) -> None:
        """Boot again later."""
        self._busy_until(seconds)
        self.world.timeline.at(seconds, self.boot)

    def freeze(self, seconds: float) -> None:
        """Stop the whole process for a while, as SIGSTOP does."""
        self.life.frozen_until = self.world.timeline.seconds + seconds
        self._busy_until(seconds)

    def stop(self) -> None:
        """End for good."""
        self.life.over = True

    def _busy_until(self, seconds: float) -> None:
        self.wake_at = max(self.wake_at, self.world.timeline.seconds + seconds)

    def _new_member(self) -> Member:
        name = f"{self.incarnation}-{self.chance.getrandbits(64):016x}"
        return Member(self.aws, self.world.tables, self.clock, self.name, incarnation=name)

    def _identifier(self) -> str:
        return f"{self.chance.getrandbits(64):016x}"

    def _sleep(self, duration: timedelta) -> None:
        self.world.scheduler.sleep(self.life, duration.total_seconds())

    @staticmethod
    def _alive(part: Callable[[], None]) -> None:
        try:
            part()
        except greenlet.GreenletExit:
            return

    # -- the two threads of a controller ------------------------------------------------------

    def _beat(self) -> None:
        joined = False
        while True:
            try:
                if not joined:
                    self.member.join()
                    joined = True
                else:
                    self.member.beat()
                self.member.watch()
            except LeaseLost:
                self.member, joined = self._new_member(), False
                self.world.count["rejoined"] += 1
                continue
            except AwsError:
                self.world.count["heartbeat failed"] += 1
            self.clock.sleep(timedelta(seconds=HEARTBEAT_SECONDS if joined else 1.0))

    def _work(self, body: Body) -> None:
        failures = 0
        self.clock.sleep(timedelta(seconds=0.5))
        while True:
            try:
                found = body()
                wait = timedelta(seconds=60) if found is None else found
                failures = 0
            except LeaseHeld as held:
                wait = held.delay or timedelta(seconds=5)
            except LeaseLost:
                self.world.count["lease lost"] += 1
                wait = timedelta(seconds=1)
            except ReconcilerError as error:
                self.world.count[type(error).__name__] += 1
                failures += 1
                wait = timedelta(seconds=min(60.0, 0.5 * 2**failures * (1 + self.chance.random())))
            # Passes with nothing to do cost time in the simulation as in life: not in a loop.
            self.clock.sleep(max(wait, timedelta(seconds=0.05)))


class _Wire:
    """The Transport of one incarnation: one wire attempt, with the fault that the world draws for it."""

    def __init__(self, process: Process, life: Life) -> None:
        self.process = process
        self.life = life
        self.world = process.world

    def in_region(self, _: str) -> _Wire:
        return self

    def send(
        self,
        service: str,
        operation: str,
        params: Mapping[str, Any],
        before_send: Callable[[], None],
    ) -> dict[str, Any]:
        world, process = self.world, self.process
        fault = world.draw(operation, params)
        self._wait(world.faults.latency())
        if fault is Fault.CRASH_BEFORE:
            process.crash()
        if fault is Fault.THROTTLED:
            raise from_code(f"{service}:{operation}", "ThrottlingException", "Rate exceeded")
        self._pause(_PAUSES.get(fault))
        signed = world.timeline.seconds
        before_send()
        self._pause(_FREEZES.get(fault))

        def deliver() -> dict[str, Any]:
            if world.timeline.seconds - signed > SIGNATURE_SECONDS:
                world.count["signature expired"] += 1
                raise from_code(
                    f"{service}:{operation}", "InvalidSignatureException", "Signature expired"
                )
            return world.handle(service, operation, params)

        return self._deliver(fault, f"{service}:{operation}", deliver)

    def _deliver(
        self, fault: Fault | None, name: str, deliver: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        world = self.world
        if fault is Fault.LOST_REQUEST:
            self._lose(name)
        if fault is Fault.DELAYED:
            world.later(world.faults.delay(), deliver)
            self._lose(name)
        if fault is Fault.DUPLICATED:
            world.later(0.02, deliver)
        try:
            answer = deliver()
        except AwsError:
            if fault is Fault.CRASH_AFTER:
                self.process.crash()
            if fault is Fault.LOST_RESPONSE:
                self._lose(name)
            self._wait(world.faults.latency())
            raise
        if fault is Fault.CRASH_AFTER:
            self.process.crash()
        if fault is Fault.LOST_RESPONSE:
            self._lose(name)
        date = _date(world.timeline.now().replace(microsecond=0))
        self._wait(world.faults.latency())
        return {**answer, "ResponseMetadata": {"RequestId": "r", "HTTPHeaders": {"date": date}}}

    def _lose(self, name: str) -> None:
        self._wait(TIMEOUT_SECONDS)
        raise OutcomeUnknown(f"{name}: no answer in time", operation=name)

    def _pause(self, seconds: float | None) -> None:
        if seconds is not None:
            self.process.freeze(seconds)
            self._wait(0.0)

    def _wait(self, seconds: float) -> None:
        self.world.scheduler.sleep(self.life, seconds)
