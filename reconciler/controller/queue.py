"""The work queue: which app is reconciled next.

Fed by the watcher, the heartbeat and the workers; emptied by `worker`. The key carries no event
(level, not edge), so adding a key twice is adding it once. The lock is held only while the queue's own
fields change, never while somebody works.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

from reconciler.controller.backoff import Backoff
from reconciler.model.clock import Clock
from reconciler.model.names import AppKey

LONGEST_NAP = 5.0
"""Seconds that a waiting `get` sleeps at most: waiting does not count a suspend, the clock does."""


class WorkQueue:
    """Keys that are ready, wait for their time, or are being worked on. Safe to use from any thread.

    A key that is being worked on is not handed out again; when it is added meanwhile it is handed
    out once more after `done`. Of several delays for one key the earliest wins. Nothing is handed
    out after `shut_down`: what is left over is found again by the next controller.
    """

    def __init__(
        self, clock: Clock, random: Callable[[], float], backoff: Backoff | None = None
    ) -> None:
        self._clock = clock
        self._random = random
        self._backoff = backoff or Backoff()
        self._changed = threading.Condition()
        self._ready: dict[AppKey, None] = {}
        self._working: dict[AppKey, None] = {}
        self._again: set[AppKey] = set()
        self._due: dict[AppKey, float] = {}
        self._failures: dict[AppKey, int] = {}
        self._closed = False

    def add(self, key: AppKey) -> None:
        """Ask for a pass of `key` as soon as a worker is free."""
        with self._changed:
            self._add(key)

    def add_after(self, key: AppKey, delay: timedelta) -> None:
        """Ask for a pass of `key` in `delay` at the latest; a delay of zero or less means now."""
        with self._changed:
            if self._closed:
                return
            due = self._clock.boot_seconds() + delay.total_seconds()
            self._due[key] = min(due, self._due.get(key, due))
            self._changed.notify()

    def get(self, timeout: timedelta | None = None) -> AppKey | None:
        """Hand out the key that was ready first, and count it as being worked on until `done`.

        Waits until there is one, `timeout` has passed or the queue was shut down; the latter two
        give None. A timeout of zero never waits.
        """
        with self._changed:
            now = self._clock.boot_seconds()
            ends = None if timeout is None else now + timeout.total_seconds()
            while not self._closed:
                self._promote(now)
                if self._ready:
                    key = next(iter(self._ready))
                    del self._ready[key]
                    self._working[key] = None
                    return key
                if ends is not None and now >= ends:
                    return None
                self._changed.wait(self._nap(now, ends))
                now = self._clock.boot_seconds()
            return None

    def done(self, key: AppKey) -> None:
        """Say that work on `key` has ended; hands it out again when it was added meanwhile."""
        with self._changed:
            self._working.pop(key, None)
            if key in self._again:
                self._again.discard(key)
                self._add(key)

    def backoff(self, key: AppKey) -> timedelta:
        """Count a failed pass of `key`, ask for another after the next longer delay, return the delay."""
        with self._changed:
            failures = self._failures.get(key, 0) + 1
            self._failures[key] = failures
            delay = self._backoff.delay(failures, self._random())
        self.add_after(key, delay)
        return delay

    def forget(self, key: AppKey) -> None:
        """Forget how often `key` failed in a row: its next backoff is the shortest again."""
        with self._changed:
            self._failures.pop(key, None)

    def failures(self, key: AppKey) -> int:
        """Return how many passes of `key` in a row ended in `backoff`."""
        with self._changed:
            return self._failures.get(key, 0)

    def ready(self) -> int:
        """Return how many keys could be handed out now."""
        with self._changed:
            self._promote(self._clock.boot_seconds())
            return len(self._ready)

    def working(self) -> frozenset[AppKey]:
        """Return the keys that are being worked on."""
        with self._changed:
            return frozenset(self._working)

    def busy(self) -> frozenset[AppKey]:
        """Return the keys that are being worked on or could be handed out now."""
        with self._changed:
            self._promote(self._clock.boot_seconds())
            return frozenset(self._working) | frozenset(self._ready)

    def shut_down(self) -> None:
        """Hand out nothing more and wake everybody who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _add(self, key: AppKey) -> None:
        if self._closed:
            return
        if key in self._working:
            self._again.add(key)
        elif key not in self._ready:
            self._ready[key] = None
            self._changed.notify()

    def _promote(self, now: float) -> None:
        due = sorted((at, key) for key, at in self._due.items() if at <= now)
        for _, key in due:
            del self._due[key]
            self._add(key)

    def _nap(self, now: float, ends: float | None) -> float:
        """Return how long nothing can become ready by itself: by one reading of the clock, so never 0."""
        moments = [now + LONGEST_NAP, *self._due.values(), *([] if ends is None else [ends])]
        return min(moments) - now
