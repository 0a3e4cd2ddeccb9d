"""A run: one launch of a migration, as the ledger has it, and what can be seen of it in ECS.

Read by `plan` (the gate), decided on by `runs.decide`, written only by `runs.ledger`.
The states and their meaning: docs/exactly-once.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


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
class Run:
    """The ledger's record of a migration at a revision; `attempt` and `launch` are the newest ones.

    `request` is the frozen RunTask input, replayed byte for byte by whoever recovers. `ordinal`
    counts the revisions of this migration in the order the ledger saw them. Times are AWS's.
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
    """Raised by `migration retry`; the next attempt may run up to this number."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What ECS said when it ended: stopCode, stoppedReason, containers {name: exitCode|reason}."""

    @property
    def item_key(self) -> str:
        """The sort key in the state table, and the value of HEAD's active slot."""
        return f"MIG#{self.name}#{self.revision}"


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
