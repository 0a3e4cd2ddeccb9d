"""What each service and each job goes back to, and which migrations lie in between. Pure.

Called by `app.rollback`. The database never goes back, so what was run since is told, or refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from reconciler.model.names import Address
from reconciler.model.observed import ServiceRecord
from reconciler.model.plan import STARTS_TASKS
from reconciler.model.release import Release
from reconciler.model.run import Run, RunKind, RunState
from reconciler.plan.canonical import canonical_json
from reconciler.plan.normal import normal
from reconciler.shapes.effects import service_effect
from reconciler.shapes.tables import SERVICE

_LEFT_ALONE = "the last rollout left it as it was"


@dataclass(frozen=True)
class Point:
    """A place in the journal's past: an entry's number, or the last one of a generation.

    `at` is AWS's time of the entry, empty for a generation.
    """

    number: int | None = None
    generation: int | None = None
    at: str = ""


@dataclass(frozen=True)
class Past:
    """What a resource was, the newest first, read as far as needed; and what it is meant to be now."""

    releases: Iterable[Release]
    now: Release | None


def past_of_service(releases: Iterable[Release], record: ServiceRecord | None) -> Past:
    """Return a service's past; what it is now its record says: a rollout may not have ended yet."""
    if record is None:
        return Past(releases, None)
    address, arn = Address("service", record.name), record.task_definition_arn
    now = Release(address, record.begun, record.generation, record.commit, "", arn, record.applied)
    return Past(releases, now)


def past_of_job(releases: Iterable[Release]) -> Past:
    """Return a job's past; its newest release is what it is now."""
    older = iter(releases)
    now = next(older, None)
    return Past(() if now is None else chain((now,), older), now)


@dataclass(frozen=True)
class Choice:
    """What was chosen: the releases to go to, and for each resource left alone the reason.

    `going_on` are jobs that do not go back, and whose runs go on from these; `now` are the releases that
    the runs of all jobs start from before.
    """

    releases: Mapping[Address, Release]
    left: Mapping[Address, str]
    going_on: Mapping[Address, Release] = field(default_factory=dict)
    now: Mapping[Address, Release] = field(default_factory=dict)


def choose(
    services: Mapping[Address, Past], jobs: Mapping[Address, Past], point: Point | None
) -> Choice:
    """Choose a release for each: what it was at `point`, else before the last rollout.

    Several services roll out together with one generation; those that the last generation to roll
    any of them left as they were stay. Jobs follow them; without services they are chosen as these are.
    """
    if point is not None:
        return _at_point({**services, **jobs}, point)
    chosen, newest = _before_the_last(services or jobs)
    if not services or not chosen.releases:
        return chosen
    # Rolled twice by one generation, as by a look-up: that took no job along.
    limit = newest if all(r.generation < newest for r in chosen.releases.values()) else newest + 1
    beside = _before(jobs, limit)
    return Choice(
        {**chosen.releases, **beside.releases}, {**chosen.left, **beside.left}, beside.going_on
    )


def _at_point(pasts: Mapping[Address, Past], point: Point) -> Choice:
    found = {address: _at(past, point) for address, past in pasts.items()}
    left = {a: "there was no rollout of it yet" for a, r in found.items() if r is None}
    left |= {a: "the files did not have it then" for a, r in found.items() if r and r.is_gone}
    return Choice({a: r for a, r in found.items() if r and not r.is_gone}, left)


def _before_the_last(pasts: Mapping[Address, Past]) -> tuple[Choice, int]:
    """Choose what each was before the newest generation that rolled any of them; return that one, too."""
    since = {address: _began(past) for address, past in pasts.items()}
    newest = max((generation for generation, _ in since.values()), default=0)
    releases, left, going_on = {}, {}, {}
    for address, (generation, before) in since.items():
        now = pasts[address].now
        if now is None:
            left[address] = "the ledger knows of no rollout of it"
        elif generation < newest:
            left[address] = _LEFT_ALONE
            going_on[address] = now
        elif before is None or before.is_gone:
            left[address] = "no earlier rollout that ended well is remembered: go back in git"
        else:
            releases[address] = before
    jobs = {a: r for a, r in going_on.items() if a.kind == RunKind.JOB and not r.is_gone}
    return Choice(releases, left, jobs), newest


def _before(jobs: Mapping[Address, Past], limit: int) -> Choice:
    """Choose for jobs what they were before a generation: the one whose services are taken back."""
    releases, left, going_on = {}, {}, {}
    for address, past in jobs.items():
        if past.now is None:
            left[address] = "what it was is not remembered"
        elif past.now.generation < limit and not past.now.is_gone:
            left[address] = _LEFT_ALONE
            going_on[address] = past.now
        elif past.now.generation >= limit:
            before = next((r for r in past.releases if r.generation < limit), None)
            if before is None or before.is_gone:
                left[address] = "it came with what is taken back"
            else:
                releases[address] = before
    return Choice(releases, left, going_on)


def crossed(runs: Iterable[Run], releases: Iterable[Release], point: Point | None) -> list[Run]:
    """Return the runs that succeeded after what is gone back to, oldest first.

    Times are AWS's. A migration of the same generation, run `after` the services, is not crossed.
    """
    pairs = [_limit(release, point) for release in releases]
    found = [
        run
        for run in runs
        if run.state is RunState.SUCCEEDED
        and any(
            run.generation > generation
            and (not at or run.settled_at is None or run.settled_at > datetime.fromisoformat(at))
            for generation, at in pairs
        )
    ]
    return sorted(found, key=lambda run: (run.name, run.ordinal))


def _limit(release: Release, point: Point | None) -> tuple[int, str]:
    """Return the generation and the time behind which a run counts as crossed."""
    if point is None:
        return release.generation, release.at
    if point.generation is not None:
        return point.generation, ""
    return release.generation, point.at


def _at(past: Past, point: Point) -> Release | None:
    if point.generation is not None:
        return _of_generation(past.releases, point.generation)
    return next((r for r in past.releases if r.begun <= (point.number or 0)), None)


def _of_generation(releases: Iterable[Release], generation: int) -> Release | None:
    """Return the newest release of the generation, else of the one before that has any."""
    best: Release | None = None
    for release in releases:
        if release.generation == generation:
            return release
        if release.generation < generation and (
            best is None or release.generation > best.generation
        ):
            best = release
    return best


def _began(past: Past) -> tuple[int, Release | None]:
    """Return the generation that brought what is wanted now, and the rollout before that one."""
    if past.now is None:
        return 0, None
    now, generation = rolled(past.now), past.now.generation
    for release in past.releases:
        if rolled(release) != now:
            return generation, release
        generation = release.generation
    return generation, None


def rolled(release: Release) -> str:
    """Return what makes a rollout another one: the revision, and the fields that start new tasks.

    A count, a grace period, a default that is written out now: they roll nothing. Of a job each word.
    """
    if release.address.kind == RunKind.JOB:
        return canonical_json(release.applied)
    service = normal(dict(release.applied.get(SERVICE, {})), SERVICE)
    starting = {k: v for k, v in service.items() if service_effect(k).effect in STARTS_TASKS}
    return canonical_json([release.task_definition_arn, starting])
