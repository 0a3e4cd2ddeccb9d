"""Signals for as long as something runs: one handler, put back at the end. Used by `loop` and by `cli`."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def handled_by(handler: Callable[[int, FrameType | None], None], *numbers: int) -> Iterator[None]:
    """Let `handler` take these signals and SIGHUP; outside of the main thread nothing is changed.

    SIGHUP, of a terminal that was closed, stays ignored where it is: under `nohup`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = list(numbers)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        taken.append(signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in taken}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
