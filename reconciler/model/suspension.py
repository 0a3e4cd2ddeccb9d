"""A suspension, of an app or of one resource: somebody wants no hands on it. Part of LedgerView."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from reconciler.model.names import Address, AppKey

WORD = "suspension"
"""What a step says that it is blocked by: why, by whom and until when is said once, not by each step."""


@dataclass(frozen=True)
class Suspension:
    """Somebody told the controller to keep its hands off. Times are AWS's, ISO 8601."""

    reason: str
    by: str
    at: str
    until: str = ""
    """When it ends by itself; empty: only by `resume`."""
    rolled_back: Mapping[str, int] = field(default_factory=dict)
    """Address → `begun` of the release that `rollback` went to."""
    going_on: Mapping[str, int] = field(default_factory=dict)
    """Of jobs that the rollback left as they were: address → `begun` of the release they run from."""

    @property
    def jobs(self) -> dict[Address, int]:
        """The jobs whose runs go on under a rollback, by address: `begun` of the release they run from."""
        numbers = {Address.parse(a): n for a, n in {**self.going_on, **self.rolled_back}.items()}
        return {address: number for address, number in numbers.items() if address.kind == "job"}

    @property
    def text(self) -> str:
        """Say it in a few words: that, until when, and why."""
        return f"suspended{self._until}: {self.reason}"

    def told(self, key: AppKey, address: str) -> str:
        """Say it in one line with who did it and what ends it; `address` is empty for the whole app."""
        by = f", by {self.by}" if self.by else ""
        return f"{address} {self.text}{by}; resume with: {resume(key, address)}".lstrip()

    @property
    def _until(self) -> str:
        if not self.until:
            return ""
        end = datetime.fromisoformat(self.until).astimezone(UTC)
        return f" until {end:%Y-%m-%d %H:%M:%S} UTC"

    def ends_in(self, now: datetime) -> timedelta | None:
        """Return how long it lasts yet by AWS's clock, zero when it is over; None: until `resume`."""
        if not self.until:
            return None
        return max(timedelta(0), datetime.fromisoformat(self.until) - now)

    def has_ended(self, now: datetime) -> bool:
        """Say whether its time is over."""
        return self.ends_in(now) == timedelta(0)


def resume(key: AppKey, address: str) -> str:
    """Return what to type to end a suspension, of the whole app where `address` is empty."""
    return f"reconciler -a {key} resume {address}".rstrip()
