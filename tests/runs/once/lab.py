"""`once` in virtual time: several starts on one key over a faulty wire; the command counts its own executions."""

from __future__ import annotations

import enum
import itertools
import signal
from collections.abc import Callable, Mapping
from typing import Any

import greenlet

from reconciler.model.errors import ConditionFailed as FakeConditionFailed
from reconciler.runs.once.calls import Caller, ConditionFailed, NoTable, Passing, Refused
from reconciler.runs.once.flags import Options, parse
from reconciler.runs.once.ledger import Ledger
from reconciler.runs.once.record import Writer, read
from reconciler.runs.once.start import Start
from reconciler.runs.once.start import World as StartWorld
from reconciler.runs.once.table import creation
from reconciler.runs.once.tell import ATTENTION, BAD
from tests.fakes.dynamodb import FakeDynamoDB
from tests.fakes.timeline import Timeline
from tests.simulation.scheduler import Life, Scheduler

TABLE = "reconciler-claims"
KEY = "once#default#k"
EPOCH = 1_795_000_000.0
LATENCY = 0.01


class Fault(enum.Enum):
    """What happens to one wire attempt, or to the process that makes it."""

    CRASH_BEFORE = enum.auto()
    CRASH_AFTER = enum.auto()
    LOST_REQUEST = enum.auto()
    LOST_RESPONSE = enum.auto()
    DELAYED = enum.auto()
    """No answer; the request is carried out half a minute later."""
    DELAYED_LONG = enum.auto()
    """No answer; the request is carried out when everybody has given up."""
    DUPLICATE = enum.auto()
    """Carried out, and again a minute later."""
    THROTTLED = enum.auto()
    FROZEN_BEFORE = enum.auto()
    """The process stands still for ten minutes before the request leaves; its command goes on."""
    FROZEN_AFTER = enum.auto()
    """The same, before the answer is read."""


WIRE = (
    Fault.LOST_REQUEST,
    Fault.LOST_RESPONSE,
    Fault.DELAYED,
    Fault.DUPLICATE,
    Fault.THROTTLED,
)
"""Faults after which everything must come to its end by itself."""
Faults = Mapping[int, Fault]


class Voice:
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.problems: list[str] = []

    def say(self, sign: str, text: str) -> None:
        self.said.append(text)
        if sign in (ATTENTION, BAD):
            self.problems.append(text)


class Signals:
    """No signals come, but for those that a test puts into `coming`."""

    def __init__(self) -> None:
        self.coming: list[int] = []

    def keep(self) -> None: ...

    def raise_kept(self) -> None:
        from reconciler.runs.once.told import Told

        if self.coming:
            raise Told(self.coming.pop())

    def end_by(self) -> None: ...


class Command:
    """The command as a process of its own: it goes on while `once` stands still, and its warden watches it."""

    def __init__(self, starter: Starter) -> None:
        self.starter = starter
        self.lab = starter.lab
        self.deadline = 0.0
        self.code: int | None = None
        self.started = False
        self.left_over = False
        starter.command = self

    stopped = False

    def prepare(self, environment: Mapping[str, str], deadline: float) -> None:
        self.environment = dict(environment)
        self.deadline = deadline

    def start(self) -> None:
        self.started = True
        self.lab.begun(self.starter)
        code = next(self.lab.codes)
        self.lab.timeline.at(self.lab.duration, lambda: self.end(code))
        self._guard()

    def _guard(self) -> None:
        """Be the warden: kill at the deadline, whatever becomes of `once`."""
        if self.code is None:
            left = self.deadline - self.starter.clock.boot()
            if left <= 0:
                self.end(137)
            else:
                self.lab.timeline.at(min(left, 3600.0), self._guard)

    def end(self, code: int) -> None:
        if self.code is None:
            self.code = code
            self.lab.ended(self.starter, code)

    def abandon(self) -> None:
        assert not self.started

    def wait(self, seconds: float) -> int | None:
        ends = self.starter.clock.boot() + seconds
        while self.code is None and self.starter.clock.boot() < ends:
            left = ends - self.starter.clock.boot()
            self.starter.clock.sleep(min(0.25, left))
        return self.code

    def signal(self, number: int) -> None:
        if number == signal.SIGKILL or not self.lab.stubborn:
            self.lab.timeline.at(0.1, lambda: self.end(128 + number))

    def allow_until(self, deadline: float) -> bool:
        self.deadline = deadline
        return True

    def end_group(self, grace: float) -> None:
        self.left_over = False


class Clock:
    """One starter's clock; sleeping lets the others run."""

    def __init__(self, lab: Lab, life: Life) -> None:
        self._lab, self._life = lab, life

    def boot(self) -> float:
        return self._lab.timeline.seconds

    def wall(self) -> float:
        return EPOCH + self._lab.timeline.seconds

    def jittered(self, seconds: float) -> float:
        return seconds

    def sleep(self, seconds: float) -> None:
        self._lab.scheduler.sleep(self._life, max(0.0, seconds))


class Starter:
    """One `once` process."""

    def __init__(self, lab: Lab, name: str, flags: str, faults: Faults) -> None:
        self.lab, self.name, self.faults = lab, name, dict(faults)
        self.arn = f"arn:aws:ecs:ap-northeast-1:123456789012:task/c/{name}"
        self.life = Life()
        self.clock = Clock(lab, self.life)
        self.voice, self.signals = Voice(), Signals()
        self.calls = 0
        self.operations: list[str] = []
        self.code: int | None = None
        self.error: Exception | None = None
        self.command: Command | None = None
        self.options: Options = parse(["--key", "k", *flags.split(), "--", "job"], {})
        writer = Writer(TABLE, KEY, f"nonce-{name}", self.arn, self.options.lease)
        self.ledger = Ledger(Caller(self.send, self.clock), writer, lab.create_table)

    def run(self) -> None:
        """Be the process."""
        world = StartWorld(self.ledger, self.clock, self.voice, self.signals, lambda _: self.ecs())
        world.child = lambda _: Command(self)
        try:
            self.code = Start(world, self.options, {"PATH": "/bin"}).run()
        except greenlet.GreenletExit:
            return
        except Refused as error:
            self.error, self.code = error, 125
        except Passing as error:
            self.error, self.code = error, 125
        self.lab.stopped.add(self.arn)

    def ecs(self) -> Caller:
        """Return the door to ECS."""

        def send(operation: str, params: Mapping[str, Any], _: float) -> Any:
            assert operation == "DescribeTasks"
            (arn,) = params["tasks"]
            if arn in self.lab.forgotten:
                return {"tasks": [], "failures": [{"reason": "MISSING"}]}, None
            status = "STOPPED" if arn in self.lab.stopped else "RUNNING"
            return {"tasks": [{"taskArn": arn, "lastStatus": status}]}, None

        return Caller(send, self.clock)

    def crash(self) -> None:
        """Be killed with -9: the kernel and the warden end the command, ECS sees the task stopped."""
        self.life.over = True
        if self.command and self.command.started:
            self.command.end(137)
        self.lab.stopped.add(self.arn)
        raise greenlet.GreenletExit

    def freeze(self, seconds: float) -> None:
        self.life.frozen_until = self.lab.timeline.seconds + seconds
        self.clock.sleep(0.0)

    def send(self, operation: str, params: Mapping[str, Any], seconds: float) -> Any:
        """Make one wire attempt with the fault that is meant for it."""
        fault = self.faults.get(self.calls)
        self.calls += 1
        self.operations.append(operation)
        self.clock.sleep(LATENCY)
        if fault is Fault.CRASH_BEFORE:
            self.crash()
        if fault is Fault.FROZEN_BEFORE:
            self.freeze(600.0)
        if fault is Fault.THROTTLED:
            raise Passing("Rate exceeded")
        if fault in (Fault.LOST_REQUEST, Fault.DELAYED, Fault.DELAYED_LONG):
            delay = {Fault.DELAYED: 30.0, Fault.DELAYED_LONG: 4000.0}.get(fault)
            if delay:
                self.lab.timeline.at(delay, lambda: self.lab.quietly(operation, params))
            self.clock.sleep(seconds)
            raise Passing("no answer")
        answer = self.lab.handle(operation, params)
        if fault is Fault.DUPLICATE:
            self.lab.timeline.at(60.0, lambda: self.lab.quietly(operation, params))
        if fault is Fault.CRASH_AFTER:
            self.crash()
        if fault is Fault.FROZEN_AFTER:
            self.freeze(600.0)
        if fault is Fault.LOST_RESPONSE:
            self.clock.sleep(seconds)
            raise Passing("no answer")
        if isinstance(answer, Exception):
            raise answer
        return answer, EPOCH + self.lab.timeline.seconds


class Lab:
    """One key, its table, and everybody who starts the command."""

    def __init__(self, *, duration: float = 20.0, codes: Any = (0,), table: bool = True) -> None:
        self.timeline = Timeline()
        self.scheduler = Scheduler(self.timeline)
        self.dynamodb = FakeDynamoDB(self.timeline, creation_seconds=0.0)
        self.duration = duration
        self.codes = itertools.chain(codes, itertools.repeat(0))
        self.stubborn = False
        self.stopped: set[str] = set()
        self.forgotten: set[str] = set()
        self.starters: list[Starter] = []
        self.running: list[str] = []
        self.started: list[str] = []
        self.ends: list[int] = []
        self.violations: list[str] = []
        if table:
            self.create_table()

    def create_table(self) -> None:
        self.dynamodb.handle("CreateTable", creation(TABLE))

    def handle(self, operation: str, params: Mapping[str, Any]) -> Any:
        """Carry a request out, or return the error that it is answered with."""
        assert operation in ("GetItem", "PutItem", "UpdateItem"), operation
        try:
            return self.dynamodb.handle(operation, params)
        except FakeConditionFailed as failed:
            return ConditionFailed(failed.response.get("Item"))
        except Exception as error:
            if (
                getattr(error, "code", "") == "ResourceNotFoundException"
                or "NotFound" in type(error).__name__
            ):
                return NoTable("no table", "ResourceNotFoundException")
            raise

    def quietly(self, operation: str, params: Mapping[str, Any]) -> None:
        """Carry out a request whose sender waits no more."""
        self.handle(operation, params)

    def begun(self, starter: Starter) -> None:
        """Hear that the command starts, and look at the three promises."""
        if self.running:
            self.violations.append(f"O2: {starter.name} beside {self.running}")
        if self.record and self.record.state == "DONE":
            self.violations.append(f"O3: {starter.name} after a recorded success")
        self.running.append(starter.name)
        self.started.append(starter.name)

    def ended(self, starter: Starter, code: int) -> None:
        self.running.remove(starter.name)
        self.ends.append(code)

    @property
    def record(self) -> Any:
        """The record as it is, None when there is none."""
        partition = (
            self.dynamodb.tables[TABLE].partitions.get(KEY)
            if TABLE in self.dynamodb.tables
            else None
        )
        return read(partition[""], TABLE) if partition else None

    def start(
        self, name: str, flags: str = "", after: float = 0.0, faults: Faults | None = None
    ) -> Starter:
        """Start another one, after so many seconds."""
        starter = Starter(self, name, flags, faults or {})
        self.starters.append(starter)
        self.timeline.at(after, lambda: self.scheduler.spawn(starter.life, starter.run))
        return starter

    def go(self, seconds: float = 3600.0) -> None:
        """Let time pass."""
        self.timeline.advance(seconds)

    def run(self, flags: str = "", **settings: Any) -> Starter:
        """Start one more and let it come to its end."""
        starter = self.start(f"s{len(self.starters)}", flags, **settings)
        self.go()
        return starter

    def operator(self, does: Callable[[], None], when: Callable[[], bool]) -> None:
        """Have somebody act as soon as something is so."""

        def look() -> None:
            if when():
                does()
            else:
                self.timeline.at(1.0, look)

        self.timeline.at(1.0, look)
