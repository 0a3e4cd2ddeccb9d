"""Signals: before the command runs they end the wait, while it runs they are the command's.

Called by `start`; the handlers run between two instructions of the one thread there is.
"""

from __future__ import annotations

import os
import signal

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
PASSED_ON = (*ENDING, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)


class Told(BaseException):
    """A signal asks us to end. Not an Exception: nothing may take it for an error and go on."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Signals:
    """What becomes of a signal: raised as `Told`, kept until somebody looks, or passed on to a group."""

    def __init__(self) -> None:
        self._group = 0
        self._keep = False
        self._kept: list[int] = []
        self._before: dict[int, object] = {}
        reader, self._writer = os.pipe()
        self.wakeup = reader
        """Readable when a signal came, SIGCHLD included."""
        for end in (reader, self._writer):
            os.set_blocking(end, False)

    def install(self) -> None:
        """Take the signals over. What is ignored, as SIGHUP under nohup, stays ignored."""
        for number in PASSED_ON:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:
                self._before[number] = before
                signal.signal(number, self._handle)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def restore_in_child(self) -> None:
        """After a fork: every signal means what it means to a program that is started."""
        signal.set_wakeup_fd(-1)
        for number in (*self._before, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)  # Python itself ignores SIGPIPE

    def keep(self) -> None:
        """From now on, keep what comes until `raise_kept` or `pass_on`."""
        self._keep = True

    def raise_kept(self) -> None:
        """Raise Told for the first ending signal that was kept."""
        for number in self._kept:
            if number in ENDING:
                raise Told(number)

    def pass_on(self, group: int) -> None:
        """From now on signals are this process group's; those kept go there first."""
        kept, self._kept = self._kept, []
        self._group = group
        for number in kept:
            send(group, number)

    def end_by(self) -> None:
        """Hear that the command is over: from now on a signal is for us again."""
        self._group, self._keep = 0, False

    def _handle(self, number: int, _: object) -> None:
        if self._group:
            send(self._group, number)
        elif self._keep:
            self._kept.append(number)
        elif number in ENDING:
            raise Told(number)


def send(group: int, number: int) -> bool:
    """Signal a process group; False when nobody is in it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
