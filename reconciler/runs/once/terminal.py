"""Job control: the command is the terminal's foreground group; Ctrl-Z and `fg` work as without us.

Called by `child`. Does nothing where standard input is no terminal, or not ours.
"""

from __future__ import annotations

import os
import signal

_INPUT = 0
_NOBODY = -1


class Terminal:
    """The terminal on standard input, if there is one."""

    def __init__(self) -> None:
        self._is_one = os.isatty(_INPUT)
        self._given_to = _NOBODY
        self.stopped = False
        """The command stands still (Ctrl-Z), and the shell waits for us to do the same."""

    def _foreground(self) -> int:
        if not self._is_one:
            return _NOBODY
        try:
            return os.tcgetpgrp(_INPUT)
        except OSError:
            return _NOBODY  # not the terminal that controls us

    def hand_over(self, group: int) -> None:
        """Make a group the foreground, if we are it."""
        if self._foreground() == os.getpgrp():
            _make_foreground(group)
            self._given_to = group

    def take_back(self) -> None:
        """Be the foreground again, if the command still is."""
        if self._given_to != _NOBODY and self._foreground() == self._given_to:
            _make_foreground(os.getpgrp())
        self._given_to = _NOBODY

    def note_stop(self, group: int) -> None:
        """Hear that the command was stopped; go on at once where it only lacked the terminal."""
        if self._foreground() == os.getpgrp():
            self.resume(group)  # it was in the background with us, and `fg` has brought us here
        elif self._is_one:
            self.stopped = True

    def pause(self) -> None:
        """Stop with the command, as the shell expects; returns when it continues us."""
        self.stopped = False
        self.take_back()
        os.killpg(os.getpgrp(), signal.SIGTSTP)

    def resume(self, group: int) -> None:
        """Give the command the terminal again, and wake it."""
        self.hand_over(group)
        os.killpg(group, signal.SIGCONT)


def _make_foreground(group: int) -> None:
    # From the background that would stop us with SIGTTOU.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        os.tcsetpgrp(_INPUT, group)
    except OSError:
        pass  # the terminal has gone away
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
