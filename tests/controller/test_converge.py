"""Passes until it has converged or cannot: which ends there are, and how long each is waited for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.controller.converge import Limits, TimedOut, converge
from reconciler.controller.reconcile import Result
from reconciler.controller.verdict import PATIENCE, REFUSED_PATIENCE
from reconciler.model.errors import (
    AccessDenied,
    LeaseHeld,
    LeaseLost,
    OutcomeUnknown,
    PermanentError,
    Superseded,
    Throttled,
)
from reconciler.model.events import EventKind
from reconciler.model.names import Address
from reconciler.model.status import Health, ResourceStatus, Sync
from tests.controller.fakes import VirtualClock, status

KEY = "production/shop"
SOON = timedelta(seconds=2)
UNDER_WAY = {"sync": Sync.OUT_OF_SYNC, "health": Health.PROGRESSING, "exit_code": 1}


class Passes:
    """A reconciler whose passes end as told; the last one goes on for ever."""

    def __init__(self, *ends: object) -> None:
        self.ends = list(ends)
        self.times: list[float] = []
        self.clock = VirtualClock()
        self.start = self.clock.boot_seconds()
        self.said: list = []

    def __call__(self, key: str) -> Result:
        self.times.append(self.clock.boot_seconds() - self.start)
        end = self.ends[min(len(self.times), len(self.ends)) - 1]
        if isinstance(end, Exception):
            raise end
        return end

    def run(self, lease: float = 60, total: float | None = None):
        limit = None if total is None else timedelta(seconds=total)
        limits = Limits(timedelta(seconds=lease), limit)
        return converge(KEY, self, self.clock, limits, self.said.append)


def passed(again: timedelta | None = SOON, **fields) -> Result:
    """Return the result of a pass."""
    return Result(again, status(KEY, **fields))


def denied() -> AccessDenied:
    """Return a refusal."""
    return AccessDenied("no", operation="ecs:UpdateService", code="AccessDeniedException")


def lost() -> OutcomeUnknown:
    """Return a failure of the network."""
    return OutcomeUnknown("lost", operation="ecs:UpdateService")


def test_it_goes_on_until_converged():
    """Each pass says when the next one is due."""
    passes = Passes(passed(**UNDER_WAY), passed(timedelta(seconds=7), **UNDER_WAY), passed(None))
    assert passes.run().converged
    assert passes.times == [0, 2, 9]


@pytest.mark.parametrize("code", [4, 6, 8])
def test_what_needs_a_person_ends_it(code):
    """A guard, a failed migration, a held rollout: the status is returned with its code."""
    passes = Passes(passed(**{**UNDER_WAY, "exit_code": code}))
    assert passes.run().exit_code == code
    assert len(passes.times) == 1


@pytest.mark.parametrize("code", [4, 6, 8])
def test_what_is_under_way_is_seen_through(code):
    """A held resource does not end the watch over the rollouts beside it, nor what comes after them."""
    held = {**UNDER_WAY, "exit_code": code}
    passes = Passes(*[replace(passed(**held), under_way=True)] * 3, passed(**held))
    assert passes.run().exit_code == code
    assert len(passes.times) == 4


@pytest.mark.parametrize("code", [1, 3])
def test_nothing_left_to_do_ends_it(code):
    """A difference that no further pass would change is final; one that is on its way is not."""
    passes = Passes(
        passed(**{**UNDER_WAY, "exit_code": code}), passed(None, **{**UNDER_WAY, "exit_code": code})
    )
    assert passes.run().exit_code == code
    assert len(passes.times) == 2


def test_it_ends_with_seven_when_time_is_up():
    """The last message is part of what is said, and no pass begins after the limit."""
    passes = Passes(passed(**UNDER_WAY, message="web: 0/3 new running"))
    with pytest.raises(TimedOut, match="not converged after 10s: web: 0/3 new running") as ended:
        passes.run(total=10)
    assert ended.value.exit_code == 7
    assert passes.times[-1] <= 10
    assert len(passes.times) == 6


def test_what_it_waits_for_is_named():
    """After each pass for the sign of life, and when time is up: every resource that is not there yet."""
    web = ResourceStatus(
        Address("service", "web"), Sync.SYNCED, Health.PROGRESSING, "0/3 new running"
    )
    there = ResourceStatus(Address("service", "api"), Sync.SYNCED, Health.HEALTHY, "fine")
    cache = ResourceStatus(Address("redis", "main"), Sync.OUT_OF_SYNC, Health.MISSING)
    passes = Passes(passed(**UNDER_WAY, resources=(web, there, cache)))
    with pytest.raises(TimedOut) as ended:
        passes.run(total=5)
    waiting = "service/web: 0/3 new running; redis/main: Missing"
    assert str(ended.value) == f"{KEY} is not converged after 5s: {waiting}"
    assert {(e.kind, e.message) for e in passes.said} == {(EventKind.WAITING, waiting)}


def test_without_a_limit_it_is_patient():
    """A rollout may take hours."""
    passes = Passes(*[passed(**UNDER_WAY)] * 5000, passed(None))
    assert passes.run().converged
    assert passes.times[-1] == 10_000


def test_a_lease_is_waited_for():
    """The holder is told once, however long it takes; another holder is told again."""
    by = [LeaseHeld(f"held by {who}", holder=who) for who in "aab"]
    passes = Passes(*by, passed(None))
    assert passes.run().converged
    assert [(e.kind, e.message) for e in passes.said] == [
        (EventKind.ATTENTION, "held by a"),
        (EventKind.ATTENTION, "held by b"),
    ]


@pytest.mark.parametrize(("lease", "tries"), [(0, 1), (10, 11)])
def test_a_lease_that_does_not_come(lease, tries):
    """Zero means not to wait at all; the error names the holder and has code 5."""
    passes = Passes(LeaseHeld("held by a", holder="a"))
    with pytest.raises(LeaseHeld) as ended:
        passes.run(lease=lease)
    assert ended.value.exit_code == 5
    assert len(passes.times) == tries


def test_a_total_limit_ends_the_wait_for_a_lease_too():
    """`--timeout` bounds everything together."""
    with pytest.raises(TimedOut):
        Passes(LeaseHeld("held by a", holder="a")).run(lease=100, total=5)


def test_a_lease_is_waited_for_at_the_start_only():
    """Time that went into passes does not count as waiting for the lease."""
    passes = Passes(
        *[passed(**UNDER_WAY)] * 40, *[LeaseHeld("held by a", holder="a")] * 3, passed(None)
    )
    assert passes.run(lease=30).converged


def test_somebody_faster_is_no_failure():
    """Superseded means to look again, any number of times."""
    passes = Passes(*[Superseded("look again")] * 20, passed(None))
    assert passes.run().converged


def test_a_lease_that_keeps_getting_lost_is_told():
    """Without a heartbeat that is acknowledged there is no end of it by itself."""
    passes = Passes(LeaseLost("no heartbeat"))
    with pytest.raises(LeaseLost):
        passes.run()
    assert len(passes.times) == PATIENCE


def test_a_lost_lease_is_looked_at_again():
    """The next pass takes the lease anew, or says who has it."""
    passes = Passes(passed(**UNDER_WAY), LeaseLost("gone"), passed(None))
    assert passes.run().converged


@pytest.mark.parametrize(
    ("error", "passes"), [(denied(), REFUSED_PATIENCE), (lost(), PATIENCE)], ids=["refused", "lost"]
)
def test_failures_in_a_row_are_told(error, passes):
    """A refusal is believed at the second look, the network gets more; the error itself is raised."""
    tries = Passes(error)
    with pytest.raises(type(error)):
        tries.run()
    assert len(tries.times) == passes
    gaps = [b - a for a, b in zip(tries.times, tries.times[1:], strict=False)]
    assert gaps == [2.0 ** (n + 1) for n in range(passes - 1)]


def test_a_pass_that_works_forgives_the_failures_before():
    """Only failures in a row count."""
    ends: Iterable[object] = [lost(), lost(), lost(), passed(**UNDER_WAY)] * 5
    assert Passes(*ends, passed(None)).run().converged


def test_a_delay_that_aws_asks_for_is_kept():
    """An error may say when to come back."""
    error = Throttled("slow down", operation="ecs:UpdateService")
    error.delay = timedelta(seconds=30)
    passes = Passes(error, passed(None))
    passes.run()
    assert passes.times == [0, 30]


def test_what_cannot_work_is_raised_at_once():
    """Files that are wrong stay wrong while nobody changes them."""
    passes = Passes(PermanentError("older files"))
    with pytest.raises(PermanentError):
        passes.run()
    assert len(passes.times) == 1
