"""What a person may do to a run: ask for it, for its end, for another attempt, or say how it ended.

Called by the command line without a lease: each verb is one transaction, conditional on the journal's
number, and refuses while the run's task may still be alive.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import GuardRefused, PermanentError, UsageError
from reconciler.model.job import JobRecord, Trigger, occurrence_by_hand
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.observed import LedgerView, MigrationRecord
from reconciler.model.run import (
    Claim,
    ClaimState,
    GuardMode,
    Run,
    RunKey,
    RunKind,
    RunState,
    TaskPhase,
    TaskSighting,
)
from reconciler.model.work import PART_PATTERN
from reconciler.plan import run_commands
from reconciler.plan.gate import older_than
from reconciler.runs import evidence, transitions
from reconciler.runs.snapshot import FINAL, MISSING_SINCE, STOPPING_SINCE
from reconciler.runs.transitions import At
from reconciler.runs.unfinished import listing, memory
from reconciler.store.anew import anew
from reconciler.store.job_records import job_write
from reconciler.store.ledger import AppStore
from reconciler.store.records import claim_key, migration_write, run_write
from reconciler.store.session import HeadChange, Session, Write

RESOLUTIONS = {
    "succeeded": RunState.SUCCEEDED,
    "failed": RunState.FAILED,
    "not-started": RunState.NOT_STARTED,
}
"""What `resolve --as` accepts; `not-started` only of a job."""

_RESOLVABLE = (RunState.UNKNOWN, RunState.FAILED, RunState.NOT_STARTED)


@dataclass(frozen=True)
class Operator:
    """Who asks, and why: both are journaled. `arn` is the caller's STS identity."""

    arn: str
    reason: str


@dataclass(frozen=True)
class Subject:
    """Which run a verb is about."""

    store: AppStore
    cluster: str
    name: str
    revision: str
    kind: RunKind = RunKind.MIGRATION

    @property
    def key(self) -> RunKey:
        """The run's key."""
        return RunKey(self.kind, self.name, self.revision)

    @property
    def title(self) -> str:
        """The run in words."""
        return f"{self.key.which} of {self.key.address}"

    def read(self) -> tuple[LedgerView, Run | None]:
        """Return the ledger now, and the run if there is one."""
        view = self.store.read([self.key])
        return view, view.runs.get(str(self.key))

    def at(self, view: LedgerView) -> At:
        """Return the stamp of a transition decided on this snapshot."""
        return At(view.key, self.store.aws.now(), "operator", view.jobs.get(self.name))


def retry(subject: Subject, operator: Operator) -> int:
    """Ask for the next attempt of a failed run and return its number; a controller carries it out.

    Raises PermanentError for a run that did not fail, Superseded when somebody was faster each time.
    """
    return anew(subject.store.clock, lambda: _retried(subject, operator))


def _retried(subject: Subject, operator: Operator) -> int:
    view, run = subject.read()
    if run is None:
        raise PermanentError(f"{subject.title} has never run: there is nothing to retry")
    if run.state is RunState.UNKNOWN:
        raise PermanentError(
            f"the outcome of {subject.title} is unknown ({run.reason}): say how it ended with "
            f"`{run_commands.resolve(view.key, run.key)}`, then retry"
        )
    if run.state is not RunState.FAILED:
        raise PermanentError(f"{subject.title} is {run.state}: only a failed run can be retried")
    asked = run.attempt + 1
    if run.requested_attempt >= asked:
        return run.requested_attempt
    after = replace(
        run, requested_attempt=asked, version=run.version + 1, stop_asked="", over=False
    )
    writes = [run_write(view.key, after, run), *memory(subject.at(view), run, after)]
    entry = _entry(after, operator, "retry", {"attempt": asked})
    session = subject.store.operator(view, operator.arn)
    session.commit([entry], writes, listing(run, after))
    return asked


def stop(subject: Subject, operator: Operator) -> Run | None:
    """Ask for the end of a run and return it; whoever drives it carries that out (T14).

    Nothing is sent to ECS here. A run whose stop was asked for already stays as it is. One of a job
    that is asked for and has not begun is not asked for any more: None. Raises PermanentError for a
    run that has ended or never was, Superseded when somebody was faster each time.
    """
    return anew(subject.store.clock, lambda: _stopped(subject, operator))


def _stopped(subject: Subject, operator: Operator) -> Run | None:
    view, run = subject.read()
    if run is None:
        _withdraw(subject, operator, view)
        return None
    if not (run.state.in_flight or run.unfinished):
        raise PermanentError(f"{subject.title} has ended: it is {run.state}")
    if run.stop_asked:
        return run
    commit = transitions.stop_asked(subject.at(view), run, f"stopped: {operator.reason}")
    entry = _entry(commit.run, operator, "stop", {"state": str(run.state)})
    return replace(commit, entry=entry).to(subject.store.operator(view, operator.arn))


def _withdraw(subject: Subject, operator: Operator, view: LedgerView) -> None:
    """Take a request for a run back: its commit is refused when somebody has begun it since `view`."""
    record = view.jobs.get(subject.name) if subject.kind is RunKind.JOB else None
    after = record.without_request(subject.revision) if record else None
    if after is None or after == record:
        raise PermanentError(f"{subject.title} has never run: there is nothing to stop")
    said = {
        "occurrence": subject.revision,
        "operator": operator.arn,
        "reason": operator.reason,
    }
    entry = Entry(EntryKind.OPERATOR, str(subject.key.address), "withdraw", "operator", detail=said)
    session = subject.store.operator(view, operator.arn)
    session.commit([entry], [job_write(view.key, after)])


def trigger(store: AppStore, job: str, key: str, operator: Operator) -> Run | None:
    """Ask for a run of a job by hand; a controller carries it out, once for each idempotency key.

    Returns the run that this key has already, None while it is only asked for. Asking again is harmless:
    who was overtaken decides anew. Raises UsageError for a key that cannot be one, Superseded when
    somebody was faster each time.
    """
    name = occurrence_by_hand(key)
    if not PART_PATTERN.fullmatch(name):
        raise UsageError(
            f"'{key}' cannot be an idempotency key: use letters, digits, `.`, `_`, `:` and `-`, at most 90"
        )
    wanted = RunKey(RunKind.JOB, job, name)
    return anew(store.clock, lambda: _triggered(store, wanted, key, operator), repeatable=True)


def _triggered(store: AppStore, wanted: RunKey, key: str, operator: Operator) -> Run | None:
    """Write a request down, on the ledger as it is now, unless its key is known."""
    view = store.read([wanted])
    record = view.jobs.get(wanted.name) or JobRecord(wanted.name)
    run = view.runs.get(str(wanted))
    if run is not None or any(request.key == key for request in record.requests):
        return run
    asked = Trigger(key, operator.arn, store.aws.now(), operator.reason)
    after = replace(record, requests=(*record.requests, asked))
    said = {"occurrence": wanted.revision, "operator": operator.arn, "reason": operator.reason}
    entry = Entry(EntryKind.OPERATOR, str(wanted.address), "trigger", "operator", detail=said)
    store.operator(view, operator.arn).commit([entry], [job_write(view.key, after)])
    return None


def resolve(subject: Subject, to: RunState, operator: Operator, *, force: bool = False) -> Run:
    """Write down how a run ended (T12) and return it as stored.

    An absent run may be resolved as succeeded: that is how an existing database is adopted. `force`
    skips the check that the claimant is not alive, and is journaled. Raises GuardRefused while it
    is, PermanentError for a run that is not to be resolved, Superseded when somebody was faster each time.
    """
    return anew(subject.store.clock, lambda: _resolved(subject, to, operator, force=force))


def _resolved(subject: Subject, to: RunState, operator: Operator, *, force: bool) -> Run:
    view, run = subject.read()
    session = subject.store.operator(view, operator.arn)
    at = subject.at(view)
    if run is None:
        return _adopt(subject, to, operator, session, view)
    if run.state not in _RESOLVABLE:
        raise PermanentError(_not_resolvable(subject, run))
    writes: list[Write] = []
    if run.state is RunState.UNKNOWN:
        writes += _make_sure_it_is_over(subject, run, at, force=force)
    after = replace(
        run,
        state=to,
        settled_at=at.now,
        evidence="operator",
        reason=f"resolved by {operator.arn}: {operator.reason}",
        facts={
            n: v for n, v in run.facts.items() if n not in (FINAL, MISSING_SINCE, STOPPING_SINCE)
        },
        version=run.version + 1,
        over=not run.kind.has_slot and to is not RunState.NOT_STARTED,
    )
    writes += [run_write(view.key, after, run), *memory(at, run, after)]
    free = HeadChange(active=None) if view.active_run == run.item_key else listing(run, after)
    detail = {"from": str(run.state), "to": str(to), "forced": force}
    session.commit([_entry(after, operator, "resolve", detail)], writes, free)
    return after


def _not_resolvable(subject: Subject, run: Run) -> str:
    if run.state is RunState.SUCCEEDED:
        return f"{subject.title} has succeeded: that is final"
    return (
        f"{subject.title} is {run.state}: it is under way, and its outcome will be seen; "
        "only an unknown outcome needs a person"
    )


def _make_sure_it_is_over(subject: Subject, run: Run, at: At, *, force: bool) -> list[Write]:
    """Return the write that keeps an unclaimed launch from ever starting; refuse a live claimant."""
    aws, writes = subject.store.aws, []
    claim = None
    if run.mode is GuardMode.CLAIM:
        key = claim_key(at.key, run.newest)
        claim = evidence.claim(aws, subject.store.tables.claims, key)
        if claim is not None and claim.state is ClaimState.OFFERED:
            writes.append(transitions.revocation(at, run))
    # Forced means that nobody asks ECS either: it may be out of reach.
    seen = None if force else _claimant(aws, subject.cluster, run, claim)
    alive = seen is not None and seen.phase in (TaskPhase.STARTING, TaskPhase.RUNNING)
    if alive and not writes:
        arn = seen.arn if seen else ""
        raise GuardRefused(
            f"{subject.title} still runs in task {arn}: wait for its end, or stop it; "
            "with --force the ledger says what you say while it goes on"
        )
    return writes


def _claimant(aws: Aws, cluster: str, run: Run, claim: Claim | None) -> TaskSighting | None:
    arn = (claim.task_arn if claim else None) or run.task_arn
    if arn:
        return evidence.look_at(aws, cluster, arn)
    if run.mode is GuardMode.CLAIM:
        return None
    return evidence.find(aws, cluster, run)


def _adopt(
    subject: Subject, to: RunState, operator: Operator, session: Session, view: LedgerView
) -> Run:
    """Record a revision as succeeded that never ran here: an existing database is adopted."""
    if subject.kind is not RunKind.MIGRATION:
        raise PermanentError(f"{subject.title} has never run: there is nothing to resolve")
    if to is not RunState.SUCCEEDED:
        raise PermanentError(
            f"{subject.title} has never run: it can only be resolved as succeeded, which adopts a "
            "database that is at this revision already"
        )
    now = subject.store.aws.now()
    known = view.migrations.get(subject.name) or MigrationRecord(subject.name, "", 0)
    record = replace(
        known, latest_revision=subject.revision, latest_ordinal=known.latest_ordinal + 1
    )
    run = Run(
        name=subject.name,
        revision=subject.revision,
        state=to,
        attempt=0,
        launch=0,
        ordinal=record.latest_ordinal,
        mode=GuardMode.CLAIM,
        container="",
        token="",
        started_by="",
        request={},
        timeout_seconds=0,
        start_timeout_seconds=0,
        intent_at=now,
        version=1,
        generation=view.generation,
        settled_at=now,
        evidence="operator",
        reason=f"adopted by {operator.arn}: {operator.reason}",
    )
    writes = [run_write(view.key, run, None)]
    if not older_than(view, subject.name, subject.revision):
        writes.append(migration_write(view.key, record))
    entry = _entry(run, operator, "resolve", {"from": "absent", "to": str(to)})
    session.commit([entry], writes)
    return run


def _entry(run: Run, operator: Operator, action: str, detail: dict[str, Any]) -> Entry:
    return Entry(
        kind=EntryKind.OPERATOR,
        address=str(run.address),
        action=action,
        cause="operator",
        detail={
            run.kind.noun: run.revision,
            "operator": operator.arn,
            "reason": operator.reason,
            **detail,
        },
    )
