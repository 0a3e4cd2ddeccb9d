"""The embedded AWS in a process of its own, as `reconciler local --aws-only` runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import boto3
import pytest

from reconciler.local.standalone import LocalOptions, embedded, serve
from reconciler.local.times import Times
from tests.local.talk import REGION

PROGRAM = """
from reconciler.local.standalone import LocalOptions, serve
serve(LocalOptions(), lambda line: print(line, flush=True))
print("ended", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_serves_until_told_to_end(number):
    """It says its endpoint, answers, ends by itself after the signal and removes its data."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    try:
        url = process.stdout.readline().split()[1]
        folder = process.stdout.readline().split()[1]
        client = boto3.client(
            "sts",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )
        assert client.get_caller_identity()["Account"] == "123456789012"
        process.send_signal(number)
        assert process.stdout.readline() == "ended\n"
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    from pathlib import Path

    assert not Path(folder).exists()


def test_it_can_be_stopped_from_another_thread():
    """The event ends it where there are no signals."""
    stop, said = threading.Event(), []
    thread = threading.Thread(
        target=serve, args=(LocalOptions(), said.append), kwargs={"stop": stop}
    )
    thread.start()
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert said[0].startswith("endpoint http://127.0.0.1:")


def test_real_times_are_awss():
    """`real_times` chooses the forty seconds and their kin."""
    assert embedded(LocalOptions(real_times=True)).world.times == Times.real()
    assert embedded(LocalOptions()).world.times == Times()
