"""Preflight in passes: before anything is touched, only for what differs, and not in every pass."""

from __future__ import annotations

import pytest

from reconciler.model.errors import Unreachable
from tests.controller.lab import Controller, Lab, files, service
from tests.plan.builders import a_migration, a_task_definition

ROLE = "arn:aws:iam::123456789012:role/shop"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0aaa"], "securityGroups": ["sg-0aaa"]}}


def web(tag: str = "1", **fields):
    """Return a service with a role, a secret and a network."""
    definition = {**a_task_definition(tag), "executionRoleArn": ROLE}
    return service("web", tag, td=definition, networkConfiguration=NETWORK, **fields)


@pytest.fixture
def lab():
    """Return an account and the files of one such service."""
    lab = Lab()
    lab.files = files(web())
    return lab


def asked(lab: Lab) -> list[str]:
    """Return what preflight asked since the last time."""
    found, lab.around.asked = lab.around.asked, []
    return found


def test_a_failed_check_stops_the_pass_before_anything_is_touched(lab):
    """No task definition is registered, no service created, nothing journaled as intended."""
    lab.around.missing.add("shop")
    lab.files = files(web(), migrations=(a_migration(),))
    controller = Controller(lab, "a")

    result = controller.reconcile()

    assert controller.did() == []
    assert result.status.exit_code == 3
    assert f"there is no role {ROLE}" in result.status.message
    assert result.requeue_after is None
    assert not [e for e in lab.entries() if e["kind"] in ("INTENT", "RUN")]


def test_it_goes_on_once_the_world_is_right(lab):
    """What was found holds for a minute; then the role that was made is seen."""
    lab.around.missing.add("shop")
    controller = Controller(lab, "a")
    controller.reconcile()
    lab.around.missing.clear()
    lab.go_on(30)
    assert not controller.reconcile().status.converged
    lab.go_on(31)

    assert controller.settle().status.converged


def test_a_steady_app_asks_nothing(lab):
    """Once converged a pass costs what it cost without preflight: not one of these calls."""
    controller = Controller(lab, "a")
    controller.settle()
    asked(lab)

    for _ in range(3):
        lab.go_on(120)
        controller.reconcile()

    assert asked(lab) == []


def test_a_rollout_under_way_asks_nothing_more(lab):
    """Every check is made once; the passes every two seconds that follow make none."""
    controller = Controller(lab, "a")
    controller.settle()
    asked(lab)
    lab.files = files(web("2"))

    controller.reconcile()
    first = asked(lab)
    controller.settle()

    assert sorted(set(first)) == sorted(first)
    assert {"iam:GetRole", "ssm:DescribeParameters", "ec2:DescribeSubnets"} <= set(first)
    assert asked(lab) == []


def test_a_plan_that_waits_is_not_checked_in_every_pass(lab):
    """A service behind a long migration is planned every few seconds and checked once a minute."""
    lab.files = files(web(), migrations=(a_migration(),))
    controller = Controller(lab, "a")
    controller.reconcile()
    asked(lab)

    for _ in range(5):
        lab.go_on(2)
        controller.reconcile()
    # The migration runs by now: what would start is the service alone, which is a new question.
    few = asked(lab)

    assert len([o for o in few if o == "iam:GetRole"]) <= 1


def test_what_needs_no_new_tasks_is_not_checked(lab):
    """A changed health check grace period rolls nothing."""
    controller = Controller(lab, "a")
    controller.settle()
    asked(lab)
    lab.files = files(web(healthCheckGracePeriodSeconds=30))

    assert controller.settle().status.converged
    assert asked(lab) == []


def test_only_what_differs_is_checked(lab):
    """Of two services the one that is as desired costs nothing."""
    lab.files = files(web(), service("worker"))
    controller = Controller(lab, "a")
    controller.settle()
    asked(lab)
    lab.files = files(web(), service("worker", "2"))

    controller.settle()

    assert "iam:GetRole" not in asked(lab)


def test_an_aws_that_is_silent_stops_nothing(lab):
    """Where IAM cannot be reached the rollout goes on as it did before there was a preflight."""
    lab.around.errors["iam:GetRole"] = Unreachable("no way there", operation="iam:GetRole")
    controller = Controller(lab, "a")

    assert controller.settle().status.converged


def test_missing_permissions_stop_nothing(lab):
    """A controller without a single one of the permissions for preflight works as before."""
    for operation in ("iam:GetRole", "iam:SimulatePrincipalPolicy", "ssm:DescribeParameters"):
        lab.around.deny(operation)
    for operation in ("ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"):
        lab.around.deny(operation)
    controller = Controller(lab, "a")

    assert controller.settle().status.converged


def test_a_stopped_service_leaves_the_others_alone(lab):
    """Another service of the app is rolled out, and the stopped one keeps running what it ran."""
    lab.files = files(web(), service("worker"))
    controller = Controller(lab, "a")
    controller.settle()
    lab.around.missing.add("subnet-0aaa")
    lab.files = files(web("2"), service("worker", "2"))
    lab.go_on(61)

    status = controller.settle().status

    assert (lab.image(), lab.image("shop-production-worker")) == ("1", "2")
    assert status.exit_code == 3
