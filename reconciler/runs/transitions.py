"""Every change of a run's state as one transaction: journal entry, state item, claim cell, HEAD's slot.

Called by `runs.advance` (with a lease) and `runs.operate` (without). Each write is conditional on the
state and version that the decision was made on; `store.session` adds fence and journal number. The
table of transitions: docs/exactly-once.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from reconciler.model.job import JobRecord
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import AppKey
from reconciler.model.observed import MigrationRecord
from reconciler.model.run import ClaimState, GuardMode, Run, RunState
from reconciler.plan.mask import mask_text
from reconciler.runs.launch import request_hash
from reconciler.runs.snapshot import FINAL, MISSING_SINCE, STOPPING_SINCE, Action
from reconciler.runs.unfinished import listing, memory
from reconciler.store.job_records import job_write
from reconciler.store.records import (
    claim_key,
    migration_write,
    offer_claim,
    revoke_claim,
    run_write,
)
from reconciler.store.session import HeadChange, Session, Write


@dataclass(frozen=True)
class Commit:
    """The arguments of one `Session.commit`, and the run as it is afterwards."""

    run: Run
    entry: Entry
    writes: Sequence[Write]
    change: HeadChange = field(default_factory=HeadChange)

    def to(self, session: Session) -> Run:
        """Commit it; returns the run as stored. Raises LeaseLost or Superseded."""
        session.commit([self.entry], self.writes, self.change)
        return self.run


@dataclass(frozen=True)
class At:
    """Which app, when (AWS's clock), and why: what every transition says in the journal.

    `job` is the record of the run's job as it was read, None when there is none.
    """

    key: AppKey
    now: datetime
    cause: str = ""
    job: JobRecord | None = None


_FROM: Mapping[str, frozenset[RunState]] = {
    # A table of its own, checked before anything is sent: a decision on a state it does not list is a bug.
    "running": frozenset({RunState.LAUNCHING, RunState.UNKNOWN}),
    "not_started": frozenset(
        {RunState.LAUNCHING, RunState.RUNNING, RunState.STOPPING, RunState.UNKNOWN}
    ),
    "stopping": frozenset({RunState.RUNNING}),
    "verdict": frozenset({RunState.RUNNING, RunState.STOPPING, RunState.UNKNOWN}),
    "unknown": frozenset({RunState.LAUNCHING, RunState.RUNNING, RunState.STOPPING}),
}


def intent(
    at: At, run: Run, before: Run | None, record: MigrationRecord | JobRecord | None, epoch: int
) -> Commit:
    """T6, T6' and T11: the frozen request is written, the claim offered and the slot taken.

    `run` is the new launch; `before` None (T6), NOT_STARTED (T6') or FAILED with a lower attempt (T11).
    `record` is that of the migration or job as this leaves it, None when it stays as it is. What has
    no slot goes onto HEAD's list of unfinished runs instead.
    """
    writes = [run_write(at.key, run, before)]
    if run.mode is GuardMode.CLAIM:
        writes.append(offer_claim(claim_key(at.key, run.newest), epoch))
    if isinstance(record, MigrationRecord) and record.latest_revision == run.revision:
        writes.append(migration_write(at.key, record))
    if isinstance(record, JobRecord):
        writes.append(job_write(at.key, record))
    detail = {
        "token": run.token,
        "requestSha256": request_hash(run.request),
        "taskDefinition": run.request["taskDefinition"],
        "mode": str(run.mode),
    }
    if run.irreversible:
        detail["irreversible"] = True
    slot = HeadChange(active=run.item_key, require_idle=True)
    change = slot if run.kind.has_slot else listing(before, run)
    return Commit(run, _entry(at, run, before, detail), writes, change)


def running(at: At, before: Run, action: Action) -> Commit:
    """T7: a task of the run is known; also from UNKNOWN, when the task is visible again."""
    after = _next(
        before,
        "running",
        state=RunState.RUNNING,
        task_arn=action.arn or before.task_arn,
        running_since=at.now,
        last_seen_at=at.now,
        reason=action.reason,
        facts=_without(before, MISSING_SINCE),
    )
    return _commit(at, before, after)


def not_started(at: At, before: Run, action: Action, *, revoked: bool = False) -> Commit:
    """T8: nothing of this launch executed, and nothing will: its claim goes with the same transaction.

    `revoked` when the cell was read as REVOKED already. In token mode there is no cell.
    """
    after = _next(
        before,
        "not_started",
        state=RunState.NOT_STARTED,
        settled_at=at.now,
        reason=mask_text(action.reason),
        facts={**_without(before, MISSING_SINCE, STOPPING_SINCE), **_masked(action.facts)},
    )
    commit = _commit(at, before, after)
    claims = [] if before.mode is GuardMode.TOKEN else [revocation(at, before, revoked=revoked)]
    return replace(_freed(commit), writes=[*commit.writes, *claims])


def stopping(at: At, before: Run, action: Action) -> Commit:
    """T9: the decision to stop, durable before StopTask is sent."""
    facts = {**before.facts, STOPPING_SINCE: at.now.isoformat()}
    after = _next(before, "stopping", state=RunState.STOPPING, reason=action.reason, facts=facts)
    return _commit(at, before, after)


def verdict(at: At, before: Run, action: Action, state: RunState) -> Commit:
    """T9s and T9f: the outcome, from evidence only; the slot is free again.

    A job's or task's run is over then, unless another attempt follows by itself.
    """
    another = before.attempt < before.most_attempts and not before.stop_asked
    after = _next(
        before,
        "verdict",
        state=state,
        settled_at=at.now,
        task_arn=action.arn or before.task_arn,
        exit_code=action.exit_code,
        evidence="DescribeTasks",
        reason=mask_text(action.reason),
        facts={**_without(before, MISSING_SINCE, FINAL), **_masked(action.facts)},
        over=not before.kind.has_slot and (state is RunState.SUCCEEDED or not another),
    )
    return _freed(_commit(at, before, after))


def gave_up(at: At, before: Run, action: Action) -> Commit:
    """T9f for a run that is NOT_STARTED: no launch of this attempt executed, and none will follow.

    It holds no slot: another run may be in it by now.
    """
    after = replace(
        before,
        version=before.version + 1,
        state=RunState.FAILED,
        settled_at=at.now,
        evidence="never executed",
        reason=mask_text(action.reason),
        facts=_without(before, FINAL),
        over=not before.kind.has_slot,
    )
    return _commit(at, before, after)


def settle(at: At, before: Run, action: Action) -> Commit:
    """T13: a failed run of a job or task is over, although it had attempts left."""
    if before.state is not RunState.FAILED or not before.unfinished:
        raise AssertionError(f"{before.item_key} is not to be settled: it is {before.state}")
    after = replace(before, version=before.version + 1, over=True)
    commit = _commit(at, before, after)
    detail = {**commit.entry.detail, "because": mask_text(action.reason)}
    return replace(commit, entry=replace(commit.entry, action="over", detail=detail))


def stop_asked(at: At, before: Run, reason: str) -> Commit:
    """T14: remember that the run is to be stopped, and why: no change of state, and no attempt follows."""
    after = replace(before, version=before.version + 1, stop_asked=mask_text(reason))
    commit = _commit(at, before, after)
    detail = {**commit.entry.detail, "because": after.stop_asked}
    return replace(commit, entry=replace(commit.entry, action="stop asked", detail=detail))


def unknown(at: At, before: Run, action: Action) -> Commit:
    """T10: the outcome cannot be proven; the slot stays taken until evidence or a person settles it."""
    after = _next(
        before,
        "unknown",
        state=RunState.UNKNOWN,
        reason=mask_text(action.reason),
        facts={**before.facts, **_masked(action.facts)},
    )
    return _commit(at, before, after)


def note(at: At, before: Run, *, missing: bool) -> Commit:
    """Remember since when ECS has not shown the task, or forget it: no change of state."""
    facts = _without(before, MISSING_SINCE)
    if missing:
        facts[MISSING_SINCE] = at.now.isoformat()
    seen = before.last_seen_at if missing else at.now
    after = replace(before, version=before.version + 1, facts=facts, last_seen_at=seen)
    commit = _commit(at, before, after)
    return replace(commit, entry=replace(commit.entry, action="missing" if missing else "seen"))


def refused(at: At, before: Run, reason: str) -> Commit:
    """Remember why AWS refused the launch for now: no change of state."""
    after = replace(before, version=before.version + 1, reason=mask_text(reason))
    commit = _commit(at, before, after)
    return replace(commit, entry=replace(commit.entry, action="launch refused"))


def revocation(at: At, run: Run, *, revoked: bool = False) -> Write:
    """Return the claim's part of T8 and T12: refused once a task has claimed.

    `revoked` merely checks that it still is.
    """
    cell = claim_key(at.key, run.newest)
    if revoked:
        values = {":revoked": str(ClaimState.REVOKED)}
        return Write("claims", {"k": cell}, "st = :revoked", values)
    return revoke_claim(cell)


def _commit(at: At, before: Run, after: Run) -> Commit:
    writes = [run_write(at.key, after, before), *memory(at, before, after)]
    return Commit(after, _entry(at, after, before), writes, listing(before, after))


def _freed(commit: Commit) -> Commit:
    return replace(commit, change=HeadChange(active=None)) if commit.run.kind.has_slot else commit


def _next(run: Run, transition: str, **changes: Any) -> Run:
    if run.state not in _FROM[transition]:
        raise AssertionError(f"{transition} was decided for a run that is {run.state}")
    return replace(run, version=run.version + 1, **changes)


def _without(run: Run, *facts: str) -> dict[str, Any]:
    return {name: value for name, value in run.facts.items() if name not in facts}


def _masked(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Mask what ECS and containers said, however deep: names and exit codes stay as they are."""
    return {name: _masked_fact(value) for name, value in facts.items()}


def _masked_fact(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _masked(value)
    return mask_text(value) if isinstance(value, str) else value


def _entry(
    at: At, after: Run, before: Run | None, detail: Mapping[str, Any] | None = None
) -> Entry:
    said = {
        after.kind.noun: after.revision,
        "attempt": after.attempt,
        "launch": after.launch,
        "task": after.task_arn,
        "exitCode": after.exit_code,
        "reason": after.reason,
        **(detail or {}),
    }
    return Entry(
        kind=EntryKind.RUN,
        address=str(after.address),
        action=str(after.state).lower().replace("_", " "),
        cause=at.cause,
        before={"state": str(before.state)} if before else None,
        after={"state": str(after.state)},
        detail={name: value for name, value in said.items() if value not in (None, "")},
    )
