"""One step's surroundings: what the controller hands in, what the step found, what it answers.

Made by `runs.advance`, used by `runs.start`. Values only, but for the doors to AWS and the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.clock import Clock
from reconciler.model.desired import Guard
from reconciler.model.observed import LedgerView
from reconciler.model.run import Run, RunKind
from reconciler.model.work import Work
from reconciler.runs.launch import Place
from reconciler.runs.snapshot import Action, Snapshot
from reconciler.runs.transitions import At, Commit
from reconciler.store.session import Session
from reconciler.store.tables import Tables


@dataclass(frozen=True)
class RunContext:
    """What a step needs of the world. `aws` is fenced by our lease.

    `images` maps references as declared to digests. `register` registers a task definition (journaled,
    reusing an equal one) and returns its ARN; the controller hands it in.
    """

    aws: Aws
    session: Session
    clock: Clock
    tables: Tables
    cluster: str
    account: str
    region: str
    images: Mapping[str, str]
    guard: Guard | None
    register: Callable[[Mapping[str, Any]], str]

    @property
    def place(self) -> Place:
        """Where runs of this app happen."""
        return Place(self.account, self.region, self.cluster, self.session.key)


@dataclass(frozen=True)
class Advance:
    """What a step did, in words, and when to take the next one; None when nothing is to come.

    `ended` is the run when this step found that it failed, or that its outcome is unknown;
    `succeeded` that this step found it has.
    """

    requeue_after: timedelta | None
    message: str = ""
    ended: Run | None = None
    succeeded: bool = False


@dataclass(frozen=True)
class Step:
    """A decision with everything that carrying it out needs."""

    context: RunContext
    work: Work | None
    view: LedgerView
    snapshot: Snapshot
    action: Action

    @property
    def run(self) -> Run:
        """The run, for decisions about one that exists."""
        if self.snapshot.run is None:
            raise AssertionError(f"{self.action.do} was decided without a run")
        return self.snapshot.run

    @property
    def at(self) -> At:
        """The stamp of this step's transitions."""
        job = self.view.jobs.get(self._name)
        return At(self.view.key, self.snapshot.now, self._cause(), job)

    def commit(self, commit: Commit) -> Run:
        """Commit a transition."""
        return commit.to(self.context.session)

    @property
    def _name(self) -> str:
        run = self.snapshot.run or self.work
        return run.name if run is not None else ""

    def _cause(self) -> str:
        run = self.snapshot.run
        if run is not None and run.requested_attempt > run.attempt:
            return "operator"
        if self.work is None and run is not None and run.kind is RunKind.TASK:
            return "task run"  # whoever started it has left
        told = self.work.cause if self.work else ""
        return told or self.view.commit or "desired state"
