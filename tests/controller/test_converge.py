"""When `apply` stops: its passes over one app, with their ends told by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.controller.converge import Limits, TimedOut, converge
from reconciler.controller.reconcile import Result
from reconciler.model.errors import AccessDenied, LeaseHeld, OutcomeUnknown, Superseded
from reconciler.model.status import Health, Sync
from tests.controller.fakes import status
from tests.fakes.clock import VirtualClock

KEY = "production/shop"
SOON = timedelta(seconds=1)
DONE = Result(None, status(KEY))


def going(code: int = 1, again: timedelta | None = SOON) -> Result:
    """Return a pass that has not got there; `again` is when it wants to be called."""
    told = status(KEY, sync=Sync.OUT_OF_SYNC, health=Health.PROGRESSING, exit_code=code)
    return Result(again, told)


def apply(*ends, lease: timedelta = SOON, total: timedelta | None = timedelta(minutes=1)):
    """Converge an app whose passes end as told, one after the other; the last one for ever."""
    left, told = list(ends), []

    def reconcile(_):
        end = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(end, Exception):
            raise end
        return end

    return converge(KEY, reconcile, VirtualClock(), Limits(lease, total), told.append)


def test_goes_on_while_something_is_on_its_way():
    """A status that is not well yet is no end as long as the pass asks to be called again."""
    assert apply(going(), going(), DONE).converged


def test_ends_when_nothing_will_change_by_itself():
    """Not converged and no next look asked for: the status as it is, with its code."""
    assert apply(going(), going(again=None)).exit_code == 1


@pytest.mark.parametrize("code", [4, 6, 8])
def test_ends_at_once_when_a_person_must_act(code):
    """A refused guard, a failed migration and a reverted rollout are not waited out."""
    assert apply(going(code)).exit_code == code


def test_goes_on_after_lost_races_and_lost_answers():
    """Somebody was faster, an answer was lost: the next pass finds out."""
    lost = OutcomeUnknown("reset", operation="ecs:UpdateService")
    assert apply(Superseded("faster"), lost, DONE).converged


def test_refusals_end_it():
    """A missing permission is told after a second look, not after the timeout."""
    with pytest.raises(AccessDenied):
        apply(AccessDenied("no", operation="ecs:UpdateService"))


def test_waits_for_the_lease_and_no_longer():
    """The lease that comes in time is waited for; the one that does not is the error."""
    held = LeaseHeld("held by other", holder="other")
    assert apply(held, DONE, lease=timedelta(seconds=5)).converged
    with pytest.raises(LeaseHeld):
        apply(held, lease=timedelta(seconds=5))


def test_times_out():
    """Everything together is bounded."""
    with pytest.raises(TimedOut):
        apply(going())
