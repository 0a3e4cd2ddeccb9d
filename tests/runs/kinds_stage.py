"""A stage for runs of jobs and tasks, and the weather that they meet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciler.model.job import JobRecord, occurrence
from reconciler.model.run import Run, RunKey, RunKind
from reconciler.model.work import Work
from reconciler.runs.advance import Advance, advance
from reconciler.runs.operate import Operator, Subject
from tests.fakes.ecs_tasks import Nature
from tests.runs.stage import Stage

AT_TWO = datetime(2025, 11, 22, 2, tzinfo=UTC)
AT_THREE = AT_TWO + timedelta(hours=1)
ANN = Operator("arn:aws:iam::123456789012:user/ann", "by hand")


class NoRoom(Nature):
    """A cluster that has no room for anything."""

    def refuses(self, _: object) -> str:
        return "RESOURCE:MEMORY"


class Kinds(Stage):
    """A stage that drives runs of other kinds than migrations."""

    def job(self, at: datetime | str = AT_TWO, **changes: object) -> Work:
        """Return the work of an occurrence of job/report, with three attempts."""
        name = at if isinstance(at, str) else occurrence(at)
        job = replace(
            self.migration.work,
            kind=RunKind.JOB,
            name="report",
            revision=name,
            scheduled_at=name,
            most_attempts=3,
            backoff=timedelta(minutes=1),
        )
        return replace(job, **changes)

    def task(self, key: str = "k1", **changes: object) -> Work:
        """Return the work of a one-off task, with one launch."""
        base = replace(self.migration.work, kind=RunKind.TASK, name="web", revision=key)
        return replace(base, most_launches=1, **changes)

    def take(self, work: Work | RunKey, *, wanted: bool = True) -> Advance:
        """Take one step of this work's run; not `wanted` as for one that nobody wants."""
        key = work if isinstance(work, RunKey) else work.key
        view = self.store.read([key])
        self.session.rebase(view)
        asked = work if wanted and isinstance(work, Work) else None
        return advance(self.context(), asked, view, view.runs.get(str(key)))

    def drive(self, work: Work | RunKey, seconds: float, *, wanted: bool = True) -> Run:
        """Step as often as the answers ask for, for so long; return the run."""
        ends = self.timeline.seconds + seconds
        while self.timeline.seconds < ends:
            wait = self.take(work, wanted=wanted).requeue_after
            seconds = 60.0 if wait is None else wait.total_seconds()
            left = ends - self.timeline.seconds
            self.timeline.advance(max(0.1, min(seconds, left)))
        return self.stored(work)

    def stored(self, work: Work | RunKey) -> Run:
        """Return the run of this work."""
        key = work if isinstance(work, RunKey) else work.key
        return self.store.read([key]).runs[str(key)]

    def record(self) -> JobRecord:
        """Return what is remembered of job/report."""
        return self.store.read().jobs["report"]

    def executions(self) -> int:
        """Return how often a command has started."""
        return len(self.ecs.tasks.commands.executions)

    def journal_of(self, address: str) -> list[str]:
        """Return the journal's actions on an address, oldest first."""
        entries = self.store.journal(newest_first=False, address=address)
        return [str(entry.content["action"]) for entry in entries]

    def subject_of(self, work: Work) -> Subject:
        """Return what an operator's verb is about."""
        return Subject(self.store, "production", work.name, work.revision, work.kind)
