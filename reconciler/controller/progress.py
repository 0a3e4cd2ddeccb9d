"""When the passes last got on: what the heartbeat asks before it speaks for the workers.

A healthy heartbeat thread must not keep the leases of a worker that hangs. Stamped by `worker` (and
by `execute` between steps), read by `membership`.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import timedelta

from reconciler.model.clock import Clock
from reconciler.model.names import AppKey

PATIENCE = timedelta(seconds=120)
"""How long a pass may go on without a stamp before the heartbeat stops."""


class Progress:
    """The time of the last stamp of each running pass. Safe to use from any thread."""

    def __init__(self, clock: Clock, patience: timedelta = PATIENCE) -> None:
        self._clock = clock
        self._patience = patience.total_seconds()
        self._lock = threading.Lock()
        self._running: dict[AppKey, float] = {}
        self._abandoned: set[AppKey] = set()
        self._last = clock.boot_seconds()
        self._has_workers = False

    def expect_work(self) -> None:
        """Note that workers run from now on: ready keys that nobody takes up are a hang.

        Without it (as in `apply`, which does its passes itself) only passes that began can hang.
        """
        with self._lock:
            self._has_workers = True
            self._last = self._clock.boot_seconds()

    def begin(self, key: AppKey) -> None:
        """Note that a pass of `key` begins."""
        with self._lock:
            self._last = self._running[key] = self._clock.boot_seconds()

    def stamp(self, key: AppKey) -> None:
        """Note that the pass of `key` got on: a step was done. A pass nobody began is nobody's."""
        with self._lock:
            if key in self._running and key not in self._abandoned:
                self._last = self._running[key] = self._clock.boot_seconds()

    def end(self, key: AppKey) -> None:
        """Note that the pass of `key` has ended, in whatever way."""
        with self._lock:
            self._running.pop(key, None)
            self._abandoned.discard(key)
            self._last = self._clock.boot_seconds()

    def stuck(self, keys: Collection[AppKey], ready: int) -> str:
        """Say what hangs: a pass of one of `keys`, or the taking of `ready` keys; empty if nothing."""
        with self._lock:
            limit = self._clock.boot_seconds() - self._patience
            hanging = sorted(k for k, at in self._running.items() if at < limit and k in keys)
            if hanging:
                return f"the pass of {', '.join(hanging)} hangs"
            untaken = self._has_workers and ready and self._last < limit
            return "no worker takes up the work" if untaken else ""

    def abandon(self, keys: Collection[AppKey]) -> None:
        """Stop judging by the passes of `keys` that run now.

        Called when their leases were lost: the fence stops them, and a new incarnation must not be
        held back by them.
        """
        with self._lock:
            running = [key for key in self._running if key in keys]
            self._abandoned.update(running)
            for key in running:
                del self._running[key]
            self._last = self._clock.boot_seconds()
