"""Verbs that change AWS, under the app's lease: apply and run."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from reconciler.app.desired import load
from reconciler.app.world import World, place_name
from reconciler.controller import logs
from reconciler.controller.attentive import Attentive
from reconciler.controller.converge import Limits, converge
from reconciler.controller.loop import Controller, Core, Options, Parts, handle_signals
from reconciler.controller.reconcile import Access, DesiredLookup, Reconciler
from reconciler.controller.verdict import Ending
from reconciler.controller.watch import FolderSource
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import GuardRefused
from reconciler.model.events import Event
from reconciler.model.names import Address, AppKey
from reconciler.model.plan import Plan
from reconciler.model.status import AppStatus
from reconciler.plan.digest import digest_of
from reconciler.runs import diagnosis
from reconciler.runs.failed_tasks import rollout_story
from reconciler.settings import Settings
from reconciler.source.folder import load_folder
from reconciler.store.members import Member

Report = Callable[[Event], None]


@dataclass(frozen=True)
class ApplyOptions:
    """How `apply` acts. `wait` bounds waiting for the lease, `timeout` everything together."""

    prune: bool = False
    no_wait: bool = False
    wait: timedelta = timedelta(minutes=2)
    timeout: timedelta | None = None
    reason: str = ""
    addresses: frozenset[Address] = frozenset()
    digest: str = ""
    """Of the saved plan that is to be carried out (`plan.digest`), empty for the plan as it is now."""


def apply(
    settings: Settings, desired: DesiredApp, *, options: ApplyOptions, on_event: Report
) -> AppStatus:
    """Converge one app under its lease, then give the lease back.

    The files are read again once the lease is held: GuardRefused when they are no longer what was
    shown, or when a saved plan is not the plan any more. Raises LeaseHeld (another member did not hand
    over in time), TimedOut, AwsError.
    """
    logs.configure(settings.log_format, verbose=settings.verbose, quiet=settings.quiet)
    source = Checked(settings, desired)
    wants = () if options.no_wait else (desired.key,)
    with Membership(settings, wants) as ours:
        reconciler = ours.reconciler(source, on_event)
        reconciler.prune, reconciler.only = options.prune, options.addresses
        reconciler.cause = f"apply: {options.reason}" if options.reason else "apply"
        reconciler.approve = _Approval(options)
        reconciler.begins = frozenset()
        lease = timedelta(0) if options.no_wait else options.wait
        try:
            return converge(
                desired.key,
                reconciler.reconcile,
                ours.world.clock,
                Limits(lease, options.timeout),
                on_event,
            )
        finally:
            reconciler.release(desired.key)


@dataclass
class _Approval:
    """Lets the first plan pass only if it is the saved one; those that follow are its consequences."""

    options: ApplyOptions
    given: bool = False

    def __call__(self, plan: Plan) -> None:
        """Raise GuardRefused for another plan than the one that was saved."""
        options = self.options
        if (
            options.digest
            and not self.given
            and digest_of(plan, options.addresses) != options.digest
        ):
            raise GuardRefused(stale(plan.key))
        self.given = True


def stale(key: AppKey) -> str:
    """Say that a saved plan is old."""
    return (
        f"the saved plan of {key} is not the plan any more: the files or what is live moved since. "
        "Look at a new one: reconciler diff --out FILE"
    )


@dataclass
class Checked:
    """The desired state that was shown to the user, as long as the files still say it."""

    settings: Settings
    shown: DesiredApp

    def desired(self, key: AppKey) -> DesiredApp:
        """Return them; raises GuardRefused when they say something else by now."""
        now = load(self.settings).apps.get(key)
        if now is None or now.content_hash != self.shown.content_hash:
            raise GuardRefused(
                f"the files of {key} changed since the plan was shown: look at the new plan first"
            )
        return now

    def problem(self, _: AppKey) -> str:
        """Say nothing: broken files are an error of `desired`."""
        return ""


@dataclass
class Membership:
    """A process that may hold leases: the world, the heartbeat, and the way out."""

    settings: Settings
    wants: Collection[AppKey] = ()

    def __post_init__(self) -> None:
        """Open the world; no place of it yet."""
        self.world = World(self.settings, acting=True)
        chance = random.Random()  # noqa: S311 - spreads retries, guards no secret
        self.core = Core.make(
            self.world.clock, chance.random, lambda place: self.world.member(place, self.wants)
        )

    def __enter__(self) -> Self:
        """Go on as this."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave: what is held is given back."""
        for _error in self.core.memberships.end():
            pass  # others take over when the heartbeat is missed

    def open(self, desired: DesiredApp) -> Access:
        """Open an app for a pass, under the incarnation that is a member now."""
        place = self.world.place(desired)
        member = self.core.memberships.member(desired.key, place_name(desired))
        if not isinstance(member, Member):  # the factory above makes nothing else
            raise TypeError(type(member).__name__)
        return Access(
            place.aws, place.tables, self.world.store(desired), member, self.world.observer(desired)
        )

    def reconciler(self, source: DesiredLookup, report: Report) -> Reconciler:
        """Make the thing that does passes."""

        def go_on(key: AppKey) -> bool:
            self.core.progress.stamp(key)
            return not self.core.draining.is_set()

        return Reconciler(
            source,
            self.open,
            self.world.clock,
            report,
            go_on=go_on,
            explain=diagnosis.story,
            explain_rollout=rollout_story,
        )


def run(
    settings: Settings,
    *,
    workers: int = 4,
    until_converged: bool = False,
    timeout: timedelta | None = None,
    on_event: Report,
) -> Ending:
    """Be the controller until told to stop, or until everything has converged."""
    logs.configure(settings.log_format, verbose=settings.verbose, quiet=settings.quiet)
    ours = Membership(settings)
    source = FolderSource(settings.directory, load_folder, ours.world.clock)
    reconciler = ours.reconciler(source, on_event)
    if until_converged:
        reconciler.begins = frozenset()
    options = Options(
        workers=workers,
        resync=settings.resync,
        drain=settings.drain_timeout,
        until_converged=until_converged,
        timeout=timeout,
    )
    attentive = Attentive(reconciler, settings.resync)
    parts = Parts(source, attentive.reconcile, reconciler.release, on_event)
    controller = Controller(ours.core, parts, options)
    with handle_signals(controller):
        return controller.run()
