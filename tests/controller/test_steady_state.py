"""What a pass costs when nothing is to do: counted in calls, for any number of services."""

from __future__ import annotations

from collections import Counter
from math import ceil

import pytest

from reconciler.aws.budget import Budget
from reconciler.aws.operations import is_mutating
from tests.controller.lab import Controller, Lab, files, service
from tests.plan.builders import a_migration


@pytest.mark.parametrize("number", [1, 10, 11, 25])
def test_calls_of_a_pass_in_sync(number):
    """⌈N/10⌉ DescribeServices, three reads of our tables, nothing else: no write, no look at a revision."""
    lab = Lab()
    controller = Controller(lab, "a")
    # Registering is slow on AWS (1 a second); the lab's heartbeat does not beat while a call waits.
    controller.aws.budget = Budget(share=1.0)
    lab.files = files(
        *(service(f"web{n:02d}") for n in range(number)), migrations=(a_migration("1"),)
    )
    assert controller.settle(200).status.converged
    controller.transport.calls.clear()

    result = controller.reconcile()

    calls = Counter(controller.transport.operations())
    assert result.requeue_after is None
    assert calls == {
        "GetItem": 1,
        "Query": 1,
        "BatchGetItem": 1,
        "DescribeServices": ceil(number / 10),
    }
    assert not any(is_mutating(operation) for operation in calls)


def test_a_new_process_needs_no_more_than_its_lease():
    """Whoever takes over asks ECR and the task definitions nothing: what was done is in the ledger."""
    lab = Lab()
    controller = Controller(lab, "a")
    lab.files = files(*(service(f"web{n}") for n in range(3)), migrations=(a_migration("1"),))
    assert controller.settle(200).status.converged
    successor = controller.crash()
    successor.transport.calls.clear()

    successor.reconcile()

    calls = set(successor.transport.operations())
    assert calls == {"GetItem", "Query", "BatchGetItem", "TransactWriteItems", "DescribeServices"}
