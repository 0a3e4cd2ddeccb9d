"""Verbs about scheduled jobs: what is known of them, and what a person may ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from reconciler.app.act import Checked, Membership
from reconciler.app.world import World
from reconciler.controller.converge import TimedOut
from reconciler.model.clock import format_duration
from reconciler.model.desired import DesiredApp, DesiredJob
from reconciler.model.errors import (
    LeaseHeld,
    LeaseLost,
    PermanentError,
    Superseded,
    TemporaryError,
    UsageError,
)
from reconciler.model.events import Event, EventKind
from reconciler.model.job import JobRecord, occurrence_by_hand, occurrence_named
from reconciler.model.names import Address
from reconciler.model.observed import LedgerView
from reconciler.model.run import Run, RunKey, RunKind, RunState
from reconciler.model.status import AppStatus
from reconciler.plan.gate import gates_of
from reconciler.plan.schedule import Schedule
from reconciler.runs import operate
from reconciler.runs.diagnosis import explain, log_tail
from reconciler.runs.outcome import exit_code_of
from reconciler.settings import Settings

PAUSE = timedelta(seconds=2)
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


def job_list(settings: Settings, desired: DesiredApp) -> list[JobLine]:
    """Return every job of the files with its newest run, as of now by AWS's clock."""
    world = World(settings)
    store = world.store(desired)
    view, now = world.ledger(desired), world.place(desired).aws.now()
    newest: dict[str, Run] = {}
    for run in store.runs(RunKind.JOB):
        newest.setdefault(run.name, run)
    lines, gates = [], gates_of(desired, view)
    for job in desired.jobs:
        record = view.jobs.get(job.name)
        since = max(now, record.floor) if record and record.floor else now
        suspended = job.policy.suspended or view.suspension_of(job.address) is not None
        upcoming = None if suspended else _schedule(job).after(since)
        lines.append(JobLine(job, record, newest.get(job.name), upcoming, now, suspended, gates))
    return lines


def job_next(desired: DesiredApp, name: str, now: datetime, count: int) -> list[datetime]:
    """Return the next occurrences after `now`; asks nobody. Raises UsageError for an unknown job."""
    return list(islice(_after(_schedule(job_of(desired, name)), now), count))


def job_of(desired: DesiredApp, name: str) -> DesiredJob:
    """Return a job of the files. Raises UsageError."""
    found = next((job for job in desired.jobs if job.name == name), None)
    if found is None:
        there = ", ".join(job.name for job in desired.jobs) or "none"
        raise UsageError(f"{desired.key} has no job '{name}'; there are: {there}")
    return found


def job_history(settings: Settings, desired: DesiredApp, name: str) -> list[Run]:
    """Return the runs of a job that the ledger has, the newest first."""
    return World(settings).store(desired).runs(RunKind.JOB, name)


def job_logs(
    settings: Settings, desired: DesiredApp, name: str, occurrence: str | None, lines: int
) -> list[str]:
    """Return the last log lines of a run: of an occurrence, else of the newest. Raises UsageError."""
    world = World(settings)
    runs = world.store(desired).runs(RunKind.JOB, name)
    wanted = occurrence_named(occurrence) if occurrence else None
    run = next((run for run in runs if wanted in (None, run.revision)), None)
    if run is None:
        raise UsageError(_nothing_of(name, occurrence, runs))
    found, source = log_tail(run, world.place(desired).aws, lines)
    return list(found) or [f"no log lines: {source}"]


def _nothing_of(name: str, occurrence: str | None, runs: list[Run]) -> str:
    if not runs:
        return f"job/{name}: the ledger has no run of it"
    there = f"`reconciler job history {name}` lists those it keeps"
    return f"job/{name} {occurrence}: the ledger has no such run; {there}"


def job_retry(
    settings: Settings, desired: DesiredApp, name: str, occurrence: str, reason: str
) -> str:
    """Ask for another attempt of an occurrence that failed; returns what was done."""
    subject, who = _subject(World(settings), desired, name, occurrence, reason)
    attempt = operate.retry(subject, who)
    return f"{subject.title}: attempt {attempt} is asked for; the controller runs it"


def job_stop(
    settings: Settings, desired: DesiredApp, name: str, occurrence: str, reason: str
) -> str:
    """Ask for the end of a run; returns what was done."""
    subject, who = _subject(World(settings), desired, name, occurrence, reason)
    if operate.stop(subject, who) is None:
        return f"{subject.title} is not asked for any more: it had not begun"
    return f"{subject.title}: its stop is asked for; the controller carries it out"


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
    subject, who = _subject(World(settings, acting=True), desired, name, occurrence, reason)
    run = operate.resolve(subject, operate.RESOLUTIONS[outcome], who, force=force)
    return f"{subject.title} is {run.state} now, by your word"


@dataclass(frozen=True)
class Asked:
    """A run by hand: of which job, under which idempotency key, why, and how long to wait for its end."""

    name: str
    key: str
    reason: str
    timeout: timedelta | None = None

    @property
    def run_key(self) -> RunKey:
        """The run that it is about."""
        return RunKey(RunKind.JOB, self.name, occurrence_by_hand(self.key))


@dataclass(frozen=True)
class Finished:
    """A run that has ended, or whose outcome is unknown: what to print, and the code to exit with."""

    run: Run
    log: tuple[str, ...]
    story: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """The command's own code; 124, 125 or 6 where there is none."""
        return exit_code_of(self.run)


def job_trigger(settings: Settings, desired: DesiredApp, asked: Asked) -> Run | None:
    """Ask for a run by hand, once for each key; returns the run that this key has already.

    Whoever holds the app's lease begins it. Raises UsageError, Superseded.
    """
    job_of(desired, asked.name)
    world = World(settings, acting=True)
    store, who = world.store(desired), world.place(desired).identity.arn
    return operate.trigger(store, asked.name, asked.key, operate.Operator(who, asked.reason))


def job_wait(
    settings: Settings, desired: DesiredApp, asked: Asked, on_event: Callable[[Event], None]
) -> Finished:
    """See a run by hand to its end: begin it, and leave the rest to a controller if there is one.

    Raises TimedOut, and what keeps going wrong.
    """
    with Membership(settings, (desired.key,)) as ours:
        watch = _Watch(ours, settings, desired, asked, on_event)
        try:
            run = watch.to_the_end()
        finally:
            watch.reconciler.release(desired.key)
        aws = ours.world.place(desired).aws
        found, _ = log_tail(run, aws, 1000)
        story = () if run.state is RunState.SUCCEEDED else explain(run, aws, desired.key).lines()
        return Finished(run, tuple(found), tuple(story))


class _Watch:
    """Looks at one run until it is over. Takes passes over its job alone, while nobody else does."""

    PATIENCE = 5

    def __init__(
        self,
        ours: Membership,
        settings: Settings,
        desired: DesiredApp,
        asked: Asked,
        on_event: Callable[[Event], None],
    ) -> None:
        self._ours, self._desired, self._asked, self._say = ours, desired, asked, on_event
        self._clock = ours.world.clock
        self.reconciler = ours.reconciler(Checked(settings, desired), on_event)
        self.reconciler.only = frozenset({Address("job", asked.name)})
        self.reconciler.begins = frozenset({asked.run_key.revision})
        self.reconciler.cause = f"job trigger: {asked.reason}" if asked.reason else "job trigger"
        self._access = ours.open(desired)
        self._failures = 0
        self._idle_since: float | None = None
        self._said = self._of_pass = ""
        self._offered = False

    def to_the_end(self) -> Run:
        """Return the run once it has ended, or its outcome is unknown."""
        start, limit = self._clock.boot_seconds(), self._asked.timeout
        while True:
            view = self._access.store.read([self._asked.run_key])
            run = view.runs.get(str(self._asked.run_key))
            if run is not None and (run.over or run.state is RunState.UNKNOWN):
                return run
            if run is None:
                if not self._is_asked_for(view):
                    raise PermanentError(f"{self._asked.run_key.which} was stopped before it began")
                self._tell(self._of_pass)  # why it has not begun; then the run speaks for itself
            if self._is_ours(view, run):
                self._take_a_pass()
            if limit is not None and self._clock.boot_seconds() - start >= limit.total_seconds():
                raise TimedOut(self._after(run, format_duration(limit)))
            self._clock.sleep(PAUSE)

    def _after(self, run: Run | None, after: str) -> str:
        """Say what becomes of it when nobody waits any longer."""
        which = self._asked.run_key.which
        if run is not None:
            return f"{which} is {run.state} after {after}, and goes on"
        stop = f"reconciler -a {self._desired.key} job stop {self._asked.name} {self._asked.key}"
        return (
            f'{which} has not begun after {after}, and stays asked for; not so: {stop} --reason "…"'
        )

    def _is_asked_for(self, view: LedgerView) -> bool:
        record = view.jobs.get(self._asked.name)
        return record is not None and any(r.key == self._asked.key for r in record.requests)

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

    def _tell(self, text: str, about: str = "") -> None:
        if text and (about or text) != self._said:
            self._said = about or text
            address = str(Address("job", self._asked.name))
            now = self._clock.now()
            self._say(Event(EventKind.PROGRESS, self._desired.key, address, text, now))


def _message(status: AppStatus | None) -> str:
    return "; ".join(r.message for r in status.resources if r.message) if status else ""


def _subject(
    world: World, desired: DesiredApp, name: str, occurrence: str, reason: str
) -> tuple[operate.Subject, operate.Operator]:
    store, who = world.store(desired), world.place(desired).identity.arn
    subject = operate.Subject(store, desired.cluster, name, occurrence_named(occurrence))
    return replace(subject, kind=RunKind.JOB), operate.Operator(who, reason)


def _schedule(job: DesiredJob) -> Schedule:
    return Schedule.parse(job.schedule, job.time_zone)


def _after(schedule: Schedule, instant: datetime) -> Iterator[datetime]:
    following = schedule.after(instant)
    while following is not None:
        yield following
        following = schedule.after(following)
