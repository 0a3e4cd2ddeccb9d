"""Faults on the wire: what the client sees and what really happened."""

from __future__ import annotations

import threading

import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

from tests.local.talk import code_of, sh


@pytest.fixture
def faulty(talk):
    """Return an embedded AWS with one definition."""
    talk.define(sh("exit 0"))
    return talk


def test_a_lost_request_did_not_happen(faulty):
    """The connection closes and no task exists."""
    fault = faulty.aws.faults.drop_before("ecs:RunTask")
    with pytest.raises(ConnectionClosedError):
        faulty.run()
    assert faulty.aws.engine.tasks() == []
    assert fault.fired == 1
    assert faulty.run()


def test_a_lost_answer_did_happen(faulty):
    """The connection closes and the task exists; its token finds it again."""
    faulty.aws.faults.drop_after("ecs:RunTask")
    with pytest.raises(ConnectionClosedError):
        faulty.run(clientToken="t")
    (task,) = faulty.aws.engine.tasks()
    assert faulty.run(clientToken="t") == task.arn


def test_errors_by_code(faulty):
    """Denied and throttled requests did not happen; a server error after the fact did."""
    faults = faulty.aws.faults
    faults.deny("ecs:RunTask", times=1)
    assert code_of(faulty.run) == "AccessDeniedException"
    faults.throttle("ecs:*")
    assert code_of(faulty.run) == "ThrottlingException"
    assert faulty.aws.engine.tasks() == []
    faults.error_after("ecs:RunTask", "ServerException")
    assert code_of(faulty.run) == "ServerException"
    assert len(faulty.aws.engine.tasks()) == 1


def test_faults_of_other_services(faulty):
    """Moto's operations, form-encoded ones included, are met by name."""
    faulty.aws.faults.deny("sts:GetCallerIdentity", times=1)
    sts = faulty.client("sts")
    assert code_of(sts.get_caller_identity) == "AccessDeniedException"
    assert sts.get_caller_identity()["Account"] == faulty.aws.account


def test_a_rule_can_skip_and_choose(faulty):
    """`skip` lets calls pass first, `when` looks at the parameters, clear ends everything."""
    from reconciler.local.faults import Effect, Fault

    faulty.aws.faults.drop_before("ecs:RunTask", skip=1)
    assert faulty.run()
    with pytest.raises(ConnectionClosedError):
        faulty.run()
    chosen = Fault(
        "ecs:RunTask", Effect.ERROR, code="X", times=9, when=lambda c: "group" in c.params
    )
    faulty.aws.faults.add(chosen)
    assert faulty.run()
    assert code_of(faulty.run, group="g") == "X"
    faulty.aws.faults.clear()
    assert faulty.run(group="g")


@pytest.mark.parametrize("after", [False, True])
def test_a_request_can_be_held(faulty, after):
    """Before it took effect or after; everything else goes on meanwhile."""
    hold = faulty.aws.faults.hold("ecs:RunTask", after=after)
    found = []
    thread = threading.Thread(target=lambda: found.append(faulty.run()))
    thread.start()
    assert hold.arrived.wait(10)
    assert len(faulty.aws.engine.tasks()) == int(after)
    assert faulty.ecs.list_clusters()["clusterArns"]
    hold.release()
    thread.join(10)
    assert found


def test_a_truncated_answer(faulty):
    """Half of the body arrives with status 200: botocore raises nothing, the keys are missing."""
    from reconciler.local.faults import Effect, Fault

    faulty.aws.faults.add(Fault("ecs:RunTask", Effect.TRUNCATE))
    answer = faulty.ecs.run_task(cluster="c", taskDefinition="f")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert "tasks" not in answer
    assert len(faulty.aws.engine.tasks()) == 1


def test_calls_are_counted(faulty):
    """The record has service, operation and parameters, oldest first."""
    faulty.aws.faults.forget_calls()
    faulty.ecs.describe_services(cluster="c", services=["web"])
    faulty.client("dynamodb").list_tables()
    assert [str(c) for c in faulty.aws.faults.calls()] == [
        "ecs:DescribeServices",
        "dynamodb:ListTables",
    ]
    assert faulty.aws.faults.calls("ecs:*")[0].params == {"cluster": "c", "services": ["web"]}


def test_a_stopped_endpoint_refuses_connections(faulty):
    """Nobody answers any more."""
    faulty.aws.stop_endpoint()
    with pytest.raises(EndpointConnectionError):
        faulty.ecs.list_clusters()
    faulty.aws.resume_endpoint()
    assert faulty.ecs.list_clusters()["clusterArns"]


def test_the_date_header_is_the_worlds_time(faulty):
    """Clients that read AWS's clock see the one that the test moves."""
    from datetime import timedelta
    from email.utils import parsedate_to_datetime

    faulty.aws.clock.advance(timedelta(days=3))
    headers = faulty.ecs.list_clusters()["ResponseMetadata"]["HTTPHeaders"]
    assert abs(parsedate_to_datetime(headers["date"]) - faulty.aws.clock.now()) < timedelta(
        minutes=1
    )
    headers = faulty.client("dynamodb").list_tables()["ResponseMetadata"]["HTTPHeaders"]
    assert abs(parsedate_to_datetime(headers["date"]) - faulty.aws.clock.now()) < timedelta(
        minutes=1
    )
