"""Verbs about scheduled jobs: what is known of them, and what a person may ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from reconciler.app import operate
from reconciler.app.act import Checked, Membership
from reconciler.app.known import check_name
from reconciler.app.one_off import place_of
from reconciler.app.outcome import Outcome
from reconciler.app.run_logs import is_asked_for, left
from reconciler.app.world import World
from reconciler.controller.audience import Audience
from reconciler.controller.converge import TimedOut
from reconciler.controller.following import Following
from reconciler.model.desired import DesiredApp, DesiredJob
from reconciler.model.errors import (
    LeaseHeld,
    LeaseLost,
    PermanentError,
    Superseded,
    TemporaryError,
)
from reconciler.model.events import Event, EventKind
from reconciler.model.job import JobRecord, occurrence_by_hand, occurrence_named
from reconciler.model.names import Address
from reconciler.model.observed import LedgerView
from reconciler.model.run import Run, RunKey, RunKind
from reconciler.model.status import AppStatus
from reconciler.model.suspension import Suspension
from reconciler.plan import run_commands
from reconciler.plan.gate import gates_of
from reconciler.plan.job_release import rolled_back
from reconciler.plan.schedule import Schedule
from reconciler.runs.diagnosis import explain
from reconciler.runs.operate import Operator, trigger
from reconciler.settings import Settings

OTHERS_FIRST = timedelta(seconds=20)
"""So long a lease lies idle before we take it to watch a run: a controller would have taken it by then."""


@dataclass(frozen=True)
class JobLine:
    """One job of the files: what the ledger remembers, its newest run, and its next occurrence."""

    job: DesiredJob
    record: JobRecord | None
    newest: Run | None
    next: datetime | None
    now: datetime
    suspended: bool
    held_by: tuple[Address, ...] = ()
    """The migrations behind which its runs wait."""
    suspension: tuple[str, Suspension] | None = None
    """By a person's word: of which address, empty for the whole app, and which."""


def job_list(settings: Settings, desired: DesiredApp) -> list[JobLine]:
    """Return every job with its newest run, as of now by AWS's clock; under a rollback as it was then."""
    world = World(settings)
    store = world.store(desired)
    view, now = world.ledger(desired), world.place(desired).aws.now()
    newest: dict[str, Run] = {}
    for run in store.runs(RunKind.JOB):
        newest.setdefault(run.name, run)
    lines, gates = [], gates_of(desired, view)
    for job in rolled_back(desired, view).jobs:
        record = view.jobs.get(job.name)
        since = max(now, record.floor) if record and record.floor else now
        suspension = view.suspension_of(job.address)
        whose = "" if suspension is view.suspension else str(job.address)
        by_word = None if suspension is None else (whose, suspension)
        suspended = job.policy.suspended or suspension is not None
        upcoming = None if suspended else _schedule(job).after(since)
        held = () if job.address in view.released_jobs else gates
        last = newest.get(job.name)
        lines.append(JobLine(job, record, last, upcoming, now, suspended, held, by_word))
    return lines


def job_next(desired: DesiredApp, name: str, now: datetime, count: int) -> list[datetime]:
    """Return the next occurrences after `now`; asks nobody. Raises UsageError for an unknown job."""
    return list(islice(_after(_schedule(job_of(desired, name)), now), count))


def job_of(desired: DesiredApp, name: str) -> DesiredJob:
    """Return a job of the files. Raises UsageError."""
    check_name(desired, RunKind.JOB, name)
    return next(job for job in desired.jobs if job.name == name)


def job_history(settings: Settings, desired: DesiredApp, name: str) -> list[Run]:
    """Return the runs of a job that the ledger has, the newest first.

    Raises UsageError for a job that neither the files nor the ledger have.
    """
    world = World(settings)
    check_name(desired, RunKind.JOB, name, lambda: world.ledger(desired))
    return world.store(desired).runs(RunKind.JOB, name)


def job_retry(
    settings: Settings, desired: DesiredApp, name: str, occurrence: str, reason: str
) -> str:
    """Ask for another attempt of an occurrence that failed; returns what was done."""
    return operate.retry(World(settings), desired, _key(name, occurrence), reason)


def job_stop(
    settings: Settings, desired: DesiredApp, name: str, occurrence: str, reason: str
) -> str:
    """Ask for the end of a run; returns what was done."""
    return operate.stop(World(settings), desired, _key(name, occurrence), reason)


def job_resolve(  # noqa: PLR0913 - the verb's own arguments
    settings: Settings,
    desired: DesiredApp,
    name: str,
    occurrence: str,
    outcome: str,
    *,
    reason: str,
    force: bool,
) -> str:
    """Write down how a run ended; returns what was done."""
    world, key = World(settings, acting=True), _key(name, occurrence)
    return operate.resolve(world, desired, key, outcome, reason=reason, force=force)


@dataclass(frozen=True)
class Asked:
    """A run by hand: of which job, under which idempotency key, why, and how long to wait for its end."""

    name: str
    key: str
    reason: str
    timeout: timedelta | None = None
    is_known: bool = False
    """Whether the key has a run already."""

    @property
    def run_key(self) -> RunKey:
        """The run that it is about."""
        return RunKey(RunKind.JOB, self.name, occurrence_by_hand(self.key))


def job_trigger(settings: Settings, desired: DesiredApp, asked: Asked) -> Run | None:
    """Ask for a run by hand, once for each key; returns the run that this key has already.

    Whoever holds the app's lease begins it. Raises UsageError, Superseded.
    """
    world = World(settings, acting=True)
    job_of(rolled_back(desired, world.ledger(desired)), asked.name)
    store, who = world.store(desired), world.place(desired).identity.arn
    return trigger(store, asked.name, asked.key, Operator(who, asked.reason))


def job_wait(
    settings: Settings,
    desired: DesiredApp,
    asked: Asked,
    on_event: Callable[[Event], None],
    audience: Audience,
) -> Outcome | None:
    """Begin a run by hand, pass its log on and see it to its end, beside a controller if there is one.

    Returns how it stands, with its last log lines however it ended; None when it was left before it began.
    Raises TimedOut, and what keeps going wrong.
    """
    wants = () if asked.is_known else (desired.key,)  # to begin it the lease is asked for
    with Membership(settings, wants) as ours:
        watch = _Watch(ours, settings, desired, asked, on_event)
        place = place_of(ours.world, desired)
        is_new = not asked.is_known
        following = Following(place, asked.run_key, audience, drive=watch.drive, is_new=is_new)
        try:
            followed = following.to_the_end(asked.timeout)
        except TimedOut as error:
            raise watch.too_late(error) from error
        finally:
            watch.reconciler.release(desired.key)
        outcome = left(followed, place)
        if outcome is None or outcome.code is None:
            return outcome
        return replace(outcome, diagnosis=explain(outcome.run, place.aws, desired.key))


class _Watch:
    """Takes passes over the job of one run alone, while nobody else does."""

    PATIENCE = 5

    def __init__(
        self,
        ours: Membership,
        settings: Settings,
        desired: DesiredApp,
        asked: Asked,
        on_event: Callable[[Event], None],
    ) -> None:
        self._desired, self._asked, self._say = desired, asked, on_event
        self._clock = ours.world.clock
        self._address = Address("job", asked.name)
        self.reconciler = ours.reconciler(Checked(settings, desired), self._hear)
        self.reconciler.only = frozenset({self._address})
        self.reconciler.begins = frozenset({asked.run_key.revision})
        self.reconciler.cause = f"job trigger: {asked.reason}" if asked.reason else "job trigger"
        self._access = ours.open(desired)
        self._failures = 0
        self._idle_since: float | None = None
        self._said = self._of_pass = ""
        self._offered = self._begun = False

    def drive(self, view: LedgerView, run: Run | None) -> None:
        """Take a pass where it is up to us, as long as the run has not ended.

        Raises PermanentError when it is not asked for any more.
        """
        self._begun = run is not None
        if run is None and not is_asked_for(view, self._asked.run_key):
            raise PermanentError(f"{self._asked.run_key.which} was stopped before it began")
        self._tell_why_not_begun()
        if (run is None or not run.ended) and self._is_ours(view, run):
            self._take_a_pass()

    def too_late(self, error: TimedOut) -> TimedOut:
        """Say what becomes of it when nobody waits any longer."""
        self._tell_why_not_begun()
        if self._begun:
            return TimedOut(f"{error}, and goes on")
        stop = run_commands.stop(self._desired.key, self._asked.run_key)
        return TimedOut(f"{error}, and stays asked for; not so: {stop}")

    def _tell_why_not_begun(self) -> None:
        """Say what the last pass said; once the run has begun it speaks for itself."""
        if not self._begun:
            self._tell(self._of_pass)

    def _is_ours(self, view: LedgerView, run: Run | None) -> bool:
        """Say whether a pass is up to us: to begin the run, then only where nobody else leads the app."""
        if view.desired_hash not in ("", self._desired.content_hash):
            self._tell("the files here are not what was last applied: a controller has to begin it")
            return False
        member = self._access.member
        if run is None:
            return True
        member.wants = set()  # begun: whoever led before may lead again
        if view.owner is not None and not member.is_dead(view.owner):
            self._idle_since = None
            if view.owner == member.id and self._offers():
                self.reconciler.release(self._desired.key)
                return False
            return view.owner == member.id
        now = self._clock.boot_seconds()
        if self._idle_since is None:
            self._idle_since = now
        return now - self._idle_since >= OTHERS_FIRST.total_seconds()

    def _offers(self) -> bool:
        """Whether to offer the lease to somebody else who may lead: once, as nobody may want it."""
        others = self._access.member.view.alive - {self._access.member.id}
        offers = bool(others) and not self._offered
        self._offered |= offers
        return offers

    def _take_a_pass(self) -> None:
        self._of_pass = ""
        try:
            status = self.reconciler.reconcile(self._desired.key).status
        except LeaseHeld as held:
            self._tell(str(held), about=held.holder)  # its text counts seconds down
        except Superseded as moved:
            self._tell(str(moved))
        except (TemporaryError, LeaseLost):
            self._failures += 1
            if self._failures >= self.PATIENCE:
                raise
        else:
            self._failures = 0
            self._of_pass = _message(status)

    def _hear(self, event: Event) -> None:
        """Pass on what a pass says of the job; it watches what else may be alive, which is no news here."""
        if event.address in ("", str(self._address)):
            self._say(event)

    def _tell(self, text: str, about: str = "") -> None:
        if text and (about or text) != self._said:
            self._said = about or text
            now = self._clock.now()
            self._say(Event(EventKind.PROGRESS, self._desired.key, str(self._address), text, now))


def _message(status: AppStatus | None) -> str:
    return "; ".join(r.message for r in status.resources if r.message) if status else ""


def _key(name: str, occurrence: str) -> RunKey:
    """Return the run that a person means: by an occurrence, or by the key of a run by hand."""
    return RunKey(RunKind.JOB, name, occurrence_named(occurrence))


def _schedule(job: DesiredJob) -> Schedule:
    return Schedule.parse(job.schedule, job.time_zone)


def _after(schedule: Schedule, instant: datetime) -> Iterator[datetime]:
    following = schedule.after(instant)
    while following is not None:
        yield following
        following = schedule.after(following)
