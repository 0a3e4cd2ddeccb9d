"""Passes over one app until it has converged or cannot: the loop of `apply`. Called by `app`.

The same `Reconciler` as the controller's, under the same lease; only the waiting differs: a person
watches, so failures that a controller would sit out are told and end it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from reconciler.controller.reconcile import Result
from reconciler.controller.verdict import has_failed
from reconciler.controller.worker import End, Outcome
from reconciler.model.clock import Clock, format_duration
from reconciler.model.errors import (
    LeaseHeld,
    LeaseLost,
    ReconcilerError,
    Superseded,
    TemporaryError,
)
from reconciler.model.events import Event, EventKind
from reconciler.model.names import AppKey
from reconciler.model.status import AppStatus

PAUSE = timedelta(seconds=1)


class TimedOut(ReconcilerError):
    """It did not converge within the time that was given."""

    exit_code = 7


@dataclass(frozen=True)
class Limits:
    """How long to wait: for the lease (zero: not at all) and for everything together (None: for ever).

    The wait for the lease counts from when it was refused, after a hand-over in the middle as well.
    """

    lease: timedelta
    total: timedelta | None = None


def converge(
    key: AppKey,
    reconcile: Callable[[AppKey], Result],
    clock: Clock,
    limits: Limits,
    report: Callable[[Event], None],
) -> AppStatus:
    """Reconcile `key` until its status is final, and return that status.

    Raises LeaseHeld when the lease did not come in time, TimedOut, PermanentError, and AwsError or
    LeaseLost when AWS keeps refusing or the lease keeps getting lost.
    """
    start = clock.boot_seconds()
    held_since: float | None = None
    failures = 0
    last: AppStatus | None = None
    waiting_for = ""
    while True:
        try:
            result = reconcile(key)
        except LeaseHeld as held:
            held_since = clock.boot_seconds() if held_since is None else held_since
            if clock.boot_seconds() - held_since >= limits.lease.total_seconds():
                raise
            if held.holder != waiting_for:
                waiting_for = held.holder
                report(Event(EventKind.ATTENTION, key, "", str(held), clock.now()))
            pause = PAUSE
        except Superseded:
            pause = PAUSE
        except (TemporaryError, LeaseLost) as error:
            failures += 1
            if has_failed(Outcome(key, End.RETRIED, error=error, failures=failures)):
                raise
            pause = _pause_after(error, failures)
        else:
            failures, held_since, last = 0, None, result.status
            if last is not None and (last.converged or _is_final(last, result)):
                return last
            pause = result.requeue_after or PAUSE
        _check_time(key, clock, start, limits, last)
        _say(report, last, clock)
        clock.sleep(pause)


def _pause_after(error: TemporaryError | LeaseLost, failures: int) -> timedelta:
    """Return AWS's own delay, else one that doubles. A lost lease is asked for anew, as by the worker."""
    delay = error.delay if isinstance(error, TemporaryError) else None
    return delay or PAUSE * (1 << failures)


def _is_final(status: AppStatus, result: Result) -> bool:
    """Whether the next pass would say the same: it has failed, or nothing is left that could change."""
    waits = result.requeue_after is not None
    outcome = Outcome(status.key, End.DONE, status=status, waits=waits, under_way=result.under_way)
    return has_failed(outcome)


def _say(report: Callable[[Event], None], last: AppStatus | None, clock: Clock) -> None:
    if last is not None:
        report(Event(EventKind.WAITING, last.key, "", last.unfinished, clock.now()))


def _check_time(
    key: AppKey, clock: Clock, start: float, limits: Limits, last: AppStatus | None
) -> None:
    if limits.total is None or clock.boot_seconds() - start < limits.total.total_seconds():
        return
    said = last.unfinished if last else ""
    after = format_duration(limits.total)
    raise TimedOut(f"{key} is not converged after {after}{': ' if said else ''}{said}")
