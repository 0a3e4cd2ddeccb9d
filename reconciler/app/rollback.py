"""`rollback`: choose what to go back to, show it, and carry it out under the app's lease."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice

from reconciler.app.act import ApplyOptions, Membership, Report
from reconciler.app.world import World
from reconciler.controller import logs
from reconciler.controller.converge import Limits, converge
from reconciler.controller.rollback import Order, Rollback, definition_of, look
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import GuardRefused, InvalidDesiredState, PermanentError, UsageError
from reconciler.model.names import Address, AppKey
from reconciler.model.observed import LedgerView
from reconciler.model.plan import Plan, Verb
from reconciler.model.release import Release
from reconciler.model.run import Run
from reconciler.model.status import AppStatus
from reconciler.plan.older_releases import completed, older_releases
from reconciler.plan.releases import Choice, Past, Point, choose, crossed
from reconciler.plan.rollback import crossing_notes, refusals, rollback_plan
from reconciler.runs.failed_tasks import failed_rollouts, rollout_story
from reconciler.settings import Settings
from reconciler.store.ledger import AppStore

MOST = 500
"""Rollouts of a service that are looked at: more than a year of two on each working day."""
ENTRIES = 4000
"""Entries of a service in the journal that are looked at, where releases were not stored yet."""


@dataclass(frozen=True)
class Wanted:
    """What the command line says: where to, of what, why, and over what."""

    number: int | None = None
    revision: str = ""
    addresses: frozenset[Address] = frozenset()
    reason: str = ""
    force: bool = False


@dataclass(frozen=True)
class BackPreview:
    """What a rollback would do. `left` says of each service that stays why it does."""

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
    point = _point(store, wanted)
    choice = _with_content(world, desired, _choice(store, desired, ledger, wanted, point))
    if not choice.releases:
        said = (
            "; ".join(f"{a}: {why}" for a, why in choice.left.items()) or "no service is declared"
        )
        raise UsageError(f"{desired.key}: there is nothing to go back to: {said}")
    runs = _crossed(store, desired, choice.releases.values(), point)
    if not wanted.force:
        _refuse_irreversible(desired.key, runs)
    before = ledger.suspension.rolled_back if ledger.suspension else {}
    order = Order(
        releases=choice.releases,
        reason=_reason(choice.releases.values(), wanted),
        by=world.place(desired).identity.arn,
        crossed=runs,
        forced=wanted.force,
        earlier=before,
    )
    aws = world.place(desired).aws
    past, observed = look(aws, world.observer(desired), desired, ledger, order)
    plan = rollback_plan(past, choice.releases, observed)
    if problems := refusals(plan):
        raise GuardRefused("; ".join(problems))
    told = _with_stories(plan, failed_rollouts(observed, aws, desired.cluster))
    noted = replace(told, notes=tuple(_notes(desired, choice, runs, point)))
    quiet = all(s.verb is Verb.NONE and s.request is None for s in plan.steps)
    return BackPreview(
        desired, order, noted, point, choice.left, quiet and dict(before) == order.targets
    )


def roll_back(
    settings: Settings, seen: BackPreview, options: ApplyOptions, on_event: Report
) -> AppStatus:
    """Suspend the app, take its services back, and watch until the rollouts have ended.

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
            found = _crossed(store, desired, seen.order.releases.values(), seen.point)
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


def _point(store: AppStore, wanted: Wanted) -> Point | None:
    if wanted.number is not None:
        entry = store.entry(wanted.number)
        if entry is None:
            raise UsageError(f"the journal of {store.key} has no entry {wanted.number}")
        return Point(number=wanted.number, at=str(entry.content.get("at", "")))
    if not wanted.revision:
        return None
    generation = store.generation_of(wanted.revision)
    if generation is None:
        raise UsageError(
            f"the journal of {store.key} knows no commit {wanted.revision}; name what was rolled out "
            "without a commit by its entry: --to N, with N of `reconciler history`"
        )
    return Point(generation=generation)


def _choice(
    store: AppStore,
    desired: DesiredApp,
    ledger: LedgerView,
    wanted: Wanted,
    point: Point | None,
) -> Choice:
    asked = [
        s.address for s in desired.services if not wanted.addresses or s.address in wanted.addresses
    ]
    pasts = {
        address: Past(
            islice(_releases(store, address, ledger), MOST), ledger.services.get(address.name)
        )
        for address in asked
    }
    begun = ledger.suspension.rolled_back if ledger.suspension else {}
    if point is None and any(str(address) in begun for address in asked):
        # A rollback is repeated to finish it, not to go one further: that would undo it.
        numbers = {a: begun.get(str(a)) for a in asked}
        begins = {a: (r for r in pasts[a].releases if r.begun == numbers[a]) for a in asked}
        found = {a: r for a, releases in begins.items() if (r := next(releases, None)) is not None}
        left = {a: "not part of the rollback that was begun" for a in asked if a not in found}
        return Choice(found, left)
    return choose(pasts, point)


def _releases(store: AppStore, address: Address, ledger: LedgerView) -> Iterator[Release]:
    """Yield the stored releases of a service and, behind them, what only the journal knows of."""
    oldest: int | None = None
    for release in store.releases(address):
        oldest = release.begun
        yield release
    record = ledger.services.get(address.name)
    if record is not None:
        entries = store.journal(limit=ENTRIES, address=str(address))
        yield from older_releases(address, entries, record, oldest)


def _with_content(world: World, desired: DesiredApp, choice: Choice) -> Choice:
    """Read the content of revisions that only the journal names."""
    aws, releases = world.place(desired).aws, dict(choice.releases)
    for address, release in choice.releases.items():
        if release.from_journal:
            arn = release.task_definition_arn
            found = definition_of(aws, desired.cluster, arn).get(arn)
            releases[address] = completed(release, found.content if found else None)
    return replace(choice, releases=releases)


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
    versions = sorted({r.commit[:7] or f"generation {r.generation}" for r in releases})
    where = f" (entry {wanted.number})" if wanted.number is not None else ""
    said = f": {wanted.reason}" if wanted.reason else ""
    return f"rolled back to {', '.join(versions)}{where}{said}"


def _notes(
    desired: DesiredApp, choice: Choice, runs: Iterable[Run], point: Point | None
) -> Iterable[str]:
    yield from (f"{address} stays: {why}" for address, why in choice.left.items())
    for address, release in choice.releases.items():
        if release.from_journal:
            yield (
                f"{address}: that rollout was made by an earlier version of reconciler, which kept its "
                "task definition alone: everything else of the service stays as it is"
            )
    if point is not None and point.generation is not None:
        for address, release in choice.releases.items():
            if release.generation != point.generation:
                version = release.commit[:7] or f"generation {release.generation}"
                yield f"{address} was not rolled out by that revision: it ran {version} then"
    yield from crossing_notes(runs)
    yield (
        f"{desired.key} is suspended until: reconciler -a {desired.key} resume; the files still say "
        f"{desired.commit[:7] or desired.content_hash[:12]}: revert them before that"
    )
