"""What a decision about a run may know, boiled down to facets; and the words a decision is made of.

Made by `runs.advance` from one consistent read, judged by `runs.decide`. Values only: no AWS, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from reconciler.model.run import (
    GUARD_CONTAINER,
    Claim,
    ClaimState,
    GuardMode,
    Run,
    RunKind,
    RunState,
    TaskPhase,
    TaskSighting,
)
from reconciler.runs.limits import (
    ABANDONED,
    FIRST_BACKOFF,
    LONGEST_BACKOFF,
    MISSING_GRACE,
    STOP_GRACE,
    TOKEN_WINDOW,
)

_DOUBLINGS = 16
"""Of a backoff that is bounded anyway; more would only make a number too large."""

MISSING_SINCE = "missingSince"
STOPPING_SINCE = "stoppingSince"
FINAL = "final"
"""Keys of `Run.facts`: when a task was first missed, when StopTask was decided, never to relaunch."""


class Do(StrEnum):
    """What one step does. The names in brackets are the transitions of docs/exactly-once.md."""

    INTENT = "intent"
    RELAUNCH = "relaunch"
    RETRY = "retry"
    LAUNCH = "launch"
    RUNNING = "running"
    REVOKE = "revoke"
    STOP = "stop"
    SEND_STOP = "send-stop"
    SUCCEED = "succeed"
    FAIL = "fail"
    SETTLE = "settle"
    UNKNOWN = "unknown"
    NOTE_MISSING = "note-missing"
    NOTE_SEEN = "note-seen"
    WAIT = "wait"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Action:
    """One decision: what, why (for the user and the journal), and when to look again if it waits."""

    do: Do
    reason: str = ""
    after: timedelta = timedelta(0)
    arn: str = ""
    exit_code: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class ClaimFacet(StrEnum):
    """The claim cell as a decision sees it. NONE: token mode. LOST: claim mode without its cell."""

    NONE = "none"
    OFFERED = "offered"
    TAKEN = "taken"
    REVOKED = "revoked"
    LOST = "lost"


class TaskFacet(StrEnum):
    """The authoritative task as a decision sees it; NO_CODE: it ran, and ECS lost the exit code."""

    UNSEEN = "unseen"
    ALIVE = "alive"
    EXIT_ZERO = "exit-zero"
    EXIT_NONZERO = "exit-nonzero"
    NEVER_STARTED = "never-started"
    NO_CODE = "no-code"
    MISSING = "missing"


_CLAIM_FACETS = {
    ClaimState.OFFERED: ClaimFacet.OFFERED,
    ClaimState.CLAIMED: ClaimFacet.TAKEN,
    ClaimState.DONE: ClaimFacet.TAKEN,
    ClaimState.REVOKED: ClaimFacet.REVOKED,
}


@dataclass(frozen=True)
class Snapshot:
    """Everything `decide` may know. `now` is AWS's clock, never the host's.

    `run` is the active run, or the desired revision's; None when the ledger has none. `claim` and
    `sighting` belong to its newest launch; `sighting` is of the claimant where there is one.
    `desired_revision` is None when nobody wants the run any more: it is only driven to its end.
    """

    now: datetime
    run: Run | None = None
    claim: Claim | None = None
    sighting: TaskSighting | None = None
    desired_revision: str | None = None
    desired_attempt: int = 1
    older_than: str = ""
    """The newer revision the ledger knows, when the desired one is older than it."""
    slot: str | None = None
    """HEAD's active run, when that is another one and this one needs the slot."""
    decided: bool = False
    """Whether this occurrence of a job was started or skipped before."""

    @property
    def state(self) -> RunState | None:
        """The run's state, None while absent."""
        return self.run.state if self.run else None

    @property
    def desired(self) -> bool:
        """Whether the run is of the revision that the files name."""
        if self.desired_revision is None:
            return False
        return self.run is None or self.run.revision == self.desired_revision

    @property
    def superseded(self) -> bool:
        """Whether the files name another revision of this migration."""
        return self.desired_revision is not None and not self.desired

    @property
    def deserted(self) -> bool:
        """Whether nobody is left who would launch it again: a job that left the files, a lost `task run`.

        A migration that left the files keeps gating, and waits.
        """
        run = self.run
        if run is None or run.kind is RunKind.MIGRATION or self.desired_revision is not None:
            return False
        since = run.settled_at or run.intent_at
        return run.kind is RunKind.JOB or self.now - since >= ABANDONED

    @property
    def left_by_starter(self) -> bool:
        """Whether it is a task that only whoever started it may launch again."""
        run = self.run
        return run is not None and run.kind is RunKind.TASK and self.desired_revision is None

    @property
    def stop_asked(self) -> str:
        """Why it is to be stopped, empty when nobody asked."""
        return self.run.stop_asked if self.run else ""

    @property
    def over(self) -> bool:
        """Whether nothing follows by itself any more."""
        return self.run is not None and self.run.over

    @property
    def unfinished(self) -> bool:
        """Whether HEAD lists it."""
        return self.run is not None and self.run.unfinished

    @property
    def attempts_left(self) -> bool:
        """Whether the next attempt follows by itself."""
        return self.run is not None and self.run.attempt < self.run.most_attempts

    @property
    def attempt_asked(self) -> int:
        """The attempt that git or an operator asks for."""
        return max(self.desired_attempt, self.run.requested_attempt if self.run else 0)

    @property
    def asked_by_operator(self) -> bool:
        """Whether a person asked for an attempt that has not run yet."""
        return self.run is not None and self.run.requested_attempt > self.run.attempt

    @property
    def slot_taken(self) -> bool:
        """Whether another run of this app is in flight."""
        return self.slot is not None

    @property
    def claim_facet(self) -> ClaimFacet:
        """The claim, seen by a run of its mode."""
        if self.run is None or self.run.mode is GuardMode.TOKEN:
            return ClaimFacet.NONE
        return _CLAIM_FACETS[self.claim.state] if self.claim else ClaimFacet.LOST

    @property
    def task_facet(self) -> TaskFacet:
        """The task, judged by the named container only."""
        seen, run = self.sighting, self.run
        if seen is None or run is None:
            return TaskFacet.UNSEEN
        if seen.phase is TaskPhase.MISSING:
            return TaskFacet.MISSING
        if seen.phase is not TaskPhase.STOPPED:
            return TaskFacet.ALIVE
        code = seen.exit_codes.get(run.container)
        if code is not None:
            return TaskFacet.EXIT_NONZERO if code else TaskFacet.EXIT_ZERO
        if run.container in seen.container_started:
            return TaskFacet.NO_CODE
        refused = seen.exit_codes.get(GUARD_CONTAINER, 0) != 0
        never = refused or seen.stop_code == "TaskFailedToStart" or seen.started_at is None
        return TaskFacet.NEVER_STARTED if never else TaskFacet.NO_CODE

    @property
    def window_open(self) -> bool:
        """Token mode: whether ECS certainly still remembers the clientToken."""
        return self.run is not None and self.now < self.run.intent_at + TOKEN_WINDOW

    @property
    def start_overdue(self) -> bool:
        """Whether the launch had its start timeout without anybody claiming it."""
        run = self.run
        return run is not None and self.age >= timedelta(seconds=run.start_timeout_seconds)

    @property
    def age(self) -> timedelta:
        """Time since the intent of this launch."""
        return self.now - self.run.intent_at if self.run else timedelta(0)

    @property
    def running_for(self) -> timedelta:
        """Time since the task started, or since we first knew of it."""
        run, seen = self.run, self.sighting
        if run is None:
            return timedelta(0)
        started = seen.started_at if seen else None
        return self.now - (started or run.running_since or run.intent_at)

    @property
    def timed_out(self) -> bool:
        """Whether it ran longer than its `timeout`."""
        run = self.run
        return run is not None and self.running_for >= timedelta(seconds=run.timeout_seconds)

    @property
    def stopping(self) -> bool:
        """Whether a stop was decided for this launch."""
        return self.run is not None and STOPPING_SINCE in self.run.facts

    @property
    def stop_overdue(self) -> bool:
        """Whether a stop was decided so long ago that ECS must have lost the host."""
        return self._noted_for(STOPPING_SINCE) >= STOP_GRACE

    @property
    def missing_noted(self) -> bool:
        """Whether the ledger remembers since when the task has been missing."""
        return self.run is not None and MISSING_SINCE in self.run.facts

    @property
    def missing_young(self) -> bool:
        """Whether ECS may simply not show the task yet: it is eventually consistent."""
        if self.missing_noted:
            return self._noted_for(MISSING_SINCE) < MISSING_GRACE
        run = self.run
        return run is not None and self.now - (run.running_since or run.intent_at) < MISSING_GRACE

    @property
    def launches_used_up(self) -> bool:
        """Whether the next launch would be one too many, or the request itself is wrong."""
        run = self.run
        return run is not None and (
            run.launch + 1 >= run.most_launches or bool(run.facts.get(FINAL))
        )

    @property
    def backoff_left(self) -> timedelta:
        """How long to wait before the next launch."""
        run = self.run
        if run is None:
            return timedelta(0)
        return self._left_of(min(LONGEST_BACKOFF, FIRST_BACKOFF * (1 << run.launch)))

    @property
    def retry_left(self) -> timedelta:
        """How long to wait before the next attempt: twice as long each time, up to a bound."""
        run = self.run
        if run is None:
            return timedelta(0)
        first = timedelta(seconds=run.backoff_seconds)
        doubled = first * (1 << min(run.attempt - 1, _DOUBLINGS))
        return self._left_of(min(max(first, LONGEST_BACKOFF), doubled))

    def _left_of(self, backoff: timedelta) -> timedelta:
        settled = self.run.settled_at if self.run else None
        return max(timedelta(0), settled + backoff - self.now) if settled else timedelta(0)

    def _noted_for(self, fact: str) -> timedelta:
        noted = self.run.facts.get(fact) if self.run else None
        return self.now - datetime.fromisoformat(noted) if noted else timedelta(0)
