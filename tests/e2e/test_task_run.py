"""`task run` as a person uses it: processes are started by it, and what it says of them is the truth."""

from __future__ import annotations

import hashlib
import re
import shutil
import signal

import pytest

from reconciler.runs.outcome import NEVER_STARTED, TIMED_OUT, UNKNOWN
from tests.e2e.stage import eventually
from tests.e2e.tool import FILES, REGISTRY

GUARD = f"guard:\n  image: {REGISTRY}/reconciler-guard:1\n"
INTERRUPTED, TERMINATED = 130, 143


@pytest.fixture(params=[GUARD, ""], ids=["guard", "no guard"])
def tool(request, stage_of_the_sample):
    """Return a stage with one app whose service was never created, with and without a guard."""
    stage = stage_of_the_sample
    shutil.rmtree(stage.folder / "production")
    stage.write(stage.folder / "production" / "tool" / "app.yaml", FILES + request.param)
    stage.seed()
    return stage


@pytest.fixture
def plain(stage_of_the_sample):
    """Return such a stage without a guard, for what does not depend on it."""
    stage = stage_of_the_sample
    shutil.rmtree(stage.folder / "production")
    stage.write(stage.folder / "production" / "tool" / "app.yaml", FILES)
    stage.seed()
    return stage


def run(stage, script: str, *flags: str, limit: float = 60):
    """Run a shell script as a task of the service."""
    return stage.cli(
        "task", "run", "--from", "service/web", *flags, "--", "sh", "-c", script, limit=limit
    )


def starts(stage) -> int:
    """Return how many tasks ECS has started that are not of a service."""
    return len(stage.aws.engine.tasks(lambda task: not task.group.startswith("service:")))


def test_output_and_exit_code_are_the_commands(tool):
    """Lines in order on stdout, states with time on stderr, the code as the command's own: 0, then 3."""
    good = run(tool, "echo one; echo two; echo three >&2")
    assert (good.code, good.out) == (0, "one\ntwo\nthree\n"), good
    assert re.search(r"task \w{12} RUNNING \(\d+s\)", good.err) or "STOPPED" in good.err
    assert re.search(r"✔ task \w{12} exit 0 \(\d+s\)", good.err)

    bad = run(tool, "echo no; exit 3")
    assert (bad.code, bad.out) == (3, "no\n"), bad
    assert "stop code: EssentialContainerExited" in bad.err
    assert re.search(r"containers: .*web: 3", bad.err)
    assert tool.journal_is_whole()


def test_what_never_started_is_a_failure_with_its_reason(tool):
    """No image, no room: 125, ECS's own words, the likely cause and what to type; nothing on stdout."""
    tool.aws.engine.refuse_image("1", "pull access denied")
    pulled = run(tool, "echo hello")
    assert (pulled.code, pulled.out) == (NEVER_STARTED, ""), pulled
    assert "CannotPullContainerError: pull access denied" in pulled.err
    assert "stop code: TaskFailedToStart" in pulled.err
    assert "likely cause: the image" in pulled.err
    assert "next: " in pulled.err

    tool.aws.engine.refuse_image("1", "")
    tool.aws.engine.fail_placement("RESOURCE:MEMORY", times=9)
    placed = run(tool, "echo hello")
    assert (placed.code, placed.out) == (NEVER_STARTED, ""), placed
    assert "RESOURCE:MEMORY" in placed.err
    assert "likely cause: " in placed.err


def test_a_killed_command_is_told_as_killed(plain):
    """Killed from outside: 137, and what that usually means."""
    started = plain.begin(
        "task", "run", "--from", "service/web", "--", "sh", "-c", "echo up; sleep 60"
    )
    started.until("up")
    task = plain.aws.engine.tasks(lambda t: not t.stopped)[0]
    plain.aws.engine.kill_task(task.arn)

    done = started.end()
    assert (done.code, done.out) == (137, "up\n"), done
    assert "likely cause: killed" in done.err


def test_a_timeout_stops_the_task(tool):
    """--timeout: 124, the task gets SIGTERM and its last words are shown."""
    script = "trap 'echo bye; exit 0' TERM; echo up; sleep 60 & wait"
    done = run(tool, script, "--timeout", "2s")

    assert (done.code, done.out) == (TIMED_OUT, "up\nbye\n"), done
    assert re.search(r"✗ task \w{12} ran longer than its timeout, exit 0 \(", done.err)
    assert all(task.stopped for task in tool.aws.engine.tasks())


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)]
)
def test_ctrl_c_stops_the_task_and_sees_it_through(tool, number, code):
    """Once, as SIGTERM: the task is asked to stop, its last words come, 130 (143)."""
    script = "trap 'echo bye; exit 7' TERM; echo up; sleep 60 & wait"
    started = tool.begin("task", "run", "--from", "service/web", "--", "sh", "-c", script)
    started.until("up")
    started.signal(number)

    done = started.end()
    assert (done.code, done.out) == (code, "up\nbye\n"), done
    assert "exit 7" in done.err
    assert all(task.stopped for task in tool.aws.engine.tasks())


def test_ctrl_c_twice_leaves_the_task_alone(plain):
    """Twice: the command goes, the task goes on as far as it is let, and how to see it is said."""
    script = "trap '' TERM; echo up; sleep 25; echo later"
    started = plain.begin("task", "run", "--from", "service/web", "--", "sh", "-c", script)
    started.until("up")
    started.signal(signal.SIGINT)
    started.until("asking for its end")
    started.signal(signal.SIGINT)

    done = started.end()
    assert done.code == INTERRUPTED, done
    assert re.search(r"reconciler -a production/tool task logs -f \w{12}\n", done.err)
    assert "was asked to end, which is not waited for" in done.err
    assert "task stop" not in done.err
    assert not plain.aws.engine.tasks()[0].stopped


def test_detached_tasks_are_followed_later(tool):
    """--detach prints the ARN; `task list` has it, `task logs -f` sees its end and gives its code."""
    done = run(tool, "sleep 1; echo late; exit 4", "--detach", "--idempotency-key", "nightly")
    assert done.code == 0, done
    arn = done.out.strip()
    assert arn.startswith("arn:aws:ecs:")
    listed = tool.cli("task", "list", "-o", "json").document["apps"][0]["tasks"]
    assert [(t["taskArn"], t["idempotencyKey"]) for t in listed] == [(arn, "nightly")]

    followed = tool.cli("task", "logs", "-f", arn.rpartition("/")[2][:12])
    assert (followed.code, followed.out) == (4, "late\n"), followed
    assert tool.cli("task", "logs", "nightly").out == "late\n"
    assert re.search(r"web +nightly +FAILED +- +4", tool.cli("task", "list").out)


def test_stop_ends_a_detached_task(tool):
    """`task stop` asks for the end and sees it; twice is an error that says so."""
    arn = run(tool, "exec sleep 60", "--detach").out.strip()
    stopped = tool.cli("task", "stop", arn, "--reason", "wrong day")
    assert stopped.code == 0, stopped
    assert tool.aws.engine.find_task(arn).stopped
    assert any("wrong day" in str(entry) for entry in tool.entries())

    again = tool.cli("task", "stop", arn)
    assert (again.code, "has ended" in again.err) == (1, True), again


def test_the_same_key_is_the_same_task(tool):
    """A repeat gives output and code again and starts nothing; another request is refused."""
    first = run(tool, "echo once; exit 5", "--idempotency-key", "k")
    again = run(tool, "echo once; exit 5", "--idempotency-key", "k")
    assert (first.code, first.out) == (again.code, again.out) == (5, "once\n"), again
    assert starts(tool) == 1

    for flags in ((), ("--count", "2"), ("--timeout", "9m")):
        other = run(tool, "echo other", "--idempotency-key", "k", *flags)
        assert (other.code, other.out) == (4, ""), other
        assert "belongs to another request" in other.err
    assert starts(tool) == 1


@pytest.mark.parametrize("at", ["before", "after"])
def test_killed_between_intent_and_start_it_runs_once(tool, at):
    """A kill -9 around RunTask: the same command again finds the run and brings it to its end, once."""
    fault = tool.aws.faults.hold("ecs:RunTask", after=at == "after")
    arguments = ("task", "run", "--from", "service/web", "--idempotency-key", "k", "--")
    started = tool.begin(*arguments, "sh", "-c", "echo ran; exit 9")
    assert fault.arrived.wait(30)
    started.kill()
    fault.released.set()

    done = run(tool, "echo ran; exit 9", "--idempotency-key", "k")
    assert (done.code, done.out) == (9, "ran\n"), done
    ran = tool.aws.engine.tasks(lambda t: any(c.exit_code == 9 for c in t.containers))
    assert len(ran) == 1
    assert tool.journal_is_whole()


def test_several_tasks_tell_which_says_what(plain):
    """--count: every line says of which task it is, and the worst code is the command's."""
    counter = plain.folder.parent / "counter"
    script = f"mkdir {counter} 2>/dev/null && exit 3; echo second"
    done = run(plain, script, "--count", "3")

    assert done.code == 3, done
    assert sorted(re.sub(r"\d", "n", line) for line in done.out.splitlines()) == ["[n] second"] * 2
    assert starts(plain) == 3


def test_overrides_reach_the_container(tool):
    """Command, environment, cpu, memory and tags are those of the command line; secrets are warned of."""
    done = run(
        tool,
        'echo "$COLOR"',
        "--set-env", "COLOR=a=b", "--set-env", "API_TOKEN=hunter2hunter2",
        "--cpu", "512", "--memory", "1 GB", "--tag", "team=ops",
    )  # fmt: skip
    assert (done.code, done.out) == (0, "a=b\n"), done
    assert "--set-env API_TOKEN" in done.err
    assert "hunter2" not in done.text
    arn = tool.aws.engine.tasks()[0].arn
    task = tool.ecs.describe_tasks(cluster="production", tasks=[arn], include=["TAGS"])["tasks"][0]
    assert {"key": "team", "value": "ops"} in task["tags"]
    assert (task["overrides"]["cpu"], task["overrides"]["memory"]) == ("512", "1024")


def test_a_migration_lends_its_definition_and_is_not_run(tool):
    """--from migration/db needs a command, and leaves the migration's own ledger alone."""
    refused = tool.cli("task", "run", "--from", "migration/db")
    assert (refused.code, "runs once per revision" in refused.err) == (2, True), refused
    done = tool.cli("task", "run", "--from", "migration/db", "--", "echo", "looked")
    assert (done.code, done.out) == (0, "looked\n"), done
    assert tool.cli("migration", "list").out == "no migration has run\n"


def test_an_image_that_is_not_there_is_125(plain):
    """Seen before anything is started: said with the image, 125 as for what ECS could not start, no task."""
    plain.aws.images.delete_tag("shop", "1")

    absent = run(plain, "echo never")

    assert (absent.code, absent.out) == (NEVER_STARTED, ""), absent
    assert f"image not found: {REGISTRY}/shop:1" in absent.err
    assert starts(plain) == 0


def test_a_definition_of_its_own(plain):
    """A file in JSON, then the revision that it became by its name; a wrong field is told with its line."""
    file = plain.folder.parent / "tool.json"
    container = f'{{"name": "main", "image": "{REGISTRY}/shop:1", "command": ["echo", "filed"]'
    log = '"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/tools", '
    options = '"awslogs-create-group": "true", "awslogs-stream-prefix": "t", "awslogs-region": "ap-northeast-1"}}}'
    file.write_text(
        f'{{"family": "tool", "networkMode": "awsvpc", "cpu": "256", "memory": "512", '
        f'"requiresCompatibilities": ["FARGATE"], '
        f'"executionRoleArn": "arn:aws:iam::123456789012:role/tool", '
        f'"containerDefinitions": [{container}, {log}{options}]}}'
    )
    filed = plain.cli("task", "run", "--task-definition", str(file))
    assert (filed.code, filed.out) == (0, "filed\n"), filed
    absent = plain.cli("task", "run", "--task-definition", "tool:9")
    assert (absent.code, "--task-definition tool:9: " in absent.err) == (2, True), absent
    named = plain.cli("task", "run", "--task-definition", "tool:1", "--", "echo", "named")
    assert (named.code, named.out) == (0, "named\n"), named

    keyed = ("task", "run", "--idempotency-key", "k", "--task-definition")
    assert [plain.cli(*keyed, str(file)).code for _ in range(2)] == [0, 0]
    file.write_text(file.read_text().replace('"filed"', '"changed"'))
    for other in (str(file), "tool:1"):
        refused = plain.cli(*keyed, other)
        assert (refused.code, "not the same task definition" in refused.err) == (4, True), refused

    file.write_text('{"family": "tool",\n "containerDefinitions": [{"nmae": "x"}]}')
    wrong = plain.cli("task", "run", "--task-definition", str(file))
    assert (wrong.code, f"{file}:2:28: " in wrong.err) == (2, True), wrong


def test_a_long_log_is_passed_on_whole_and_in_order(plain):
    """200,000 lines, then 10 MB: nothing is lost, nothing out of order, the right code."""
    many = run(plain, "seq 1 200000; exit 3", "-q", limit=120)
    wanted = "".join(f"{n}\n" for n in range(1, 200_001))
    assert many.code == 3
    assert _digest(many.out) == _digest(wanted)

    script = "i=0; while [ $i -lt 100 ]; do i=$((i+1)); head -c 104856 /dev/zero | tr '\\0' x; echo; done"
    large = run(plain, script, "-q", limit=120)
    assert large.code == 0
    assert len(large.out) == 100 * 104_857
    assert set(large.out) == {"x", "\n"}


def test_a_script_gets_one_document(plain):
    """-o json: one document on stdout with code, task and diagnosis; the log is on stderr."""
    done = run(plain, "echo said; exit 3", "-o", "json")

    task = done.document["tasks"][0]
    assert (done.code, done.document["exitCode"], task["exitCode"]) == (3, 3, 3)
    assert task["exitCodes"] == {"web": "3"}
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["log"] == ["said"]
    assert "said\n" in done.err
    well = run(plain, "true", "-o", "json").document["tasks"][0]
    assert (well["code"], well["exitCodes"]) == (0, {"web": "0"})


def test_an_outage_does_not_end_the_waiting(plain):
    """AWS out of reach for a while: the task goes on, its end is seen when AWS is back."""
    started = plain.begin(
        "task", "run", "--from", "service/web", "--", "sh", "-c", "echo up; sleep 2; exit 3"
    )
    started.until("up")
    plain.aws.stop_endpoint()
    started.until("trying on", 60)
    plain.aws.resume_endpoint()

    done = started.end(90)
    assert (done.code, done.out) == (3, "up\n"), done


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_wrong_order_starts_nothing(plain):
    """A wrong address, container, size or pair: code 2 and what there is, before anything is sent."""
    for flags, said in (
        (("--from", "service/no"), "there are: service/web, migration/db"),
        (("--from", "service/web", "--container", "no"), "there are: web"),
        (("--from", "service/web", "--cpu", "much"), "is no size"),
        (("--from", "service/web", "--set-env", "NAME"), "write NAME=VALUE"),
        (("--from", "service/web", "--idempotency-key", "a b"), "cannot be an idempotency key"),
        ((), "--from ADDRESS or --task-definition"),
    ):
        done = plain.cli("task", "run", *flags, "--", "true")
        assert (done.code, said in done.err) == (2, True), done
    eventually(lambda: starts(plain) == 0)


def test_a_lost_host_is_unknown_until_somebody_says(plain):
    """A host that vanishes leaves no code: 6 and the command to type, which settles it."""
    started = plain.begin(
        "task", "run", "--from", "service/web", "--idempotency-key", "k", "--", "sh", "-c",
        "echo up; sleep 60",
    )  # fmt: skip
    started.until("up")
    plain.aws.engine.lose_task(plain.aws.engine.tasks(lambda t: not t.stopped)[0].arn)
    done = started.end()
    assert done.code == UNKNOWN, done
    assert "next: reconciler -a production/tool task resolve k --as succeeded|failed" in done.err

    said = plain.cli("task", "resolve", "k", "--as", "failed", "--reason", "the host is gone")
    assert (said.code, "is FAILED now, by your word" in said.out) == (0, True), said
    again = plain.cli("task", "stop", "k")
    assert (again.code, "has ended" in again.err) == (1, True), again
