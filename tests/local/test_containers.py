"""What a container's process gets and how containers of a task wait for each other."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from reconciler.local.ecs import lifecycle, scheduler
from reconciler.local.manifests import build
from tests.local.talk import code_of, completed, eventually, logging_to, sh


def logged(talk, *containers, group="/g", **fields):
    """Run containers that log to one group; return the stopped task and the lines."""
    task = talk.finish(
        *[{**c, "logConfiguration": logging_to(group)} for c in containers], **fields
    )
    return task, talk.messages(group)


def test_output_is_in_the_log_when_the_task_is_stopped(talk):
    """All lines of stdout and stderr, the unfinished last one too, in stream prefix/container/id."""
    task, lines = logged(talk, sh("echo one; echo two >&2; printf three"))
    assert lines == ["one", "two", "three"]
    streams = talk.logs.describe_log_streams(logGroupName="/g")["logStreams"]
    assert [s["logStreamName"] for s in streams] == [f"p/main/{task['taskArn'].split('/')[-1]}"]


def test_a_missing_log_group_stops_the_start(talk):
    """Without awslogs-create-group the group must exist."""
    log = logging_to("/none")
    log["options"].pop("awslogs-create-group")
    task = talk.finish({**sh("exit 0"), "logConfiguration": log})
    assert task["stopCode"] == "TaskFailedToStart"
    assert "ResourceInitializationError" in task["stoppedReason"]
    assert "startedAt" not in task


def test_the_environment_is_the_declared_one(talk):
    """Declared values, overrides over them, the image's tag, the task's ARN, and AWS to talk to."""
    script = 'echo "$A $B $RECONCILER_IMAGE_TAG $RECONCILER_TASK_ARN $AWS_ENDPOINT_URL $AWS_REGION"'
    container = sh(script, environment=[{"name": n, "value": "declared"} for n in "AB"])
    override = {"name": "main", "environment": [{"name": "B", "value": "overridden"}]}
    task, lines = logged(talk, container, overrides={"containerOverrides": [override]})
    url = talk.aws.endpoint_url
    assert lines == [f"declared overridden 1 {task['taskArn']} {url} ap-northeast-1"]


def test_the_engines_own_environment_stays_out(talk, monkeypatch):
    """A variable of the engine's process is not the container's."""
    monkeypatch.setenv("ENGINE_ONLY", "leaked")
    assert logged(talk, sh('echo "[$ENGINE_ONLY]"'))[1] == ["[]"]


def test_a_command_can_be_overridden(talk):
    """containerOverrides.command replaces the declared one, entryPoint stays."""
    container = {**sh("echo no"), "entryPoint": ["sh", "-c"], "command": ["echo declared"]}
    override = {"name": "main", "command": ["echo overridden"]}
    _, lines = logged(talk, container, overrides={"containerOverrides": [override]})
    assert lines == ["overridden"]


def test_bin_of_the_folder_is_first_on_path(talk, image):
    """DIR/bin wins over the system, and workingDirectory is below DIR."""
    program = image / "bin" / "ls"
    program.write_text("#!/bin/sh\necho ours in $(pwd)\n")
    program.chmod(0o755)
    (image / "sub").mkdir()
    container = {**sh(""), "command": ["ls"], "workingDirectory": "/sub"}
    assert logged(talk, container)[1] == [f"ours in {image / 'sub'}"]


def test_cmd_is_the_command_of_an_image_that_declares_none(talk, image):
    """DIR/cmd runs when the task definition has no command; without it the container cannot start."""
    container = {"name": "main", "image": "registry.example/team/app:7", "memory": 16}
    assert "CannotStartContainerError" in talk.finish(container)["stoppedReason"]
    (image / "cmd").write_text("#!/bin/sh\necho default $RECONCILER_IMAGE_TAG\n")
    (image / "cmd").chmod(0o755)
    assert logged(talk, container)[1] == ["default 7"]


def test_a_running_container_tells_the_digest_of_its_tag(talk):
    """Also where no folder stands behind the image: ECS tells what it has pulled."""
    task, _ = logged(talk, sh("true", image="app:7"))
    digest = task["containers"][0]["imageDigest"]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
    again, _ = logged(talk, sh("true", image="app:7"))
    assert again["containers"][0]["imageDigest"] == digest


def test_the_tag_is_known_when_the_image_is_named_by_digest(talk):
    """ECR gave the digest out for a tag, and the container finds that tag."""
    detail = talk.client("ecr").describe_images(
        repositoryName="app", imageIds=[{"imageTag": "2026.11.22"}]
    )["imageDetails"][0]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", detail["imageDigest"])
    host = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
    container = sh("echo $RECONCILER_IMAGE_TAG", image=f"{host}/app@{detail['imageDigest']}")
    task, lines = logged(talk, container)
    assert lines == ["2026.11.22"]
    assert task["containers"][0]["imageDigest"] == detail["imageDigest"]


ECR = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"


@pytest.mark.parametrize(
    ("reference", "there"),
    [
        (f"{ECR}/app:7", True),
        (f"{ECR}/app:gone", False),
        (f"{ECR}/nowhere:1", False),
        (f"{ECR}/made", False),
        (f"{ECR}/made@sha256:{'0' * 64}", False),
        ("999999999999.dkr.ecr.ap-northeast-1.amazonaws.com/theirs:1", True),
        ("docker.io/library/redis:7", True),
    ],
)
def test_an_image_that_ecr_does_not_have_cannot_be_pulled(talk, reference, there):
    """A repository or tag that does not exist stops the task as on AWS; other registries are not known."""
    talk.client("ecr").create_repository(repositoryName="made")
    talk.aws.images.delete_tag("app", "gone")
    task = talk.finish(sh("true", image=reference))
    said = task["stoppedReason"]
    assert ("CannotPullContainerError: pull image manifest" in said) != there, said
    assert (task["stopCode"] == "TaskFailedToStart") != there


def test_an_image_in_a_repository_that_was_created_can_be_pulled(talk):
    """What PutImage has put there is there."""
    ecr = talk.client("ecr")
    ecr.create_repository(repositoryName="made")
    manifest = build("made:1", [("linux", "amd64")]).top
    ecr.put_image(repositoryName="made", imageManifest=manifest.text, imageTag="1")
    task = talk.finish(sh("true", image=f"{ECR}/made:1"))
    assert task["stopCode"] == "EssentialContainerExited", task["stoppedReason"]


def test_every_container_has_its_own_free_port(talk):
    """PORT differs, PORT_<NAME> tells a sibling's, and a port mapping shows it."""
    first = sh("echo $PORT $PORT_APP", name="nginx", portMappings=[{"containerPort": 80}])
    second = sh("echo $PORT; sleep 0.1", name="app", essential=False)
    task, lines = logged(talk, first, second)
    ports = sorted(set(" ".join(lines).split()))
    assert len(ports) == 2
    bound = task["containers"][0]["networkBindings"][0]
    assert bound["containerPort"] == 80
    assert str(bound["hostPort"]) in ports


def test_unmapped_images_are_simulated(talk):
    """One-off tasks exit 0 and services stay up, no process is started."""
    container = {"name": "main", "image": "other:1", "memory": 16}
    assert talk.finish(container)["containers"][0]["exitCode"] == 0
    talk.create()
    service = talk.until_service(lambda s: s["runningCount"] == 1)
    assert service["pendingCount"] == 0
    assert talk.aws.engine.pids() == []


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("no-such-program", "executable file not found in $PATH"),
        ("/etc/passwd", "permission denied"),
    ],
)
def test_a_program_that_cannot_be_executed_cannot_start(talk, program, why):
    """TaskFailedToStart in runc's words, no exit code, no startedAt, no runtimeId."""
    task = talk.finish({**sh(""), "command": [program]})
    assert task["stopCode"] == "TaskFailedToStart"
    assert f'exec: "{program}": {why}' in task["stoppedReason"]
    assert "exitCode" not in task["containers"][0]
    assert "runtimeId" not in task["containers"][0]
    assert "startedAt" not in task


def test_a_refused_image_cannot_be_pulled(talk):
    """An image the test refuses fails the task before anything starts."""
    talk.aws.engine.refuse_image("app:1", "pull access denied")
    task = talk.finish(sh("exit 0"))
    assert task["stoppedReason"] == "CannotPullContainerError: pull access denied"


# --- secrets -------------------------------------------------------------------------------------


def test_secrets_come_from_the_emulated_stores(talk):
    """An SSM name, an SSM ARN, a whole secret and one key of it."""
    ssm, manager = talk.client("ssm"), talk.client("secretsmanager")
    ssm.put_parameter(Name="/shop/KEY", Value="parameter", Type="SecureString")
    arn = manager.create_secret(Name="s", SecretString=json.dumps({"k": "inner"}))["ARN"]
    references = {
        "A": "/shop/KEY",
        "B": "arn:aws:ssm:ap-northeast-1:123456789012:parameter/shop/KEY",
        "C": f"{arn}:k::",
        "D": arn,
    }
    secrets = [{"name": n, "valueFrom": v} for n, v in references.items()]
    _, lines = logged(talk, sh('echo "$A $B $C $D"', secrets=secrets))
    assert lines == ['parameter parameter inner {"k": "inner"}']


def test_a_missing_secret_stops_the_start_without_showing_a_value(talk):
    """ResourceInitializationError names the reference."""
    task = talk.finish(sh("exit 0", secrets=[{"name": "A", "valueFrom": "/none"}]))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("ResourceInitializationError")
    assert "/none" in task["stoppedReason"]


# --- dependsOn -----------------------------------------------------------------------------------


def depends(name, condition):
    """Return a dependsOn with one entry."""
    return [{"containerName": name, "condition": condition}]


@pytest.mark.parametrize(("condition", "code"), [("SUCCESS", 0), ("COMPLETE", 5)])
def test_a_container_waits_for_the_end_of_another(talk, condition, code):
    """With SUCCESS for exit 0, with COMPLETE for any."""
    first = sh(f"sleep 0.1; echo first; exit {code}", name="init", essential=False)
    second = sh("echo second", dependsOn=depends("init", condition))
    task, lines = logged(talk, first, second)
    assert lines == ["first", "second"]
    assert [c["exitCode"] for c in task["containers"]] == [code, 0]


def test_an_unmet_success_means_never_started(talk):
    """The dependent has neither exit code nor runtimeId, the task no startedAt."""
    first = sh("exit 75", name="guard", essential=False)
    second = sh("echo ran", dependsOn=depends("guard", "SUCCESS"))
    task, lines = logged(talk, first, second)
    assert lines == []
    assert task["stopCode"] == "TaskFailedToStart"
    assert "startedAt" not in task
    guard, main = task["containers"]
    assert guard["exitCode"] == 75
    assert "exitCode" not in main
    assert "runtimeId" not in main
    assert "[guard] ended with code 75" in main["reason"]


def test_start_waits_only_for_the_start(talk):
    """Both run at the same time."""
    first = sh("sleep 600", name="app", essential=False)
    second = sh("echo up", name="main", dependsOn=depends("app", "START"))
    task, lines = logged(talk, first, second)
    assert lines == ["up"]
    assert task["containers"][1]["exitCode"] == 0


def test_healthy_waits_for_the_health_check(talk, tmp_path):
    """The dependent starts once the check passes."""
    flag = tmp_path / "ready"
    check = {"command": ["CMD-SHELL", f"test -e {flag}"], "interval": 5, "retries": 10}
    first = sh(f"sleep 0.2; touch {flag}; sleep 600", name="app", healthCheck=check)
    second = sh("sleep 600", name="web", dependsOn=depends("app", "HEALTHY"))
    arn = talk.run(talk.define(first, second))
    early = eventually(
        lambda: talk.task(arn), lambda t: t["containers"][0]["lastStatus"] == "RUNNING"
    )
    assert early["containers"][1]["lastStatus"] == "PENDING"
    task = talk.until_task(arn, "RUNNING")
    assert task["containers"][0]["healthStatus"] == "HEALTHY"
    assert task["healthStatus"] == "HEALTHY"


def test_a_dependency_that_takes_too_long_is_given_up(talk):
    """StartTimeout of the dependency bounds the wait."""
    first = sh("sleep 600", name="init", essential=False, startTimeout=2)
    second = sh("echo ran", dependsOn=depends("init", "SUCCESS"))
    arn = talk.run(talk.define(first, second))
    eventually(lambda: talk.task(arn), lambda t: t["containers"][0]["lastStatus"] == "RUNNING")
    talk.aws.clock.advance(timedelta(seconds=3))
    task = talk.until_task(arn)
    assert "timed out" in task["containers"][1]["reason"]
    assert task["stopCode"] == "TaskFailedToStart"


def test_dependencies_stop_in_reverse_order(talk):
    """What others depend on is stopped last."""
    trap = "trap 'echo {0} stopped; exit 0' TERM; echo {0} up; while :; do sleep 0.02; done"
    first = sh(trap.format("app"), name="app")
    second = sh(trap.format("web"), name="web", dependsOn=depends("app", "START"))
    group = {"logConfiguration": logging_to("/g")}
    arn = talk.run(talk.define({**first, **group}, {**second, **group}))
    eventually(
        lambda: talk.messages("/g") if talk.task(arn)["lastStatus"] == "RUNNING" else [],
        lambda m: len(m) == 2,
    )
    talk.ecs.stop_task(cluster="c", task=arn)
    talk.until_task(arn)
    stops = [m for m in talk.messages("/g") if m.endswith("stopped")]
    assert sorted(stops) == ["app stopped", "web stopped"]
    times = {
        e["message"]: e["timestamp"]
        for e in talk.logs.filter_log_events(logGroupName="/g")["events"]
    }
    assert times["web stopped"] <= times["app stopped"]


def test_a_non_essential_container_may_end(talk):
    """The task goes on until an essential one ends."""
    first = sh("exit 1", name="side", essential=False)
    second = sh("sleep 0.3; echo done", name="main")
    task, lines = logged(talk, first, second)
    assert lines == ["done"]
    assert [c["exitCode"] for c in task["containers"]] == [1, 0]


def test_the_metadata_endpoint_tells_the_task(talk):
    """A container finds its own task behind ECS_CONTAINER_METADATA_URI_V4."""
    script = (
        '"$RECONCILER_PYTHON" -c "import os,urllib.request as u;'
        "print(u.urlopen(os.environ['ECS_CONTAINER_METADATA_URI_V4']+'/task').read().decode())\""
    )
    task, lines = logged(talk, sh(script))
    assert json.loads(lines[0])["TaskARN"] == task["taskArn"]


def test_unsupported_operations_say_so(talk):
    """An operation that the embedded AWS lacks is refused by name, not answered wrongly."""
    assert code_of(talk.ecs.list_account_settings) == "UnsupportedOperationException"


def test_a_log_region_that_does_not_exist_stops_its_own_task_alone(talk):
    """There is no log group in it; other tasks go on."""
    log = logging_to("/g")
    log["options"]["awslogs-region"] = "aws-region"
    task = talk.finish({**sh("exit 0"), "logConfiguration": log})
    assert task["stopCode"] == "TaskFailedToStart"
    assert "ResourceInitializationError" in task["stoppedReason"]
    assert talk.finish(sh("exit 3"))["containers"][0]["exitCode"] == 3


def test_a_task_that_the_engine_cannot_bear_does_not_keep_the_others(talk, monkeypatch):
    """Should a step of one task fail by a mistake of ours, every other task is still taken forward."""
    step = lifecycle.step

    def stumble(world, runtime, task):
        if task.containers[0].name == "bad":
            raise RuntimeError("ours")
        step(world, runtime, task)

    monkeypatch.setattr(lifecycle, "step", stumble)
    talk.define(sh("exit 0", name="bad"))
    talk.run()
    assert talk.finish(sh("exit 3"))["containers"][0]["exitCode"] == 3


def test_a_service_that_the_scheduler_cannot_bear_keeps_nothing_else(talk, monkeypatch):
    """Should a step of one service fail by a mistake of ours, tasks and other services go on."""
    step = scheduler.step

    def stumble(world, service):
        if service.name == "bad":
            raise RuntimeError("ours")
        step(world, service)

    monkeypatch.setattr(scheduler, "step", stumble)
    talk.define(sh("sleep 60"))
    talk.create(name="bad")
    talk.create(name="good")
    assert talk.until_service(completed, name="good")["runningCount"] == 1
    assert talk.finish(sh("exit 3"))["containers"][0]["exitCode"] == 3
