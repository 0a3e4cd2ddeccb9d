"""One controller on the fakes, stepping by hand: for tests of single transitions."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.desired import DesiredMigration
from reconciler.model.observed import LedgerView
from reconciler.model.run import Run, RunKey
from reconciler.runs.advance import Advance, RunContext, advance
from reconciler.runs.operate import Subject
from reconciler.store.ledger import AppStore
from reconciler.store.members import Member
from reconciler.store.tables import Tables
from tests.fakes.dynamodb import FakeDynamoDB
from tests.fakes.ecs import FakeEcs
from tests.fakes.ecs_tasks import Nature
from tests.fakes.small import FakeLogs
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport
from tests.simulation.desired import KEY, Wish, sample


class Stage:
    """The fakes, a member with the app's lease, and a migration that is desired."""

    def __init__(self, nature: Nature | None = None, *, guard: bool = True) -> None:
        self.timeline = Timeline()
        self.dynamodb = FakeDynamoDB(self.timeline, creation_seconds=0.0)
        self.ecs = FakeEcs(self.timeline, nature)
        self.ecs.tasks.dynamodb = self.dynamodb.handle
        self.logs = FakeLogs()
        handlers = {
            "dynamodb": self.dynamodb.handle,
            "ecs": self.ecs.handle,
            "logs": self.logs.handle,
        }
        self.transport = FakeTransport(self.timeline, handlers)
        self.aws = Aws(self.transport, self.timeline)
        self.tables = Tables()
        self.tables.ensure(self.aws, self.timeline)
        numbers = itertools.count()
        self.store = AppStore(
            self.aws, self.tables, self.timeline, KEY, ids=lambda: f"id{next(numbers)}"
        )
        self.member = Member(self.aws, self.tables, self.timeline, "host", incarnation="1")
        self.member.join()
        self.guard = guard
        self.wish(Wish())
        self.session = self.store.acquire(self.store.read(()), self.member)

    def wish(self, wish: Wish, **changes: Any) -> None:
        """Change what the files say."""
        self.desired = sample(wish, guard=self.guard)
        self.migration: DesiredMigration = replace(self.desired.migrations[0], **changes)

    def view(self) -> LedgerView:
        """Return the ledger now."""
        return self.store.read([self.migration.key])

    def run(self, revision: str | None = None) -> Run:
        """Return a stored run."""
        wanted = revision or self.migration.revision
        key = RunKey.migration("db", wanted)
        return self.store.read([key]).runs[str(key)]

    def context(self) -> RunContext:
        """Return what the controller hands in."""
        return RunContext(
            aws=self.aws,
            session=self.session,
            clock=self.timeline,
            tables=self.tables,
            cluster="production",
            account="123456789012",
            region="ap-northeast-1",
            images={},
            guard=self.desired.guard,
            register=self._register,
        )

    def step(self, *, driven: bool = False) -> Advance:
        """Take one step; `driven` as for an active run that no file names."""
        view = self.view()
        self.session.rebase(view)
        return advance(self.context(), None if driven else self.migration.work, view)

    def steps(self, seconds: float) -> None:
        """Step as often as the answers ask for, for so long."""
        ends = self.timeline.seconds + seconds
        while self.timeline.seconds < ends:
            moved = self.step()
            wait = moved.requeue_after if moved.requeue_after is not None else timedelta(seconds=60)
            self.timeline.advance(max(wait, timedelta(seconds=0.1)))

    def subject(self, revision: str = "1") -> Subject:
        """Return what an operator's verb is about."""
        return Subject(self.store, "production", "db", revision)

    def actions(self) -> list[str]:
        """Return the journal's actions on the migration, oldest first."""
        entries = self.store.journal(newest_first=False, address="migration/db")
        return [str(entry.content["action"]) for entry in entries]

    def _register(self, document: Mapping[str, Any]) -> str:
        answer = self.aws.call("ecs", "RegisterTaskDefinition", **document)
        return str(answer["taskDefinition"]["taskDefinitionArn"])
