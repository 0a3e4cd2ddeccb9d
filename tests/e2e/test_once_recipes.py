"""The recipes of docs/once.md, pasted as they stand there: each runs its command once, whoever starts it again."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.local.server import EmbeddedAws
from tests.e2e.stage import environment
from tests.local.hours import midweek
from tests.local.talk import Talk, eventually, logging_to

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "once.md").read_text("utf-8")
TIME = "<aws.scheduler.scheduled-time>"
LOG = "/once"


def recipe(title: str) -> str:
    """Return the first block of code of a recipe."""
    found = re.search(rf"\*\*{title}\.\*\*.*?\n```\w*\n(.*?)```", PAGE, re.DOTALL)
    assert found, title
    return found[1]


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Return the folder of an image: the single file as `make once` builds it, and commands that say that they ran."""
    folder = tmp_path_factory.mktemp("app")
    tools = folder / "bin"
    tools.mkdir()
    build = [sys.executable, str(ROOT / ".ci" / "once"), str(tools / "reconciler-once")]
    subprocess.run(build, check=True, capture_output=True)
    for name in ("report", "rails", "bundle", "announce.sh"):
        (tools / name).write_text(f'#!/bin/sh\necho "{name} $*"\n')
        (tools / name).chmod(0o755)
    (folder / "announce.sh").symlink_to(tools / "announce.sh")
    return folder


@pytest.fixture(scope="module")
def talk(image):
    """Return an embedded AWS with that image."""
    with EmbeddedAws(images={"app": image}, clock=midweek()) as aws:
        made = Talk(aws)
        made.ecs.create_cluster(clusterName="prod")
        yield made


def shell(talk: Talk, image: Path, line: str, **more: str) -> tuple[int, str]:
    """Run a line as cron or CI would, in the image's folder; return its code and what it wrote."""
    surroundings = environment(talk.aws.endpoint_url, image) | {
        "AWS_REGION": "ap-northeast-1",
        **more,
    }
    surroundings["PATH"] = f"{image / 'bin'}:{Path(sys.executable).parent}:{surroundings['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=image,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def in_camel_case(value):
    """Return a document with the API's names: Scheduler has them with a capital."""
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: in_camel_case(inner) for name, inner in value.items()}
    return [in_camel_case(inner) for inner in value] if isinstance(value, list) else value


def delivered(talk: Talk, request: dict, time: str) -> int:
    """Do what Scheduler does, with the time in its Input; return the exit code of the task."""
    order = in_camel_case(json.loads(request["Input"].replace(TIME, time)))
    (task,) = talk.ecs.run_task(**order)["tasks"]

    def looked_at() -> dict:
        return talk.ecs.describe_tasks(cluster="prod", tasks=[task["taskArn"]])["tasks"][0]

    ended = eventually(looked_at, lambda seen: seen["lastStatus"] == "STOPPED")
    return ended["containers"][0]["exitCode"]


def test_scheduler_may_deliver_one_occurrence_twice(talk):
    """Its Input is a RunTask request; delivered again it does nothing, the next occurrence runs."""
    request = json.loads(recipe("EventBridge Scheduler"))
    command = json.loads(re.search(r"container's command `(\[.*?\])`", PAGE)[1])
    talk.define(
        {
            "name": "app", "image": "app:1", "memory": 16, "command": command,
            "logConfiguration": logging_to(LOG),
        },
        family="report", networkMode="awsvpc",
    )  # fmt: skip
    for time in ("2026-11-29T03:00:00Z", "2026-11-29T03:00:00Z", "2026-11-30T03:00:00Z"):
        assert delivered(talk, request, time) == 0
    assert talk.messages(LOG).count("report ") == 2
    assert delivered(talk, request, TIME) == 2  # nobody put the time in


def test_cron_on_many_hosts(talk, image):
    """The first host runs it, the others find it done. cron takes the backslash before the percent sign away."""
    line = recipe("cron on many hosts").strip().split(None, 6)[-1].replace("\\%", "%")
    assert [shell(talk, image, line) for _ in range(3)] == [(0, "report \n"), (0, ""), (0, "")]


def test_a_pipeline_that_is_run_again(talk, image):
    """Of one commit it is announced once, of the next one again."""
    line = recipe("CI")
    first, again, other = (
        shell(talk, image, line, GITHUB_SHA=sha) for sha in ("8f2", "8f2", "9a1")
    )
    assert (first, again, other) == ((0, "announce.sh \n"), (0, ""), (0, "announce.sh \n"))


def test_the_entrypoint_of_every_container(talk, image):
    """One container migrates, each of them becomes its command."""
    text = recipe("Container entrypoint")
    entry, command = (
        json.loads(re.search(rf"^{w} (.*)$", text, re.MULTILINE)[1]) for w in ("ENTRYPOINT", "CMD")
    )
    line = shlex.join([*entry, *command])
    outputs = [shell(talk, image, line, REVISION="8f2") for _ in range(2)]
    assert outputs == [(0, "rails db:migrate\nbundle exec puma\n"), (0, "bundle exec puma\n")]
