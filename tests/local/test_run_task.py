"""RunTask, StopTask, DescribeTasks and ListTasks as AWS documents them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from tests.local.talk import code_of, eventually, sh

HOUR = timedelta(hours=1)
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0aaa"]}}


def test_a_task_reports_what_its_process_did(talk):
    """Exit code, times, stop code, version and well-formed ARNs are those of a real execution."""
    talk.define(sh("exit 3"))
    arn = talk.run(startedBy="reconciler/production/shop/abc", launchType="EC2")
    task = talk.until_task(arn)

    account = talk.aws.account
    assert task["taskArn"].startswith(f"arn:aws:ecs:ap-northeast-1:{account}:task/c/")
    container = task["containers"][0]
    assert container["containerArn"].startswith(
        f"arn:aws:ecs:ap-northeast-1:{account}:container/c/"
    )
    assert container["exitCode"] == 3
    assert container["runtimeId"]
    assert (task["stopCode"], task["desiredStatus"]) == ("EssentialContainerExited", "STOPPED")
    assert task["createdAt"] <= task["startedAt"] <= task["stoppingAt"] <= task["stoppedAt"]
    assert task["version"] > 1
    assert task["group"] == "family:f"
    assert task["startedBy"] == "reconciler/production/shop/abc"


def test_the_same_token_returns_the_same_task(talk):
    """A repeated clientToken starts nothing; once stopped, the replay is short."""
    talk.define(sh("exit 0"))
    first = talk.run(clientToken="t1")
    assert talk.run(clientToken="t1") == first
    talk.until_task(first)
    replay = talk.ecs.run_task(cluster="c", taskDefinition="f", clientToken="t1")["tasks"][0]
    assert replay == {"taskArn": first, "lastStatus": "STOPPED", "desiredStatus": "STOPPED"}
    assert len(talk.aws.engine.tasks()) == 1


def test_a_token_with_other_parameters_names_the_tasks_it_made(talk):
    """ConflictException carries resourceIds."""
    talk.define(sh("exit 0"))
    first = talk.run(clientToken="t1")
    with pytest.raises(ClientError) as raised:
        talk.run(clientToken="t1", startedBy="other")
    assert raised.value.response["Error"]["Code"] == "ConflictException"
    assert raised.value.response["resourceIds"] == [first]


def test_a_token_lives_one_hour_longer_than_its_task(talk):
    """Before that moment it replays, after it it starts a second task."""
    talk.define(sh("exit 0"))
    first = talk.run(clientToken="t1")
    talk.until_task(first)
    talk.aws.clock.advance(HOUR - timedelta(minutes=1))
    assert talk.run(clientToken="t1") == first
    talk.aws.clock.advance(timedelta(minutes=1))
    assert talk.run(clientToken="t1") != first


def test_a_token_lives_at_most_a_day(talk):
    """A task that runs longer than 24 hours does not keep its token."""
    talk.define(sh("sleep 600"))
    first = talk.run(clientToken="t1")
    talk.until_task(first, "RUNNING")
    talk.aws.clock.advance(timedelta(hours=23))
    assert talk.run(clientToken="t1") == first
    talk.aws.clock.advance(HOUR)
    assert talk.run(clientToken="t1") != first


def test_a_token_is_scoped_to_its_cluster(talk):
    """The same token in another cluster is another request."""
    talk.ecs.create_cluster(clusterName="d")
    talk.define(sh("exit 0"))
    first = talk.run(clientToken="t1")
    other = talk.ecs.run_task(cluster="d", taskDefinition="f", clientToken="t1")["tasks"][0]
    assert other["taskArn"] != first


def test_failures_are_remembered_with_the_token(talk):
    """Where nothing could be placed the same token answers the same failure, a new one tries anew."""
    talk.define(sh("exit 0"))
    talk.aws.engine.fail_placement("RESOURCE:FARGATE")
    for _ in range(2):
        answer = talk.ecs.run_task(cluster="c", taskDefinition="f", clientToken="t1")
        assert answer["tasks"] == []
        assert [f["reason"] for f in answer["failures"]] == ["RESOURCE:FARGATE"]
    assert talk.run(clientToken="t2")


def test_stopped_tasks_are_forgotten_after_an_hour(talk):
    """Until then they are described, afterwards they are MISSING."""
    arn = talk.finish(sh("exit 0"))["taskArn"]
    talk.aws.clock.advance(HOUR - timedelta(minutes=1))
    assert talk.task(arn)["lastStatus"] == "STOPPED"
    talk.aws.clock.advance(timedelta(minutes=1))
    answer = eventually(
        lambda: talk.ecs.describe_tasks(cluster="c", tasks=[arn]), lambda a: not a["tasks"]
    )
    assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}]


def test_list_tasks_shows_only_what_should_run_unless_asked(talk):
    """The default is desiredStatus RUNNING; PENDING never finds anything."""
    talk.define(sh("sleep 600"))
    talk.define(sh("exit 0"), family="g")
    alive, dead = talk.run(), talk.run("g", startedBy="me")
    talk.until_task(dead)
    listed = talk.ecs.list_tasks
    assert listed(cluster="c")["taskArns"] == [alive]
    assert listed(cluster="c", desiredStatus="STOPPED")["taskArns"] == [dead]
    assert listed(cluster="c", desiredStatus="PENDING")["taskArns"] == []
    assert listed(cluster="c", desiredStatus="STOPPED", startedBy="me")["taskArns"] == [dead]
    assert listed(cluster="c", startedBy="me")["taskArns"] == []
    assert listed(cluster="c", family="f")["taskArns"] == [alive]
    assert code_of(listed, cluster="c", serviceName="none") == "ServiceNotFoundException"
    assert code_of(listed, cluster="c", startedBy="me", family="f") == "InvalidParameterException"


def test_list_tasks_pages(talk):
    """MaxResults and nextToken walk over everything once."""
    talk.define({"name": "main", "image": "unmapped:1", "memory": 16})
    arns = {talk.run() for _ in range(5)}
    for arn in arns:
        talk.until_task(arn)
    pages = talk.ecs.get_paginator("list_tasks").paginate(
        cluster="c", desiredStatus="STOPPED", PaginationConfig={"PageSize": 2}
    )
    found = [page["taskArns"] for page in pages]
    assert [len(page) for page in found] == [2, 2, 1]
    assert {arn for page in found for arn in page} == arns


def test_stopping_a_task(talk):
    """StopTask sends SIGTERM, is recorded as the user's, and deletes the task's tags."""
    talk.define(sh("sleep 600"))
    arn = talk.run(tags=[{"key": "a", "value": "b"}])
    talk.until_task(arn, "RUNNING")
    talk.ecs.stop_task(cluster="c", task=arn, reason="enough")
    task = talk.until_task(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")
    assert task["containers"][0]["exitCode"] == 143
    described = talk.ecs.describe_tasks(cluster="c", tasks=[arn], include=["TAGS"])["tasks"][0]
    assert described["tags"] == []


def test_what_ignores_sigterm_is_killed_after_its_stop_timeout(talk):
    """StopTimeout is the container's own; the exit code then is 137."""
    script = "trap '' TERM; while :; do sleep 0.05; done"
    arn = talk.run(talk.define(sh(script, stopTimeout=3)))
    talk.until_task(arn, "RUNNING")
    talk.ecs.stop_task(cluster="c", task=arn)
    eventually(talk.aws.engine.tasks, lambda tasks: tasks[0].containers[0].kill_at is not None)
    talk.aws.clock.advance(timedelta(seconds=3))
    assert talk.until_task(arn)["containers"][0]["exitCode"] == 137


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"count": 11}, "InvalidParameterException"),
        ({"startedBy": "a:b"}, "InvalidParameterException"),
        ({"clientToken": "x" * 65}, "InvalidParameterException"),
        ({"cluster": "none"}, "ClusterNotFoundException"),
        ({"taskDefinition": "none"}, "ClientException"),
        ({"launchType": "FARGATE"}, "InvalidParameterException"),
        (
            {"launchType": "EC2", "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
            "InvalidParameterException",
        ),
        (
            {"overrides": {"containerOverrides": [{"name": "none"}]}},
            "InvalidParameterException",
        ),
        (
            {"overrides": {"containerOverrides": [{"name": "main", "command": ["x" * 8200]}]}},
            "InvalidParameterException",
        ),
    ],
)
def test_run_task_refuses(talk, fields, code):
    """Requests that AWS refuses are refused with AWS's code, and start nothing."""
    talk.define(sh("exit 0"))
    request = {"cluster": "c", "taskDefinition": "f", **fields}
    assert code_of(talk.ecs.run_task, **request) == code
    assert talk.aws.engine.tasks() == []


def test_inactive_definitions_start_nothing(talk):
    """A deregistered revision is still described but not run."""
    arn = talk.define(sh("exit 0"))
    talk.ecs.deregister_task_definition(taskDefinition=arn)
    assert code_of(talk.run, arn) == "ClientException"
    status = talk.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["status"]
    assert status == "INACTIVE"


def test_awsvpc_needs_a_network(talk):
    """Without networkConfiguration the task is refused, with one it gets an interface."""
    talk.define(sh("exit 0"), networkMode="awsvpc")
    assert code_of(talk.run) == "InvalidParameterException"
    task = talk.task(talk.run(networkConfiguration=NETWORK, launchType="FARGATE"))
    assert task["attachments"][0]["type"] == "ElasticNetworkInterface"
    assert task["platformVersion"] == "1.4.0"


@pytest.mark.parametrize(
    ("size", "code"),
    [
        ({"cpu": "3"}, "ClientException"),
        ({"memory": "4096"}, "ClientException"),
        ({"cpu": "much"}, "ClientException"),
        ({"cpu": "512", "memory": "1024"}, ""),
    ],
)
def test_fargate_has_sizes_for_overrides_too(talk, size, code):
    """Size by size as RegisterTaskDefinition has them, with what the definition says of the other; shown."""
    fargate = {"requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}
    talk.define(sh("exit 0"), networkMode="awsvpc", **fargate)
    request = {"cluster": "c", "taskDefinition": "f", "networkConfiguration": NETWORK}
    request |= {"launchType": "FARGATE", "overrides": size}
    if code:
        assert code_of(talk.ecs.run_task, **request) == code
        assert talk.aws.engine.tasks() == []
        return
    (task,) = talk.ecs.run_task(**request)["tasks"]
    assert (task["cpu"], task["memory"]) == (size["cpu"], size["memory"])


def test_describe_tasks_takes_at_most_a_hundred(talk):
    """101 tasks, or none, are refused."""
    describe = talk.ecs.describe_tasks
    assert code_of(describe, cluster="c", tasks=["x"] * 101) == "InvalidParameterException"
    assert code_of(describe, cluster="c", tasks=[]) == "InvalidParameterException"


def test_a_task_of_another_cluster_is_missing(talk):
    """An ARN is only found in its own cluster."""
    talk.ecs.create_cluster(clusterName="d")
    talk.define(sh("exit 0"))
    arn = talk.run()
    failures = talk.ecs.describe_tasks(cluster="d", tasks=[arn])["failures"]
    assert failures == [{"arn": arn, "reason": "MISSING"}]


def test_stopping_an_unknown_task(talk):
    """It is an InvalidParameterException."""
    assert code_of(talk.ecs.stop_task, cluster="c", task="none") == "InvalidParameterException"


def test_a_lost_host_leaves_no_exit_code(talk):
    """A task that had started and whose host vanished is STOPPED without a code."""
    talk.define(sh("sleep 600"))
    arn = talk.run()
    talk.until_task(arn, "RUNNING")
    talk.aws.engine.lose_task(arn)
    task = talk.until_task(arn)
    assert "exitCode" not in task["containers"][0]
    assert task["startedAt"]
    assert task["containers"][0]["runtimeId"]


def test_a_process_killed_from_outside_exits_137(talk):
    """ECS reports the signal as 128 + 9."""
    talk.define(sh("sleep 600"))
    arn = talk.run()
    talk.until_task(arn, "RUNNING")
    talk.aws.engine.kill_task(arn)
    assert talk.until_task(arn)["containers"][0]["exitCode"] == 137


def test_new_tasks_can_be_invisible_for_a_while(start, image):
    """With a visibility delay a task is MISSING and unlisted until it has passed."""
    from reconciler.local.times import Times

    talk = start(images={"app": image}, times=Times(visible_after=timedelta(seconds=30)))
    talk.ecs.create_cluster(clusterName="c")
    talk.define(sh("sleep 600"))
    arn = talk.run()
    assert talk.ecs.describe_tasks(cluster="c", tasks=[arn])["failures"][0]["reason"] == "MISSING"
    assert talk.ecs.list_tasks(cluster="c")["taskArns"] == []
    talk.aws.clock.advance(timedelta(seconds=30))
    assert talk.ecs.list_tasks(cluster="c")["taskArns"] == [arn]
