"""The warden: a process that kills the command's group when the holder dies or loses its lease.

Forked by `child` before the command starts, and told each new deadline through a pipe. PR_SET_PDEATHSIG
ends only the command itself; this ends what it started as well, on every system, and it works while the
holder hangs.
"""

from __future__ import annotations

import os
import select
import signal
import struct
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reconciler.runs.once.clock import Clock

_FORM = "d"
_SIZE = struct.calcsize(_FORM)
_LONGEST_LOOK = 2.0
"""Seconds between two looks at the clock: select() does not count the time that a machine sleeps."""
_LAST_KILLS = 50
FOREVER = float("inf")


def fork(group: int, clock: Clock, deadline: float) -> tuple[int, int]:
    """Start the warden of a process group; return its process id and the pipe for its deadlines."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(writer)
            _leave(reader)
            _watch(group, 3, clock, deadline)
        finally:
            os._exit(0)
    os.close(reader)
    return process, writer


def tell(pipe: int, deadline: float) -> bool:
    """Tell the warden until when (boot clock) the command may run; False when it is gone."""
    try:
        os.write(pipe, struct.pack(_FORM, deadline))
    except OSError:
        return False
    return True


def _leave(reader: int) -> None:
    """Let go of everything that is the command's: group, signals, files; keep the pipe as 3."""
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1,
                   signal.SIGUSR2, signal.SIGTTOU, signal.SIGTSTP):  # fmt: skip
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    nothing = os.open(os.devnull, os.O_RDWR)
    pipe = os.dup(reader) if reader < 4 else reader  # noqa: PLR2004 - it must survive the next lines
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.dup2(pipe, 3)
    os.closerange(4, 4096)
    os.chdir("/")


def _watch(group: int, pipe: int, clock: Clock, deadline: float) -> None:
    while True:
        left = deadline - clock.boot()
        readable, _, _ = select.select([pipe], [], [], max(0.0, min(left, _LONGEST_LOOK)))
        if readable:
            data = os.read(pipe, _SIZE * 512)
            if not data:
                _kill(group)  # the holder is gone
                return
            (deadline,) = struct.unpack(_FORM, data[-_SIZE:])
        elif clock.boot() >= deadline:
            _kill(group)
            deadline = FOREVER


def _kill(group: int) -> None:
    for _ in range(_LAST_KILLS):  # a fork in the middle of it is met by the next one
        try:
            os.killpg(group, signal.SIGKILL)
        except OSError:
            return
        time.sleep(0.01)
