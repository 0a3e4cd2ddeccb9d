"""When waiting has an end, and with which exit code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.controller.verdict import PATIENCE, verdict
from reconciler.controller.worker import End, Outcome
from reconciler.model.errors import (
    AccessDenied,
    GuardRefused,
    LeaseHeld,
    LeaseLost,
    PermanentError,
    Throttled,
)
from reconciler.model.names import Address
from reconciler.model.status import Health, ResourceStatus, Sync
from tests.controller.fakes import diagnostic, snapshot, status

SHOP, BLOG = "production/shop", "production/blog"


def done(key: str, **more) -> Outcome:
    """Build the outcome of a pass that went through."""
    return Outcome(key, End.DONE, status=status(key, **more))


def failed(error: Exception, failures: int = 0, end: End = End.RETRIED) -> Outcome:
    """Build the outcome of a pass that ended in an error."""
    return Outcome(SHOP, end, error=error, failures=failures)


def ended(*outcomes: Outcome, **more):
    """Judge apps whose keys are those of the outcomes."""
    keys = [outcome.key for outcome in outcomes]
    return verdict(snapshot(*keys, **more), {o.key: o for o in outcomes})


def test_all_converged_is_success():
    """Exit 0 when every app is in sync and healthy."""
    ending = ended(done(SHOP), done(BLOG))
    assert (ending.exit_code, ending.reasons) == (0, {})


def test_an_app_without_an_outcome_is_waited_for():
    """One app's convergence says nothing of another's."""
    assert verdict(snapshot(SHOP, BLOG), {SHOP: done(SHOP)}) is None


@pytest.mark.parametrize(
    "outcome",
    [
        done(SHOP, sync=Sync.OUT_OF_SYNC, health=Health.PROGRESSING),
        replace(done(SHOP, sync=Sync.OUT_OF_SYNC, health=Health.MISSING, exit_code=1), waits=True),
        replace(
            done(SHOP, sync=Sync.OUT_OF_SYNC, health=Health.HELD, exit_code=8),
            waits=True,
            under_way=True,
        ),
        done(SHOP, content_hash="of an older file"),
        failed(Throttled("x", operation="ecs:X"), PATIENCE - 1),
        failed(AccessDenied("x", operation="ecs:X"), 1),
        failed(LeaseHeld("x", holder="b"), end=End.ELSEWHERE),
        failed(LeaseLost("x"), end=End.LOST),
        Outcome(SHOP, End.DONE),
    ],
    ids=lambda outcome: outcome.message or str(outcome.end),
)
def test_what_may_still_get_on_is_waited_for(outcome):
    """Progress, an older file's success, a passing error and another owner are no end."""
    assert ended(outcome) is None


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (done(SHOP, sync=Sync.OUT_OF_SYNC, health=Health.HELD, exit_code=8), 8),
        (done(SHOP, sync=Sync.OUT_OF_SYNC, health=Health.DEGRADED, exit_code=6), 6),
        (done(SHOP, sync=Sync.OUT_OF_SYNC, health=Health.SUSPENDED, exit_code=4), 4),
        (done(SHOP, sync=Sync.OUT_OF_SYNC, health=Health.MISSING, exit_code=1), 1),
        (failed(PermanentError("x"), end=End.STALLED), 1),
        (failed(GuardRefused("x"), end=End.STALLED), 4),
        (failed(Throttled("x", operation="ecs:X"), PATIENCE), 3),
        (failed(AccessDenied("x", operation="ecs:X"), 2), 3),
        (failed(ZeroDivisionError("x"), PATIENCE, End.CRASHED), 1),
    ],
    ids=str,
)
def test_what_cannot_get_on_is_the_end_with_its_code(outcome, code):
    """A final failure ends the wait with the exit code of the status or the error."""
    ending = ended(outcome)
    assert ending.exit_code == code
    assert ending.reasons[SHOP]


def test_the_highest_code_wins_and_every_failure_has_its_reason():
    """Several apps may fail in several ways."""
    held = done(SHOP, sync=Sync.OUT_OF_SYNC, health=Health.HELD, exit_code=8, message="reverted")
    stalled = replace(failed(GuardRefused("wrong account"), end=End.STALLED), key=BLOG)
    ending = ended(held, stalled)
    assert (ending.exit_code, ending.reasons) == (8, {SHOP: "reverted", BLOG: "wrong account"})


def test_the_reason_names_the_resources():
    """Without a message of the app its failed resources speak."""
    resource = ResourceStatus(
        Address("migration", "db"), Sync.OUT_OF_SYNC, Health.DEGRADED, "exit 1"
    )
    ending = ended(
        done(
            SHOP, sync=Sync.OUT_OF_SYNC, health=Health.DEGRADED, exit_code=6, resources=(resource,)
        )
    )
    assert ending.reasons == {SHOP: "migration/db: exit 1"}


def test_broken_files_fail_though_the_last_good_state_converged():
    """What the files say now is what was asked for: exit 2 with the place of the mistake."""
    ending = ended(done(SHOP), broken={SHOP: (diagnostic(),)})
    assert ending.exit_code == 2
    assert "app.yaml:3:5" in ending.reasons[SHOP]


def test_broken_files_of_one_app_do_not_end_the_wait_for_another():
    """The failure is told when all others have come to an end too."""
    broken = {SHOP: (diagnostic(),)}
    assert verdict(snapshot(BLOG, broken=broken), {}) is None
    assert verdict(snapshot(BLOG, broken=broken), {BLOG: done(BLOG)}).exit_code == 2


def test_nothing_to_converge_is_a_failure():
    """An empty or missing folder and one of which nothing can be told end with 2, saying why."""
    assert verdict(snapshot(), {}).exit_code == 2
    missing = verdict(snapshot(problem="d: No such file"), {})
    assert (missing.exit_code, list(missing.reasons.values())) == (2, ["d: No such file"])
    odd = verdict(snapshot(unplaced=(diagnostic("d/odd/app.yaml"),)), {})
    assert (odd.exit_code, list(odd.reasons)) == (2, ["d/odd/app.yaml"])


def test_a_vanished_app_is_not_waited_for():
    """It is left alone, so that it can neither converge nor fail."""
    assert (
        verdict(snapshot(SHOP, BLOG, vanished=frozenset({BLOG})), {SHOP: done(SHOP)}).exit_code == 0
    )
