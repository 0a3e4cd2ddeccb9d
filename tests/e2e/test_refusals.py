"""AWS or a guard refuses: who, what to do, the right code; and it goes on once the cause is gone."""

from __future__ import annotations

import pytest

from tests.e2e.stage import AWS_ERROR, DIFFERENT, NEW_TAG, OK, REFUSED, TAG, eventually

PERMISSIONS = [
    "ecs:UpdateService",
    "ecs:RunTask",
    "ecs:RegisterTaskDefinition",
    "ecs:DescribeServices",
    "dynamodb:TransactWriteItems",
]


def test_wrong_account_is_refused(stage):
    """Credentials of another account: 4, both accounts named, nothing done, by every verb."""
    stage.edit(("123456789012", "210987654321"))
    stage.aws.faults.forget_calls()

    for verb in (["diff"], ["status"], ["apply", "--yes"], ["run", "--until", "converged"]):
        done = stage.cli(*verb)
        assert done.code == REFUSED
        assert "210987654321" in done.err
        assert "123456789012" in done.err

    assert stage.mutations() == []


def test_missing_cluster(stage):
    """A cluster that does not exist: 3, named in the message."""
    stage.edit(("cluster: production", "cluster: nowhere"))

    for verb in (["apply", "--yes"], ["run", "--until", "converged", "--resync", "1s"]):
        done = stage.cli(*verb)
        assert done.code == AWS_ERROR
        assert "nowhere" in done.err
    assert stage.starts == []


def test_missing_image(stage):
    """An image tag that ECR does not have holds the app back with its name, until it is pushed."""
    stage.aws.faults.error("ecr:BatchGetImage", "ImageNotFoundException", times=1_000_000)
    stage.aws.faults.error("ecr:DescribeImages", "ImageNotFoundException", times=1_000_000)

    done = stage.cli("run", "--until", "converged", "--resync", "1s")

    assert done.code == AWS_ERROR
    assert f"shop:{TAG}" in done.err
    stage.aws.faults.clear()
    stage.converge()


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_denied_permission_is_named(shop, permission):
    """AccessDenied on one operation: 3 with the permission to add; granted, it goes on from there."""
    shop.aws.faults.deny(permission)
    shop.release()

    done = shop.cli("apply", "--yes")

    assert done.code == AWS_ERROR
    assert permission.replace("TransactWriteItems", "") in done.err
    assert "doctor --iam-policy" in done.err
    assert shop.web_versions() == {TAG}
    shop.aws.faults.clear()
    shop.converge()
    assert shop.web_versions() == {NEW_TAG}
    assert shop.migrations_started(NEW_TAG) == 1
    assert shop.journal_is_whole()


@pytest.mark.parametrize("permission", ["dynamodb:CreateTable", "ecs:CreateService"])
def test_denied_permission_on_a_fresh_account(stage, permission):
    """Without the permission to make tables or services: 3, named; looking still works."""
    stage.aws.faults.deny(permission)

    for verb in (["apply", "--yes"], ["run", "--until", "converged", "--resync", "1s"]):
        done = stage.cli(*verb)
        assert done.code == AWS_ERROR
        assert permission in done.err
    assert stage.cli("diff").code == DIFFERENT
    stage.aws.faults.clear()
    stage.converge()
    assert stage.migrations_started() == 1


def test_denied_controller_says_it_once_and_recovers(shop):
    """A running controller names the missing permission, backs off, and recovers by itself."""
    shop.aws.faults.deny("ecs:UpdateService")
    controller = shop.controller()
    controller.until("converged")
    shop.release()

    controller.until("ecs:UpdateService")
    eventually(lambda: len(shop.calls("ecs:UpdateService")), lambda seen: seen >= 2)
    assert shop.migrations_started(NEW_TAG) == 1
    shop.aws.faults.clear()
    eventually(shop.web_versions, lambda versions: versions == {NEW_TAG})
    controller.until("works again")
    assert controller.said.count("WARNING") < 5


def test_unreachable_endpoint(stage, unused_port):
    """Nobody listens: 3 within seconds, with the endpoint in the message."""
    for verb in (["diff"], ["apply", "--yes"]):
        done = stage.cli(*verb, "--endpoint-url", f"http://127.0.0.1:{unused_port}")
        assert done.code == AWS_ERROR
        assert str(unused_port) in done.err
        assert "--endpoint-url" in done.err


def test_missing_credentials(stage):
    """No credentials anywhere: 3, with what to give."""
    done = stage.cli(
        "diff",
        "--endpoint-url",
        "http://aws.invalid",
        AWS_ACCESS_KEY_ID="",
        AWS_SECRET_ACCESS_KEY="",
    )

    assert done.code == AWS_ERROR
    assert "credentials" in done.err
    assert "--profile" in done.err


def test_answer_that_is_cut_off(shop):
    """A truncated answer is not read as an empty one: nothing is created twice, and it goes on."""
    from reconciler.local.faults import Effect, Fault

    shop.aws.faults.add(Fault("ecs:DescribeServices", Effect.TRUNCATE, times=2))

    assert shop.cli("diff").code in (OK, AWS_ERROR)
    shop.converge()
    assert shop.calls("ecs:CreateService") == []


def test_policy_that_doctor_prints_covers_what_was_called(shop):
    """Every call of a first convergence stands in the least policy that `doctor --iam-policy` prints."""
    text = shop.cli("doctor", "--iam-policy").out
    shop.release()
    shop.converge()

    called = {c for c in shop.calls() if c.partition(":")[0] in ("ecs", "ecr")}
    assert {c for c in called if f'"{c}"' not in text} == set()
