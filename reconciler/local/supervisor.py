"""A small process that starts the containers' processes and kills them all when the engine dies.

Run as a script by `processes`, never imported: JSON lines in on stdin, events out on stdout. It has
one thread, because the kernel ties PR_SET_PDEATHSIG to the thread that forked. The end of stdin
means that the engine is gone, however it died.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform.startswith("linux")
_LIBC = ctypes.CDLL(None, use_errno=True) if _LINUX else None
_CHUNK = 65536
_DRAIN_SECONDS = 1.0
_POLL_SECONDS = 0.01
_IDLE_SECONDS = 0.5
_WAKE = "/wake"
_REFUSALS = {
    errno.ENOENT: "executable file not found in $PATH",
    errno.EACCES: "permission denied",
}


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Supervisor:
    """Processes by the id that the engine gave them."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._pending = b""
        self._parent = os.getppid()

    def serve(self) -> None:
        """Work until stdin ends, then kill everything."""
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        for number in (signal.SIGINT, signal.SIGTERM):  # a handler, as SIG_IGN would be inherited
            signal.signal(number, lambda *_: None)
        self._wake_on_child_exit()
        self._selector.register(sys.stdin.buffer.fileno(), selectors.EVENT_READ, "")
        try:
            while os.getppid() == self._parent and self._turn():
                self._reap()
        except BrokenPipeError:
            pass
        finally:
            self._kill_everything()

    def _wake_on_child_exit(self) -> None:
        """Let an exit end the wait at once, so that waiting costs nothing."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(reader, selectors.EVENT_READ, _WAKE)

    def _turn(self) -> bool:
        for key, _ in self._selector.select(_IDLE_SECONDS):
            if key.data == _WAKE:
                os.read(key.fd, _CHUNK)
            elif key.data:
                self._read_output(key.data, key.fd)
            elif not self._read_commands():
                return False
        return True

    def _read_commands(self) -> bool:
        data = os.read(sys.stdin.buffer.fileno(), _CHUNK)
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))
        return bool(data)

    def _obey(self, command: dict[str, Any]) -> None:
        if command["op"] == "spawn":
            self._spawn(command)
        elif command["op"] == "kill" and command["id"] in self._running:
            _signal_group(self._running[command["id"]].pid, int(command["signal"]))

    def _spawn(self, command: dict[str, Any]) -> None:
        identifier = command["id"]
        try:
            process = subprocess.Popen(  # noqa: S603 - running what the task says is the point
                command["argv"],
                env=command["env"],
                cwd=command["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - this process has one thread
            )
        except (OSError, ValueError) as error:
            _say({"event": "failed", "id": identifier, "reason": _refusal(command, error)})
            return
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for
        os.set_blocking(process.stdout.fileno(), False)
        self._selector.register(process.stdout.fileno(), selectors.EVENT_READ, identifier)
        self._running[identifier] = process
        _say({"event": "started", "id": identifier, "pid": process.pid})

    def _read_output(self, identifier: str, descriptor: int) -> bool:
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return True
        if data:
            text = data.decode("latin-1")
            _say({"event": "output", "id": identifier, "data": text})
            return True
        with contextlib.suppress(KeyError):
            self._selector.unregister(descriptor)
        return False

    def _reap(self) -> None:
        """Report an exit after all of its output, as the log must be whole when the task is STOPPED."""
        for identifier, process in list(self._running.items()):
            code = process.poll()
            if code is None:
                continue
            _signal_group(process.pid, signal.SIGKILL)  # PID 1 died: so does the container
            self._drain(identifier, process)
            del self._running[identifier]
            _say({"event": "exit", "id": identifier, "code": 128 - code if code < 0 else code})
        if _LINUX:
            _reap_orphans({p.pid for p in self._running.values()})

    def _drain(self, identifier: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for
        deadline = time.monotonic() + _DRAIN_SECONDS
        descriptor = process.stdout.fileno()
        while time.monotonic() < deadline:
            try:
                data = os.read(descriptor, _CHUNK)
            except BlockingIOError:
                time.sleep(_POLL_SECONDS)
                continue
            if not data:
                break
            _say({"event": "output", "id": identifier, "data": data.decode("latin-1")})
        with contextlib.suppress(KeyError):
            self._selector.unregister(descriptor)
        process.stdout.close()

    def _kill_everything(self) -> None:
        for process in self._running.values():
            _signal_group(process.pid, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while (children := _children()) and time.monotonic() < deadline:
            for child in children:  # includes what left its group: it was reparented to us
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-1, os.WNOHANG)
            time.sleep(_POLL_SECONDS)


def _refusal(command: dict[str, Any], error: OSError | ValueError) -> str:
    """Say as runc does why a command cannot be executed; ECS passes it on."""
    name = command["argv"][0]
    if not isinstance(error, OSError) or error.filename != name or error.errno not in _REFUSALS:
        return str(error)
    said = _REFUSALS[error.errno]
    return f'unable to start container process: exec: "{name}": {said}: unknown'


def _children() -> list[int]:
    if not _LINUX:
        return []
    text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return [int(pid) for pid in text.split()]


def _reap_orphans(known: set[int]) -> None:
    """Collect the zombies that were reparented to us."""
    for pid in _children():
        if pid not in known:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _say(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    Supervisor().serve()
