"""SIGTERM and SIGHUP as an exception, so that leases are released and processes ended on the way out."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from reconciler.cli.failure import Terminated


@contextmanager
def terminated_by_exception() -> Iterator[None]:
    """Raise Terminated in the main thread on SIGTERM, and on SIGHUP where it is not ignored (nohup).

    Verbs that drain install their own handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, _raise) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
