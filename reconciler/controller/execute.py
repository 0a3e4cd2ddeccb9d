"""Carry out a plan: for each step that is not blocked, intent → fence → one AWS call → outcome.

Called by `reconcile` and `rollback` once per pass. Decides nothing: what to send stands in the steps,
what a run needs next is decided by `runs`. One failed step does not keep the independent ones from
going on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from reconciler.aws.door import Aws
from reconciler.controller.calls import Calls
from reconciler.controller.driving import SOON, Driver, Execution, Occurrences
from reconciler.controller.journaled import Mutation, journaled
from reconciler.controller.memory import after_call, as_seen, before_creation, begun, forgotten
from reconciler.controller.registering import Registration, equal_revision, register
from reconciler.controller.relied import Relied
from reconciler.model.clock import Clock
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import AwsError
from reconciler.model.events import Event, EventKind
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import Address, last_part
from reconciler.model.observed import ObservedApp, ServiceRecord
from reconciler.model.plan import Plan, ResourceRequest, ServiceRequest, Step, Verb
from reconciler.model.run import Run, RunKind
from reconciler.plan.mask import mask_text
from reconciler.resources import ecs_service as service_kind
from reconciler.resources.ecs_service import ecs_service
from reconciler.store.records import bumped, service_write
from reconciler.store.session import Session, Write
from reconciler.store.tables import Tables


@dataclass
class Executor:
    """Everything a pass needs to act on one app. `aws` is fenced by our lease."""

    aws: Aws
    session: Session
    desired: DesiredApp
    observed: ObservedApp
    tables: Tables
    clock: Clock
    report: Callable[[Event], None]
    only: frozenset[Address] = frozenset()
    explain: Callable[[Run], Sequence[str]] = lambda _: ()
    go_on: Callable[[], bool] = lambda: True
    """Asked before each step: false ends the pass, because we are told to stop."""
    begins: Occurrences = None

    def __post_init__(self) -> None:
        """Start from what the ledger knows of digests and look-ups."""
        self._relied = Relied(self.session, self.desired, self.observed)
        self._driver = Driver(
            self.aws,
            self.session,
            self.desired,
            self.observed,
            self.tables,
            self.clock,
            self._relied,
            self._register_for,
            self._say,
            self.explain,
            self.begins,
        )

    def carry_out(self, plan: Plan) -> Execution:
        """Walk the steps in the plan's order.

        AWS errors are collected in the result; LeaseLost and Superseded end the pass at once.
        """
        done = Execution()
        for step in plan.steps:
            if not self.go_on():
                return done
            self._tried(step.address, done, partial(self._carry_out, step, done))
        address = Address(RunKind.TASK, "")
        self._tried(address, done, partial(self._driver.left_over, done))
        return done

    def _tried(self, address: Address, done: Execution, act: Callable[[], None]) -> None:
        try:
            act()
        except AwsError as error:
            done.failures.append(error)
            self._say(EventKind.FAILED, address, mask_text(str(error)))

    def _carry_out(self, step: Step, done: Execution) -> None:
        free = not step.blocked and (not self.only or step.address in self.only)
        if step.address.kind == RunKind.JOB:
            self._driver.job(step, done, free=free)
        elif not free and not self._in_flight(step):
            return
        elif step.address.kind == "migration":
            if step.verb is Verb.RUN or self._in_flight(step):
                self._driver.migration(step, done)
        elif isinstance(step.request, ResourceRequest):
            self._resource(step, step.request, done)
        elif isinstance(step.request, ServiceRequest):
            self._service(step, step.request, done)

    # Runs --------------------------------------------------------------------------------------

    def _in_flight(self, step: Step) -> bool:
        """Whether the step's migration has the active run: that one is watched whatever the plan says.

        Even UNKNOWN is left by itself when evidence turns up, and ECS forgets evidence in an hour.
        """
        active = self.observed.ledger.active_run or ""
        return step.address.kind == "migration" and active.startswith(f"MIG#{step.address.name}#")

    def _register_for(self, step: Step, document: Mapping[str, Any]) -> str:
        """Return a revision for a run: an ACTIVE one with the same content, else a new one."""
        self._relied.tell(step.address, self._cause(step))
        known = equal_revision(self.aws, self.desired.cluster, document)
        return known or self._register(step, document)

    # Resources that need no more than calls ---------------------------------------------------

    def _resource(self, step: Step, request: ResourceRequest, done: Execution) -> None:
        self._relied.tell(step.address, self._cause(step))
        record = self.observed.ledger.resources.get(str(step.address))
        calls = Calls(self.aws, self.session, step.address, self._cause(step), record)
        calls.make(request)
        if request.calls:
            done.acted = True
            self._say(EventKind.DONE, step.address, step.summary)
        done.look_again(SOON)

    # Services ---------------------------------------------------------------------------------

    def _service(self, step: Step, request: ServiceRequest, done: Execution) -> None:
        if request.delete:
            self._delete(step)
        elif request.changes_aws:
            self._relied.tell(step.address, self._cause(step))
            self._converge(step, request)
        elif request.desired_hash:
            self._relied.tell(step.address, self._cause(step))
            self._remember(step, request)
            done.look_again(SOON)
            return
        else:
            return
        done.acted = True
        done.look_again(SOON)

    def _converge(self, step: Step, request: ServiceRequest) -> None:
        if request.untag:  # first: once the rest is remembered nobody would know whose they were
            self._tags(step, request, "UntagResource")
        arn = request.reuse_arn
        if request.register is not None:
            arn = self._register(step, request.register)
        if request.create is not None:
            self._send(step, request, "CreateService", self._aimed(request.create, arn))
        elif request.update is not None:
            self._send(step, request, "UpdateService", self._aimed(request.update, arn))
        if request.tags:
            self._tags(step, request, "TagResource")

    def _aimed(self, parameters: Mapping[str, Any], arn: str) -> dict[str, Any]:
        aimed = {**parameters, "cluster": self.desired.cluster}
        return {**aimed, "taskDefinition": arn} if arn else aimed

    def _register(self, step: Step, document: Mapping[str, Any]) -> str:
        wanted = Registration(str(step.address), self._cause(step), document)
        arn = register(self.session, self.aws, wanted, self._relied.writes())
        self._relied.landed()
        self._say(EventKind.DONE, step.address, f"registered {last_part(arn)}")
        return arn

    def _send(
        self, step: Step, request: ServiceRequest, operation: str, parameters: dict[str, Any]
    ) -> None:
        name = step.address.name
        verb = ecs_service.create if operation == "CreateService" else ecs_service.update
        mutation = Mutation(
            address=str(step.address),
            operation=operation,
            cause=self._cause(step),
            before={c.path: c.observed for c in step.changes},
            after={c.path: c.desired for c in step.changes}
            | {"taskDefinition": parameters.get("taskDefinition", "")},
        )
        journaled(
            self.session,
            mutation,
            lambda: verb(self.aws, parameters),
            with_intent=[*self._relied.writes(), *self._before_creation(step, request)],
            with_outcome=lambda answer: [
                # HEAD stands at the intent: that is where the rollout began.
                self._begun(after_call(name, self._remembered(name), request, answer), request, 0)
            ],
        )
        self._relied.landed()
        self._say(EventKind.DONE, step.address, step.summary or operation)

    def _before_creation(self, step: Step, request: ServiceRequest) -> list[Write]:
        """Return the write that remembers a service before it is created, once."""
        name, ledger = step.address.name, self.observed.ledger
        if request.create is None or name in ledger.services:
            return []
        born = before_creation(name, str(request.create["serviceName"]))
        known = replace(ledger, services={**ledger.services, name: bumped(born)})
        self.observed = replace(self.observed, ledger=known)
        return [self._write(born)]

    def _tags(self, step: Step, request: ServiceRequest, operation: str) -> None:
        """Send TagResource or UntagResource; the last call of a step brings the ledger's memory."""
        arn = self._live(step)
        if arn is None:
            return
        taken = request.untag if operation == "UntagResource" else ()
        put = {} if taken else dict(request.tags or {})
        sent = request.create is not None or request.update is not None
        mutation = Mutation(
            address=str(step.address),
            operation=operation,
            cause=self._cause(step),
            after=put or dict.fromkeys(taken),
        )
        memory = [] if sent or (taken and request.tags) else [self._memory(step, request)]
        journaled(
            self.session,
            mutation,
            lambda: (
                service_kind.untag(self.aws, arn, taken)
                if taken
                else service_kind.tag(self.aws, arn, put)
            ),
            with_outcome=lambda _: memory,
        )
        names = ", ".join(sorted(taken or (k for k in put if not k.startswith("reconciler:"))))
        did = f"{'took off' if taken else 'set'} the tags {names}" if names else "tagged as ours"
        self._say(EventKind.DONE, step.address, did)

    def _remember(self, step: Step, request: ServiceRequest) -> None:
        """Live is as desired, the ledger does not know: write it down, touch nothing.

        This is how a lost outcome entry, a lost table or an adoption without differences ends.
        """
        entry = Entry(
            kind=EntryKind.SERVICE,
            address=str(step.address),
            action="remember",
            cause=self._cause(step),
        )
        self.session.commit([entry], [self._memory(step, request), *self._relied.writes()])
        self._relied.landed()

    def _memory(self, step: Step, request: ServiceRequest) -> Write:
        name = step.address.name
        live = self.observed.services[name]
        return self._begun(as_seen(name, self._remembered(name), request, live), request, 1)

    def _begun(self, record: ServiceRecord, request: ServiceRequest, ahead: int) -> Write:
        number = self.session.head.sequence + ahead
        return self._write(begun(record, request, self.observed.ledger, number))

    def _remembered(self, name: str) -> ServiceRecord | None:
        return self.observed.ledger.services.get(name)

    def _write(self, record: ServiceRecord) -> Write:
        return service_write(self.desired.key, record)

    def _delete(self, step: Step) -> None:
        name = step.address.name
        orphan = self.observed.orphans.get(name)
        mutation = Mutation(
            address=str(step.address),
            operation="DeleteService",
            cause=self._cause(step),
            before={"taskDefinition": orphan.task_definition_arn if orphan else ""},
        )
        parameters = {"cluster": self.desired.cluster, "service": name}
        journaled(
            self.session,
            mutation,
            lambda: ecs_service.delete(self.aws, parameters),
            with_outcome=lambda _: [
                self._write(forgotten(record))
                for record in self.observed.ledger.services.values()
                if record.applied.get("service", {}).get("serviceName") == name
            ],
        )
        self._say(EventKind.DONE, step.address, "deleted")

    # ------------------------------------------------------------------------------------------

    def _live(self, step: Step) -> str | None:
        observed = self.observed.services.get(step.address.name)
        return observed.arn if observed and observed.arn else None

    def _cause(self, step: Step) -> str:
        whys = sorted({str(change.why) for change in step.changes}) or [str(step.verb)]
        release = step.request.release if isinstance(step.request, ServiceRequest) else None
        if release is not None:
            return f"rollback to {release.commit or f'generation {release.generation}'}"
        source = self.desired.commit or self.desired.content_hash[:12]
        return f"{'+'.join(whys)} {source}"

    def _say(self, kind: EventKind, address: Address, message: str) -> None:
        self.report(Event(kind, self.desired.key, str(address), message, self.clock.now()))
