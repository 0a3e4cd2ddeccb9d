"""What the ledger remembers of a job: which occurrences are decided, asked for by hand, and ended.

Values only. Read by `plan` and `controller`; written with the intents and verdicts of `runs`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reconciler.model.run import Run, RunState

_FORM = "%Y-%m-%dT%H:%M:%SZ"
_BY_HAND = "manual-"


def occurrence(instant: datetime) -> str:
    """Return a scheduled instant's name in the ledger: UTC to the second, `2025-11-22T02:00:00Z`."""
    return instant.astimezone(UTC).strftime(_FORM)


def occurrence_by_hand(key: str) -> str:
    """Return the name of the occurrence that a trigger with this idempotency key asks for."""
    return _BY_HAND + key


def instant_of(name: str) -> datetime | None:
    """Return the instant that an occurrence is named after, None for one that was asked for by hand.

    Raises ValueError for neither.
    """
    if name.startswith(_BY_HAND):
        return None
    return datetime.strptime(name, _FORM).replace(tzinfo=UTC)


def occurrence_named(text: str) -> str:
    """Return the occurrence that a person means: its name in the ledger, or the key of a run by hand."""
    try:
        instant_of(text)
    except ValueError:
        return occurrence_by_hand(text)
    return text


@dataclass(frozen=True)
class History:
    """How many ended runs of a job the ledger keeps, the newest ones."""

    succeeded: int = 3
    failed: int = 10


@dataclass(frozen=True)
class Trigger:
    """A run by hand that was asked for and has not begun. `by` is the caller's STS identity."""

    key: str
    by: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True)
class Skip:
    """Everything up to `through` is not run, and why; `count` is how many occurrences that are.

    `timetable` is the one that counts from then on, empty for the same as before.
    """

    through: datetime
    reason: str
    count: int = 1
    timetable: str = ""


@dataclass(frozen=True)
class Ended:
    """An occurrence that is over, and since when."""

    occurrence: str
    state: RunState
    at: datetime


@dataclass(frozen=True)
class JobRecord:
    """One job's memory. `recent` is in the order in which the runs ended.

    Nothing at or before `floor` is ever started: such an occurrence was started or skipped.
    `timetable` is the schedule that the floor was last set for, with its time zone.
    """

    name: str
    floor: datetime | None = None
    requests: tuple[Trigger, ...] = ()
    recent: tuple[Ended, ...] = ()
    history: History = field(default_factory=History)
    timetable: str = ""
    released: str = ""
    """Which declaration its runs start from: the hash of the newest release's; "" for none."""
    version: int = 0

    def decided(self, name: str) -> bool:
        """Whether an occurrence was started or skipped before. Those by hand are told by their runs."""
        instant = instant_of(name)
        return instant is not None and self.floor is not None and instant <= self.floor

    def passed(self, through: datetime) -> JobRecord:
        """Return the record once everything up to an instant is decided; the floor never goes back."""
        return replace(self, floor=max(filter(None, (self.floor, through))))

    def skipping(self, skip: Skip) -> JobRecord:
        """Return the record once these occurrences are decided."""
        return replace(self.passed(skip.through), timetable=skip.timetable or self.timetable)

    def releasing(self, declaration: str) -> JobRecord:
        """Return the record once its runs start from another declaration; without one they end.

        A job that comes back counts from then on, as a new one.
        """
        return replace(self, released=declaration, timetable=self.timetable if declaration else "")

    def begun(self, name: str, history: History) -> JobRecord:
        """Return the record once an occurrence has begun: the floor is at it, its request is gone."""
        instant = instant_of(name)
        after = self.passed(instant) if instant else self
        return replace(after.without_request(name), history=history)

    def without_request(self, name: str) -> JobRecord:
        """Return the record without the request for an occurrence, which has begun or was taken back."""
        waiting = tuple(r for r in self.requests if occurrence_by_hand(r.key) != name)
        return replace(self, requests=waiting)

    def ended(self, run: Run, at: datetime, most: int) -> tuple[JobRecord, tuple[str, ...]]:
        """Return the record once a run is over, and the occurrences that history has no room for.

        At most so many at a time, and never this one: what is left over goes with the next ones.
        """
        recent = (*self.again(run.revision).recent, Ended(run.revision, run.state, at))
        dropped = tuple(o for o in self._beyond(recent) if o != run.revision)[:most]
        kept = tuple(e for e in recent if e.occurrence not in dropped)
        return replace(self, recent=kept), dropped

    def again(self, name: str) -> JobRecord:
        """Return the record once an ended occurrence is to run again."""
        return replace(self, recent=tuple(e for e in self.recent if e.occurrence != name))

    def _beyond(self, recent: tuple[Ended, ...]) -> tuple[str, ...]:
        good = [e.occurrence for e in recent if e.state is RunState.SUCCEEDED]
        bad = [e.occurrence for e in recent if e.state is not RunState.SUCCEEDED]
        old = {*_all_but(good, self.history.succeeded), *_all_but(bad, self.history.failed)}
        return tuple(e.occurrence for e in recent if e.occurrence in old)


def _all_but(names: list[str], newest: int) -> list[str]:
    return names[: max(0, len(names) - newest)]
