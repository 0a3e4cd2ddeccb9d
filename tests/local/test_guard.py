"""The built-in guard: any image called reconciler-guard claims as a real process."""

from __future__ import annotations

import pytest

from tests.local.talk import logging_to, sh

CELL = "mig#production/shop/db#1#1#0"


@pytest.fixture
def guarded(talk):
    """Return an embedded AWS with a claims table and a definition whose command waits for the guard."""
    talk.dynamodb.create_table(
        TableName="claims",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    guard = {
        "name": "guard",
        "image": "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/reconciler-guard:1",
        "essential": False,
        "memory": 16,
        "command": ["claim"],
        "logConfiguration": logging_to("/guard"),
    }
    waits = [{"containerName": "guard", "condition": "SUCCESS"}]
    log = {"logConfiguration": logging_to("/main")}
    talk.define(guard, sh("echo ran", dependsOn=waits, **log))
    return talk


def offer(talk, state="OFFERED"):
    """Put the claim cell."""
    item = {"k": {"S": CELL}, "st": {"S": state}}
    talk.dynamodb.put_item(TableName="claims", Item=item)


def run(talk):
    """Run the task with the claim it has to take."""
    environment = {"RECONCILER_CLAIM_KEY": CELL, "RECONCILER_CLAIMS_TABLE": "claims"}
    override = {
        "name": "guard",
        "environment": [{"name": k, "value": v} for k, v in environment.items()],
    }
    return talk.until_task(talk.run(overrides={"containerOverrides": [override]}))


def test_the_offered_claim_is_taken_with_the_tasks_arn(guarded):
    """The command runs, and the cell names the task that runs it."""
    offer(guarded)
    task = run(guarded)
    assert [c.get("exitCode") for c in task["containers"]] == [0, 0]
    assert guarded.messages("/main") == ["ran"]
    cell = guarded.dynamodb.get_item(TableName="claims", Key={"k": {"S": CELL}})["Item"]
    assert cell["st"]["S"] == "CLAIMED"
    assert cell["arn"]["S"] == task["taskArn"]


@pytest.mark.parametrize("state", ["REVOKED", "CLAIMED", None])
def test_without_an_offer_the_command_never_starts(guarded, state):
    """Revoked, already claimed or absent: the guard exits 75 and the other container never runs."""
    if state:
        offer(guarded, state)
    task = run(guarded)
    assert task["containers"][0]["exitCode"] == 75
    assert "exitCode" not in task["containers"][1]
    assert "startedAt" not in task
    groups = [g["logGroupName"] for g in guarded.logs.describe_log_groups()["logGroups"]]
    assert guarded.messages("/main") == [] if "/main" in groups else True


def test_two_tasks_for_one_claim_run_the_command_once(guarded):
    """Whichever comes first wins."""
    offer(guarded)
    run(guarded)
    run(guarded)
    assert guarded.messages("/main") == ["ran"]
