"""Tasks of a service with a load balancer are registered with its target group while they run."""

from __future__ import annotations

import urllib.request

import pytest

from tests.local.talk import completed, eventually, sh

SERVER = 'exec "$RECONCILER_PYTHON" -m http.server "$PORT" --bind 127.0.0.1'


@pytest.fixture
def group(talk):
    """Return the ARN of a target group, and a client for it as `talk.balancing`."""
    talk.balancing = talk.client("elbv2")
    vpc = talk.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = talk.balancing.create_target_group(
        Name="web", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip"
    )
    return made["TargetGroups"][0]["TargetGroupArn"]


def targets(talk, group):
    """Return the targets of a group and their state."""
    found = talk.balancing.describe_target_health(TargetGroupArn=group)
    return {
        (d["Target"]["Id"], d["Target"]["Port"]): d["TargetHealth"]["State"]
        for d in found["TargetHealthDescriptions"]
    }


def service(talk, group, container, count=1):
    """Create a service behind the target group and wait until its deployment completed."""
    talk.define({**container, "portMappings": [{"containerPort": 80}]})
    balancer = {"targetGroupArn": group, "containerName": "main", "containerPort": 80}
    talk.create(count=count, loadBalancers=[balancer])
    return talk.until_service(completed)


def test_a_target_is_where_the_process_listens(talk, group):
    """Somebody who asks for the targets can connect to them."""
    service(talk, group, sh(SERVER))
    found = eventually(lambda: targets(talk, group), lambda seen: len(seen) == 1)
    ((address, port),) = found
    assert found[address, port] == "healthy"

    def answers():
        try:
            with urllib.request.urlopen(f"http://{address}:{port}/") as answer:
                return answer.status
        except OSError:
            return 0

    eventually(answers, lambda status: status == 200)


def test_targets_come_and_go_with_the_tasks(talk, group):
    """As many as run; none when the service is gone. A simulated task is one, too."""
    simulated = {"name": "main", "image": "other:1", "memory": 16}
    service(talk, group, simulated, count=2)
    eventually(lambda: targets(talk, group), lambda seen: len(seen) == 2)
    talk.ecs.update_service(cluster="c", service="web", desiredCount=1)
    eventually(lambda: targets(talk, group), lambda seen: len(seen) == 1)
    talk.ecs.delete_service(cluster="c", service="web", force=True)
    eventually(lambda: targets(talk, group), lambda seen: len(seen) == 0)


def test_a_target_group_that_is_only_named_hinders_nothing(talk):
    """The service runs although nobody made the group."""
    arn = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/none/0"
    simulated = {"name": "main", "image": "other:1", "memory": 16}
    assert service(talk, arn, simulated)["runningCount"] == 1
