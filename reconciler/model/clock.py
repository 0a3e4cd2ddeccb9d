"""Time, injected. The real clock is `reconciler.aws.clock`; tests and the simulation bring theirs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The three things anybody here may ask of time."""

    def now(self) -> datetime:
        """Return the wall clock in UTC. For display and for windows with hours of slack only."""

    def boot_seconds(self) -> float:
        """Return seconds since boot, counting suspends (CLOCK_BOOTTIME). For leases and timeouts."""

    def sleep(self, duration: timedelta) -> None:
        """Wait. The simulation turns this into a step of virtual time."""


def format_duration(duration: timedelta) -> str:
    """Write a duration as Go does: to the second as `38s`, `1m52s`, `2h`; below one second as `250ms`."""
    if timedelta(0) < duration < timedelta(seconds=1):
        return f"{duration // timedelta(milliseconds=1)}ms"
    rest, seconds = divmod(round(duration / timedelta(seconds=1)), 60)
    hours, minutes = divmod(rest, 60)
    parts = [f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if n]
    return "".join(parts) or "0s"
