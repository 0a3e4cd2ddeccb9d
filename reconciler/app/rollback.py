"""`rollback`: choose what to go back to, show it, and carry it out under the app's lease."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from reconciler.app.act import ApplyOptions, Membership, Report
from reconciler.app.rollback_choice import Wanted, choice_of, point_of
from reconciler.app.world import World
from reconciler.controller import logs
from reconciler.controller.converge import Limits, converge
from reconciler.controller.rollback import Order, Rollback, look
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import GuardRefused, InvalidDesiredState, PermanentError, UsageError
from reconciler.model.names import Address, AppKey
from reconciler.model.observed import LedgerView
from reconciler.model.plan import Plan, Verb
from reconciler.model.release import Release
from reconciler.model.run import Run, RunKind
from reconciler.model.status import AppStatus
from reconciler.plan.releases import Choice, Point, crossed
from reconciler.plan.rollback import crossing_notes, refusals, rollback_plan
from reconciler.runs.failed_tasks import failed_rollouts, rollout_story
from reconciler.settings import Settings
from reconciler.store.ledger import AppStore


@dataclass(frozen=True)
class BackPreview:
    """What a rollback would do. `left` says of each service and job that does not go back why."""

    desired: DesiredApp
    order: Order
    plan: Plan
    point: Point | None
    left: Mapping[Address, str]
    is_done: bool
    """Whether a rollback to just this was carried out already."""


def preview(settings: Settings, desired: DesiredApp, wanted: Wanted) -> BackPreview:
    """Say what a rollback would do; reads only.

    Raises UsageError where there is nothing to go back to, GuardRefused for what must not or cannot
    go back: an irreversible migration in between without `force`, a deregistered task definition.
    """
    world = World(settings)
    store, ledger = world.store(desired), world.ledger(desired)
    if not ledger.tables_exist:
        raise PermanentError(f"{desired.key} has no ledger yet: nothing was rolled out")
    point = point_of(store, wanted)
    choice = choice_of(world, desired, ledger, wanted, point)
    if not choice.releases:
        said = (
            "; ".join(f"{a}: {why}" for a, why in choice.left.items()) or "no service is declared"
        )
        raise UsageError(f"{desired.key}: there is nothing to go back to: {said}")
    runs = _crossed(store, desired, _leading(choice.releases), point)
    if not wanted.force:
        _refuse_irreversible(desired.key, runs)
    before = ledger.suspension.rolled_back if ledger.suspension else {}
    jobs = {a: r for a, r in choice.releases.items() if a.kind == RunKind.JOB}
    order = Order(
        releases=choice.releases,
        reason=_reason(_leading(choice.releases), wanted),
        by=world.place(desired).identity.arn,
        crossed=runs,
        forced=wanted.force,
        earlier={a: n for a, n in before.items() if _still_holds(a, n, choice)},
        jobs={**choice.going_on, **jobs},
        now=choice.now,
    )
    aws = world.place(desired).aws
    past, observed = look(aws, world.observer(desired), desired, ledger, order)
    plan = rollback_plan(past, choice.releases, observed, now=choice.now)
    if problems := refusals(plan):
        raise GuardRefused("; ".join(problems))
    told = _with_stories(plan, failed_rollouts(observed, aws, desired.cluster))
    noted = replace(told, notes=tuple(_notes(desired, choice, runs, point)))
    quiet = all(s.verb is Verb.NONE and s.request is None for s in plan.steps)
    is_done = quiet and order.stands_in(ledger.suspension)
    return BackPreview(desired, order, noted, point, choice.left, is_done)


def roll_back(
    settings: Settings, seen: BackPreview, options: ApplyOptions, on_event: Report
) -> AppStatus:
    """Suspend the app, take its services and jobs back, and watch until the rollouts have ended.

    The lease is given back at the end; the suspension stays. Raises GuardRefused when a migration
    succeeded since the rollback was shown, LeaseHeld, TimedOut, AwsError.
    """
    logs.configure(settings.log_format, verbose=settings.verbose, quiet=settings.quiet)
    desired = seen.desired
    with Membership(settings, () if options.no_wait else (desired.key,)) as ours:
        reconciler = ours.reconciler(_Unread(), on_event)
        reconciler.cause = "rollback"

        def recheck(_: LedgerView) -> None:
            store = ours.world.store(desired)
            found = _crossed(store, desired, _leading(seen.order.releases), seen.point)
            shown = {run.item_key for run in seen.order.crossed}
            if fresh := [run for run in found if run.item_key not in shown]:
                raise GuardRefused(
                    f"{_named(fresh)} succeeded since the rollback was shown: look at it again first"
                )

        back = Rollback(
            desired,
            seen.order,
            ours.open,
            reconciler.hold,
            ours.world.clock,
            on_event,
            recheck,
            explain_rollout=rollout_story,
        )
        limits = Limits(timedelta(0) if options.no_wait else options.wait, options.timeout)
        try:
            return converge(desired.key, back.take_back, ours.world.clock, limits, on_event)
        finally:
            reconciler.release(desired.key)


class _Unread:
    """The files are not what a rollback carries out: nobody asks for them."""

    def desired(self, _: AppKey) -> DesiredApp:
        raise InvalidDesiredState([])

    def problem(self, _: AppKey) -> str:
        return ""


def _leading(releases: Mapping[Address, Release]) -> list[Release]:
    """Return what the version is told by that is gone back to: the services, where any goes back.

    A job that went along may not have changed for long; it ran beside the same schema as they did.
    """
    services = [r for a, r in releases.items() if a.kind != RunKind.JOB]
    return services or list(releases.values())


def _still_holds(address: str, begun: int, choice: Choice) -> bool:
    """Say whether what an earlier rollback put back stays: a service does, a job unless chosen anew."""
    job = Address.parse(address)
    kept = choice.going_on.get(job)
    return job.kind != RunKind.JOB or (kept is not None and kept.begun == begun)


def _crossed(
    store: AppStore, desired: DesiredApp, releases: Iterable[Release], point: Point | None
) -> list[Run]:
    declared = {(m.name, m.revision) for m in desired.migrations if m.irreversible}
    return [
        replace(run, irreversible=run.irreversible or (run.name, run.revision) in declared)
        for run in crossed(store.runs(), releases, point)
    ]


def _refuse_irreversible(key: AppKey, runs: Iterable[Run]) -> None:
    if final := [run for run in runs if run.irreversible]:
        raise GuardRefused(
            f"{key} must not go back behind {_named(final)}: declared irreversible, the older code "
            "cannot work with the database as it is. If you know better: --force"
        )


def _with_stories(plan: Plan, stories: Mapping[Address, Sequence[str]]) -> Plan:
    """Say below a service whose last rollout failed why it did: that is what it leaves."""
    steps = [replace(s, notes=(*s.notes, *stories.get(s.address, ()))) for s in plan.steps]
    return replace(plan, steps=tuple(steps))


def _named(runs: Iterable[Run]) -> str:
    return ", ".join(f"migration/{run.name} {run.revision}" for run in runs)


def _reason(releases: Iterable[Release], wanted: Wanted) -> str:
    versions = sorted({release.version for release in releases})
    where = f" (entry {wanted.number})" if wanted.number is not None else ""
    said = f": {wanted.reason}" if wanted.reason else ""
    return f"rolled back to {', '.join(versions)}{where}{said}"


def _notes(
    desired: DesiredApp, choice: Choice, runs: Iterable[Run], point: Point | None
) -> Iterable[str]:
    for address, why in choice.left.items():
        at_rest = address.kind == RunKind.JOB and address not in choice.going_on
        yield f"{address} {'starts no run' if at_rest else 'stays'}: {why}"
    for address, release in choice.releases.items():
        if release.from_journal:
            yield (
                f"{address}: that rollout was made by an earlier version of reconciler, which kept its "
                "task definition alone: everything else of the service stays as it is"
            )
    if point is not None and point.generation is not None:
        for address, release in choice.releases.items():
            if release.generation != point.generation:
                yield f"{address} was not rolled out by that revision: it ran {release.version} then"
    yield from crossing_notes(runs)
    yield (
        f"{desired.key} is suspended until: reconciler -a {desired.key} resume; the files still say "
        f"{desired.commit[:7] or desired.content_hash[:12]}: revert them before that"
    )
