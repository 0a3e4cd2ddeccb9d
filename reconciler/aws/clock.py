"""The real clock. Made once by `reconciler.app`; tests and the simulation bring their own."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """Wall clock and suspend-aware boot clock of this host.

    `boot_seconds` reads CLOCK_BOOTTIME, which goes on while the machine sleeps (Linux). Where it does
    not exist, CLOCK_MONOTONIC is read through clock_gettime: on macOS that one counts sleep as well.
    Elsewhere a lease may look younger than it is after a suspend; the ledger's compare-and-set, not
    the lease, is what keeps that safe.
    """

    def __init__(self) -> None:
        self._clock_id: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def now(self) -> datetime:
        """Return the wall clock in UTC."""
        return datetime.now(UTC)

    def boot_seconds(self) -> float:
        """Return seconds since boot, suspends included where the host can tell."""
        return time.clock_gettime(self._clock_id)

    def sleep(self, duration: timedelta) -> None:
        """Wait; a negative duration is none."""
        time.sleep(max(0.0, duration.total_seconds()))
