"""Which earlier rollout a service goes back to, and which migrations lie in between. Pure.

Called by `app.rollback`. The database never goes back, so what was run since is told, or refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.model.names import Address
from reconciler.model.observed import ServiceRecord
from reconciler.model.plan import STARTS_TASKS
from reconciler.model.release import Release
from reconciler.model.run import Run, RunState
from reconciler.plan.canonical import canonical_json
from reconciler.plan.normal import normal
from reconciler.shapes.effects import service_effect
from reconciler.shapes.tables import SERVICE


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
    """A service's releases, the newest first, read as far as needed; and what is remembered of it now."""

    releases: Iterable[Release]
    record: ServiceRecord | None


@dataclass(frozen=True)
class Choice:
    """What was chosen: the releases to go to, and for each service left alone the reason."""

    releases: Mapping[Address, Release]
    left: Mapping[Address, str]


def choose(pasts: Mapping[Address, Past], point: Point | None) -> Choice:
    """Choose a release for each service: what it was at `point`, else before the last rollout.

    Several services roll out together with one generation; those that the last generation to roll
    any of them left as they were stay.
    """
    if point is not None:
        found = {address: _at(past, point) for address, past in pasts.items()}
        left = {a: "there was no rollout of it yet" for a, r in found.items() if r is None}
        return Choice({a: r for a, r in found.items() if r is not None}, left)
    since = {address: _began(past) for address, past in pasts.items()}
    newest = max((generation for generation, _ in since.values()), default=0)
    releases: dict[Address, Release] = {}
    left = {}
    for address, (generation, before) in since.items():
        if pasts[address].record is None:
            left[address] = "the ledger knows of no rollout of it"
        elif generation < newest:
            left[address] = "the last rollout left it as it was"
        elif before is None:
            left[address] = "no earlier rollout that ended well is remembered: go back in git"
        else:
            releases[address] = before
    return Choice(releases, left)


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
    if past.record is None:
        return 0, None
    now = rolled(past.record.applied, past.record.task_definition_arn)
    generation = past.record.generation
    for release in past.releases:
        if rolled(release.applied, release.task_definition_arn) != now:
            return generation, release
        generation = release.generation
    return generation, None


def rolled(applied: Mapping[str, Any], arn: str) -> str:
    """Return what makes a rollout another one: the revision, and the fields that start new tasks.

    A count, a grace period, a default that is written out now: they roll nothing.
    """
    service = normal(dict(applied.get(SERVICE, {})), SERVICE)
    starting = {k: v for k, v in service.items() if service_effect(k).effect in STARTS_TASKS}
    return canonical_json([arn, starting])
