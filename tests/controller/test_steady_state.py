"""What a pass over an app costs when nothing is to be done: counted, call by call."""

from __future__ import annotations

from collections import Counter

import pytest

from reconciler.aws.operations import is_mutating
from reconciler.controller.planning import checked_plan
from reconciler.controller.reconcile import run_keys
from reconciler.model.errors import LeaseHeld
from reconciler.resources.observe import Observer
from tests.controller.lab import Controller, Lab, files, service
from tests.plan.builders import a_migration


def converged(count: int) -> Controller:
    """Return a controller whose app of a migration and so many services is in sync."""
    lab = Lab()
    controller = Controller(lab, "a")
    # Little by little: in virtual time nobody beats while a pass waits for AWS's request quotas.
    for so_far in (*range(1, count, 4), count):
        services = (service(f"s{number}") for number in range(so_far))
        lab.files = files(*services, migrations=(a_migration(),))
        assert controller.settle().status.converged
        lab.go_on(10)
    return controller


def calls_of_a_pass(controller: Controller) -> Counter[str]:
    """Count the calls of the next pass, which has nothing to do and does nothing."""
    controller.transport.calls.clear()

    result = controller.reconcile()

    assert result.status.converged
    assert result.requeue_after is None
    return calls_of(controller)


def calls_of(controller: Controller) -> Counter[str]:
    """Count the calls since the last time; none changes anything."""
    calls = controller.transport.calls
    assert [o for _, o, _ in calls if is_mutating(o)] == []
    return Counter(f"{s}:{o}" for s, o, _ in calls)


def steady(batches: int) -> dict[str, int]:
    """Return what a pass in sync costs: ceil(N/10) DescribeServices, three reads of our tables."""
    return {
        "ecs:DescribeServices": batches,
        "dynamodb:GetItem": 1,
        "dynamodb:Query": 1,
        "dynamodb:BatchGetItem": 1,
    }


LOOK = {"ecr:DescribeImages": 1, "ssm:DescribeParameters": 1}
"""What a look at tags and secrets costs the app: all services run one tag, with one parameter."""


@pytest.mark.parametrize(("count", "batches"), [(1, 1), (10, 1), (11, 2), (25, 3)])
def test_pass_in_sync_reads_in_batches_and_writes_nothing(count, batches):
    """Nothing else than `steady` says, whatever N is.

    In particular no DescribeTaskDefinition, no image, and nothing of the run that has succeeded. Every
    ten minutes one pass looks at what tags and secrets mean by now: two calls more, whatever N is.
    """
    controller = converged(count)
    assert calls_of_a_pass(controller) == steady(batches)
    controller.lab.go_on(600)
    assert calls_of_a_pass(controller) == steady(batches) | LOOK
    assert calls_of_a_pass(controller) == steady(batches)


def test_a_standby_reads_head_and_nothing_else():
    """Who waits for a lease that another holds asks every few seconds, and each look is one read."""
    lab = converged(10).lab
    standby = Controller(lab, "b")
    with pytest.raises(LeaseHeld):
        standby.reconcile()
    standby.transport.calls.clear()

    with pytest.raises(LeaseHeld, match="is held by"):
        standby.reconcile()

    assert calls_of(standby) == {"dynamodb:GetItem": 1}


def test_diff_costs_the_pass_that_looks_and_no_more():
    """`diff` of 25 services makes the calls that a controller makes every ten minutes."""
    controller = converged(25)
    controller.transport.calls.clear()
    ledger = controller.store.read(run_keys(controller.lab.files))
    observer = Observer()

    observed = observer.observe(controller.aws, controller.lab.files, ledger)
    _, plan = checked_plan(observer, controller.aws, controller.lab.files, observed)

    assert plan.in_sync
    assert calls_of(controller) == steady(3) | LOOK
