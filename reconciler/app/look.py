"""Verbs that only read: preview, status, doctor. They write nothing, the tables included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.app.world import World
from reconciler.controller.operator import as_of
from reconciler.controller.planning import checked_plan
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import ReconcilerError
from reconciler.model.finding import Finding
from reconciler.model.observed import LedgerView, ObservedApp
from reconciler.model.plan import Plan
from reconciler.model.status import AppStatus
from reconciler.plan.assess import assess
from reconciler.plan.lookups import filled
from reconciler.resources import policy
from reconciler.resources.preflight import doctor as preflight
from reconciler.settings import Settings


@dataclass(frozen=True)
class Preview:
    """A plan and what it was made of."""

    desired: DesiredApp
    observed: ObservedApp
    plan: Plan
    status: AppStatus


def preview(settings: Settings, desired: DesiredApp, *, prune: bool = False) -> Preview:
    """Plan without touching anything: only reads, of AWS and of the tables."""
    return preview_in(World(settings), desired, prune=prune)


def preview_in(world: World, desired: DesiredApp, *, prune: bool = False) -> Preview:
    """Plan in a world that is open already, for who looks again and again."""
    aws = world.place(desired).aws
    ledger = as_of(world.ledger(desired), aws.now())
    observer = world.observer(desired)
    observed = observer.observe(aws, desired, ledger)
    desired = filled(desired, observed.lookups, observed.ledger.lookups)
    observed, plan = checked_plan(observer, aws, desired, observed, prune=prune)
    return Preview(desired, observed, plan, assess(desired, observed, plan))


@dataclass(frozen=True)
class StatusReport:
    """What `status` shows: the plan as of now and what the controller last stored."""

    desired: DesiredApp
    observed: ObservedApp
    plan: Plan
    status: AppStatus
    holder: str

    @property
    def ledger(self) -> LedgerView:
        """The snapshot of our own tables."""
        return self.observed.ledger


def status(settings: Settings, desired: DesiredApp) -> StatusReport:
    """Look at an app now."""
    seen = preview(settings, desired)
    ledger = seen.observed.ledger
    holder = f"{ledger.owner} (epoch {ledger.epoch})" if ledger.owner else ""
    return StatusReport(seen.desired, seen.observed, seen.plan, seen.status, holder)


def doctor(settings: Settings, desired_apps: Sequence[DesiredApp]) -> list[Finding]:
    """Check credentials, tables and permissions, and everything that each app's files name."""
    world = World(settings)
    return [
        check
        for desired in desired_apps
        for check in preflight.check_app(
            world.door(desired.region), desired, world.registry, _pins(world, desired)
        )
    ]


def _pins(world: World, desired: DesiredApp) -> Mapping[str, str]:
    """Return what tags are pinned to; nothing where the ledger cannot be read: the checks say why."""
    try:
        return world.ledger(desired).pins
    except ReconcilerError:
        return {}


def iam_policy(
    desired_apps: Sequence[DesiredApp], role: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the least policy for what the files name, and the parts that IAM takes; asks AWS nothing."""
    whole = policy.least_policy(desired_apps, policy.Role(role))
    return whole, policy.in_parts(whole)
