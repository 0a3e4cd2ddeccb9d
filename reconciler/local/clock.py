"""The clock of the embedded world. Tests and the engine's settings move it; nothing here waits on it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class WorldClock:
    """Real time plus an offset that only grows. Satisfies `reconciler.model.clock.Clock`."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._lock = threading.Lock()

    def advance(self, duration: timedelta) -> None:
        """Let `duration` pass at once. Raises ValueError when it is negative."""
        if duration < timedelta():
            raise ValueError("time in the embedded world only moves forwards")
        with self._lock:
            self._offset += duration

    def now(self) -> datetime:
        """Return the world's time in UTC."""
        with self._lock:
            return datetime.now(UTC) + self._offset

    def boot_seconds(self) -> float:
        """Return seconds since boot, moved by the same offset."""
        with self._lock:
            return time.monotonic() + self._offset.total_seconds()

    def sleep(self, duration: timedelta) -> None:
        """Wait in real time."""
        time.sleep(max(0.0, duration.total_seconds()))
