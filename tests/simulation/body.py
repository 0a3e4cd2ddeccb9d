"""What a controller does in one pass, on `runs.advance` and the store: acquire, read, advance, services.

A stand-in for `controller.reconcile` with the same shape, so that the protocol can be tested apart from
planner and kinds; `World(make_body=…)` takes either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.desired import DesiredApp, DesiredService
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.observed import LedgerView
from reconciler.model.run import RunState
from reconciler.plan.spec_hash import SPEC_TAG, content_hash
from reconciler.runs.advance import RunContext, advance
from reconciler.store.session import HeadChange, Session
from tests.simulation.process import Process

SOON = timedelta(seconds=1)


class DirectBody:
    """One controller's passes; remembers its session and the wishes it has seen."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.session: Session | None = None

    def __call__(self) -> timedelta | None:
        """Take one pass."""
        process = self.process
        desired: DesiredApp = process.world.desired
        generation = process.world.wish.generation
        view = process.store.read([m.key for m in desired.migrations])
        session = self._lead(view)
        aws = process.aws.fenced(process.member.check)
        session.aws = aws
        if generation < view.generation:
            return None
        if generation > view.generation:
            entry = Entry(EntryKind.GENERATION, "", "desired state changed")
            session.commit([entry], change=HeadChange(generation=generation))
            view = replace(view, generation=generation)
        self._close_intents(session)
        view = replace(view, sequence=session.head.sequence)
        return self._advance(aws, session, desired, view)

    def _lead(self, view: LedgerView) -> Session:
        mine = self.session
        lease = mine.lease if mine else None
        held = lease and (view.owner, view.epoch) == (lease.member, lease.epoch)
        if mine and held and view.owner == self.process.member.id:
            mine.rebase(view)
            return mine
        self.session = None
        self.session = self.process.store.acquire(view, self.process.member)
        self.process.world.count["takeovers"] += 1
        return self.session

    def _close_intents(self, session: Session) -> None:
        for operation_id in list(session.head.open_intents):
            entry = Entry(EntryKind.OUTCOME, "", "recovered", outcome="unknown")
            session.outcome(operation_id, entry)

    def _advance(
        self, aws: Aws, session: Session, desired: DesiredApp, view: LedgerView
    ) -> timedelta | None:
        migration = desired.migrations[0]
        context = RunContext(
            aws=aws,
            session=session,
            clock=self.process.clock,
            tables=self.process.world.tables,
            cluster=desired.cluster,
            account=desired.account,
            region=desired.region,
            images={},
            guard=desired.guard,
            register=lambda document: self._register(aws, session, document),
        )
        moved = advance(context, migration.work, view)
        if moved.requeue_after is not None:
            return moved.requeue_after
        run = view.migration_run(migration.name, migration.revision)
        if run is None or run.state is not RunState.SUCCEEDED or view.active_run:
            return None
        return self._service(aws, session, desired, desired.services[0])

    def _service(
        self, aws: Aws, session: Session, desired: DesiredApp, service: DesiredService
    ) -> timedelta | None:
        name = service.service_name
        answer = aws.call("ecs", "DescribeServices", cluster=desired.cluster, services=[name])
        live = next((s for s in answer["services"] if s["status"] == "ACTIVE"), None)
        document = dict(service.task_definition)
        document["tags"] = [{"key": SPEC_TAG, "value": content_hash(document)}]
        arn = self._registered(aws, document)
        if live is not None and live["taskDefinition"] == arn:
            return None
        if arn is None:
            arn = self._register(aws, session, document)
        if live is None:
            token = content_hash(document)[:36]
            params = {
                **service.service,
                "taskDefinition": arn,
                "desiredCount": 2,
                "clientToken": token,
            }
            self._journaled(aws, session, "CreateService", {**params, "cluster": desired.cluster})
        else:
            params = {"cluster": desired.cluster, "service": name, "taskDefinition": arn}
            self._journaled(aws, session, "UpdateService", params)
        return SOON

    def _registered(self, aws: Aws, document: Mapping[str, Any]) -> str | None:
        listed = aws.call(
            "ecs",
            "ListTaskDefinitions",
            familyPrefix=document["family"],
            sort="DESC",
            maxResults=5,
        )
        for arn in listed["taskDefinitionArns"]:
            found = aws.call("ecs", "DescribeTaskDefinition", taskDefinition=arn, include=["TAGS"])
            if found["tags"] and {"key": SPEC_TAG, "value": _spec(document)} in found["tags"]:
                return str(arn)
        return None

    def _register(self, aws: Aws, session: Session, document: Mapping[str, Any]) -> str:
        known = self._registered(aws, document)
        if known is not None:
            return known
        answer = self._journaled(aws, session, "RegisterTaskDefinition", document)
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    @staticmethod
    def _journaled(
        aws: Aws, session: Session, operation: str, params: Mapping[str, Any]
    ) -> dict[str, Any]:
        operation_id = session.intent(Entry(EntryKind.INTENT, "service/web", operation))
        answer = aws.call("ecs", operation, **params)
        session.outcome(
            operation_id, Entry(EntryKind.OUTCOME, "service/web", operation, outcome="ok")
        )
        return answer


def _spec(document: Mapping[str, Any]) -> str:
    return next(t["value"] for t in document["tags"] if t["key"] == SPEC_TAG)
