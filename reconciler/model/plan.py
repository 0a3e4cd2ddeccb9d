"""A plan: what would be done, why and with what effect.

Plain values, made by `plan.planner`, for a rollback by `plan.rollback`, for two revisions of the files
by `plan.between`.

`diff` renders it, `controller.execute` carries it out. There is no second path for a dry run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from reconciler.model.diagnostics import Origin
from reconciler.model.finding import Finding
from reconciler.model.job import Skip
from reconciler.model.names import Address, AppKey
from reconciler.model.release import Release
from reconciler.model.run import RunKind
from reconciler.model.status import Health
from reconciler.model.work import Work


class Verb(StrEnum):
    """What happens to one resource."""

    CREATE = "create"
    UPDATE = "update"
    ADOPT = "adopt"
    DELETE = "delete"
    RUN = "run"
    WAIT = "wait"
    HOLD = "hold"
    NONE = "none"

    @property
    def sign(self) -> str:
        """The sign that stands before the word, never alone."""
        return {
            Verb.CREATE: "+",
            Verb.UPDATE: "~",
            Verb.ADOPT: "&",
            Verb.DELETE: "-",
            Verb.RUN: ">",
            Verb.WAIT: "…",
            Verb.HOLD: "!",
            Verb.NONE: "=",
        }[self]


class Why(StrEnum):
    """Where a change comes from."""

    GIT = "git"
    DRIFT = "drift"
    REMOVED = "removed"
    """The key was deleted from the files after we had set it."""
    LOOKUP = "lookup"
    """What the files look up has another value than when we last relied on it."""
    ROLLBACK = "rollback"
    """A person went back to an earlier rollout."""


class Effect(StrEnum):
    """What a change does to what runs. Sources: `shapes/effects.py`."""

    NO_ROLLOUT = "no rollout"
    NEW_TASKS = "new tasks only"
    ROLLOUT = "rollout"
    REPLACE = "replace"
    RUN = "run"
    IMMEDIATE = "immediate"
    REBOOT = "requires-reboot"
    """Of a Redis parameter: it is set at once and used when a node is rebooted, which is never done."""
    WINDOW = "waits for maintenance window"
    NONE = "none"


STARTS_TASKS = (Effect.ROLLOUT, Effect.REPLACE)
"""The effects of what starts tasks, or would need another service."""


@dataclass(frozen=True)
class Change:
    """One differing field. Values are masked already when `sensitive`."""

    path: str
    observed: Any
    desired: Any
    why: Why
    effect: Effect
    origin: Origin | None = None
    sensitive: bool = False


@dataclass(frozen=True)
class UndeclaredChange:
    """A field the files are silent on that differs from AWS's known default: reported, never reverted."""

    path: str
    observed: Any
    default: Any


@dataclass(frozen=True)
class Suppressed:
    """A difference that is none, and the rule that says so; shown by `diff --explain`."""

    path: str
    observed: Any
    rule: str


@dataclass(frozen=True)
class ServiceRequest:
    """What `execute` sends for a service; each part may be absent.

    `register` is a complete RegisterTaskDefinition input (tags included); `reuse_arn` an ACTIVE
    revision with the same content. `create`/`update` are CreateService/UpdateService inputs without
    `taskDefinition` when `register` or `reuse_arn` supplies it. `tags` go through TagResource, the
    keys in `untag` through UntagResource.
    """

    register: Mapping[str, Any] | None = None
    reuse_arn: str = ""
    create: Mapping[str, Any] | None = None
    update: Mapping[str, Any] | None = None
    tags: Mapping[str, str] | None = None
    untag: tuple[str, ...] = ()
    delete: bool = False
    applied: Mapping[str, Any] = field(default_factory=dict)
    """What the ledger remembers as applied once this is done."""
    desired_hash: str = ""
    pins: Mapping[str, str] = field(default_factory=dict)
    release: Release | None = None
    """The rollout that is gone back to; None for what the files say now."""

    @property
    def changes_aws(self) -> bool:
        """Whether a live service is made, changed or tagged; else only the ledger learns something."""
        return bool(self.create is not None or self.update is not None or self.tags or self.untag)


@dataclass(frozen=True)
class ApiCall:
    """One mutating AWS call of a kind whose steps are nothing but calls.

    `kind` is the kind's name (`resources.kind.Kind.name`), `operation` the API's name of the call and
    `parameters` its input as botocore takes it. `before` and `after` are for the journal, masked.
    """

    kind: str
    operation: str
    parameters: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ResourceRequest:
    """What `execute` sends for a resource that is neither service nor migration: calls, in order.

    After the last one the ledger remembers `applied`; when a call fails, the rest waits for the next
    plan. Without calls only the ledger learns something. `intended` is remembered before the first
    call, so that a step that was cut short still knows what it made.
    """

    applied: Mapping[str, Any]
    calls: tuple[ApiCall, ...] = ()
    intended: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class JobRequest:
    """What is decided about a job's occurrences; a pass does the first thing that is there to do.

    `release` is what its runs start from, to be remembered; its `begun` and `at` are known once it is.
    `stop` are the runs (item keys) that have to end before `start` begins: with any of them it waits.
    `look_again` is when the answer changes by itself. While it is `held`, runs under way are watched, and
    no attempt begins.
    """

    skip: Skip | None = None
    release: Release | None = None
    stop: tuple[str, ...] = ()
    start: Work | None = None
    held: bool = False
    look_again: datetime | None = None


@dataclass(frozen=True)
class Step:
    """What the plan says about one resource. `blocked_by` names what must come first, in words."""

    address: Address
    verb: Verb
    summary: str = ""
    changes: tuple[Change, ...] = ()
    undeclared: tuple[UndeclaredChange, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    notes: tuple[str, ...] = ()
    blocked_by: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What preflight says about it; a failed one is in `blocked_by`, too."""
    request: ServiceRequest | ResourceRequest | JobRequest | None = None
    health: Health | None = None
    """What the planner knows of the resource's health where it is told by observation alone."""

    @property
    def blocked(self) -> bool:
        """Whether the step must not be carried out in this pass."""
        return bool(self.blocked_by)

    @property
    def is_difference(self) -> bool:
        """Whether `diff` exits 1 for it: it would run, or is held or blocked. Notes alone are 0.

        Taking over a service that is as declared is none: our own tags are all that is added. Nor are a
        job's runs: the clock asks for them, not the files.
        """
        if self.address.kind == RunKind.JOB and self.verb in (Verb.RUN, Verb.HOLD):
            return False
        adopts_only = self.verb is Verb.ADOPT and not self.changes
        return self.verb not in (Verb.NONE, Verb.WAIT) and not adopts_only


@dataclass(frozen=True)
class Plan:
    """All steps of an app in the order in which they are carried out."""

    key: AppKey
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    @property
    def in_sync(self) -> bool:
        """Whether nothing differs."""
        return not any(step.is_difference for step in self.steps)

    @property
    def acts(self) -> bool:
        """Whether carrying it out would do anything to AWS that a person should agree to."""
        return any(step.is_difference or step.verb is Verb.ADOPT for step in self.steps)
