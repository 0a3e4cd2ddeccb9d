"""Autoscaling through the controller: the journal, what a pass costs, and whose the count is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from reconciler.aws.operations import is_mutating
from reconciler.aws.translate import from_code
from reconciler.model.errors import AwsError, OutcomeUnknown
from reconciler.model.names import Address
from tests.controller.lab import WEB, Controller, Lab, files, lose, service
from tests.plan.scaling_world import a_scaling, tracking

RESOURCE = f"service/production/{WEB}"
POLICIES = {"cpu": tracking()}
READS = {
    "application-autoscaling:DescribeScalableTargets": 1,
    "application-autoscaling:DescribeScalingPolicies": 1,
    "application-autoscaling:DescribeScheduledActions": 1,
}
ALWAYS = {"dynamodb:GetItem": 1, "dynamodb:Query": 1}


def scaled(name: str = "web", low: int = 1, high: int = 4, **fields: Any) -> Any:
    """Return a service that is scaled by its processors."""
    wanted = replace(a_scaling(low, high, policies=POLICIES), address=Address("autoscaling", name))
    return service(name, autoscaling=wanted, **fields)


@pytest.fixture
def lab() -> Lab:
    """Return an account whose files scale `web`."""
    lab = Lab()
    lab.files = files(scaled())
    return lab


def scaling_calls(controller: Controller) -> list[str]:
    """Return the changing calls to Application Auto Scaling and ECS since the last time, in order."""
    services = ("application-autoscaling", "ecs")
    found = [o for s, o, _ in controller.transport.calls if s in services and is_mutating(o)]
    controller.transport.calls.clear()
    return found


def test_it_is_registered_after_its_service(lab):
    """Creation and registration are two passes; each call has its intent and outcome in the journal."""
    controller = Controller(lab, "a")
    status = controller.settle().status
    assert status.converged
    assert scaling_calls(controller) == [
        "RegisterTaskDefinition",
        "CreateService",
        "RegisterScalableTarget",
        "PutScalingPolicy",
    ]
    assert [s for s in lab.story() if "autoscaling/web" in s] == [
        "INTENT autoscaling/web RegisterScalableTarget",
        "OUTCOME autoscaling/web RegisterScalableTarget ok",
        "INTENT autoscaling/web PutScalingPolicy",
        "OUTCOME autoscaling/web PutScalingPolicy ok",
    ]
    assert [str(r.address) for r in status.resources] == ["service/web", "autoscaling/web"]


def test_an_autoscaler_that_moved_the_count_is_in_sync(lab):
    """No difference, no UpdateService, no loop: a pass reads and asks for no other."""
    lab.files = files(scaled(desiredCount=2))
    controller = Controller(lab, "a")
    controller.settle()
    lab.scaling.scale(RESOURCE, 4)
    lab.go_on(60)
    scaling_calls(controller)
    result = controller.reconcile()
    assert (result.status.converged, result.requeue_after) == (True, None)
    assert scaling_calls(controller) == []
    assert lab.live()["desiredCount"] == 4


@pytest.mark.parametrize(("count", "batches"), [(1, 1), (10, 1), (25, 3)])
def test_a_pass_in_sync_costs_three_reads_more(count, batches):
    """Three for up to 50 scaled services, and a page for each ten policies of the account."""
    lab = Lab()
    controller = Controller(lab, "a")
    for so_far in (*range(1, count, 4), count):
        lab.files = files(*(scaled(f"s{n}") for n in range(so_far)))
        assert controller.settle().status.converged
        lab.go_on(10)
    controller.transport.calls.clear()
    assert controller.reconcile().status.converged
    calls = Counter(f"{s}:{o}" for s, o, _ in controller.transport.calls)
    pages = {"application-autoscaling:DescribeScalingPolicies": batches}
    assert calls == {**READS, **pages, **ALWAYS, "ecs:DescribeServices": batches}


def test_a_refused_policy_leaves_the_target_ours(lab):
    """The target was registered in a step that failed: giving up autoscaling deregisters it."""
    controller = Controller(lab, "a")
    denied = from_code(
        "application-autoscaling:PutScalingPolicy",
        "AccessDeniedException",
        "User: x is not authorized to perform: cloudwatch:PutMetricAlarm on resource: *",
    )
    controller.transport.before = lambda _s, o, _p: (
        _raise(denied) if o == "PutScalingPolicy" else None
    )
    with pytest.raises(AwsError, match="add the permission cloudwatch:PutMetricAlarm"):
        controller.settle()
    assert RESOURCE in lab.scaling.targets
    controller.transport.before = None
    lab.files = files(service())
    assert controller.settle().status.converged
    assert lab.scaling.targets == {}


def _raise(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_answer_is_made_good(lab, applied):
    """Lost before or after it took effect, a call is repeated or found done; nothing stays open."""
    controller = Controller(lab, "a")
    lost = OutcomeUnknown("lost", operation="application-autoscaling:PutScalingPolicy")
    lose(controller, "PutScalingPolicy", lost, applied=applied)
    controller.settle()
    assert controller.reconcile().status.converged
    assert lab.ledger.open_intents == {}
    assert set(lab.scaling.policies) == {(RESOURCE, "cpu")}


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_registration_is_looked_at_before_it_is_repeated(lab, applied):
    """AWS refuses tags for a target that exists: the next pass sees whether it does, and ours are on it."""
    controller = Controller(lab, "a")
    operation = "RegisterScalableTarget"
    lost = OutcomeUnknown("lost", operation=f"application-autoscaling:{operation}")
    lose(controller, operation, lost, applied=applied)
    with pytest.raises(OutcomeUnknown):
        controller.settle()
    assert controller.settle().status.converged
    assert lab.ledger.open_intents == {}
    assert scaling_calls(controller).count(operation) == (1 if applied else 2)
    assert lab.scaling.tags[RESOURCE]["reconciler:address"] == "autoscaling/web"


def test_a_successor_goes_on_where_a_crash_stopped(lab):
    """Killed after the registration, before anything else: the next one puts the policy, nothing twice."""
    controller = Controller(lab, "a")

    class Killed(BaseException):
        pass

    def die(_service, operation, _params):
        if operation == "RegisterScalableTarget":
            raise Killed

    controller.transport.after = die
    with pytest.raises(Killed):
        controller.settle()
    successor = controller.crash()
    assert successor.settle().status.converged
    assert set(lab.scaling.policies) == {(RESOURCE, "cpu")}
    lab.files = files(service())
    successor.settle()
    assert lab.scaling.targets == {}


def test_requests_are_labelled_by_a_look_at_the_target_group(lab):
    """One more read for each pass, and only where the files leave the label out."""
    group = "arn:aws:elasticloadbalancing:ap-northeast-1:1:targetgroup/shop/0123456789abcdef"
    balancer = (
        "arn:aws:elasticloadbalancing:ap-northeast-1:1:loadbalancer/app/front/50dc6c495c0c9188"
    )
    lab.elb.groups[group] = [balancer]
    wanted = a_scaling(policies={"requests": tracking("ALBRequestCountPerTarget", 500.0)})
    balancers = [{"targetGroupArn": group, "containerName": "app", "containerPort": 80}]
    lab.files = files(service(autoscaling=wanted, loadBalancers=balancers))
    controller = Controller(lab, "a")
    assert controller.settle().status.converged
    tracked = lab.scaling.policies[RESOURCE, "requests"]["TargetTrackingScalingPolicyConfiguration"]
    assert tracked["PredefinedMetricSpecification"]["ResourceLabel"] == (
        "app/front/50dc6c495c0c9188/targetgroup/shop/0123456789abcdef"
    )
    controller.transport.calls.clear()
    controller.reconcile()
    looks = [o for s, o, _ in controller.transport.calls if s == "elbv2"]
    assert looks == ["DescribeTargetGroups"]


def test_a_missing_target_group_holds_the_policy(lab):
    """It is said what is missing; the service itself converges."""
    group = "arn:aws:elasticloadbalancing:ap-northeast-1:1:targetgroup/gone/0123456789abcdef"
    wanted = a_scaling(policies={"requests": tracking("ALBRequestCountPerTarget", 500.0)})
    balancers = [{"targetGroupArn": group, "containerName": "app", "containerPort": 80}]
    lab.files = files(service(autoscaling=wanted, loadBalancers=balancers))
    status = Controller(lab, "a").settle().status
    assert status.exit_code == 4
    assert f"waits for the load balancer of {group}" in status.message
