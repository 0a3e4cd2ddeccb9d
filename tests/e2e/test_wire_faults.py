"""A sample of the crash schedules on the wire: each kind of fault once at each mutating operation.

The whole set runs in virtual time (tests/simulation); here botocore, its hooks and the sockets are real.
"""

from __future__ import annotations

import pytest

MUTATING = (
    "ecs:RegisterTaskDefinition",
    "ecs:RunTask",
    "ecs:CreateService",
    "dynamodb:TransactWriteItems",
    "dynamodb:PutItem",
)


def lose_the_request(faults, operation):
    """Close the connection before anything happens."""
    faults.drop_before(operation)


def lose_the_answer(faults, operation):
    """Close the connection after it happened."""
    faults.drop_after(operation)


def throttle(faults, operation):
    """Refuse twice because of the rate."""
    faults.throttle(operation, times=2)


def break_the_server(faults, operation):
    """Carry it out and answer 500."""
    faults.error_after(operation, "InternalServerError", status=500)


@pytest.mark.parametrize("strike", [lose_the_request, lose_the_answer, throttle, break_the_server])
def test_fault_at_every_mutating_operation(stage, strike):
    """Whatever is lost on the wire, the first day ends converged, with one migration process."""
    for operation in MUTATING:
        strike(stage.aws.faults, operation)

    stage.converge()

    assert len(stage.starts) == 1
    assert stage.cli("history", "--verify").code == 0
    assert stage.cli("diff").code == 0


def test_lost_answer_of_an_update_rolls_once(shop):
    """An UpdateService whose answer is lost makes one deployment, which is then judged as ours."""
    shop.edit(("desiredCount: 1", "desiredCount: 2"))
    shop.aws.faults.drop_after("ecs:UpdateService", times=2)

    shop.converge()

    assert shop.cli("diff").code == 0
    assert shop.cli("history", "--verify").code == 0
