"""A person's word is written although others write at the same moment: read, decide and commit anew.

Called by the operators' verbs, which hold no lease: a controller that works commits all the time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from reconciler.model.clock import Clock
from reconciler.model.errors import Superseded, Unsure

T = TypeVar("T")

PAUSES = tuple(timedelta(milliseconds=50 << n) for n in range(7))
"""Between the attempts: 6 seconds in all, in which a controller is between two commits often enough."""


def anew(clock: Clock, attempt: Callable[[], T], *, repeatable: bool = False) -> T:
    """Return what `attempt` returns, made again for as long as somebody else was faster.

    An attempt reads the ledger and decides on what it has read. One that may have landed is made again
    only when that is `repeatable`; else Unsure is raised. Raises Superseded when somebody was faster each
    time, and what the attempt raises where the ledger forbids it now.
    """
    for pause in PAUSES:
        try:
            return attempt()
        except Unsure:
            if not repeatable:
                raise
        except Superseded:
            pass
        clock.sleep(pause)
    return attempt()
