"""Whose turn it is: what to do about what the table says of a key. Pure, but for the watch's clock reading.

Called by `start`. A heartbeat that stands still is never proof of death: it makes a key UNKNOWN.
"""

from __future__ import annotations

from reconciler.runs.once.record import DONE, FAILED, RETRY, STARTING, UNKNOWN, Record

CLAIM = "claim"
TAKE = "take"
WAIT = "wait"
SKIP = "skip"
"""It was done already."""
HELD = "held"
"""An earlier run failed, or nobody knows how it ended."""
STALE = "stale"
"""Running, and its heartbeat stands still."""

OBSERVED_LEASES = 1.25
"""How long a heartbeat is watched, in leases: clocks may differ in rate by a quarter."""


class Watch:
    """How long a record has stood still, on the observer's own clock."""

    def __init__(self) -> None:
        self._version: tuple[str, str, int] | None = None
        self._since = 0.0

    def is_stale(self, seen: Record, now: float) -> bool:
        """Look at a record, read at `now` (boot clock); True when it did not move for long enough."""
        if seen.version != self._version:
            self._version, self._since = seen.version, now
        return now - self._since >= seen.lease * OBSERVED_LEASES


def decide(seen: Record | None, *, retry_failed: bool, is_stale: bool) -> str:
    """Say what a start does about a record; `retry_failed` is --on-failure retry."""
    if seen is None:
        return CLAIM
    if seen.state == STARTING:
        # Whoever claimed it has not started its command, and cannot any more once it is ours.
        return TAKE if is_stale else WAIT
    if seen.state == FAILED:
        return TAKE if retry_failed else HELD
    fixed = {DONE: SKIP, RETRY: TAKE, UNKNOWN: HELD}
    return fixed.get(seen.state) or (STALE if is_stale else WAIT)
