"""The engine's side of the supervisor: start and signal processes, receive their events in order.

Used by `engine` and by `elasticache.servers`. Events are delivered on one thread; what they mean is
left to the receiver.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCRIPT = Path(__file__).with_name("supervisor.py")


@dataclass(frozen=True)
class ProcessSpec:
    """What to run: argv, the whole environment and the working directory."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: str


Receiver = Callable[[Mapping[str, Any]], None]
"""Gets `{"event": "started"|"failed"|"output"|"exit"|"lost", "id": …}`."""


class Processes:
    """The supervisor process. It and everything it started end when this process does."""

    def __init__(self, receive: Receiver) -> None:
        self._receive = receive
        self._lock = threading.Lock()
        self._pids: dict[str, int] = {}
        self._closing = False
        self._supervisor, self._reader = self._start()

    def _start(self) -> tuple[subprocess.Popen[str], threading.Thread]:
        supervisor = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-I", "-S", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        reader = threading.Thread(target=self._read, args=(supervisor,), daemon=True)
        reader.name = "ecs-processes"
        reader.start()
        return supervisor, reader

    def spawn(self, identifier: str, spec: ProcessSpec) -> None:
        """Ask for a process; `started` or `failed` tells how it went."""
        command = {"op": "spawn", "id": identifier, "argv": list(spec.argv)}
        self._send(command | {"env": dict(spec.environment), "cwd": spec.directory})

    def signal(self, identifier: str, number: int) -> None:
        """Send a signal to the process's group; a process that is gone is no error."""
        self._send({"op": "kill", "id": identifier, "signal": int(number)})

    def pid(self, identifier: str) -> int | None:
        """Return the process id while it runs."""
        return self._pids.get(identifier)

    @property
    def supervisor_pid(self) -> int:
        """The process id of the supervisor."""
        return self._supervisor.pid

    def close(self) -> None:
        """Kill everything and wait until it is gone."""
        with self._lock:
            self._closing = True
            assert self._supervisor.stdin is not None  # noqa: S101 - PIPE was asked for
            with contextlib.suppress(OSError):
                self._supervisor.stdin.close()
        self._supervisor.wait(timeout=10)
        self._reader.join(timeout=10)
        assert self._supervisor.stdout is not None  # noqa: S101 - PIPE was asked for
        self._supervisor.stdout.close()

    def _send(self, command: Mapping[str, Any]) -> None:
        with self._lock, contextlib.suppress(OSError, ValueError):
            assert self._supervisor.stdin is not None  # noqa: S101 - PIPE was asked for
            self._supervisor.stdin.write(json.dumps(command) + "\n")
            self._supervisor.stdin.flush()

    def _read(self, supervisor: subprocess.Popen[str]) -> None:
        assert supervisor.stdout is not None  # noqa: S101 - PIPE was asked for
        for line in supervisor.stdout:
            event = json.loads(line)
            if event["event"] == "started":
                self._pids[event["id"]] = event["pid"]
            elif event["event"] == "exit":
                self._pids.pop(event["id"], None)
            self._receive(event)
        if not self._closing:
            self._bury(supervisor)
            self._restart()

    def _bury(self, supervisor: subprocess.Popen[str]) -> None:
        supervisor.wait()
        for stream in (supervisor.stdin, supervisor.stdout):
            assert stream is not None  # noqa: S101 - PIPE was asked for
            with self._lock, contextlib.suppress(OSError):
                stream.close()

    def _restart(self) -> None:
        """Somebody killed the supervisor, and with it every container: say so and start another."""
        lost, self._pids = dict(self._pids), {}
        for pid in lost.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        with self._lock:
            self._supervisor, self._reader = self._start()
        for identifier in lost:
            self._receive({"event": "exit", "id": identifier, "code": 137})
