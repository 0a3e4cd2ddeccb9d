"""Virtual time: one world, any number of hosts whose clocks are off or run at another rate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


class VirtualClock:
    """The world's time, and a `model.clock.Clock` of a host that is exactly right.

    `sleep` advances the world, unless `on_sleep` is given: then that one decides who goes on when
    (a cooperative scheduler switches away and back).
    """

    def __init__(
        self, start: datetime = START, *, on_sleep: Callable[[timedelta], None] | None = None
    ) -> None:
        self.start = start
        self.seconds = 0.0
        self.on_sleep = on_sleep

    def advance(self, duration: timedelta | float) -> None:
        """Move the world's time forward, by a duration or by seconds."""
        seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
        assert seconds >= 0, "time does not go back"
        self.seconds += seconds

    def now(self) -> datetime:
        """Return the world's wall clock."""
        return self.start + timedelta(seconds=self.seconds)

    def boot_seconds(self) -> float:
        """Return the world's seconds."""
        return self.seconds

    def sleep(self, duration: timedelta) -> None:
        """Let the duration pass, or hand over to `on_sleep`."""
        if self.on_sleep is not None:
            self.on_sleep(duration)
        else:
            self.advance(max(timedelta(0), duration))

    def host(
        self,
        *,
        offset: timedelta = timedelta(0),
        rate: float = 1.0,
        on_sleep: Callable[[timedelta], None] | None = None,
    ) -> HostClock:
        """Return the clock of a host: wall clock off by `offset`, both clocks `rate` times as fast."""
        return HostClock(self, offset, rate, on_sleep)


class HostClock:
    """One host's clock in a `VirtualClock`'s world; booted 1000 s before it was made."""

    def __init__(
        self,
        world: VirtualClock,
        offset: timedelta,
        rate: float,
        on_sleep: Callable[[timedelta], None] | None,
    ) -> None:
        self.world = world
        self.offset = offset
        self.rate = rate
        self.on_sleep = on_sleep
        self._made_at = world.seconds

    def now(self) -> datetime:
        """Return this host's idea of the wall clock."""
        passed = (self.world.seconds - self._made_at) * self.rate
        return self.world.start + self.offset + timedelta(seconds=self._made_at + passed)

    def boot_seconds(self) -> float:
        """Return this host's seconds since boot."""
        return 1000.0 + (self.world.seconds - self._made_at) * self.rate

    def sleep(self, duration: timedelta) -> None:
        """Let the duration pass as this host measures it."""
        (self.on_sleep or self.world.sleep)(max(timedelta(0), duration) / self.rate)

    def overslept(self, seconds: float) -> None:
        """Let its seconds since boot not count those that just passed; its wall clock does."""
        self._made_at += seconds
