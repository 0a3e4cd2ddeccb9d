"""Virtual time with events: what is due when. The world's clock of the fake ECS and of the simulation."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta

from tests.fakes.clock import VirtualClock


class Timeline(VirtualClock):
    """AWS's own clock, and the events that are due on it; equal times happen in the order of asking."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, delay: float, event: Callable[[], None]) -> None:
        """Have `event` happen `delay` seconds from now."""
        self.asked += 1
        heapq.heappush(self._due, (self.seconds + max(0.0, delay), self.asked, event))

    def step(self, until: float) -> bool:
        """Let the next event up to `until` happen; without one, time is `until` and the answer False."""
        if not self._due or self._due[0][0] > until:
            self.seconds = max(self.seconds, until)
            return False
        self.seconds, _, event = heapq.heappop(self._due)
        event()
        return True

    def leap(self, seconds: float) -> None:
        """Let time pass without anything happening in it: what is due is due so much later."""
        assert seconds >= 0, "time does not go back"
        self.seconds += seconds
        self._due = [(due + seconds, number, event) for due, number, event in self._due]

    def advance(self, duration: timedelta | float) -> None:
        """Let time pass with everything that happens in it."""
        seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
        until = self.seconds + seconds
        while self.step(until):
            pass

    def time_of(self, seconds: float) -> datetime:
        """Return the wall clock at a moment of this timeline."""
        return self.start + timedelta(seconds=seconds)
