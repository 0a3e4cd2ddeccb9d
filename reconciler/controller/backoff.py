"""How long to wait after failures, and how often to say that a problem still stands. Pure.

Used by `queue` (delays) and `worker` (words).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import timedelta

from reconciler.model.names import AppKey


@dataclass(frozen=True)
class Backoff:
    """Delays that double from `shortest` to `longest`, each reduced by up to half at random.

    The jitter keeps apps that failed together (AWS was away) from coming back together.
    """

    shortest: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(minutes=5)

    def delay(self, failures: int, random: float) -> timedelta:
        """Return the delay after `failures` (1 or more) in a row; `random` is in [0, 1)."""
        # The exponent is limited so that the product never overflows.
        full = min(self.longest, self.shortest * (1 << min(failures - 1, 32)))
        return full * (0.5 + 0.5 * random)


REMINDERS = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""A standing problem is said at once, then after these times, then each further hour."""


@dataclass
class _Problem:
    sign: Hashable
    since: float
    said: int = 1
    times: int = 1


@dataclass
class Standing:
    """Problems that stand, one per app, so that each is said once and then at growing intervals."""

    _problems: dict[AppKey, _Problem] = field(default_factory=dict)

    def raised(self, key: AppKey, sign: Hashable, now: float) -> bool:
        """Note that `key` has the problem `sign` at `now` (boot seconds); return whether to say it."""
        problem = self._problems.get(key)
        if problem is None or problem.sign != sign:
            self._problems[key] = _Problem(sign, now)
            return True
        problem.times += 1
        if now - problem.since < _reminder(problem.said):
            return False
        while now - problem.since >= _reminder(problem.said):
            problem.said += 1
        return True

    def times(self, key: AppKey) -> int:
        """Return how many times in a row the problem of `key` was raised; 0 when it has none."""
        problem = self._problems.get(key)
        return problem.times if problem else 0

    def cleared(self, key: AppKey) -> int:
        """Forget the problem of `key`; return how many times in a row it was raised."""
        problem = self._problems.pop(key, None)
        return problem.times if problem else 0


def _reminder(said: int) -> float:
    """Return the seconds after the first word at which the word number `said + 1` is due."""
    if said <= len(REMINDERS):
        return REMINDERS[said - 1].total_seconds()
    return REMINDERS[-1].total_seconds() * (said - len(REMINDERS) + 1)
