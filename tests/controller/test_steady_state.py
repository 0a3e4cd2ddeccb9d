"""What a pass over an app costs when nothing is to be done: counted, call by call."""

from __future__ import annotations

from collections import Counter

import pytest

from reconciler.aws.operations import is_mutating
from tests.controller.lab import Controller, Lab, files, service
from tests.plan.builders import a_migration


def calls_of_a_pass(count: int) -> Counter[str]:
    """Converge an app of a migration and so many services; count the calls of the next pass."""
    lab = Lab()
    controller = Controller(lab, "a")
    # Little by little: in virtual time nobody beats while a pass waits for AWS's request quotas.
    for so_far in (*range(1, count, 4), count):
        services = (service(f"s{number}") for number in range(so_far))
        lab.files = files(*services, migrations=(a_migration(),))
        assert controller.settle().status.converged
        lab.go_on(10)
    controller.transport.calls.clear()

    result = controller.reconcile()

    assert result.status.converged
    assert result.requeue_after is None
    calls = controller.transport.calls
    assert [o for _, o, _ in calls if is_mutating(o)] == []
    return Counter(f"{s}:{o}" for s, o, _ in calls)


@pytest.mark.parametrize(("count", "batches"), [(1, 1), (10, 1), (11, 2), (25, 3)])
def test_pass_in_sync_reads_in_batches_and_writes_nothing(count, batches):
    """ceil(N/10) DescribeServices, three reads of our tables whatever N is, and nothing else.

    In particular no DescribeTaskDefinition, no image, and nothing of the run that has succeeded.
    """
    assert calls_of_a_pass(count) == {
        "ecs:DescribeServices": batches,
        "dynamodb:GetItem": 1,
        "dynamodb:Query": 1,
        "dynamodb:BatchGetItem": 1,
    }
