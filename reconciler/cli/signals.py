"""SIGTERM as an exception, so that leases are released and processes ended on the way out."""

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
    """Raise Terminated in the main thread on SIGTERM; verbs that drain install their own handler."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _raise(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
