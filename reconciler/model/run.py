"""A run: a migration, an occurrence of a job or a one-off task, as the ledger has it and ECS shows it.

Read by `plan` (the gate), decided on by `runs.decide`, written only by `runs.transitions`.
The states and their meaning: docs/exactly-once.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from reconciler.model.names import Address

MOST_LAUNCHES = 5
"""Launches of one attempt that provably never executed, before it counts as failed, unless told otherwise."""

GUARD_CONTAINER = "reconciler-guard"
"""The name of the container that claims a run, in every task that we launch in claim mode."""


class RunKind(StrEnum):
    """What a run is of; its word is the kind of the address, `job/daily-report`."""

    MIGRATION = "migration"
    JOB = "job"
    TASK = "task"

    @property
    def has_slot(self) -> bool:
        """Whether its runs take the app's one slot: of migrations one executes at a time."""
        return self is RunKind.MIGRATION

    @property
    def item(self) -> str:
        """The first part of its runs' sort keys in the state table."""
        return _ITEMS[self]

    @property
    def cell(self) -> str:
        """The first part of its runs' claim keys."""
        return self.item.lower()

    @property
    def noun(self) -> str:
        """What tells two runs of one name apart, in words."""
        return _NOUNS[self]


_ITEMS = {RunKind.MIGRATION: "MIG", RunKind.JOB: "OCC", RunKind.TASK: "TASK"}
_NOUNS = {RunKind.MIGRATION: "revision", RunKind.JOB: "occurrence", RunKind.TASK: "key"}


class RunKey(NamedTuple):
    """Which run: `revision` is a migration's revision, a job's occurrence or a task's key.

    As text it is the sort key in the state table: `MIG#db#1`, `OCC#daily-report#2025-11-22T02:00:00Z`.
    """

    kind: RunKind
    name: str
    revision: str

    def __str__(self) -> str:
        """Spell it as the ledger does."""
        return f"{self.kind.item}#{self.name}#{self.revision}"

    @classmethod
    def migration(cls, name: str, revision: str) -> RunKey:
        """Return the key of a migration's run."""
        return cls(RunKind.MIGRATION, name, revision)

    @property
    def address(self) -> Address:
        """Whose run it is: `migration/db`, `job/daily-report`, `task/web`."""
        return Address(self.kind.value, self.name)

    @property
    def which(self) -> str:
        """Which run of its address, in words: `revision 1`."""
        return f"{self.kind.noun} {self.revision}"

    @classmethod
    def parse(cls, text: str) -> RunKey:
        """Read a sort key; raises ValueError for one that is not a run's."""
        item, *parts = text.split("#")
        kind = next((kind for kind in RunKind if kind.item == item), None)
        if kind is None or len(parts) != 2 or not all(parts):  # noqa: PLR2004 - name and revision
            raise ValueError(f"'{text}' is not the key of a run")
        return cls(kind, *parts)


@dataclass(frozen=True)
class Launch:
    """One launch's identity. `launch` counts from 0 within an attempt."""

    name: str
    revision: str
    attempt: int
    launch: int
    kind: RunKind = RunKind.MIGRATION


class RunState(StrEnum):
    """Where a run is. SUCCEEDED is terminal; UNKNOWN waits for evidence or for a person."""

    LAUNCHING = "LAUNCHING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    NOT_STARTED = "NOT_STARTED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"

    @property
    def in_flight(self) -> bool:
        """Whether a task of it may be alive, or may yet start."""
        return self in (RunState.LAUNCHING, RunState.RUNNING, RunState.STOPPING, RunState.UNKNOWN)


class GuardMode(StrEnum):
    """Which guarantee a run has: the claim cell, or only ECS's clientToken within its window."""

    CLAIM = "claim"
    TOKEN = "token"  # noqa: S105 - the protocol's word, not a secret


class ClaimState(StrEnum):
    """The single-assignment register that a task must win before the user's command may start."""

    OFFERED = "OFFERED"
    CLAIMED = "CLAIMED"
    REVOKED = "REVOKED"
    DONE = "DONE"


@dataclass(frozen=True)
class PastAttempt:
    """An attempt that another one has followed: the task that it ended with, and how."""

    number: int
    task_arn: str
    task_definition: str
    began_at: datetime
    ended_at: datetime
    reason: str = ""
    exit_code: int | None = None


@dataclass(frozen=True)
class Run:
    """The ledger's record of a run; `attempt` and `launch` are the newest ones.

    `revision` is that of `RunKey`: of a job it is the occurrence, of a task the key. `request` is the
    frozen RunTask input, replayed byte for byte by whoever recovers. `ordinal` counts the revisions of
    a migration in the order the ledger saw them, 0 for other kinds. Times are AWS's.
    """

    name: str
    revision: str
    state: RunState
    attempt: int
    launch: int
    ordinal: int
    mode: GuardMode
    container: str
    token: str
    started_by: str
    request: Mapping[str, Any]
    timeout_seconds: int
    start_timeout_seconds: int
    intent_at: datetime
    version: int
    generation: int = 0
    task_arn: str | None = None
    running_since: datetime | None = None
    last_seen_at: datetime | None = None
    settled_at: datetime | None = None
    reason: str = ""
    exit_code: int | None = None
    evidence: str = ""
    irreversible: bool = False
    """What the files said at the launch: the services must not go back behind it."""
    requested_attempt: int = 0
    """Raised by `retry`; the next attempt may run up to this number."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What ECS said when it ended: stopCode, stoppedReason, containers {name: exitCode|reason}."""
    kind: RunKind = RunKind.MIGRATION
    most_attempts: int = 1
    """Up to this number a failed attempt is followed by the next one by itself."""
    backoff_seconds: int = 0
    """Before the second attempt; doubled before each one after it."""
    most_launches: int = MOST_LAUNCHES
    """Launches of one attempt that provably never executed, before it counts as failed."""
    stop_asked: str = ""
    """Why it is to be stopped, empty when nobody asked; then no attempt follows."""
    definition: str = ""
    """Of a task: which task definition was named for it, `Work.definition`."""
    past: tuple[PastAttempt, ...] = ()
    """The last ones of its earlier attempts that had a task."""
    over: bool = False
    """Of a job or task: nothing follows by itself any more. Until then HEAD lists it as unfinished."""

    @property
    def key(self) -> RunKey:
        """Which run it is."""
        return RunKey(self.kind, self.name, self.revision)

    @property
    def item_key(self) -> str:
        """The sort key in the state table, and the value of HEAD's active slot."""
        return str(self.key)

    @property
    def address(self) -> Address:
        """Whose run it is: `migration/db`, `job/daily-report`."""
        return self.key.address

    @property
    def which(self) -> str:
        """Which run of its address, in words: `revision 1`."""
        return self.key.which

    @property
    def unfinished(self) -> bool:
        """Whether HEAD lists it: a job's or task's run that is not over."""
        return not self.kind.has_slot and not self.over

    @property
    def ended(self) -> bool:
        """Whether nothing follows by itself: it is over, or only a person can say how it ended."""
        if self.state is RunState.UNKNOWN:
            return True
        if not self.kind.has_slot:
            return self.over
        asked = self.requested_attempt > self.attempt
        return self.state is RunState.SUCCEEDED or (self.state is RunState.FAILED and not asked)

    @property
    def has_stopped(self) -> bool:
        """Whether its newest task runs no more, as far as anybody can tell."""
        return self.state is RunState.UNKNOWN or not self.state.in_flight

    def as_of(self, attempt: int) -> Run | None:
        """Return the run as this attempt had left it, itself for the newest; None where that is not known."""
        if attempt == self.attempt:
            return self
        past = next((p for p in self.past if p.number == attempt), None)
        if past is None:
            return None
        return replace(
            self,
            attempt=attempt,
            state=RunState.FAILED,
            task_arn=past.task_arn,
            request={**self.request, "taskDefinition": past.task_definition},
            intent_at=past.began_at,
            running_since=None,
            last_seen_at=None,
            settled_at=past.ended_at,
            reason=past.reason,
            exit_code=past.exit_code,
            facts={},
            past=(),
            over=not self.kind.has_slot,
        )

    @property
    def newest(self) -> Launch:
        """Its newest launch."""
        return Launch(self.name, self.revision, self.attempt, self.launch, self.kind)


@dataclass(frozen=True)
class Claim:
    """A claim cell as read from the claims table."""

    key: str
    state: ClaimState
    epoch: int
    task_arn: str | None = None
    nonce: str | None = None
    exit_code: int | None = None


class TaskPhase(StrEnum):
    """What DescribeTasks tells about a task, boiled down to what a verdict needs."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    MISSING = "MISSING"


@dataclass(frozen=True)
class TaskSighting:
    """One task as seen now; `exit_codes` has only the containers that ECS gives a code for."""

    phase: TaskPhase
    arn: str = ""
    last_status: str = ""
    started_by: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    stop_code: str = ""
    stopped_reason: str = ""
    exit_codes: Mapping[str, int] = field(default_factory=dict)
    container_reasons: Mapping[str, str] = field(default_factory=dict)
    container_started: frozenset[str] = frozenset()
    """Containers that ECS says did start (they have a runtimeId, or are or were RUNNING)."""
