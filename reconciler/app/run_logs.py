"""The log of a run: as far as it goes by now, or followed to the run's end. Behind every verb `logs`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.app import one_off
from reconciler.app.known import check_name
from reconciler.app.outcome import Outcome, outcome_of
from reconciler.app.world import World
from reconciler.controller.audience import Audience
from reconciler.controller.following import Followed, Following
from reconciler.controller.one_off import OneOffs, Place
from reconciler.controller.run_output import pass_on
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import PermanentError, UsageError
from reconciler.model.job import occurrence_by_hand, occurrence_named
from reconciler.model.observed import LedgerView
from reconciler.model.run import Run, RunKey, RunKind
from reconciler.runs.outcome import UNKNOWN
from reconciler.settings import Settings


@dataclass(frozen=True)
class Excerpt:
    """How much of a log: the last so many lines, or all; what there is by now, or on to the run's end.

    Of a run that was tried again: of which attempt, otherwise of the newest.
    """

    last: int | None = None
    follow: bool = False
    attempt: int | None = None


def run_log(  # noqa: PLR0913 - which run, and how
    settings: Settings,
    desired: DesiredApp,
    kind: RunKind,
    name: str,
    revision: str | None,
    *,
    excerpt: Excerpt,
    audience: Audience,
) -> Outcome | None:
    """Pass on the log of a run of a job or migration: of `revision`, else of the newest one.

    Returns how the run stands, None when it was left before it began. Reads only. Raises UsageError for
    a name or a run that the ledger does not know, PermanentError for a log that cannot be read here,
    AwsError.
    """
    world = World(settings)
    aws = world.place(desired).aws
    check_name(desired, kind, name, lambda: world.ledger(desired))
    runs = world.store(desired).runs(kind, name)
    if revision is not None and kind is RunKind.JOB:
        revision = occurrence_named(revision)
    run = next((run for run in runs if revision in (None, run.revision)), None)
    key = RunKey(kind, name, revision or "") if run is None else run.key
    if run is None and not is_asked_for(world.ledger(desired), key):
        raise UsageError(_nothing_of(key, has_others=bool(runs)))
    if run is None and not excerpt.follow:
        raise UsageError(f"{key.which} of {key.address} has not begun yet: -f waits for it")
    newest, run = run, _attempt(run, excerpt.attempt)
    if run is not None and (run is not newest or not excerpt.follow):
        pass_on(aws, run, audience, excerpt.last)
        return outcome_of(run, aws, desired.key)
    place = one_off.place_of(world, desired)
    coming = _Coming(key, audience)
    following = Following(place, key, audience, drive=coming.look, last=excerpt.last)
    return left(following.to_the_end(), place)


def _attempt(run: Run | None, number: int | None) -> Run | None:
    """Return the run as of an attempt, if one is asked for. Raises UsageError when it is not known."""
    if run is None or number is None:
        return run
    found = run.as_of(number)
    if found is None:
        known = ", ".join(str(past.number) for past in run.past)
        there = f"{known} and {run.attempt}" if known else str(run.attempt)
        raise UsageError(
            f"{run.address} {run.which}: no attempt {number} has a task; there is {there}"
        )
    return found


def task_log(
    settings: Settings, desired: DesiredApp, name: str, excerpt: Excerpt, audience: Audience
) -> Outcome:
    """Pass on the log of a one-off task; one that is followed is driven to its end, as by `task run`.

    Raises UsageError for a task that the ledger does not know, PermanentError for a log that cannot be
    read here, AwsError.
    """
    world = World(settings)
    found = one_off.find(one_off.runs_of(world, desired), name)
    place = one_off.place_of(world, desired)
    runs: Sequence[Run] = ()
    if excerpt.follow:
        runs = OneOffs(place, {found.key: None}, audience, last=excerpt.last).follow()
    else:
        pass_on(place.aws, found, audience, excerpt.last)
    return outcome_of(runs[0] if runs else found, place.aws, desired.key)


def left(followed: Followed, place: Place) -> Outcome | None:
    """Return how a followed run stands; ECS's word counts where the ledger has none of its end yet."""
    run, seen = followed.run, followed.seen
    if run is None:
        return None
    outcome = outcome_of(run, place.aws, place.desired.key)
    if outcome.code is None and followed.stopped and seen is not None:
        return replace(outcome, code=seen.exit_codes.get(run.container, UNKNOWN))
    return outcome


def is_asked_for(view: LedgerView, key: RunKey) -> bool:
    """Whether somebody asked for this run by hand, and nobody has begun it yet."""
    record = view.jobs.get(key.name) if key.kind is RunKind.JOB else None
    asked = record.requests if record else ()
    return any(occurrence_by_hand(request.key) == key.revision for request in asked)


@dataclass
class _Coming:
    """Waits for a run that was asked for by hand."""

    key: RunKey
    audience: Audience
    told: bool = False

    def look(self, view: LedgerView, run: Run | None) -> None:
        """Say once that it has not begun. Raises PermanentError when it is not asked for any more."""
        if run is not None:
            return
        if not is_asked_for(view, self.key):
            raise PermanentError(f"{self.key.which} was stopped before it began")
        if not self.told:
            self.told = True
            self.audience.listener.said(0, f"{self.key.which} has not begun yet")


def _nothing_of(key: RunKey, *, has_others: bool) -> str:
    if not has_others:
        return f"{key.address}: the ledger has no run of it"
    verb = f"job history {key.name}" if key.kind is RunKind.JOB else "migration list"
    there = f"`reconciler {verb}` lists those it keeps"
    return f"{key.address} {key.revision}: the ledger has no such run; {there}"
