"""Verbs that only read: preview, status, doctor. They write nothing, the tables included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from reconciler.app.world import World
from reconciler.controller.operator import as_of
from reconciler.controller.planning import checked_plan
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import ReconcilerError
from reconciler.model.finding import Finding
from reconciler.model.names import Address
from reconciler.model.observed import LedgerView, ObservedApp
from reconciler.model.plan import Plan
from reconciler.model.run import Run, RunKey, RunKind, RunState
from reconciler.model.status import AppStatus, Health
from reconciler.plan.assess import assess
from reconciler.plan.job_release import rolled_back
from reconciler.plan.job_steps import last_failure
from reconciler.plan.lookups import filled
from reconciler.plan.subject import how_to_release
from reconciler.resources import policy
from reconciler.resources.preflight import doctor as preflight
from reconciler.runs.diagnosis import explain
from reconciler.runs.failed_tasks import failed_rollouts
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
    desired = rolled_back(desired, ledger)
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
    diagnoses: Mapping[Address, Sequence[str]] = field(default_factory=dict)
    """Of what failed or is unknown: why, in lines, and what to type next."""

    @property
    def ledger(self) -> LedgerView:
        """The snapshot of our own tables."""
        return self.observed.ledger


def status(settings: Settings, desired: DesiredApp) -> StatusReport:
    """Look at an app now; what failed is looked at more closely."""
    world = World(settings)
    seen = preview_in(world, desired)
    ledger = seen.observed.ledger
    holder = f"{ledger.owner} (epoch {ledger.epoch})" if ledger.owner else ""
    diagnoses = _diagnoses(world, seen)
    return StatusReport(seen.desired, seen.observed, seen.plan, seen.status, holder, diagnoses)


def _diagnoses(world: World, seen: Preview) -> Mapping[Address, Sequence[str]]:
    """Say why rollouts and runs failed; where none has, nothing is asked."""
    desired, rows = seen.desired, seen.status.resources
    aws = world.place(desired).aws
    found = {
        address: [f"{address}: {first}", *rest]
        for address, (first, *rest) in failed_rollouts(seen.observed, aws, desired.cluster).items()
    }
    for row in rows:
        if row.address in found and row.health is Health.HELD:
            found[row.address].append(f"  {how_to_release(desired.key, str(row.address))}")
    for run in _failed_runs(world, seen):
        found.setdefault(run.address, []).extend(explain(run, aws, desired.key).lines())
    return found


def _failed_runs(world: World, seen: Preview) -> list[Run]:
    """Return the runs that the status speaks of, as far as they failed or are unknown."""
    ledger = seen.observed.ledger
    rows = {row.address: row.revision for row in seen.status.resources}
    failed = [
        RunKey(RunKind.JOB, name, occurrence)
        for name, record in ledger.jobs.items()
        if Address(RunKind.JOB, name) in rows and (occurrence := last_failure(record))
    ]
    known = {run.item_key: run for run in world.store(seen.desired).these_runs(failed)}
    return [
        run
        for name, run in sorted({**ledger.runs, **known}.items())
        if run.state in (RunState.FAILED, RunState.UNKNOWN)
        and (rows.get(run.address) in ("", run.revision) or name == ledger.active_run)
    ]


def doctor(settings: Settings, desired_apps: Sequence[DesiredApp]) -> list[Finding]:
    """Check credentials, tables and permissions, and everything that each app's files name."""
    world, found = World(settings), []
    silent: dict[str, Finding] = {}
    for desired in desired_apps:
        if desired.region in silent:  # who we are was not answered there: it is not asked again
            found.append(replace(silent[desired.region], key=desired.key))
            continue
        aws, pins = world.door(desired.region), partial(_pins, world, desired)
        checks = preflight.check_app(aws, desired, world.registry, pins)
        if failure := preflight.unanswered(checks):
            silent[desired.region] = failure
        found += checks
    return found


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
