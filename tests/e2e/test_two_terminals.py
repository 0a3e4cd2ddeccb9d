"""`reconciler local --aws-only` in one process, everything else in others: controllers die, the AWS lives."""

from __future__ import annotations

import json
import shutil
import urllib.request
from http.client import HTTPException
from pathlib import Path

import pytest

from reconciler.local.sample import starts
from tests.e2e.conftest import SAMPLE
from tests.e2e.stage import (
    AWS_ERROR,
    CLUSTER,
    COMMAND,
    NEW_TAG,
    OK,
    TAG,
    Controller,
    Stage,
    environment,
    eventually,
    program,
)


class OtherTerminal(Stage):
    """A stage whose AWS is a process of its own: seen only through its endpoint and its data."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self.folder, self.endpoint = folder, endpoint
        self.data = folder.parent / "data"
        self.controllers, self.going = [], []

    def web_versions(self) -> set[str]:
        """Ask the ports that DescribeTasks shows, as anybody could."""
        arns = self.ecs.list_tasks(cluster=CLUSTER, serviceName="shop-production-web")["taskArns"]
        found = set()
        for task in self.ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else ():
            nginx = next(c for c in task["containers"] if c["name"] == "nginx")
            for binding in nginx.get("networkBindings", ()):
                url = f"http://127.0.0.1:{binding['hostPort']}/"
                try:
                    with urllib.request.urlopen(url, timeout=5) as got:
                        found.add(json.loads(got.read())["version"])
                except (OSError, ValueError, HTTPException):
                    found.add("")
        return found


@pytest.fixture
def terminal(tmp_path):
    """Return the sample beside an embedded AWS that runs in a process of its own."""
    shutil.copytree(SAMPLE, tmp_path / "desired")
    (tmp_path / "home").mkdir()
    arguments = [*COMMAND, "local", "--aws-only", "--data-dir", str(tmp_path / "data")]
    serve = program(arguments, environment("", tmp_path / "home"))
    served = Controller(serve, tmp_path / "aws.log")
    said = served.until("(?s)endpoint .*data ")
    terminal = OtherTerminal(said.split("endpoint ")[1].split()[0], tmp_path / "desired")
    try:
        yield terminal
        terminal.end()
        assert served.terminate() == OK
        assert "Traceback" not in served.said
    finally:
        for process in (*terminal.controllers, served):
            process.kill()


@pytest.mark.timeout(600)
def test_aws_outlives_its_controller(terminal):
    """It seeds nothing; kill -9 of the controller leaves AWS and its tasks alone, and another goes on."""
    refused = terminal.cli("run", "--until", "converged", "--resync", "1s")
    assert refused.code == AWS_ERROR
    assert CLUSTER in refused.err

    terminal.ecs.create_cluster(clusterName=CLUSTER)
    database = f"sqlite:///{terminal.data}/shop.sqlite3"
    for name, value in (("DATABASE_URL", database), ("RAILS_MASTER_KEY", "any")):
        terminal.client("ssm").put_parameter(
            Name=f"/shop/production/{name}", Value=value, Type="SecureString"
        )
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
    }
    for name in ("shop-execution", "shop-task"):
        terminal.client("iam").create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
        )
    terminal.client("elasticache").create_cache_subnet_group(
        CacheSubnetGroupName="shop-production",
        CacheSubnetGroupDescription="by hand",
        SubnetIds=["subnet-0aaa"],
    )
    first = terminal.controller()
    first.until("converged")
    first.kill()

    assert terminal.web_versions() == {TAG}
    assert terminal.cli("diff").code == OK
    terminal.release()
    second = terminal.controller()
    second.until("held by .*if it died, that is known in at most")
    second.until(r"converged \(generation 2\)", limit=90)
    assert terminal.web_versions() == {NEW_TAG}
    tags = [e["tag"] for e in starts.read(terminal.data) if e["event"] == "start"]
    assert sorted(tags) == sorted([TAG, NEW_TAG])
    assert terminal.journal_is_whole()
    assert second.terminate() == OK


def test_local_seeds_converges_and_ends(terminal):
    """`reconciler local --until converged` is all in one process: 0, and nothing of it is left."""
    done = terminal.cli("local", "--until", "converged", "--timeout", "60s")

    assert done.code == OK
    assert "embedded AWS at http://127.0.0.1:" in done.out
    assert "production/shop converged (generation 1)" in done.err
    data = Path(done.out.partition("its data is in ")[2].strip())
    eventually(lambda: not data.exists())
