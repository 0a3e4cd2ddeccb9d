"""`once` in ECS tasks: the single file in an image, the task's own role of things, and a death that ECS can prove."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.local.server import EmbeddedAws
from tests.local.hours import midweek
from tests.local.talk import Talk, logging_to

BUILD = Path(__file__).parents[2] / ".ci" / "once"
TABLE, KEY = "reconciler-claims", "once#default#k"
LOG = "/once"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Return the single file, built as `make once` does."""
    file = tmp_path_factory.mktemp("dist") / "reconciler-once"
    subprocess.run([sys.executable, str(BUILD), str(file)], check=True, capture_output=True)
    return file


@pytest.fixture
def ecs(program, tmp_path):
    """Return an embedded AWS with an image that has the single file, and nothing else of ours."""
    folder = tmp_path / "app"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "reconciler-once").write_bytes(program.read_bytes())
    (folder / "bin" / "reconciler-once").chmod(0o755)
    with EmbeddedAws(images={"app": folder}, clock=midweek()) as aws:
        talk = Talk(aws)
        talk.ecs.create_cluster(clusterName="c")
        yield talk


def define(talk: Talk, script: str, flags: str = "") -> None:
    """Register a task whose command is `once` in front of a script."""
    talk.define(
        {
            "name": "main", "image": "app:1", "memory": 16, "essential": True,
            "command": ["reconciler-once", "--key", "k", "--lease", "5s", *flags.split(), "--", "sh", "-c", script],
            "logConfiguration": logging_to(LOG),
        }
    )  # fmt: skip


def record(talk: Talk) -> dict:
    """Return the key's record."""
    item = talk.dynamodb.get_item(TableName=TABLE, Key={"k": {"S": KEY}}, ConsistentRead=True).get(
        "Item", {}
    )
    return {name: next(iter(value.values())) for name, value in item.items()}


def test_two_deliveries_of_one_occurrence_run_it_once(ecs):
    """Both tasks end with 0; the script ran in one; the holder is the task's ARN, and the table was made."""
    define(ecs, "echo ran")
    tasks = [ecs.until_task(arn) for arn in [ecs.run(), ecs.run()]]
    assert [t["containers"][0]["exitCode"] for t in tasks] == [0, 0]
    assert ecs.messages(LOG).count("ran") == 1
    assert record(ecs)["who"] in {t["taskArn"] for t in tasks}
    assert (record(ecs)["st"], record(ecs)["att"], record(ecs)["xc"]) == ("DONE", "1", "0")
    table = ecs.dynamodb.describe_table(TableName=TABLE)["Table"]
    assert table["DeletionProtectionEnabled"]


def test_stop_task_reaches_the_command(ecs):
    """SIGTERM of StopTask is the command's to answer; its code is the container's, and recorded."""
    define(ecs, "trap 'echo told; exit 7' TERM; echo up; while :; do sleep 0.05; done")
    arn = ecs.run()
    ecs.until_task(arn, "RUNNING")
    _until_said(ecs, "up")
    ecs.ecs.stop_task(cluster="c", task=arn)
    assert ecs.until_task(arn)["containers"][0]["exitCode"] == 7
    assert "told" in ecs.messages(LOG)
    assert (record(ecs)["st"], record(ecs)["xc"]) == ("FAILED", "7")


def test_dead_task_is_taken_over_when_ecs_says_so(ecs):
    """A task that is killed without a word: UNKNOWN for a plain start, run again with --rerun-if-dead."""
    define(ecs, "echo up; [ $ONCE_ATTEMPT = 2 ] || { kill -9 $PPID; sleep 60; }; echo again")
    first = ecs.until_task(ecs.run())
    assert first["containers"][0]["exitCode"] == 137
    assert ecs.until_task(ecs.run())["containers"][0]["exitCode"] == 6
    assert record(ecs)["st"] == "UNKNOWN"
    define(ecs, "[ $ONCE_ATTEMPT = 2 ] && echo again", "--rerun-if-dead")
    assert ecs.until_task(ecs.run())["containers"][0]["exitCode"] == 0
    assert ecs.messages(LOG).count("again") == 1
    assert (record(ecs)["st"], record(ecs)["att"]) == ("DONE", "2")


@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem"])
def test_lost_answers_on_the_wire_are_recognised(ecs, operation):
    """A claim, a confirmation or an end whose answer is lost is sent again, and found to be our own."""
    define(ecs, "echo ran")
    ecs.aws.faults.drop_after(f"dynamodb:{operation}", times=2)
    assert ecs.until_task(ecs.run())["containers"][0]["exitCode"] == 0
    assert ecs.messages(LOG).count("ran") == 1
    assert record(ecs)["st"] == "DONE"


def test_single_file_is_the_guard(ecs):
    """`reconciler-once claim` takes the offered claim of its task; without an offer the command never starts."""
    ecs.dynamodb.create_table(
        TableName="claims", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
    )  # fmt: skip
    ecs.dynamodb.put_item(TableName="claims", Item={"k": {"S": "mig#a"}, "st": {"S": "OFFERED"}})
    settings = {"RECONCILER_CLAIM_KEY": "mig#a", "RECONCILER_CLAIMS_TABLE": "claims"}
    guard = {
        "name": "guard", "image": "app:1", "memory": 16, "essential": False,
        "entryPoint": ["reconciler-once"], "command": ["claim"],
        "environment": [{"name": n, "value": v} for n, v in settings.items()],
    }  # fmt: skip
    main = {
        "name": "main", "image": "app:1", "memory": 16, "essential": True, "command": ["echo", "ran"],
        "dependsOn": [{"containerName": "guard", "condition": "SUCCESS"}], "logConfiguration": logging_to(LOG),
    }  # fmt: skip
    ecs.define(guard, main)
    first, second = (ecs.until_task(ecs.run()) for _ in range(2))
    assert first["containers"][0]["exitCode"] == 0
    assert second["containers"][0]["exitCode"] == 75
    assert ecs.messages(LOG) == ["ran"]
    cell = ecs.dynamodb.get_item(TableName="claims", Key={"k": {"S": "mig#a"}})["Item"]
    assert cell["arn"]["S"] == first["taskArn"]


def test_rerun_if_dead_is_refused_outside_of_ecs(ecs, program):
    """Elsewhere nobody can tell whether a holder is over: 125, and nothing is run."""
    environment = {
        "PATH": "/usr/bin:/bin", "AWS_ENDPOINT_URL": ecs.aws.endpoint_url, "AWS_REGION": "ap-northeast-1",
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(program), "--key", "k", "--rerun-if-dead", "--", "echo", "ran"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (125, "")
    assert "works in ECS tasks only" in done.stderr


def _until_said(talk: Talk, word: str) -> None:
    from tests.local.talk import eventually

    eventually(lambda: talk.messages(LOG), lambda said: word in said)
