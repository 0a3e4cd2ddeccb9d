"""A worker: takes a key from the queue, has it reconciled, and turns the end of the pass into what next.

Started by `loop`. It knows nothing of AWS; one `match` (`Worker._judge`) is the only place where errors
become requeue, backoff, Stalled or stop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from reconciler.controller import logs
from reconciler.controller.backoff import Standing
from reconciler.controller.progress import Progress
from reconciler.controller.queue import WorkQueue
from reconciler.model.clock import Clock
from reconciler.model.errors import (
    AwsError,
    LeaseHeld,
    LeaseLost,
    PermanentError,
    ReconcilerError,
    Superseded,
    TemporaryError,
)
from reconciler.model.finding import AWS_REFUSED
from reconciler.model.names import AppKey
from reconciler.model.status import AppStatus

log = logging.getLogger(__name__)

LEASE_RETRY = timedelta(seconds=30)
"""When to ask again for a lease that another holds, should no heartbeat tell us earlier."""

REJOIN_RETRY = timedelta(seconds=1)
"""When to look again after a lease was lost: the heartbeat joins anew meanwhile."""

NEEDS_A_PERSON = frozenset({4, 6, 8})
ATTENTIVE = timedelta(seconds=5)
"""`resume`, `retry` and `resolve` only write to the ledger: how soon we hear of what a person did."""

INSTANT = timedelta(milliseconds=500)
"""A wait of less is not worth a word (the shortest backoff is never less)."""

QUIET_CONFLICTS = 3
"""So many `Superseded` in a row are ordinary (an operator's command), more are worth a word."""


class PassResult(Protocol):
    """What a pass gives back (`reconcile.Result`): when to be called again, and what is the matter."""

    @property
    def requeue_after(self) -> timedelta | None:
        """The time until the next pass; None when nothing is expected to change by itself."""

    @property
    def status(self) -> AppStatus | None:
        """The app's status, None when it could not be told."""

    @property
    def under_way(self) -> bool:
        """Whether something that we began is not at its end yet."""


class End(StrEnum):
    """How a pass ended, completing the sentence "the pass of production/shop has …"."""

    DONE = "done"
    RETRIED = "failed for now"
    STALLED = "stalled"
    ELSEWHERE = "found another owner"
    LOST = "lost its lease"
    CRASHED = "crashed"


@dataclass(frozen=True)
class Outcome:
    """The end of one pass. `failures` counts the passes of this key that failed in a row, this included."""

    key: AppKey
    end: End
    status: AppStatus | None = None
    error: Exception | None = None
    again: timedelta | None = None
    failures: int = 0
    waits: bool = False
    """Whether the pass itself asked to be called again: something is on its way."""
    under_way: bool = False
    """Whether something that we began is not at its end: it is seen through, whatever else failed."""

    @property
    def message(self) -> str:
        """The error in words, empty without one. A bug is named by its type: it speaks to us, not users."""
        if self.error is None:
            return ""
        if isinstance(self.error, ReconcilerError):
            return str(self.error)
        return f"internal error: {type(self.error).__name__}: {self.error}"

    @property
    def exit_code(self) -> int:
        """What a command that gives up on this app ends with."""
        if self.error is not None:
            return getattr(self.error, "exit_code", 1)
        return self.status.exit_code if self.status else 0


@dataclass(frozen=True)
class Ports:
    """What a worker needs of the world. `resync` gives the (jittered) time to the next look."""

    queue: WorkQueue
    reconcile: Callable[[AppKey], PassResult]
    clock: Clock
    resync: Callable[[], timedelta]
    progress: Progress
    report: Callable[[Outcome], None]


class Worker:
    """Works off the queue, one key at a time, until the queue is shut down. Never raises."""

    def __init__(self, ports: Ports, standing: Standing) -> None:
        self._ports = ports
        self._standing = standing

    def run(self) -> None:
        """Work until the queue is shut down: the body of a worker thread."""
        while (key := self._ports.queue.get()) is not None:
            self.work(key)

    def work(self, key: AppKey) -> Outcome:
        """Do one pass of `key`, which `queue.get` has handed out, and arrange the next one."""
        ports = self._ports
        ports.progress.begin(key)
        try:
            with logs.context(key=key):
                outcome = self._pass(key)
                self._say(outcome)
        finally:
            ports.progress.end(key)
            ports.queue.done(key)
        # Told when the key is free again: whoever hears it may ask the queue what is still to do.
        ports.report(outcome)
        return outcome

    def _pass(self, key: AppKey) -> Outcome:
        try:
            result = self._ports.reconcile(key)
        except Exception as error:  # noqa: BLE001 - one app's bug must not stop the others
            return self._judge(key, error)
        queue = self._ports.queue
        queue.forget(key)
        # Level-triggered: even a converged app is looked at again, for drift and for missed events.
        again = self._ports.resync()
        waits = result.requeue_after is not None
        if result.requeue_after is not None:
            again = min(again, result.requeue_after)
        if result.status is not None and result.status.exit_code in NEEDS_A_PERSON:
            again = min(again, ATTENTIVE)
        queue.add_after(key, again)
        return Outcome(
            key,
            End.DONE,
            status=result.status,
            again=again,
            waits=waits,
            under_way=result.under_way,
        )

    def _judge(self, key: AppKey, error: Exception) -> Outcome:
        queue = self._ports.queue
        delay: timedelta | None = None  # none: back off
        match error:
            case LeaseLost():
                end, delay = End.LOST, REJOIN_RETRY
            case LeaseHeld(delay=wait):
                end, delay = End.ELSEWHERE, wait or LEASE_RETRY
            case Superseded():
                end = End.RETRIED
            case AwsError() | TemporaryError():
                end, delay = End.RETRIED, error.delay
            case PermanentError() | ReconcilerError():
                end, delay = End.STALLED, self._ports.resync()
                queue.forget(key)
            case _:
                end = End.CRASHED
        if delay is not None:
            queue.add_after(key, delay)
            return Outcome(key, end, error=error, again=delay)
        delay = queue.backoff(key)
        return Outcome(key, end, error=error, again=delay, failures=queue.failures(key))

    def _say(self, outcome: Outcome) -> None:
        """Log the outcome: a standing problem once and then at growing intervals, a recovery once."""
        key, error = outcome.key, outcome.error
        elsewhere = f"{key} elsewhere"
        if error is None:
            times = self._standing.cleared(key)
            if times:
                passes = "pass" if times == 1 else "passes"
                log.info("works again after %d failed %s", times, passes)
            if self._standing.cleared(elsewhere):
                log.info("holds the lease now")
            self._say_what_is_missing(outcome.key, outcome.status)
            return
        # To wait for another owner is no failure, so that it is not counted as one.
        place = elsewhere if outcome.end is End.ELSEWHERE else key
        said = self._standing.raised(place, sign_of(error), self._ports.clock.boot_seconds())
        if outcome.end is End.CRASHED:
            log.debug("traceback of the internal error", exc_info=error)
        if not said or _is_ordinary(outcome):
            return
        level = logging.INFO if outcome.end is End.ELSEWHERE else logging.WARNING
        log.log(level, "%s%s", outcome.message, _next_look(outcome), extra=_fields(error))

    def _say_what_is_missing(self, key: AppKey, status: AppStatus | None) -> None:
        """Log why it does not converge: an image or something else that is not there. No pass has failed."""
        place = f"{key} waits"
        if status is None or status.exit_code != AWS_REFUSED:
            self._standing.cleared(place)
        elif self._standing.raised(place, status.message, self._ports.clock.boot_seconds()):
            log.warning("not converged: %s", status.message)


def sign_of(error: Exception) -> Hashable:
    """Return what makes two errors the same standing problem: request ids and times do not count."""
    if isinstance(error, AwsError):
        return type(error), error.operation, error.code
    if isinstance(error, LeaseHeld):
        return type(error), error.holder
    return type(error), str(error)


def _is_ordinary(outcome: Outcome) -> bool:
    """Say whether it is no problem, at most an instant's wait."""
    if isinstance(outcome.error, Superseded):
        return outcome.failures <= QUIET_CONFLICTS
    return outcome.end is End.RETRIED and outcome.again is not None and outcome.again < INSTANT


def _fields(error: Exception) -> dict[str, str]:
    request_id = error.request_id if isinstance(error, AwsError) else ""
    return {"request_id": request_id} if request_id else {}


def _next_look(outcome: Outcome) -> str:
    if outcome.end is End.STALLED:
        return " (stalled until something changes)"
    if outcome.again is None:
        return ""
    return f" (next try in {outcome.again.total_seconds():.0f}s)"
