"""No process outlives the engine, whatever kills it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.talk import completed, eventually, sh

ENGINE = """
import sys, time
from pathlib import Path
from reconciler.local.server import EmbeddedAws
from tests.local.talk import Talk, sh
aws = EmbeddedAws(images={"app": Path(sys.argv[1])}).start()
talk = Talk(aws)
talk.ecs.create_cluster(clusterName="c")
stubborn = "trap '' TERM HUP INT; (sleep 600; true) & setsid sleep 601 & echo; while :; do sleep 1; done"
talk.define(sh(stubborn))
arn = talk.run()
talk.until_task(arn, "RUNNING")
time.sleep(0.3)
print(*aws.engine.pids(), flush=True)
time.sleep(600)
"""


def descendants(pid):
    """Return the ids of all processes below `pid`."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *descendants(int(child))]
    return found


def alive(pid):
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_children_die_with_the_engine(image, number):
    """Even on kill -9, even what ignores SIGTERM, runs in the background or in its own session."""
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(image)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert engine.stdout.readline().split()
        below = descendants(engine.pid)
        assert len(below) >= 5
    finally:
        engine.send_signal(number)
        engine.wait(20)
        engine.stdout.close()
    eventually(lambda: [p for p in below if alive(p)], lambda left: left == [])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_killed_supervisor_is_replaced(talk):
    """Its containers are reported as killed, and services get new tasks."""
    talk.define(sh("sleep 600 & sleep 601"))
    talk.create(count=2)
    talk.until_service(completed)
    before = talk.aws.engine.pids()
    below = [p for pid in before for p in [pid, *descendants(pid)]]
    supervisor = talk.aws.engine.supervisor_pid()
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: [p for p in below if alive(p)], lambda left: left == [])
    eventually(
        lambda: [p for p in talk.aws.engine.pids() if alive(p)],
        lambda now: len(now) == 2 and not set(now) & set(before),
    )
    stopped = talk.ecs.list_tasks(cluster="c", desiredStatus="STOPPED")["taskArns"]
    codes = {talk.task(arn)["containers"][0]["exitCode"] for arn in stopped}
    assert codes == {137}


def test_stop_ends_every_process(start, image):
    """When stop returns nothing runs, and asking politely came first."""
    talk = start(images={"app": image})
    talk.ecs.create_cluster(clusterName="c")
    said = image / "said"
    talk.define(
        sh(f"trap 'echo bye > {said}; exit 0' TERM; touch {said}.up; while :; do sleep 0.05; done")
    )
    talk.run()
    eventually((image / "said.up").exists, lambda up: up)
    pids = talk.aws.engine.pids()
    talk.aws.stop()
    assert said.read_text() == "bye\n"
    assert [p for p in pids if alive(p)] == []


def test_background_processes_end_with_their_container(talk, image):
    """When a container's first process ends, so do the others of its group."""
    pid_file = image / "pid"
    talk.finish(sh(f"sleep 600 & echo $! > {pid_file}; exit 0"))
    assert not alive(int(pid_file.read_text()))


def test_a_single_embedded_aws_per_process(start):
    """Moto's state belongs to the process: a second one is refused, and works after the first."""
    from reconciler.model.errors import ReconcilerError

    first = start()
    with pytest.raises(ReconcilerError, match="already runs"):
        start()
    first.aws.stop()
    start()


def test_a_taken_port_is_said(start):
    """UsageError names the port; the next start works."""
    from reconciler.local.endpoint import bind
    from reconciler.model.errors import UsageError

    listener = bind(0)
    port = listener.getsockname()[1]
    with pytest.raises(UsageError, match=f"port {port} is in use"):
        start(port=port)
    listener.close()
    assert start(port=port).aws.endpoint_url.endswith(f":{port}")


def test_nothing_happens_on_import():
    """Importing the package imports no moto and starts nothing."""
    code = "import sys, reconciler.local.standalone; print('moto' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
