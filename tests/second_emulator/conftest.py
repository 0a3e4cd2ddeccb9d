"""Two AWSs under one desired state: the embedded one, and ministack as a process on the loopback.

ministack pins botocore, so it lives in an environment of its own: `make second-emulator` makes that and says
where it is.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from reconciler.local.server import EmbeddedAws
from tests.local.hours import midweek
from tests.second_emulator.shop import Shop

HERE = Path(__file__).parent
VARIABLE = "SECOND_EMULATOR"
OK = 200
LIMIT = 60.0
SETTINGS = {
    "BIND_HOST": "127.0.0.1",  # it would listen on every interface
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "PERSIST_STATE": "0",
    "MINISTACK_ACCOUNT_ID": "123456789012",
    "MINISTACK_REGION": "ap-northeast-1",
    "LOG_LEVEL": "WARNING",
}
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here: `make test` leaves it to `make second-emulator`."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.second_emulator)


@pytest.fixture(scope="session")
def _ministack(tmp_path_factory) -> Iterator[int]:
    """Run ministack on 127.0.0.1 and return its port; it is gone afterwards."""
    program = os.environ.get(VARIABLE)
    assert program, f"{VARIABLE} names no ministack: run `make second-emulator`"
    folder = tmp_path_factory.mktemp("ministack")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "RECONCILER_"))}
    settings = {**SETTINGS, "GATEWAY_PORT": str(port), "STATE_DIR": str(folder / "state")}
    log = folder / "ministack.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [program], env={**clean, **settings}, cwd=folder, stdout=stream, stderr=stream
        )
    try:
        _until_it_answers(port, process, log)
        yield port
    finally:
        process.kill()
        process.wait(10)


def _until_it_answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + LIMIT
    while True:
        assert process.poll() is None, log.read_text()
        try:
            if _ask(port, "GET", "health") == OK:
                return
        except (OSError, HTTPException):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)


def _ask(port: int, method: str, what: str) -> int:
    """Ask ministack itself for something and return the status."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, f"/_ministack/{what}")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture
def second(_ministack, tmp_path, monkeypatch) -> Shop:
    """Return the desired state on an empty ministack."""
    assert _ask(_ministack, "POST", "reset") == OK
    return _shop(f"http://127.0.0.1:{_ministack}", tmp_path, monkeypatch)


@pytest.fixture(params=["embedded", "ministack"])
def shop(request, tmp_path, monkeypatch) -> Iterator[Shop]:
    """Return the same desired state on one of the two."""
    if request.param == "ministack":
        yield request.getfixturevalue("second")
        return
    with EmbeddedAws(clock=midweek()) as aws:
        yield _shop(aws.endpoint_url, tmp_path, monkeypatch)


def _shop(endpoint: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    file = folder / "desired" / "production" / "shop" / "app.yaml"
    file.parent.mkdir(parents=True)
    shutil.copy(HERE / "shop.yaml", file)
    for name in list(os.environ):
        if name.startswith(("AWS_", "RECONCILER_")) or name in ("CI", "GITHUB_ACTIONS"):
            monkeypatch.delenv(name)
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    made = Shop(endpoint, file)
    made.seed()
    return made
