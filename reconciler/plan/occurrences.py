"""Which occurrence of a job is started now, which are skipped for ever, and why one that is due waits.

Called by the plan of jobs. PURE: `now` is AWS's clock as the pass read it, and `floor` what the ledger
has decided: nothing at or before it is ever started, whatever any clock says. Rules: docs/kinds/job.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from reconciler.model.due import CatchUp, Concurrency, Due, JobPolicy, Skipped
from reconciler.plan.schedule import Schedule

COUNTED = 1000
"""How many skipped occurrences are counted: a job of every minute misses half a million in a year."""

ON_TIME = timedelta(minutes=2)
"""Up to this age an occurrence counts as started in time: a takeover takes 45 s, and a pass its time."""

_TICK = timedelta(microseconds=1)


def due(  # noqa: PLR0913 - two of them are facts of this moment, said by name
    schedule: Schedule,
    policy: JobPolicy,
    floor: datetime,
    now: datetime,
    *,
    under_way: bool = False,
    held: str = "",
) -> Due:
    """Decide on the occurrences later than `floor` and not later than `now`.

    `under_way`: a run of the job is not settled yet. `held`: why no run may start now, empty when one may.
    """
    upcoming = schedule.after(max(now, floor))
    if policy.suspended:
        return Due(waits="suspended" if _any(schedule, floor, now) else "", next=upcoming)
    earliest = max(floor, now - _patience(policy) - _TICK)
    late = _skipped(schedule, floor, min(earliest, now), _too_late(policy))
    start = _chosen(schedule, policy, earliest, now)
    if start is None:
        return Due(None, late, "", upcoming, upcoming)
    waits = held or ("a run of it is under way" if _is_kept_back(policy, under_way) else "")
    if waits:
        expires = start + _patience(policy) if _is_limited(policy) else None
        moments = [m for m in (expires, upcoming) if m is not None]
        return Due(None, late, waits, upcoming, min(moments, default=None))
    passed = _skipped(schedule, earliest, start - _TICK, "a later one is due")
    return Due(start, (*late, *passed), "", upcoming, upcoming)


def resumed(schedule: Schedule, floor: datetime, now: datetime) -> tuple[Skipped, ...]:
    """Return what a job missed while it was suspended: nothing of it is made up for."""
    return _skipped(schedule, floor, now, "the job was suspended")


def _chosen(
    schedule: Schedule, policy: JobPolicy, earliest: datetime, now: datetime
) -> datetime | None:
    """Return the one occurrence that is started first, of those in time."""
    if policy.catch_up is CatchUp.ALL:
        return next(schedule.between(earliest, now), None)
    latest = schedule.latest(now)
    return latest if latest is not None and latest > earliest else None


def _is_kept_back(policy: JobPolicy, under_way: bool) -> bool:  # noqa: FBT001 - one fact, private
    return under_way and policy.concurrency is Concurrency.FORBID


def _is_limited(policy: JobPolicy) -> bool:
    return policy.starting_deadline is not None or policy.catch_up is CatchUp.NONE


def _patience(policy: JobPolicy) -> timedelta:
    """Return the age up to which an occurrence may still be started."""
    limits = [timedelta(days=3660)]
    if policy.starting_deadline is not None:
        limits.append(policy.starting_deadline)
    if policy.catch_up is CatchUp.NONE:
        limits.append(ON_TIME)
    return min(limits)


def _too_late(policy: JobPolicy) -> str:
    if policy.starting_deadline is not None and policy.starting_deadline <= _patience(policy):
        return "its starting deadline has passed"
    return "nobody started it in time, and catchUp is none"


def _skipped(
    schedule: Schedule, after: datetime, until: datetime, reason: str
) -> tuple[Skipped, ...]:
    found = list(islice(schedule.between(after, until), COUNTED))
    if not found:
        return ()
    last = schedule.latest(until) or found[-1]
    return (Skipped(found[0], last, len(found), reason),)


def _any(schedule: Schedule, floor: datetime, now: datetime) -> bool:
    pending: Iterator[datetime] = schedule.between(floor, now)
    return next(pending, None) is not None
