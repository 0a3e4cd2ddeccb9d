"""Cooperative stepping: every process of the simulation is greenlets that yield at each wire call and sleep.

One thread, one order of events, the same for the same seed. A process can be frozen (SIGSTOP), and it
can crash: nothing of it runs any more, not even its `finally`.
"""

from __future__ import annotations

from collections.abc import Callable

import greenlet

from tests.fakes.timeline import Timeline


class Scheduler:
    """Runs greenlets on a timeline."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self._hub = greenlet.getcurrent()

    def spawn(self, life: Life, body: Callable[[], None]) -> None:
        """Start `body` as a part of `life`."""
        self._resume_in(0.0, life, greenlet.greenlet(body, parent=self._hub))

    def sleep(self, life: Life, seconds: float) -> None:
        """Let others run for so long; for greenlets only."""
        if life.over:
            raise greenlet.GreenletExit
        self._resume_in(seconds, life, greenlet.getcurrent())
        self._hub.switch()

    def _resume_in(self, seconds: float, life: Life, which: greenlet.greenlet) -> None:
        def resume() -> None:
            if life.over:
                which.throw()  # GreenletExit: unwinds without being able to call AWS
            elif self.timeline.seconds < life.frozen_until:
                self.timeline.at(life.frozen_until - self.timeline.seconds, resume)
            else:
                which.switch()

        self.timeline.at(seconds, resume)


class Life:
    """One incarnation of a process, from start to crash."""

    def __init__(self) -> None:
        self.over = False
        self.frozen_until = float("-inf")
