"""The command: found, forked, held back until the claim is confirmed, started, watched, ended.

Called by `start` and `hold`. It has a process group of its own, which never outlives us: the kernel
(PR_SET_PDEATHSIG) and the warden see to that when we are killed.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import sys

from reconciler.runs.once import terminal, warden
from reconciler.runs.once.told import PASSED_ON, Signals, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.runs.once.clock import Clock

NOT_EXECUTABLE, NOT_FOUND = 126, 127
_PDEATHSIG, _SUBREAPER = 1, 36
_LOOK = 0.02


class CannotStart(Exception):
    """The command was never started; `code` is the shells' 126 or 127."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def find(name: str, path: str) -> str:
    """Return the file of a command as a shell finds it; raises CannotStart."""
    folders = [""] if "/" in name else path.split(os.pathsep)
    seen = ""
    for folder in folders:
        file = os.path.join(folder, name)
        if os.path.isfile(file):
            if os.access(file, os.X_OK):
                return file
            seen = file
    if seen:
        raise CannotStart(f"{seen} is not executable", NOT_EXECUTABLE)
    if "/" in name and os.path.isdir(name):
        raise CannotStart(f"{name} is a directory", NOT_EXECUTABLE)
    raise CannotStart(f"{name}: command not found", NOT_FOUND)


class Child:
    """One command. `prepare` forks it, `start` lets it go; `wait` returns its exit code."""

    def __init__(self, argv: Sequence[str], signals: Signals, clock: Clock) -> None:
        self._argv, self._signals, self._clock = list(argv), signals, clock
        self._warden = self._deadlines = self._go = self._errors = -1
        self._status: int | None = None
        self._terminal = terminal.Terminal()
        self.pid = 0

    def prepare(self, environment: Mapping[str, str], deadline: float) -> None:
        """Fork the command and its warden; both wait. Raises CannotStart when it cannot be found."""
        file = find(self._argv[0], environment.get("PATH", os.defpath))
        go, self._go = os.pipe()
        self._errors, errors = os.pipe()
        parent = os.getpid()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
        try:
            self.pid = os.fork()
            if self.pid == 0:
                self._become(file, environment, (go, errors), (parent, before))
            _own_group(self.pid)
            self._warden, self._deadlines = warden.fork(self.pid, self._clock, deadline)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(go)
        os.close(errors)

    def _become(
        self,
        file: str,
        environment: Mapping[str, str],
        pipes: tuple[int, int],
        ours: tuple[int, set[signal.Signals] | set[int]],
    ) -> None:
        """Be the command: wait for the word, then execute it. Never returns."""
        (go, errors), (parent, mask) = pipes, ours
        try:
            os.close(self._go)
            os.setpgid(0, 0)
            self._signals.restore_in_child()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            _prctl(_PDEATHSIG, signal.SIGKILL)  # imports while we confirm
            if os.getppid() == parent and os.read(go, 1):
                os.execve(file, self._argv, dict(environment))  # noqa: S606 - that is what we are for
        except OSError as error:
            os.write(errors, str(error.errno).encode("ascii"))
        finally:
            os._exit(NOT_EXECUTABLE)

    def start(self) -> None:
        """Let the command go; signals are its own from now on. Raises CannotStart."""
        self._terminal.hand_over(self.pid)
        self._signals.pass_on(self.pid)
        try:
            os.write(self._go, b"g")
        except BrokenPipeError:
            pass  # a signal that was passed on has ended it already: `wait` tells
        os.close(self._go)
        failed = b""
        while data := os.read(self._errors, 64):
            failed += data
        os.close(self._errors)
        _prctl(_SUBREAPER, 1)  # orphans come to us: so that the group is seen to be empty
        if failed:
            self._terminal.take_back()
            self._end_warden()
            number = int(failed)
            name = self._argv[0]
            if number == errno.ENOENT:
                raise CannotStart(f"{name}: its interpreter was not found", NOT_FOUND)
            hint = " (a script without a #! line?)" if number == errno.ENOEXEC else ""
            raise CannotStart(f"{name}: {os.strerror(number)}{hint}", NOT_EXECUTABLE)

    def abandon(self) -> None:
        """Let the command never start."""
        if self.pid:
            os.close(self._go)
            os.close(self._errors)
            self._end_warden()
            os.waitpid(self.pid, 0)

    def allow_until(self, deadline: float) -> bool:
        """Tell the warden until when (boot clock) the command may run; False when it is gone."""
        return warden.tell(self._deadlines, deadline)

    def wait(self, seconds: float) -> int | None:
        """Return the exit code when the command ends within `seconds`, as shells do: 128+N for signal N.

        None when it does not, and at once when the terminal stops it.
        """
        ends = self._clock.boot() + seconds
        while True:
            self._reap()
            if self._status is not None:
                return self._code(self._status)
            left = ends - self._clock.boot()
            if left <= 0 or self.stopped:
                return None
            select.select([self._signals.wakeup], [], [], left)
            try:
                while os.read(self._signals.wakeup, 512):
                    pass
            except BlockingIOError:
                pass

    @property
    def stopped(self) -> bool:
        """Whether the command stands still by the terminal's word (Ctrl-Z), and the shell waits for us."""
        return self._terminal.stopped

    def pause(self) -> None:
        """Stand still with the command; returns when the shell continues us."""
        self.allow_until(warden.FOREVER)  # what stands still does nothing
        self._terminal.pause()

    def go_on(self) -> None:
        """Let the command go on after `pause`."""
        self._terminal.resume(self.pid)

    def signal(self, number: int) -> None:
        """Signal the command's whole group, and wake what stands still."""
        if send(self.pid, number):
            send(self.pid, signal.SIGCONT)

    def end_group(self, grace: float) -> None:
        """End what the command has left behind in its group: SIGTERM, then SIGKILL after `grace`."""
        self._terminal.take_back()
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 1.0)):
            if not send(self.pid, number):
                break
            ends = self._clock.boot() + seconds
            while self._clock.boot() < ends and send(self.pid, 0):
                self._clock.sleep(_LOOK)
                self._reap()
        self._end_warden()

    def _end_warden(self) -> None:
        if self._warden < 0:
            return  # it could not be forked
        os.close(self._deadlines)
        try:
            os.waitpid(self._warden, 0)
        except ChildProcessError:
            pass  # it was killed, and reaped with the others

    def _reap(self) -> None:
        """Collect everything that has ended: as process 1 of a container we inherit all orphans."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid != self.pid:
                continue
            if os.WIFSTOPPED(status):
                self._terminal.note_stop(self.pid)
            else:
                self._status = status

    @staticmethod
    def _code(status: int) -> int:
        return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _own_group(pid: int) -> None:
    try:
        os.setpgid(pid, pid)
    except (PermissionError, ProcessLookupError):
        pass  # the child has done it itself


def _prctl(option: int, value: int) -> None:
    """Ask Linux for something about this process; elsewhere, and where it cannot be asked, do without."""
    if not sys.platform.startswith("linux"):
        return
    try:
        import ctypes  # noqa: PLC0415 - not before it is needed: it would be a tenth of our start

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass
