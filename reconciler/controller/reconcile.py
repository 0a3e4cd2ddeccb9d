"""Read this first: one pass over one app, from desired state to status.

Called by the worker for `run` and by `app.act`, under the app's lease. A pass never waits: what
takes time is a status and a requeue, and everything is derived anew from observation and ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from reconciler.aws.door import Aws
from reconciler.controller.driving import SOON, Execution, Occurrences
from reconciler.controller.execute import Executor
from reconciler.controller.operator import end_suspension
from reconciler.controller.outdated import outdated
from reconciler.controller.planning import checked_plan
from reconciler.controller.repeats import Repeats
from reconciler.controller.settle import settle
from reconciler.model.clock import Clock
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import LeaseHeld, LeaseLost, PermanentError
from reconciler.model.events import Event
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import Address, AppKey
from reconciler.model.observed import (
    LedgerView,
    ObservedApp,
    RolloutState,
    ServicePresence,
)
from reconciler.model.plan import Plan
from reconciler.model.run import Run, RunKey, RunState
from reconciler.model.status import AppStatus
from reconciler.plan.assess import assess, restricted
from reconciler.plan.gate import active_run
from reconciler.plan.job_release import rolled_back
from reconciler.plan.lookups import filled
from reconciler.plan.mask import mask_text
from reconciler.resources.observe import Observer
from reconciler.store.head import Head
from reconciler.store.ledger import AppStore
from reconciler.store.members import Member
from reconciler.store.records import status_document
from reconciler.store.session import HeadChange, Session
from reconciler.store.tables import Tables

ROLLING = timedelta(seconds=2)
"""How often a rollout is looked at: DescribeServices refills at 20/s per account and region."""

REDIS = timedelta(seconds=20)
"""How often a Redis group is looked at while AWS makes or changes it, which takes minutes."""

DRAINING = timedelta(seconds=15)
"""How often a deleted service is looked at that drains under a name we need: for minutes, as a rule."""

FILLING = timedelta(minutes=3)
"""How long missing tasks are waited for, before a service that has too few is called degraded for good."""

HAND_OVER = timedelta(seconds=5)


class DesiredLookup(Protocol):
    """Where the last good desired state of an app is found."""

    def desired(self, key: AppKey) -> DesiredApp:
        """Return it; raises InvalidDesiredState when there never was a good one."""

    def problem(self, key: AppKey) -> str:
        """Say what is wrong with the files now, empty when nothing is."""


@dataclass
class Access:
    """What one app needs of the world; made by `app` for its account and region."""

    aws: Aws
    tables: Tables
    store: AppStore
    member: Member
    observer: Observer


@dataclass(frozen=True)
class Result:
    """When to look again (None: at the next resync) and what is to be said."""

    requeue_after: timedelta | None
    status: AppStatus | None
    under_way: bool = False
    """Whether something that we began is not at its end: who waits sees it through, whatever else failed."""


@dataclass
class Reconciler:
    """Carries an app from desired to converged, one pass at a time."""

    source: DesiredLookup
    open_app: Callable[[DesiredApp], Access]
    clock: Clock
    report: Callable[[Event], None] = lambda _: None
    prune: bool = False
    only: frozenset[Address] = frozenset()
    go_on: Callable[[AppKey], bool] = lambda _: True
    """Asked between steps; it is also the pass's sign of life."""
    explain: Callable[[Run, Aws, AppKey], Sequence[str]] = lambda *_: ()
    """Says in lines, for a person, why a run failed or is unknown, and what to type next."""
    explain_rollout: Callable[..., Sequence[str]] = lambda *_, **__: ()
    """Says in lines why the rollout of a ServiceRecord failed; takes `aws` and `cluster` too."""
    cause: str = ""
    """Why the lease is taken, for the journal."""
    approve: Callable[[Plan], None] = lambda _: None
    """Called with each plan before it is carried out; raises GuardRefused for one that must not be."""
    begins: Occurrences = None
    """Which occurrences of jobs are begun: who leaves before their end begins none."""
    _generations: dict[AppKey, tuple[str, int]] = field(default_factory=dict)
    _sessions: dict[AppKey, Session] = field(default_factory=dict)
    _missing_since: dict[AppKey, float] = field(default_factory=dict)
    _repeats: Repeats = field(default_factory=Repeats)

    def reconcile(self, key: AppKey) -> Result:
        """Observe, plan, execute, assess, store: once.

        Raises LeaseHeld while another member owns the app, LeaseLost and Superseded when somebody
        else was faster, AwsError, PermanentError.
        """
        desired = self.source.desired(key)
        access = self.open_app(desired)
        head = access.store.head()
        self._refuse_to_lead(access, desired, head)
        ledger = access.store.read(run_keys(desired), head)
        session, ledger = self._lead(access, desired, ledger)
        ledger = end_suspension(session, ledger, access.aws.now())
        desired = rolled_back(desired, ledger)
        aws = access.aws.fenced(access.member.check)

        observed = access.observer.observe(aws, desired, ledger)
        desired = filled(desired, observed.lookups, observed.ledger.lookups)
        why = partial(self.explain_rollout, aws=access.aws, cluster=desired.cluster)
        observed = settle(session, access.store, observed, self.report, why)
        observed, plan = checked_plan(access.observer, aws, desired, observed, prune=self.prune)
        plan = self._repeats.held(plan, observed)
        self.approve(plan)
        executor = Executor(
            aws=aws,
            session=session,
            desired=desired,
            observed=observed,
            tables=access.tables,
            clock=self.clock,
            report=self.report,
            only=self.only,
            go_on=lambda: self.go_on(key),
            explain=lambda run: self.explain(run, access.aws, key),
            begins=self.begins,
        )
        done = executor.carry_out(plan)
        self._repeats.note(plan, observed, self.only, failed=bool(done.failures))

        status = self._say_so(key, assess(desired, observed, plan), done)
        if status_document(status) != ledger.status:
            access.store.write_status(status, session.head.epoch)
        if done.failures:
            raise done.failures[0]
        after = self._next_look(done, observed, access.aws.now())
        under_way = done.acted or self._under_way(observed)
        return Result(after, restricted(status, self.only), under_way)

    def session(self, key: AppKey) -> Session | None:
        """Return the lease that the last pass held, None when it holds none any more."""
        return self._sessions.get(key)

    def release(self, key: AppKey) -> None:
        """Give the app's lease back, for SIGTERM and for the end of `apply`. Not ours: nothing."""
        session = self._sessions.pop(key, None)
        if session is not None:
            session.release()

    def hold(self, access: Access, ledger: LedgerView) -> Session:
        """Hold the app's lease for something else than a pass of the files, as `rollback` does.

        The generation stays: nothing is said about what the files want. Raises LeaseHeld, LeaseLost.
        """
        self._hand_over(access, ledger.key)
        return self._session(access, ledger)

    def _lead(
        self, access: Access, desired: DesiredApp, ledger: LedgerView
    ) -> tuple[Session, LedgerView]:
        """Hold the app's lease and the newest generation, or raise."""
        session = self._session(access, ledger)
        generation = self._generation(session, desired, ledger)
        return session, replace(
            ledger,
            owner=access.member.id,
            epoch=session.head.epoch,
            sequence=session.head.sequence,
            chain_hash=session.head.chain_hash,
            generation=generation,
            desired_hash=desired.content_hash,
            commit=desired.commit,
        )

    def _refuse_to_lead(self, access: Access, desired: DesiredApp, head: Head) -> None:
        """Raise for whoever may not lead, by HEAD alone: a standby costs one read for each look."""
        self._hand_over(access, desired.key)
        self._refuse_older(desired, head)
        if head.owner not in (None, access.member.id):
            self._sessions.pop(desired.key, None)
        access.store.refuse_held(head, access.member)

    def _hand_over(self, access: Access, key: AppKey) -> None:
        wanted_by = access.member.view.wants.get(key)
        if wanted_by and wanted_by != access.member.id:
            self.release(key)
            raise LeaseHeld(
                f"{key} is handed over to {wanted_by}", holder=wanted_by, delay=HAND_OVER
            )

    def _refuse_older(self, desired: DesiredApp, head: Head) -> None:
        """Raise PermanentError for content that was current here once and is not any more.

        Before the lease is taken: who may not act must not keep those out whose files are newer.
        """
        if head.desired_hash == desired.content_hash:
            # A standby learns it too: once it takes over with a lagging copy, it must know better.
            self._generations[desired.key] = (desired.content_hash, head.generation)
            return
        known = self._generations.get(desired.key)
        problem = outdated(desired, head, *known) if known is not None else ""
        if problem:
            self.release(desired.key)
            raise PermanentError(problem)

    def _session(self, access: Access, ledger: LedgerView) -> Session:
        """Go on with the lease of the last pass while it is ours, else take it with a new epoch."""
        session = self._sessions.pop(ledger.key, None)
        lease = session.lease if session is not None else None
        ours = (access.member.id, ledger.epoch)
        if session is None or lease is None or (lease.member, lease.epoch) != ours:
            session = access.store.acquire(ledger, access.member, self.cause)
        elif ledger.owner == access.member.id:
            session.rebase(ledger)
        else:
            raise LeaseLost(f"{ledger.key} is no longer ours: {ledger.owner or 'nobody'} has it")
        self._sessions[ledger.key] = session
        return session

    def _generation(self, session: Session, desired: DesiredApp, ledger: LedgerView) -> int:
        """Raise the generation when this content is new; `_refuse_older` has let it pass."""
        if ledger.desired_hash == desired.content_hash:
            return ledger.generation
        generation = ledger.generation + 1
        entry = Entry(
            kind=EntryKind.GENERATION,
            address="",
            action="desired state changed",
            cause=desired.commit or desired.content_hash[:12],
            before=ledger.desired_hash[:12],
            after=desired.content_hash[:12],
        )
        change = HeadChange(
            generation=generation, desired_hash=desired.content_hash, commit=desired.commit
        )
        session.commit([entry], change=change)
        self._generations[desired.key] = (desired.content_hash, generation)
        return generation

    def _say_so(self, key: AppKey, status: AppStatus, done: Execution) -> AppStatus:
        """Add what the assessment cannot know: broken files and refused calls."""
        said = [self.source.problem(key), *(mask_text(str(error)) for error in done.failures)]
        message = "; ".join(text for text in [*said, status.message] if text)
        exit_code = done.failures[0].exit_code if done.failures else status.exit_code
        return replace(status, message=message, exit_code=exit_code)

    def _next_look(self, done: Execution, observed: ObservedApp, now: datetime) -> timedelta | None:
        """Soon after acting, steadily while something rolls or starts, else at the next resync.

        The end of a suspension is waited for to the second, by AWS's clock.
        """
        if done.acted:
            return SOON
        rolling = any(
            record.state is RolloutState.CONVERGING for record in observed.ledger.services.values()
        )
        rolling = self._is_filling(observed) or rolling
        changing = any(group.is_changing for group in observed.redis.values())
        draining = any(s.presence is ServicePresence.DRAINING for s in observed.services.values())
        candidates = [
            done.requeue_after,
            ROLLING if rolling else None,
            REDIS if changing else None,
            DRAINING if draining else None,
            *(s.ends_in(now) for s in observed.ledger.suspensions.values()),
        ]
        waits = [wait for wait in candidates if wait is not None]
        return min(waits) if waits else None

    def _under_way(self, observed: ObservedApp) -> bool:
        """Whether a rollout, a Redis group, a migration or the end of a service is yet to be seen.

        Of a suspended app nothing is waited for: hands off.
        """
        ledger = observed.ledger
        if ledger.suspension is not None:
            return False
        moving = [
            *(
                Address("redis", name)
                for name, group in observed.redis.items()
                if group.is_changing
            ),
            *(
                Address("service", name)
                for name, record in ledger.services.items()
                if record.state is RolloutState.CONVERGING
            ),
            *(
                Address("service", name)
                for name, live in observed.services.items()
                if live.presence is ServicePresence.DRAINING
            ),
        ]
        run = active_run(ledger)
        if run is not None and run.state.in_flight and run.state is not RunState.UNKNOWN:
            moving.append(Address("migration", run.name))
        return any(not self.only or address in self.only for address in moving)

    def _is_filling(self, observed: ObservedApp) -> bool:
        """Whether tasks are missing that ECS may yet start: scaling starts no deployment to judge."""
        missing = any(
            live.presence is ServicePresence.ACTIVE
            and live.running_count < int(live.service.get("desiredCount") or 0)
            for live in observed.services.values()
        )
        if not missing:
            self._missing_since.pop(observed.key, None)
            return False
        now = self.clock.boot_seconds()
        return now - self._missing_since.setdefault(observed.key, now) < FILLING.total_seconds()


def run_keys(desired: DesiredApp) -> list[RunKey]:
    """Return the runs that a pass needs from the ledger besides the latest and the unfinished ones."""
    return [migration.key for migration in desired.migrations]
