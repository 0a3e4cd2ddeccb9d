"""Processes of the command line without the half second that Python needs to import it.

`ForkServer` starts one process that has everything imported; each command is a fork of it, with an
environment, a folder and standard streams of its own, and ends like any other process. What importing
costs, and that it goes well, is for tests/cli and benchmarks/startup.py.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
import botocore.client
import botocore.loaders
import botocore.session

from reconciler.source.folder import load_folder

_ROOT = Path(__file__).parents[2]
_LENGTH, _NUMBER = struct.Struct("!I"), struct.Struct("!i")
_SERVICES = (
    *(
        "application-autoscaling",
        "cloudwatch",
        "dynamodb",
        "ec2",
        "ecr",
        "ecs",
        "elasticache",
        "elbv2",
        "iam",
    ),
    *("logs", "secretsmanager", "service-quotas", "ssm", "sts"),
)
_PACKAGES = ("reconciler.cli", "reconciler.app", "reconciler.controller", "reconciler.resources")


class Forked:
    """A command that was started, with as much of `subprocess.Popen` as the stories need."""

    def __init__(self, connection: socket.socket, arguments: Sequence[str]) -> None:
        self._connection, self.args = connection, list(arguments)
        self.pid = int(_NUMBER.unpack(_exactly(connection, _NUMBER.size))[0])
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code; raises TimeoutExpired."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal while it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _look(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._connection], [], [], seconds)[0]:
            self.returncode = int(_NUMBER.unpack(_exactly(self._connection, _NUMBER.size))[0])
            self._connection.close()
        return self.returncode


class ForkServer:
    """One process with the command line imported; ends with this one."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="forks")
        self._address = str(Path(self._folder.name) / "socket")
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.forks", self._address],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"ready\n"

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, streams: Any
    ) -> Forked:
        """Start the command line with arguments; `streams` are the descriptors of in, out and err."""
        request = json.dumps([list(arguments), dict(environment), str(folder)]).encode()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._address)
        rights = array.array("i", streams).tobytes()
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]
        connection.sendmsg([_LENGTH.pack(len(request))], ancillary)
        connection.sendall(request)
        return Forked(connection, arguments)

    def close(self) -> None:
        """End the server; what it has started goes on."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(10)
        self._server.stdout.close()
        self._folder.cleanup()


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("the fork server has gone")
        data += part
    return data


def _serve(address: str) -> list[str]:
    """Fork for each connection. Returns in the forked process only, with the command's arguments."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    print("ready", flush=True)  # noqa: T201 - what the parent waits for
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([listener, 0], [], [])
        if 0 in ready:
            os._exit(0)
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _hand_over(connection)
        connection.close()


def _hand_over(connection: socket.socket) -> list[str]:
    """Fork the command itself, and stay behind to say how it ended."""
    size = 3 * array.array("i").itemsize
    data, ancillary, _, _ = connection.recvmsg(_LENGTH.size, socket.CMSG_LEN(size))
    streams = array.array("i", ancillary[0][2][:size])
    request = json.loads(_exactly(connection, _LENGTH.unpack(data)[0]))
    pid = os.fork()
    if pid:
        connection.sendall(_NUMBER.pack(pid))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        connection.sendall(_NUMBER.pack(code))
        os._exit(0)
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    arguments, environment, folder = request
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    return list(arguments)


def _import_everything() -> None:
    for package in _PACKAGES:
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, f"{package}."):
            if "embedded" not in module.name:  # imports moto
                importlib.import_module(module.name)
    importlib.import_module("rich.console")


def _load_models() -> None:
    """Have botocore's descriptions of the services read already: they are megabytes of JSON for each process."""
    loader = botocore.loaders.create_loader()
    botocore.session.create_loader = lambda *_: loader
    session = boto3.session.Session("x", "x", region_name="us-east-1")
    make, made = botocore.client.ClientCreator._create_methods, {}

    def methods(creator: Any, model: Any) -> dict[str, Any]:
        """Return what a client can do: the same for each client of a service, and hundreds of functions for ec2."""
        name = model.service_name
        made[name] = made.get(name) or make(creator, model)
        return dict(made[name])

    botocore.client.ClientCreator._create_methods = methods
    for service in _SERVICES:
        session.client(service)


def _settle() -> None:
    """Read the folder of the repository once, for the tables that are made on the way; then keep all of it.

    What is frozen here no fork looks through when it collects and when it ends: that would copy it, page by page.
    """
    load_folder(_ROOT / "desired")
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _import_everything()
    _load_models()
    _settle()
    sys.argv = ["-c", *_serve(sys.argv[1])]
    from reconciler.cli import main

    main()
