"""What a rollback goes back to: read from the ledger, chosen by `plan.releases`.

Called by `app.rollback`. Only reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from reconciler.app.world import World
from reconciler.controller.rollback import definition_of
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import UsageError
from reconciler.model.names import Address
from reconciler.model.observed import LedgerView
from reconciler.model.release import Release
from reconciler.plan.older_releases import completed, older_releases
from reconciler.plan.releases import Choice, Past, Point, choose, past_of_job, past_of_service
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


def point_of(store: AppStore, wanted: Wanted) -> Point | None:
    """Return the place in the past that is named, None for the last rollout. Raises UsageError."""
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


@dataclass(frozen=True)
class Pasts:
    """What services and jobs were, as far as it is asked for; `others` are jobs that nobody asked about."""

    services: Mapping[Address, Past]
    jobs: Mapping[Address, Past]
    others: Mapping[Address, Past]


def choice_of(
    world: World, desired: DesiredApp, ledger: LedgerView, wanted: Wanted, point: Point | None
) -> Choice:
    """Return what each service and job goes back to, and what becomes of the other jobs."""
    pasts = _pasts(world.store(desired), desired, ledger, wanted)
    choice = _again(pasts, ledger) if point is None else None
    if choice is None:
        choice = _anew(pasts, ledger, point, by_name=bool(wanted.addresses))
    jobs = {**pasts.jobs, **pasts.others}
    now = {address: past.now for address, past in jobs.items() if past.now is not None}
    known = {address for address, release in now.items() if not release.is_gone}
    known |= {*pasts.services, *(job.address for job in desired.jobs)}
    left = {address: why for address, why in choice.left.items() if address in known}
    return _with_content(world, desired, replace(choice, left=left, now=now))


def _pasts(store: AppStore, desired: DesiredApp, ledger: LedgerView, wanted: Wanted) -> Pasts:
    """Return the pasts of all services and jobs, those that the files have no more among them."""

    def is_asked(address: Address) -> bool:
        return not wanted.addresses or address in wanted.addresses

    services = [service.address for service in desired.services if is_asked(service.address)]
    jobs = {job.address for job in desired.jobs} | {Address("job", name) for name in ledger.jobs}
    found = {a: past_of_job(islice(store.releases(a), MOST)) for a in sorted(jobs)}
    return Pasts(
        {
            a: past_of_service(
                islice(_releases(store, a, ledger), MOST), ledger.services.get(a.name)
            )
            for a in services
        },
        {address: past for address, past in found.items() if is_asked(address)},
        {address: past for address, past in found.items() if not is_asked(address)},
    )


def _again(pasts: Pasts, ledger: LedgerView) -> Choice | None:
    """Return what the rollback that was begun goes to, None when this is about something else.

    A rollback is repeated to finish it, not to go one further: that would undo it.
    """
    suspension = ledger.suspension
    asked = {**pasts.services, **pasts.jobs}
    begun = suspension.rolled_back if suspension else {}
    if suspension is None or not any(str(address) in begun for address in asked):
        return None
    numbers = {address: begun.get(str(address)) for address in asked}
    found = {a: r for a, past in asked.items() if (r := _begun_with(past, numbers[a])) is not None}
    left = {a: "not part of the rollback that was begun" for a in asked if a not in found}
    return Choice(found, left, ledger.released_jobs)


def _begun_with(past: Past, number: int | None) -> Release | None:
    """Return the release that began with an entry of the journal; reads no further back."""
    return next((release for release in past.releases if release.begun == number), None)


def _anew(pasts: Pasts, ledger: LedgerView, point: Point | None, *, by_name: bool) -> Choice:
    """Choose; and say of the jobs that are not asked about whether they go on."""
    suspension = ledger.suspension
    if suspension is not None and not suspension.rolled_back:
        # Somebody had said that nothing starts: a job does so only if it is named.
        choice = choose(pasts.services, pasts.jobs if by_name else {}, point)
        at_rest = {} if by_name else dict.fromkeys(pasts.jobs, "the app was suspended before")
        return replace(choice, left={**choice.left, **at_rest}, going_on={})
    choice = choose(pasts.services, pasts.jobs, point)
    if suspension is None:
        others = {a: p.now for a, p in pasts.others.items() if p.now and not p.now.is_gone}
    else:
        others = {a: r for a, r in ledger.released_jobs.items() if a not in pasts.jobs}
    return replace(choice, going_on={**others, **choice.going_on})


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
