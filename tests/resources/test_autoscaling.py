"""Reading Application Auto Scaling and target groups: what it costs, and what is left out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from reconciler.aws.door import Aws
from reconciler.model.errors import UnexpectedAnswer
from reconciler.resources.autoscaling import autoscaling, with_tags
from reconciler.resources.target_group import resource_labels
from tests.fakes.autoscaling import FakeAutoscaling, FakeElb
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport

STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
}
ELB = "arn:aws:elasticloadbalancing:eu-west-1:1"


class Account:
    """A fake account and what it was asked."""

    def __init__(self, handlers: dict[str, Any] | None = None) -> None:
        self.scaling, self.elb = FakeAutoscaling(), FakeElb()
        own = {"application-autoscaling": self.scaling.handle, "elbv2": self.elb.handle}
        timeline = Timeline()
        self.transport = FakeTransport(timeline, handlers or own)
        self.aws = Aws(self.transport, timeline)

    def put(self, service: str, policies: int) -> None:
        """Register a service and put so many policies on it."""
        scope = {
            "ServiceNamespace": "ecs",
            "ResourceId": f"service/c/{service}",
            "ScalableDimension": "ecs:service:DesiredCount",
        }
        self.scaling.handle("RegisterScalableTarget", {**scope, "MinCapacity": 1, "MaxCapacity": 2})
        for number in range(policies):
            policy = {"PolicyName": f"p{number}", "PolicyType": "StepScaling"}
            steps = {"StepScalingPolicyConfiguration": STEPS}
            self.scaling.handle("PutScalingPolicy", {**scope, **policy, **steps})

    def asked(self) -> Counter[str]:
        """Return how often each operation was called."""
        return Counter(self.transport.operations())


@pytest.fixture
def account():
    """Return an empty account."""
    return Account()


@pytest.mark.parametrize(
    ("wanted", "foreign", "policy_reads"),
    [
        (1, 40, 1),  # one service is asked for by itself
        (3, 0, 1),  # several share a listing
        (3, 25, 3),  # of as many pages as there are services at most
        (3, 60, 6),  # a longer one is given up, and each is asked for by itself
    ],
)
def test_reads_are_bounded(account, wanted, foreign, policy_reads):
    """Never more than two reads of policies for each service, however many others have."""
    account.put("theirs", foreign)
    names = [f"s{n}" for n in range(wanted)]
    for name in names:
        account.put(name, 1)
    found = autoscaling.observe(account.aws, "c", names)
    assert sorted(found) == names
    assert all(list(live.policies) == ["p0"] for live in found.values())
    asked = account.asked()
    assert asked["DescribeScalableTargets"] == 1
    assert asked["DescribeScalingPolicies"] == policy_reads


def test_targets_are_read_by_fifties(account):
    """AWS takes fifty resource ids in one call."""
    names = [f"s{n:03}" for n in range(60)]
    for name in names:
        account.put(name, 0)
    assert len(autoscaling.observe(account.aws, "c", names)) == 60
    assert account.asked()["DescribeScalableTargets"] == 2


def test_nothing_is_asked_for_nothing(account):
    """An app without autoscaling costs no call."""
    assert autoscaling.observe(account.aws, "c", []) == {}
    assert resource_labels(account.aws, []) == {}
    assert account.transport.calls == []


def test_what_only_aws_can_set_is_left_out(account):
    """ARNs, alarms and creation times are no part of what is compared."""
    account.put("web", 1)
    live = autoscaling.observe(account.aws, "c", ["web"])["web"]
    assert set(live.target) == {"minCapacity", "maxCapacity", "roleARN", "suspendedState"}
    assert set(live.policies["p0"]) == {"policyType", "stepScalingPolicyConfiguration"}


def test_tags_cost_a_call_for_each_target(account):
    """They are read when they are asked for; a target that has gone meanwhile has none to tell."""
    account.put("web", 0)
    live = autoscaling.observe(account.aws, "c", ["web"])["web"]
    assert live.tags is None
    assert "ListTagsForResource" not in account.asked()
    assert with_tags(account.aws, live).tags == {}
    assert account.asked()["ListTagsForResource"] == 1
    account.scaling.targets.clear()
    assert with_tags(account.aws, live).tags is None


def test_an_answer_that_is_none_is_an_error():
    """A proxy's page is not an account without targets: nothing is planned from it."""
    account = Account({"application-autoscaling": lambda *_: {}})
    with pytest.raises(UnexpectedAnswer, match="DescribeScalableTargets"):
        autoscaling.observe(account.aws, "c", ["web"])


def test_a_label_needs_one_load_balancer(account):
    """None and several give no label; one that is missing does not hide the others."""
    balancer = f"{ELB}:loadbalancer/app/front/50dc6c495c0c9188"
    one, none, two = (f"{ELB}:targetgroup/{n}/0123456789abcdef" for n in ("one", "none", "two"))
    account.elb.groups = {one: [balancer], none: [], two: [balancer, f"{balancer}2"]}
    gone = f"{ELB}:targetgroup/gone/0123456789abcdef"
    assert resource_labels(account.aws, [one, none, two, gone]) == {
        one: "app/front/50dc6c495c0c9188/targetgroup/one/0123456789abcdef"
    }
