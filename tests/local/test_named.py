"""What is named exists: ids that nobody can choose are there when preflight asks for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.aws.boto import BotoTransport
from reconciler.aws.door import Aws
from reconciler.local.clock import WorldClock
from reconciler.local.named import Named
from reconciler.local.selfcheck import PATCH_POINTS, check_moto
from reconciler.local.server import EmbeddedAws
from reconciler.model.finding import CheckState
from reconciler.resources.preflight.families import findings
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import whole
from tests.local.hours import midweek
from tests.resources.everything import KEY, REGION, TARGET_GROUP, everything


@pytest.fixture
def aws():
    """Return an embedded AWS without anything in it."""
    with EmbeddedAws(clock=midweek()) as served:
        yield served


def look(aws, monkeypatch):
    """Ask every family of preflight; return the findings that are neither ok nor unseen, by name."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    door = Aws(BotoTransport(REGION, endpoint_url=aws.endpoint_url), WorldClock())
    found = findings(Reader(door), whole(everything()))
    return {f.name: f for f in found if f.state in (CheckState.WARNING, CheckState.FAILED)}


def test_what_is_seeded_passes_preflight(aws, monkeypatch):
    """Everything that is named is found, but the alarm, which nobody has to make; nothing runs on EC2."""
    aws.seed([everything()])

    found = look(aws, monkeypatch)

    assert set(found) == {"alarm web-errors", "container instances"}


def test_nothing_is_there_that_was_not_seeded(aws, monkeypatch):
    """Roles, secrets and log groups are made by somebody; subnets and target groups are there."""
    found = look(aws, monkeypatch)

    assert {
        "cluster main",
        "role shop-execution",
        "secret /shop/DATABASE_URL",
        "log group /ecs/shop",
        "listener rules of target group web",
        "listener rules of target group tcp",
        "load balancer shop-classic",
        "environment file config/shop/rails.env",
        f"KMS key {KEY}",
    } <= set(found)
    assert not [n for n in found if n.startswith(("subnets", "security group", "target group"))]


def test_targets_are_of_the_kind_that_the_tasks_need(aws, monkeypatch):
    """A service in bridge mode gets a target group of instances, as it would have to be."""
    app = everything()
    web, *others = app.services
    bridge = replace(web, task_definition={**web.task_definition, "networkMode": "bridge"})

    aws.seed([replace(app, services=(bridge, *others))])

    client = BotoTransport(REGION, endpoint_url=aws.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    answer = client.send(
        "elbv2", "DescribeTargetGroups", {"TargetGroupArns": [TARGET_GROUP]}, lambda: None
    )
    assert answer["TargetGroups"][0]["TargetType"] == "instance"


@pytest.mark.parametrize(
    "name", ["alias/shop", f"arn:aws:kms:{REGION}:123456789012:alias/shop", KEY]
)
def test_keys_are_there_by_every_name(aws, monkeypatch, name):
    """An alias, its ARN or an id: what the files say is what DescribeKey takes. Twice makes no second."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    named = Named(aws.moto)
    for _ in range(2):
        named.key(name, REGION)

    client = BotoTransport(REGION, endpoint_url=aws.endpoint_url)
    answer = client.send("kms", "DescribeKey", {"KeyId": name}, lambda: None)
    assert answer["KeyMetadata"]["KeyState"] == "Enabled"
    assert len(client.send("kms", "ListKeys", {}, lambda: None)["Keys"]) == 1


def test_the_places_in_moto_are_checked():
    """Every module that named things are put into is among the patch points, and all of them hold."""
    check_moto()

    modules = {module for module, _, _ in PATCH_POINTS}
    assert {"moto.ec2.models.subnets", "moto.elbv2.models", "moto.efs.models"} <= modules
