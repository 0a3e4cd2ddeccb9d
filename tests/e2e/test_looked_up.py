"""A worker that is made of parameters, a stack and a Terraform state: through processes and over the wire."""

from __future__ import annotations

import json

import pytest

from reconciler.local.server import EmbeddedAws
from tests.e2e.stage import AWS_ERROR, DIFFERENT, INVALID, OK, Stage, eventually
from tests.local.hours import midweek

WORKER, OTHER = "shop-production-worker", "shop-production-other"
HEADER = """\
apiVersion: reconciler/v1alpha1
app: shop
environment: production
account: "123456789012"
region: ap-northeast-1
cluster: production
"""
KNOWN = """\
defaults:
  cpu: 256
  memory: 512
  executionRoleArn: arn:aws:iam::123456789012:role/shop-execution
  networkConfiguration: {subnets: [subnet-0aaa, subnet-0bbb], securityGroups: [sg-0123456789abcdef0]}
services:
  worker: {image: "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/worker:1"}
  other: {image: "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/worker:2"}
  third: {image: "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/worker:3"}
"""
"""What is there before: images, network, roles and log groups, without any look-up."""
APP = """\
tfstate: s3://states/network.tfstate
images:
  app: 123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/worker:${ssm:/shop/${environment}/tag}
defaults:
  cpu: 256
  memory: 512
  executionRoleArn: arn:aws:iam::123456789012:role/shop-execution
  networkConfiguration:
    subnets: ${ssm:/shop/subnets}
    securityGroups: ["${tfstate:aws_security_group.app.id}"]
services:
  worker:
    image: ${images.app}
    desiredCount: ${ssm:/shop/count:-1}
    environment:
      QUEUE_URL: ${cfn:queues.Url}
      LITERAL: $${ssm:/shop/tag}
  other:
    image: 123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/worker:1
    networkConfiguration: {subnets: [subnet-0aaa]}
"""
STATE = {
    "version": 4,
    "outputs": {},
    "resources": [
        {
            "mode": "managed",
            "type": "aws_security_group",
            "name": "app",
            "instances": [{"attributes": {"id": "sg-0123456789abcdef0"}}],
        }
    ],
}
TEMPLATE = {
    "Resources": {"T": {"Type": "AWS::SNS::Topic"}},
    "Outputs": {"Url": {"Value": "https://queue.example"}},
}


@pytest.fixture
def worker(tmp_path):
    """Return an app of look-ups on an AWS that has what they name."""
    aws = EmbeddedAws(clock=midweek()).start()
    stage = Stage(aws, tmp_path / "desired")
    try:
        stage.write(stage.file, HEADER + KNOWN)
        stage.seed()
        stage.write(stage.file, HEADER + APP)
        ssm, s3 = stage.client("ssm"), stage.client("s3")
        ssm.put_parameter(Name="/shop/production/tag", Value="1", Type="String")
        ssm.put_parameter(Name="/shop/subnets", Value="subnet-0aaa,subnet-0bbb", Type="StringList")
        where = {"LocationConstraint": "ap-northeast-1"}
        s3.create_bucket(Bucket="states", CreateBucketConfiguration=where)
        s3.put_object(Bucket="states", Key="network.tfstate", Body=json.dumps(STATE))
        stage.client("cloudformation").create_stack(
            StackName="queues", TemplateBody=json.dumps(TEMPLATE)
        )
        yield stage
        stage.end()
    finally:
        for controller in stage.controllers:
            controller.kill()
        aws.stop()


def test_an_app_of_look_ups_from_the_first_day_on(worker):
    """Created with their values, in sync with them, rolled when one changes, held when one is lost."""
    applied = worker.cli("apply", "--yes")
    assert applied.code == OK, applied
    live = worker.service(WORKER)
    network = live["networkConfiguration"]["awsvpcConfiguration"]
    assert sorted(network["subnets"]) == ["subnet-0aaa", "subnet-0bbb"]
    assert network["securityGroups"] == ["sg-0123456789abcdef0"]
    [container] = worker.definition(WORKER)["containerDefinitions"]
    found = {pair["name"]: pair["value"] for pair in container["environment"]}
    assert found == {"QUEUE_URL": "https://queue.example", "LITERAL": "${ssm:/shop/tag}"}
    assert worker.cli("diff").code == OK

    worker.client("ssm").put_parameter(
        Name="/shop/production/tag", Value="2", Type="String", Overwrite=True
    )
    shown = worker.cli("diff", "-o", "json")
    assert shown.code == DIFFERENT, shown
    [step] = [s for s in shown.document["apps"][0]["resources"] if s["difference"]]
    assert [c["why"] for c in step["changes"]] == ["lookup"]
    assert "${ssm:/shop/production/tag}: 1 → 2" in step["notes"]
    assert worker.cli("apply", "--yes").code == OK
    told = [e for e in worker.entries() if e["kind"] == "LOOKUP"]
    assert told[-1]["before"] == {"ssm:/shop/production/tag": "1"}
    assert told[-1]["after"] == {"ssm:/shop/production/tag": "2"}

    worker.client("ssm").delete_parameter(Name="/shop/subnets")
    lost = worker.cli("diff")
    assert lost.code == DIFFERENT, lost
    assert "${ssm:/shop/subnets}: there is no such parameter in ap-northeast-1" in lost.out
    assert "app.yaml:15:" in lost.out
    [before] = worker.definition(OTHER)["containerDefinitions"]
    worker.edit(("worker:1", "worker:3"))
    assert worker.cli("apply", "--yes").code == AWS_ERROR
    [after] = worker.definition(OTHER)["containerDefinitions"]
    assert after["image"] != before["image"]
    assert worker.service(WORKER)["runningCount"] == 1
    assert worker.journal_is_whole()


def test_a_wrong_address_is_said_offline(worker):
    """Nothing of AWS is needed to say that a reference cannot be one."""
    worker.edit(("aws_security_group.app.id", "aws_security_group.app"))
    wrong = worker.cli("validate")
    assert wrong.code == INVALID
    assert "is not an address in a state" in wrong.text


def test_a_controller_follows_a_parameter(worker):
    """Nobody commits: the next pass sees the new value and carries it out."""
    controller = worker.controller()
    controller.until("converged")
    worker.client("ssm").put_parameter(Name="/shop/count", Value="2", Type="String")
    eventually(lambda: worker.service(WORKER)["desiredCount"], lambda count: count == 2)
