"""Virtual time shared by fakes and simulation: what is due when, and nothing else."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

EPOCH = datetime(2026, 11, 22, 9, 0, 0, tzinfo=UTC)


class Timeline:
    """AWS's own clock in seconds since EPOCH, and the events that are due on it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def now(self) -> datetime:
        """AWS's time."""
        return EPOCH + timedelta(seconds=self.seconds)

    def at(self, delay: float, event: Callable[[], None]) -> None:
        """Have `event` happen `delay` seconds from now; equal times happen in the order of asking."""
        self._count += 1
        heapq.heappush(self._due, (self.seconds + max(0.0, delay), self._count, event))

    def step(self, until: float) -> bool:
        """Let the next event up to `until` happen; without one, time is `until` and the answer False."""
        if not self._due or self._due[0][0] > until:
            self.seconds = max(self.seconds, until)
            return False
        self.seconds, _, event = heapq.heappop(self._due)
        event()
        return True

    def advance(self, seconds: float) -> None:
        """Let time pass with everything that happens in it."""
        until = self.seconds + seconds
        while self.step(until):
            pass

    @property
    def events(self) -> int:
        """How many events were ever asked for."""
        return self._count

    def metadata(self) -> dict[str, object]:
        """A ResponseMetadata with AWS's Date, as botocore gives it."""
        date = format_datetime(self.now().replace(microsecond=0), usegmt=True)
        return {
            "RequestId": f"request-{self._count}-{self.seconds:.3f}",
            "HTTPStatusCode": 200,
            "HTTPHeaders": {"date": date},
            "RetryAttempts": 0,
        }
