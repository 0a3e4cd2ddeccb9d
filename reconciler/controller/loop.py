"""The controller: threads around the queue. `Core` is made first, `Controller.run` is the program `run`.

Made by `app`, which hands in the source, the reconcile and release functions and the member factory.
Here are the order of starting and stopping, signals, and the end when everything has converged; what a
pass does is `reconcile`, what becomes of its errors `worker`. No listener is opened.
"""

from __future__ import annotations

import logging
import queue as messages
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import FrameType

from reconciler.controller import worker
from reconciler.controller.backoff import Standing
from reconciler.controller.membership import BEAT, Member, Memberships, Place, Surroundings
from reconciler.controller.progress import Progress
from reconciler.controller.queue import WorkQueue
from reconciler.controller.signals import handled_by
from reconciler.controller.verdict import Ending, verdict
from reconciler.controller.watch import DesiredSource
from reconciler.controller.worker import End, Outcome, PassResult, Worker
from reconciler.model.clock import Clock, format_duration
from reconciler.model.errors import LeaseHeld
from reconciler.model.events import Event, EventKind
from reconciler.model.names import AppKey

log = logging.getLogger(__name__)

TIMED_OUT = 7
SIGNALLED = 128
"""What shells add to a signal's number."""

_STANDS_STILL = frozenset({4, 6, 8})
"""Codes of what waits for a person: suspended or refused, a migration, a rollout that is held."""

HURRY = 2
"""Told so often to stop, we wait for nobody."""

SLICE = 0.1
"""Seconds between two looks while draining: a second signal must be noticed."""

JITTER = 0.1
"""The resync is up to this part longer, so that apps do not come in step."""


@dataclass(frozen=True)
class Options:
    """How the controller runs. `timeout` bounds the `until_converged` mode only."""

    workers: int = 4
    resync: timedelta = timedelta(seconds=60)
    drain: timedelta = timedelta(seconds=20)
    until_converged: bool = False
    timeout: timedelta | None = None


@dataclass(frozen=True)
class Core:
    """What both the controller and the functions handed to it need: made before either.

    `draining` is set as soon as the controller is told to stop; a pass may look at it between steps.
    """

    clock: Clock
    random: Callable[[], float]
    queue: WorkQueue
    progress: Progress
    memberships: Memberships
    draining: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def make(
        cls,
        clock: Clock,
        random: Callable[[], float],
        factory: Callable[[Place], Member],
        beat: timedelta = BEAT,
    ) -> Core:
        """Put a core together. `factory` makes a new, not yet joined incarnation for a place."""
        queue = WorkQueue(clock, random)
        progress = Progress(clock)
        around = Surroundings(clock, progress, queue.add, queue.ready, beat)
        return cls(clock, random, queue, progress, Memberships(factory, around))


@dataclass(frozen=True)
class Parts:
    """What is done: where desired state comes from, one pass, giving a lease back, telling about it."""

    source: DesiredSource
    reconcile: Callable[[AppKey], PassResult]
    release: Callable[[AppKey], None]
    report: Callable[[Event], None] = lambda _: None


@dataclass(frozen=True)
class _Stop:
    """Somebody asked us to stop; `signal` is 0 when it was not by a signal."""

    signal: int


@dataclass(frozen=True)
class _Changed:
    """The files say something new about `keys`."""

    keys: frozenset[AppKey]


class Controller:
    """Runs until it is stopped, or until everything has converged when asked to."""

    def __init__(self, core: Core, parts: Parts, options: Options | None = None) -> None:
        self._core = core
        self._parts = parts
        self._options = options or Options()
        # SimpleQueue because its put may be called from a signal handler.
        self._inbox: messages.SimpleQueue[_Stop | _Changed | Outcome] = messages.SimpleQueue()
        self._stops = 0
        self._last: dict[AppKey, Outcome] = {}
        self._standstill: dict[AppKey, str] = {}
        self._ours: set[AppKey] = set()
        self._threads: list[threading.Thread] = []

    def run(self) -> Ending:
        """Run to the end, then drain: finish the running passes, release the leases, leave.

        The exit code is 0 after `stop` or a signal, in the `until_converged` mode what the apps came
        to, 7 after the timeout, 128 + the signal.
        """
        self._parts.source.start(self._on_change)
        self._start_workers()
        try:
            return self._attend()
        finally:
            self._drain()

    def stop(self, signum: int = 0) -> None:
        """Ask the controller to drain and end; asked twice it stops waiting for running passes.

        May be called from a signal handler and from any thread.
        """
        self._stops += 1
        self._inbox.put(_Stop(signum))

    def resync(self) -> timedelta:
        """Return the time to an app's next look without any cause, with jitter."""
        return self._options.resync * (1 + JITTER * self._core.random())

    def _start_workers(self) -> None:
        core, parts = self._core, self._parts
        ports = worker.Ports(
            queue=core.queue,
            reconcile=parts.reconcile,
            clock=core.clock,
            resync=self.resync,
            progress=core.progress,
            report=self._on_outcome,
        )
        standing = Standing()
        core.progress.expect_work()
        for number in range(self._options.workers):
            body = Worker(ports, standing).run
            thread = threading.Thread(target=body, name=f"worker {number + 1}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _on_change(self, keys: frozenset[AppKey]) -> None:
        """Hear from the source, in its thread."""
        snapshot = self._parts.source.snapshot()
        for key in sorted(keys & frozenset(snapshot.apps) - snapshot.vanished):
            self._core.queue.forget(key)  # new content deserves a prompt try
            self._core.queue.add(key)
        self._inbox.put(_Changed(keys))

    def _on_outcome(self, outcome: Outcome) -> None:
        """Hear from a worker, in its thread."""
        membership = self._core.memberships.of(outcome.key)
        if membership is not None:
            match outcome:
                case Outcome(end=End.ELSEWHERE, error=LeaseHeld(holder=holder)):
                    membership.held_elsewhere(outcome.key, holder)
                case Outcome(end=End.LOST):
                    membership.lost(outcome.key)
                case Outcome(end=End.DONE):
                    membership.done(outcome.key)
        self._inbox.put(outcome)

    def _attend(self) -> Ending:
        """Take messages until there is an end: everything the controller remembers is changed here."""
        options, clock = self._options, self._core.clock
        start = clock.boot_seconds()
        while True:
            try:
                message = self._inbox.get(timeout=1)
            except messages.Empty:
                pass
            else:
                if isinstance(message, _Stop):
                    waiting = options.until_converged and message.signal
                    return Ending(SIGNALLED + message.signal if waiting else 0)
                self._take(message)
            if not options.until_converged:
                continue
            ending = self._verdict()
            if ending is not None:
                return ending
            limit = options.timeout
            if limit is not None and clock.boot_seconds() - start > limit.total_seconds():
                return Ending(TIMED_OUT, self._unfinished(limit))

    def _take(self, message: _Changed | Outcome) -> None:
        if isinstance(message, _Changed):
            for key in message.keys:
                self._last.pop(key, None)
            self._say_files()
            return
        before = self._last.get(message.key)
        self._last[message.key] = message
        if message.end in (End.ELSEWHERE, End.LOST):
            self._ours.discard(message.key)
        elif self._core.memberships.of(message.key) is not None:
            self._ours.add(message.key)
        self._say_converged(before, message)
        self._say_standstill(message)

    def _verdict(self) -> Ending | None:
        busy = self._core.queue.busy()
        settled = {key: outcome for key, outcome in self._last.items() if key not in busy}
        return verdict(self._parts.source.snapshot(), settled)

    def _unfinished(self, limit: timedelta) -> dict[str, str]:
        snapshot = self._parts.source.snapshot()
        reasons = {}
        for key in sorted(snapshot.keys() - snapshot.vanished):
            last = self._last.get(key)
            status = last.status if last else None
            if status is None or not status.converged:
                said = (last.message if last else "") or (status.unfinished if status else "")
                after = format_duration(limit)
                reasons[key] = f"not converged after {after}{': ' if said else ''}{said}"
        return reasons

    def _say_files(self) -> None:
        """Say what is wrong with the files; the source tells us only when that has changed."""
        snapshot = self._parts.source.snapshot()
        if snapshot.problem:
            log.warning("%s; the last good state stays", snapshot.problem)
        for diagnostic in snapshot.diagnostics:
            log.warning("%s", diagnostic)
        for key in sorted(snapshot.broken):
            kept = (
                "the last good state stays"
                if key in snapshot.apps
                else "there is no good state yet"
            )
            log.warning("its files are wrong; %s", kept, extra={"key": key})
        for key in sorted(snapshot.vanished):
            log.warning("its folder is gone: left alone, nothing is deleted", extra={"key": key})

    def _say_converged(self, before: Outcome | None, now: Outcome) -> None:
        status = now.status
        if status is None or not status.converged:
            return
        if before is not None and before.status is not None and before.status.converged:
            return
        at = f" at {status.commit[:12]}" if status.commit else ""
        message = f"converged{at} (generation {status.generation})"
        self._parts.report(Event(EventKind.DONE, now.key, "", message, self._core.clock.now()))

    def _say_standstill(self, now: Outcome) -> None:
        """Say what keeps an app from converging, when that is news; `until_converged` says it as its end.

        Of what AWS lacks the worker warns.
        """
        status = now.status
        if status is None or self._options.until_converged:
            return
        stands_still = status.exit_code in _STANDS_STILL and not status.converged
        reason = status.message if stands_still else ""
        if reason and reason != self._standstill.get(now.key):
            message = f"not converged: {reason}"
            event = Event(EventKind.ATTENTION, now.key, "", message, self._core.clock.now())
            self._parts.report(event)
        self._standstill[now.key] = reason

    def _drain(self) -> None:
        """End within `Options.drain`; what does not end by then is left to the fence and to others."""
        core = self._core
        deadline = core.clock.boot_seconds() + self._options.drain.total_seconds()
        core.queue.shut_down()  # first: a pass that sees `draining` ends, and must be the last one
        core.draining.set()
        self._parts.source.stop()
        self._wait(self._threads, deadline)
        running = core.queue.working()
        if running:
            log.warning("still at work, left behind: %s", ", ".join(sorted(running)))
        while True:
            try:
                message = self._inbox.get_nowait()
            except messages.Empty:
                break
            if isinstance(message, Outcome):
                self._take(message)
        leaving = threading.Thread(target=self._leave, args=(running,), name="leave", daemon=True)
        leaving.start()
        self._wait([leaving], deadline)
        if leaving.is_alive():
            log.warning(
                "could not hand over in time: others take over when the heartbeat is missed"
            )

    def _leave(self, running: frozenset[AppKey]) -> None:
        for key in sorted(self._ours - running):
            try:
                self._parts.release(key)
            except Exception as error:  # noqa: BLE001 - the other leases are to be released all the same
                log.warning("lease not released: %s", error, extra={"key": key})
        for refusal in self._core.memberships.end():
            log.warning("could not leave: %s", refusal)

    def _wait(self, threads: list[threading.Thread], deadline: float) -> None:
        for thread in threads:
            while thread.is_alive() and self._stops < HURRY:
                left = deadline - self._core.clock.boot_seconds()
                if left <= 0:
                    return
                thread.join(min(left, SLICE))


@contextmanager
def handle_signals(controller: Controller) -> Iterator[None]:
    """Let SIGTERM, SIGINT and SIGHUP stop the controller."""

    def stop(number: int, _: FrameType | None) -> None:
        controller.stop(number)

    with handled_by(stop, signal.SIGTERM, signal.SIGINT):
        yield
