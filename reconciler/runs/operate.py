"""What a person may do to a run: ask for another attempt, or say how it ended.

Called by the command line without a lease: each verb is one transaction, conditional on the journal's
number, and refuses while the run's task may still be alive.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import GuardRefused, PermanentError
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.observed import LedgerView, MigrationRecord
from reconciler.model.run import (
    Claim,
    ClaimState,
    GuardMode,
    Run,
    RunState,
    TaskPhase,
    TaskSighting,
)
from reconciler.plan.gate import older_than
from reconciler.runs import evidence, transitions
from reconciler.runs.launch import claim_key
from reconciler.runs.snapshot import FINAL, MISSING_SINCE, STOPPING_SINCE
from reconciler.runs.transitions import At
from reconciler.store.ledger import AppStore
from reconciler.store.records import migration_write, run_write
from reconciler.store.session import HeadChange, Session, Write

RESOLUTIONS = {
    "succeeded": RunState.SUCCEEDED,
    "failed": RunState.FAILED,
    "not-started": RunState.NOT_STARTED,
}
"""What `migration resolve --as` accepts."""

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

    @property
    def title(self) -> str:
        """The run in words."""
        return f"revision {self.revision} of migration/{self.name}"

    def read(self) -> tuple[LedgerView, Run | None]:
        """Return the ledger now, and the run if there is one."""
        view = self.store.read([(self.name, self.revision)])
        return view, view.runs.get((self.name, self.revision))


def retry(subject: Subject, operator: Operator) -> int:
    """Ask for the next attempt of a failed run and return its number; a controller carries it out.

    Raises PermanentError for a run that did not fail, Superseded when somebody was faster.
    """
    view, run = subject.read()
    if run is None:
        raise PermanentError(f"{subject.title} has never run: there is nothing to retry")
    if run.state is RunState.UNKNOWN:
        raise PermanentError(
            f"the outcome of {subject.title} is unknown ({run.reason}): say how it ended with "
            f"`reconciler migration resolve {run.name} {run.revision} --as succeeded|failed`, then retry"
        )
    if run.state is not RunState.FAILED:
        raise PermanentError(f"{subject.title} is {run.state}: only a failed run can be retried")
    asked = run.attempt + 1
    if run.requested_attempt >= asked:
        return run.requested_attempt
    after = replace(run, requested_attempt=asked, version=run.version + 1)
    write = run_write(view.key, after, run)
    entry = _entry(after, operator, "retry", {"attempt": asked})
    subject.store.operator(view, operator.arn).commit([entry], [write])
    return asked


def resolve(subject: Subject, to: RunState, operator: Operator, *, force: bool = False) -> Run:
    """Write down how a run ended (T12) and return it as stored.

    An absent run may be resolved as succeeded: that is how an existing database is adopted. `force`
    skips the check that the claimant is not alive, and is journaled. Raises GuardRefused while it
    is, PermanentError for a run that is not to be resolved, Superseded when somebody was faster.
    """
    view, run = subject.read()
    session = subject.store.operator(view, operator.arn)
    at = At(view.key, subject.store.aws.now())
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
    )
    writes.append(run_write(view.key, after, run))
    free = HeadChange(active=None) if view.active_run == run.item_key else HeadChange()
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
        key = claim_key(at.key, transitions.launch_of(run))
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
        address=f"migration/{run.name}",
        action=action,
        cause="operator",
        detail={
            "revision": run.revision,
            "operator": operator.arn,
            "reason": operator.reason,
            **detail,
        },
    )
