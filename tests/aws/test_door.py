"""The door: deadline, retries, fence, budget, pages and AWS's time."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from reconciler.aws.budget import Budget
from reconciler.aws.door import Aws
from reconciler.aws.operations import Quota, is_mutating
from reconciler.model.errors import (
    AccessDenied,
    ConditionFailed,
    InvalidRequest,
    LeaseLost,
    NotFound,
    OutcomeUnknown,
    Throttled,
    UnexpectedAnswer,
    Unreachable,
)
from tests.fakes.clock import START, VirtualClock
from tests.fakes.transport import FakeTransport


class Script:
    """Answers call by call: an exception type is raised, anything else is the answer."""

    def __init__(self, *answers, **options) -> None:
        self.clock = VirtualClock()
        self.answers = list(answers)
        services = ("ecs", "dynamodb", "logs", "application-autoscaling")
        self.transport = FakeTransport(self.clock, dict.fromkeys(services, self.answer))
        self.aws = Aws(self.transport, self.clock, chance=random.Random(1), **options)

    def answer(self, operation, params):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, type):
            raise answer(f"scripted {answer.__name__}", operation=operation)
        return answer


@pytest.mark.parametrize("error", [Throttled, Unreachable])
@pytest.mark.parametrize("operation", ["DescribeServices", "RegisterTaskDefinition"])
def test_what_did_not_happen_is_tried_again(error, operation):
    """Throttled and Unreachable are retried for every operation."""
    script = Script(error, error, {"fine": 1})
    assert script.aws.call("ecs", operation)["fine"] == 1
    assert len(script.transport.calls) == 3


@pytest.mark.parametrize(
    ("service", "operation", "params", "attempts"),
    [
        ("ecs", "DescribeServices", {}, 2),
        ("ecs", "RunTask", {"clientToken": "t"}, 2),
        ("ecs", "RunTask", {}, 1),
        ("ecs", "StopTask", {}, 2),
        ("ecs", "UpdateService", {}, 2),
        ("ecs", "UpdateService", {"forceNewDeployment": False}, 2),
        ("ecs", "UpdateService", {"forceNewDeployment": True}, 1),
        ("application-autoscaling", "RegisterScalableTarget", {"MinCapacity": 1}, 2),
        ("application-autoscaling", "RegisterScalableTarget", {"Tags": {"a": "b"}}, 1),
        ("ecs", "RegisterTaskDefinition", {}, 1),
        ("ecs", "CreateService", {"clientToken": "t"}, 2),
        ("ecs", "CreateService", {}, 1),
        ("dynamodb", "TransactWriteItems", {"ClientRequestToken": "t"}, 2),
        ("dynamodb", "TransactWriteItems", {}, 1),
        ("dynamodb", "UpdateItem", {"ConditionExpression": "x"}, 2),
        ("dynamodb", "UpdateItem", {}, 1),
    ],
)
def test_a_lost_answer_is_repeated_only_where_repeating_is_safe(
    service, operation, params, attempts
):
    """OutcomeUnknown is retried for reads and for calls with a token or a condition."""
    script = Script(OutcomeUnknown, {"fine": 1})
    if attempts == 1:
        with pytest.raises(OutcomeUnknown):
            script.aws.call(service, operation, **params)
    else:
        script.aws.call(service, operation, **params)
    assert len(script.transport.calls) == attempts


@pytest.mark.parametrize("error", [AccessDenied, InvalidRequest, NotFound])
def test_a_refusal_is_final(error):
    """What AWS refuses is not asked again."""
    script = Script(error)
    with pytest.raises(error):
        script.aws.call("ecs", "UpdateService")
    assert len(script.transport.calls) == 1


@pytest.mark.parametrize("later", [Throttled, Unreachable, AccessDenied, InvalidRequest])
def test_a_refusal_after_a_lost_answer_proves_nothing(later):
    """When an earlier attempt of a mutating call may have worked, a later refusal is OutcomeUnknown."""
    script = Script(OutcomeUnknown, later)
    with pytest.raises(OutcomeUnknown, match="not known whether"):
        script.aws.call("ecs", "RunTask", clientToken="t")


def test_a_failed_condition_after_a_lost_answer_is_handed_on():
    """ConditionFailed stays what it is: its items let the caller recognise its own write."""
    script = Script(OutcomeUnknown, ConditionFailed)
    with pytest.raises(ConditionFailed):
        script.aws.call("dynamodb", "UpdateItem", ConditionExpression="x")


def test_a_read_that_is_refused_after_a_lost_answer_is_refused():
    """Reads have no outcome that could be unknown."""
    script = Script(OutcomeUnknown, AccessDenied)
    with pytest.raises(AccessDenied):
        script.aws.call("ecs", "DescribeServices")


@pytest.mark.parametrize("error", [Throttled, Unreachable, OutcomeUnknown])
def test_retries_end_with_the_deadline(error):
    """A call with all its retries and pauses stays within its deadline and raises the last error."""
    script = Script(error, deadline=timedelta(seconds=7))
    with pytest.raises(error):
        script.aws.call("ecs", "DescribeServices")
    assert script.clock.seconds < 7
    assert len(script.transport.calls) > 3


def test_the_fence_is_asked_before_every_attempt_of_a_mutating_call():
    """A fence that closes between two attempts stops the second one; its error comes unchanged."""
    asked = []

    def fence() -> None:
        asked.append(1)
        if len(asked) == 2:
            raise LeaseLost("deadline passed")

    script = Script(OutcomeUnknown)
    with pytest.raises(LeaseLost, match="deadline passed"):
        script.aws.fenced(fence).call("ecs", "RunTask", clientToken="t")
    assert len(script.transport.calls) == 1


def test_reads_pass_without_asking_the_fence():
    """A process without a lease may still look."""

    def fence() -> None:
        raise LeaseLost("no")

    script = Script({})
    script.aws.fenced(fence).call("ecs", "DescribeServices")
    assert script.transport.operations() == ["DescribeServices"]


@pytest.mark.parametrize(
    ("operation", "mutating"),
    [
        ("DescribeTasks", False),
        ("ListTasks", False),
        ("GetItem", False),
        ("BatchGetItem", False),
        ("Query", False),
        ("FilterLogEvents", False),
        ("RunTask", True),
        ("PutItem", True),
        ("TransactWriteItems", True),
        ("CreateTable", True),
        ("UntagResource", True),
    ],
)
def test_what_counts_as_mutating(operation, mutating):
    """Only operations that are known to read escape the fence."""
    assert is_mutating(operation) is mutating


def test_pages_follow_every_service_s_tokens():
    """The tokens nextToken and LastEvaluatedKey are handed back under the name that AWS wants."""
    script = Script({"nextToken": "a"}, {"nextToken": "b"}, {})
    assert len(list(script.aws.pages("ecs", "ListServices", cluster="c"))) == 3
    assert [p.get("nextToken") for _, _, p in script.transport.calls] == [None, "a", "b"]
    script = Script({"LastEvaluatedKey": {"pk": 1}}, {})
    assert len(list(script.aws.pages("dynamodb", "Query"))) == 2
    assert script.transport.calls[1][2] == {"ExclusiveStartKey": {"pk": 1}}


def test_log_pages_end_where_the_token_repeats():
    """GetLogEvents answers the same forward token at the end for ever."""
    script = Script({"nextForwardToken": "f/1"}, {"nextForwardToken": "f/2"})
    assert len(list(script.aws.pages("logs", "GetLogEvents"))) == 3


def test_a_listing_that_goes_in_circles_is_refused():
    """An endpoint that repeats its token would otherwise hold us for ever."""
    script = Script({"nextToken": "a"})
    with pytest.raises(UnexpectedAnswer, match="same page"):
        list(script.aws.pages("ecs", "ListServices"))


def test_now_is_the_time_of_aws_and_not_of_the_host():
    """A host that is a year ahead and rebooted its mind still stamps AWS's time."""
    script = Script({})
    host = script.clock.host(offset=timedelta(days=365))
    aws = Aws(script.transport, host)
    assert aws.now() == START + timedelta(days=365)
    script.clock.advance(100)
    aws.call("ecs", "DescribeServices")
    script.clock.advance(50)
    assert aws.now() == START + timedelta(seconds=150)
    assert aws.fenced(lambda: None).now() == aws.now()


def test_a_date_that_cannot_be_read_is_no_failure():
    """A proxy's nonsense in the Date header falls back to the host's clock."""
    script = Script({})
    script.aws.note({"ResponseMetadata": {"HTTPHeaders": {"date": "soon"}}})
    assert script.aws.now() == START


def test_registering_task_definitions_keeps_to_our_share_of_the_quota():
    """20 at once and 1 a second for the account: half of it is 10 at once, then one every 2 s."""
    script = Script({})
    for _ in range(13):
        script.aws.call("ecs", "RegisterTaskDefinition")
    assert script.clock.seconds == pytest.approx(6.0)


def test_a_used_up_budget_says_so_instead_of_waiting_past_the_deadline():
    """When our share would take longer than the call's deadline, it is Throttled and not sent."""
    script = Script({}, deadline=timedelta(seconds=1))
    for _ in range(10):
        script.aws.call("ecs", "RegisterTaskDefinition")
    with pytest.raises(Throttled, match=r"task definition modify.*1 requests a second") as caught:
        script.aws.call("ecs", "RegisterTaskDefinition")
    assert caught.value.delay == timedelta(seconds=1)
    assert len(script.transport.calls) == 10


def test_categories_have_their_own_budgets():
    """A rollout that uses up RegisterTaskDefinition does not slow down reading."""
    script = Script({})
    for _ in range(10):
        script.aws.call("ecs", "RegisterTaskDefinition")
    script.aws.call("ecs", "DescribeServices")
    assert script.clock.seconds == 0


def test_a_budget_fills_up_again_to_its_burst_and_not_beyond():
    """After a long rest there is one burst, not an hour's worth of requests."""
    budget = Budget(share=1)
    quota = Quota("q", burst=3, per_second=1)
    assert [budget.reserve(quota, 0, 9) for _ in range(4)] == [0, 0, 0, 1]
    assert [budget.reserve(quota, 3600, 9) for _ in range(4)] == [0, 0, 0, 1]
    assert budget.reserve(quota, 3600, 1) is None


def test_a_share_outside_its_range_is_refused():
    """A share is above 0 and at most 1."""
    for share in (0, -1, 1.1):
        with pytest.raises(ValueError, match="share"):
            Budget(share)
