"""Our share of AWS's request quotas: one token bucket per quota category.

Used by `reconciler.aws.door` before each wire attempt. The quotas are shared with autoscalers, CI and
people's consoles, so a process takes only a share. It never waits itself: it says for how long.
"""

from __future__ import annotations

import threading

from reconciler.aws.operations import Quota


class Budget:
    """Token buckets at a share of AWS's quotas; `share` is above 0 and at most 1."""

    def __init__(self, share: float = 0.5) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"a share of the request quota lies in (0, 1], not {share}")
        self._share = share
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def reserve(self, quota: Quota, now: float, at_most: float) -> float | None:
        """Take one request and return the seconds to wait before sending it.

        `now` counts seconds on any one clock. None, and nothing taken, when it would be longer than
        `at_most` seconds. Requests reserved ahead make the level negative: later ones wait longer.
        """
        burst, rate = max(1.0, quota.burst * self._share), quota.per_second * self._share
        with self._lock:
            level, at = self._buckets.get(quota.name, (burst, now))
            level = min(burst, level + max(0.0, now - at) * rate)
            wait = max(0.0, (1.0 - level) / rate)
            if wait > at_most:
                return None
            self._buckets[quota.name] = (level - 1.0, max(now, at))
            return wait
