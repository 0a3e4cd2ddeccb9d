"""SIGTERM and SIGHUP as an exception, so that leases are released and processes ended on the way out."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from reconciler.cli.failure import Terminated
from reconciler.controller.signals import handled_by


@contextmanager
def terminated_by_exception() -> Iterator[None]:
    """Raise Terminated in the main thread on SIGTERM, and on SIGHUP where it is not ignored (nohup).

    Verbs that drain install their own handlers.
    """
    with handled_by(_raise, signal.SIGTERM):
        yield


def _raise(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
