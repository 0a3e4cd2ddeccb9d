"""`rollback`: services and jobs go back to what they were, under the app's lease; the app is suspended.

Called by `app.rollback`, pass by pass until the rollouts have ended, as `reconcile` is for `apply`. The
suspension comes first and names the targets: who finds it knows what was meant, and finishes it. By it
a job is back: whoever starts its runs starts them from that release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from reconciler.aws.door import Aws
from reconciler.controller.driving import SOON
from reconciler.controller.execute import Executor
from reconciler.controller.reconcile import ROLLING, Access, Result, run_keys
from reconciler.controller.repeats import Repeats
from reconciler.controller.settle import settle
from reconciler.model.clock import Clock
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import GuardRefused, InvalidRequest, NotFound
from reconciler.model.events import Event, EventKind
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import Address, AppKey
from reconciler.model.observed import LedgerView, ObservedApp, ObservedTaskDefinition, RolloutState
from reconciler.model.plan import Plan, Verb
from reconciler.model.release import Release
from reconciler.model.run import Run, RunKind
from reconciler.model.status import AppStatus
from reconciler.model.suspension import Suspension
from reconciler.plan.assess import assess, restricted
from reconciler.plan.rollback import past_app, refusals, rollback_plan
from reconciler.resources.observe import Observer
from reconciler.resources.task_definition import task_definition
from reconciler.store.records import suspension_write
from reconciler.store.session import Session

SERVICE = "service"

ADVICE = "go back in git instead, with the value as `diff` shows it live"
"""What helps where ECS does not take a value that was declared then."""


@dataclass(frozen=True)
class Order:
    """What a person has ordered: the releases by address, why, and which migrations that crosses.

    `jobs` are the releases of all jobs whose runs go on, back or as they are; `now` what they are before.
    """

    releases: Mapping[Address, Release]
    reason: str
    by: str
    crossed: Sequence[Run] = ()
    forced: bool = False
    earlier: Mapping[str, int] = field(default_factory=dict)
    """What rollbacks before this one went to, of the same suspension."""
    jobs: Mapping[Address, Release] = field(default_factory=dict)
    now: Mapping[Address, Release] = field(default_factory=dict)

    @property
    def targets(self) -> dict[str, int]:
        """Address → the number with which the rollout began that is gone back to."""
        mine = {str(a): release.begun for a, release in sorted(self.releases.items())}
        return {**self.earlier, **mine}

    @property
    def going_on(self) -> dict[str, int]:
        """As the targets, of the jobs that go on as they are."""
        targets = self.targets
        numbers = {str(a): release.begun for a, release in sorted(self.jobs.items())}
        return {address: number for address, number in numbers.items() if address not in targets}

    def stands_in(self, suspension: Suspension | None) -> bool:
        """Say whether a suspension names just this."""
        wanted = (self.targets, self.going_on)
        named = suspension and (dict(suspension.rolled_back), dict(suspension.going_on))
        return named == wanted


def look(
    aws: Aws, observer: Observer, desired: DesiredApp, ledger: LedgerView, order: Order
) -> tuple[DesiredApp, ObservedApp]:
    """Return the app as it was then, and what is live now, with the releases' task definitions."""
    past = past_app(desired, {**order.jobs, **order.releases}.values())
    ledger = replace(ledger, released_jobs=order.jobs)
    observed = observer.observe(aws, past, ledger)
    running = {live.task_definition_arn for live in observed.services.values()}
    arns = {release.task_definition_arn for release in order.releases.values()} - running - {""}
    # Read anew: the observer remembers content, and a revision may have been deregistered since.
    known = {a: d for a, d in observed.task_definitions.items() if a not in arns}
    for arn in sorted(arns):
        known.update(definition_of(aws, desired.cluster, arn))
    return past, replace(observed, task_definitions=known)


def definition_of(aws: Aws, cluster: str, arn: str) -> Mapping[str, ObservedTaskDefinition]:
    """Return a revision by its ARN; nothing when ECS has it no more. Raises AwsError."""
    try:
        return task_definition.observe(aws, cluster, [arn])
    except (NotFound, InvalidRequest):  # ECS answers a deleted one with ClientException
        return {}


@dataclass
class Rollback:
    """Carries the services and jobs of one app back, one pass at a time."""

    desired: DesiredApp
    order: Order
    open_app: Callable[[DesiredApp], Access]
    hold: Callable[[Access, LedgerView], Session]
    clock: Clock
    report: Callable[[Event], None]
    recheck: Callable[[LedgerView], None]
    """Called under the lease, before anything is done; raises GuardRefused for another situation."""
    explain_rollout: Callable[..., Sequence[str]] = lambda *_, **__: ()
    """As of the `Reconciler`."""
    _begun: bool = field(default=False, init=False)
    _repeats: Repeats = field(default_factory=lambda: Repeats(ADVICE), init=False)

    def take_back(self, _: AppKey) -> Result:
        """Observe, plan, suspend, execute: once. Raises as `Reconciler.reconcile`, and GuardRefused."""
        access = self.open_app(self.desired)
        ledger = access.store.read(run_keys(self.desired))
        session = self.hold(access, ledger)
        ledger = replace(ledger, owner=session.head.owner, epoch=session.head.epoch)
        aws = access.aws.fenced(access.member.check)

        past, observed = look(aws, access.observer, self.desired, ledger, self.order)
        why = partial(self.explain_rollout, aws=access.aws, cluster=self.desired.cluster)
        observed = settle(session, access.store, observed, self.report, why)
        releases, is_first = self.order.releases, not self._begun
        plan = rollback_plan(past, releases, observed, now=self.order.now, tried=self._begun)
        plan = self._repeats.held(plan, observed)
        observed = self._suspend(session, plan, observed)
        executor = Executor(
            aws=aws,
            session=session,
            desired=past,
            observed=observed,
            tables=access.tables,
            clock=self.clock,
            report=self.report,
            begins=frozenset(),
        )
        done = executor.carry_out(plan)
        self._repeats.note(plan, observed, (), failed=bool(done.failures))
        if done.failures:
            raise done.failures[0]
        rolling = any(
            observed.ledger.services[a.name].state is RolloutState.CONVERGING
            for a in self.order.releases
            if a.kind == SERVICE and a.name in observed.ledger.services
        )
        done.look_again(SOON if done.acted or is_first else ROLLING if rolling else None)
        status = self._status(past, observed, plan)
        return Result(done.requeue_after, status, under_way=done.acted or rolling)

    def _suspend(self, session: Session, plan: Plan, observed: ObservedApp) -> ObservedApp:
        """Keep everybody's hands off before the first service moves; stop when somebody resumed."""
        ledger = observed.ledger
        ours = ledger.suspension
        if self._begun:
            if not self.order.stands_in(ours):
                raise GuardRefused(
                    f"{ledger.key} was resumed meanwhile: the rollback has ended there"
                )
            return observed
        self.recheck(ledger)
        if problems := refusals(plan):
            raise GuardRefused("; ".join(problems))
        after = Suspension(
            reason=self.order.reason,
            by=self.order.by,
            at=session.aws.now().isoformat(timespec="seconds"),
            rolled_back=self.order.targets,
            going_on=self.order.going_on,
        )
        self._begun = True
        if self.order.stands_in(ours):
            return observed  # begun by another process: finished here
        entry = Entry(
            kind=EntryKind.OPERATOR,
            address="",
            action="rollback",
            cause=after.reason,
            before=ours.reason if ours else None,
            after=self.order.targets,
            detail={
                "by": after.by,
                "crossed": [f"migration/{r.name} {r.revision}" for r in self.order.crossed],
                "forced": self.order.forced,
            },
        )
        session.commit([entry], [suspension_write(ledger.key, ours, after)])
        for step in plan.steps:
            if step.address.kind == RunKind.JOB and step.verb is Verb.UPDATE:
                now = self.clock.now()
                self.report(Event(EventKind.DONE, ledger.key, str(step.address), step.summary, now))
        return replace(observed, ledger=replace(ledger, suspension=after))

    def _status(self, past: DesiredApp, observed: ObservedApp, plan: Plan) -> AppStatus:
        """Say how far the services are back; that the app is suspended is meant, no failure."""
        free = replace(observed, ledger=replace(observed.ledger, suspension=None))
        return restricted(assess(past, free, plan), frozenset(self.order.releases))
