"""The steps of the jobs: what is new, what is due, what waits and why. How a run goes on is up to `runs`.

Called by `plan.planner`. What time it is comes with what is observed. A job's runs are no difference
between files and AWS; its being new, or having another schedule, is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from reconciler.model.desired import DesiredApp, DesiredJob
from reconciler.model.due import Concurrency, Due, Skipped
from reconciler.model.job import (
    JobRecord,
    Skip,
    Trigger,
    instant_of,
    occurrence,
    occurrence_by_hand,
)
from reconciler.model.names import Address
from reconciler.model.observed import ObservedApp
from reconciler.model.plan import Change, Effect, JobRequest, Step, Verb, Why
from reconciler.model.release import Release
from reconciler.model.run import Run, RunKey, RunKind, RunState
from reconciler.model.status import Health
from reconciler.model.work import Work
from reconciler.plan import run_commands
from reconciler.plan.changes import origin_of
from reconciler.plan.image_problems import image_problem
from reconciler.plan.job_release import declaration, declaration_hash
from reconciler.plan.mask import mask_text
from reconciler.plan.occurrences import due, resumed
from reconciler.plan.preflight import stops
from reconciler.plan.schedule import Schedule
from reconciler.plan.unresolved import awaited, said


def job_step(
    app: DesiredApp, job: DesiredJob, observed: ObservedApp, gates: tuple[str, ...]
) -> Step:
    """Return the step of a declared job; `gates` are the migrations that keep its runs from starting."""
    return _Job(app, job, observed, gates).step()


def gone_step(record: JobRecord, observed: ObservedApp) -> Step:
    """Return what is said, once, of a job that the files no longer have: no run of it starts any more."""
    address, ledger = Address(RunKind.JOB, record.name), observed.ledger
    gone = Release(address, 0, ledger.generation, ledger.commit, "", "", {})
    notes = ("no longer in the files: what runs is watched to its end",)
    request = JobRequest(release=gone, held=True)
    return Step(address, Verb.NONE, "no run of it starts any more", notes=notes, request=request)


def said_instant(instant: datetime, zone: str) -> str:
    """Spell an instant on the wall clock of a time zone: `2026-11-29 03:00 JST`."""
    return instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")


def said_occurrence(name: str, zone: str) -> str:
    """Spell an occurrence as the ledger names it: by its local time, or by its idempotency key."""
    instant = instant_of(name)
    return name if instant is None else said_instant(instant, zone)


def last_failure(record: JobRecord | None) -> str:
    """Return the occurrence whose run was the last one to end, if it failed, else ""."""
    newest = record.recent[-1] if record and record.recent else None
    return newest.occurrence if newest and newest.state is not RunState.SUCCEEDED else ""


def runs_of(observed: ObservedApp, address: Address) -> tuple[Run, ...]:
    """Return the runs of a job that are not over."""
    return tuple(run for run in observed.ledger.unfinished_runs if run.address == address)


def job_health(observed: ObservedApp, address: Address) -> Health:
    """Say how a job's runs do: by those that may be alive, else by the last one that ended."""
    if any(run.state is RunState.UNKNOWN for run in runs_of(observed, address)):
        return Health.UNKNOWN
    failed = last_failure(observed.ledger.jobs.get(address.name))
    return Health.DEGRADED if failed else Health.HEALTHY


@dataclass(frozen=True)
class _Job:
    """One job with everything that is known about it now."""

    app: DesiredApp
    job: DesiredJob
    observed: ObservedApp
    gates: tuple[str, ...]

    def step(self) -> Step:
        """Return its step."""
        now, floor = self.observed.now, self.record.floor
        if now is None:
            return Step(self.job.address, Verb.NONE)
        if self.observed.ledger.suspension_of(self.job.address) is not None:
            return self._at_rest(Due(next=self.schedule.after(now)), None)
        if floor is None or self.record.timetable != self.job.timetable:
            return self._new(now)
        return self._known(now, floor)

    @cached_property
    def record(self) -> JobRecord:
        """What the ledger remembers of it."""
        return self.observed.ledger.jobs.get(self.job.name) or JobRecord(self.job.name)

    @cached_property
    def schedule(self) -> Schedule:
        """Its timetable; `source` has checked it."""
        return Schedule.parse(self.job.schedule, self.job.time_zone)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Its runs that are not over."""
        return runs_of(self.observed, self.job.address)

    @cached_property
    def holds(self) -> tuple[str, ...]:
        """Why no run of it may start now, whatever is due."""
        lacking = said(self.job.unresolved)
        if not self.job.unresolved:
            images = self.app.guard_images
            problem = image_problem(self.job.task_definition, self.observed, *images)
            # Not in the words that stop a whole release: the services can go on without it.
            lacking = f"its {problem}" if problem else ""
        found = (*self.gates, *((lacking,) if lacking else ()), *awaited(self.job.unresolved))
        return (*stops(self.observed, self.job.address), *found)

    @cached_property
    def release(self) -> Release | None:
        """What its runs start from from now on, None while nothing may start or that is remembered."""
        if self.holds:
            return None
        ledger = self.observed.ledger
        past = ledger.released_jobs.get(self.job.address)
        declared = past.applied if past else declaration(self.job, self.observed.images)
        if declaration_hash(declared) == self.record.released:
            return None
        source = past or ledger
        return Release(self.job.address, 0, source.generation, source.commit, "", "", declared)

    def _new(self, now: datetime) -> Step:
        """Return the step of a job, or of a schedule, that is seen for the first time: it counts from now."""
        known = bool(self.record.timetable)
        reason = "its schedule is another now" if known else "first seen"
        change = Change(
            path="schedule",
            observed=self.record.timetable or None,
            desired=self.job.timetable,
            why=Why.GIT,
            effect=Effect.NONE,
            origin=origin_of(self.job.origins, ("job", "schedule")),
        )
        return Step(
            self.job.address,
            Verb.UPDATE if known else Verb.CREATE,
            self._next_run(self.schedule.after(now)),
            changes=(change,),
            blocked_by=stops(self.observed, self.job.address),
            request=JobRequest(
                skip=Skip(now, reason, 0, self.job.timetable),
                release=self.release,
                held=bool(self.holds),
            ),
        )

    def _known(self, now: datetime, floor: datetime) -> Step:
        held = ", ".join(self.holds)
        found = due(
            self.schedule, self.job.policy, floor, now, under_way=bool(self.runs), held=held
        )
        skipped = found.skipped
        if self.job.policy.suspended:
            skipped = resumed(self.schedule, floor, now)
        trigger = next(iter(self.record.requests), None)
        work = self._by_hand(trigger) if trigger else self._scheduled(found.start)
        is_due = trigger is not None or (found.waits and not self.job.policy.suspended)
        if is_due and self.holds and not self.runs:
            return self._blocked(found, trigger, _skip(skipped))
        if work is None or not self._is_free:
            return self._at_rest(found, self._request(found, _skip(skipped)))
        request = self._request(found, _skip(skipped), work)
        if any(run.item_key in request.stop and run.state is RunState.UNKNOWN for run in self.runs):
            return self._at_rest(found, request)
        return Step(
            self.job.address, Verb.RUN, self._starting(work), notes=self._notes(), request=request
        )

    @property
    def _is_free(self) -> bool:
        """Whether a run may start beside, or in the place of, those under way."""
        return not self.runs or self.job.policy.concurrency is not Concurrency.FORBID

    def _scheduled(self, start: datetime | None) -> Work | None:
        if start is None:
            return None
        name = occurrence(start)
        return self.job.work(name, scheduled_at=name, cause="schedule")

    def _by_hand(self, trigger: Trigger) -> Work | None:
        if self.holds:
            return None
        why = f": {trigger.reason}" if trigger.reason else ""
        return self.job.work(
            occurrence_by_hand(trigger.key),
            scheduled_at=occurrence(trigger.at),
            cause=f"trigger by {trigger.by}{why}",
        )

    def _request(self, found: Due, skip: Skip | None, work: Work | None = None) -> JobRequest:
        """Return what to do; with `replace` the runs under way are stopped first."""
        stop: tuple[str, ...] = ()
        if work is not None and self.job.policy.concurrency is Concurrency.REPLACE:
            stop = tuple(run.item_key for run in self.runs)
        return JobRequest(skip, self.release, stop, work, bool(self.holds), found.look_again)

    def _blocked(self, found: Due, trigger: Trigger | None, skip: Skip | None) -> Step:
        what = f"a run by hand ({trigger.key}) waits" if trigger else "a run is due"
        return Step(
            self.job.address,
            Verb.RUN,
            what,
            notes=self._notes(),
            blocked_by=self.holds,
            request=self._request(found, skip),
        )

    def _at_rest(self, found: Due, request: JobRequest | None) -> Step:
        """Return the step of a job of which no run starts now."""
        address, after = self.job.address, self._next_run(found.next, is_held=bool(self.holds))
        unknown = next((run for run in self.runs if run.state is RunState.UNKNOWN), None)
        if unknown is not None:
            reason = f": {mask_text(unknown.reason)}" if unknown.reason else ""
            summary = f"{self._named(unknown.revision)} UNKNOWN{reason}"
            notes = (*self._next_commands(unknown), *self._notes())
            return Step(address, Verb.HOLD, summary, notes=notes, request=request)
        if self.runs:
            said_runs = ", ".join(f"{self._named(r.revision)} {_doing(r)}" for r in self.runs)
            waits = f"; {found.waits}" if found.waits and not self.holds else ""
            summary = f"{said_runs}{waits}; {after}"
            return Step(address, Verb.WAIT, summary, notes=self._notes(), request=request)
        return Step(address, Verb.NONE, after, notes=self._notes(), request=request)

    def _starting(self, work: Work) -> str:
        instead = ", ".join(self._named(run.revision) for run in self.runs)
        if instead and self.job.policy.concurrency is Concurrency.REPLACE:
            return f"{self._named(work.revision)} in the place of {instead}"
        return f"run {self._named(work.revision)}"

    def _next_run(self, upcoming: datetime | None, *, is_held: bool = False) -> str:
        if self.job.policy.suspended:
            return "suspended in the files"
        if self.observed.ledger.suspension_of(self.job.address) is not None:
            return "no run starts before it is resumed"
        if upcoming is None:
            return "no run is to come"
        text = f"next run {said_instant(upcoming, self.job.time_zone)}"
        if past := self.observed.ledger.released_jobs.get(self.job.address):
            text = f"{text}, as of {past.version}"
        return f"{text}; held: {', '.join(self.holds)}" if is_held else text

    def _named(self, name: str) -> str:
        return said_occurrence(name, self.job.time_zone)

    def _next_commands(self, run: Run) -> tuple[str, ...]:
        return (
            f"look: {run_commands.logs(self.app.key, run.key)}",
            f"settle: {run_commands.resolve(self.app.key, run.key)}",
        )

    def _notes(self) -> tuple[str, ...]:
        """Say that the last run failed, and which images the next one is the first to use."""
        notes = []
        if failed := last_failure(self.record):
            look = run_commands.logs(self.app.key, RunKey(RunKind.JOB, self.job.name, failed))
            notes.append(f"the last run, {self._named(failed)}, failed; look: {look}")
        notes += [f"the next run uses {image}, which is new" for image in self._new_images()]
        return tuple(notes)

    def _new_images(self) -> Iterable[str]:
        if self.job.unresolved:
            return ()
        containers = self.job.task_definition.get("containerDefinitions", ())
        used = sorted({str(c["image"]) for c in containers if "image" in c})
        known = {*self.observed.ledger.pins, *self.observed.unpinned}
        return [image for image in used if "@" not in image and image not in known]


def _doing(run: Run) -> str:
    words = {
        RunState.LAUNCHING: "is being launched",
        RunState.RUNNING: "is running",
        RunState.STOPPING: "is being stopped",
        RunState.NOT_STARTED: "did not start, and is launched again",
        RunState.FAILED: f"failed, attempt {run.attempt + 1} follows",
    }
    return words.get(run.state, str(run.state))


def _skip(skipped: tuple[Skipped, ...]) -> Skip | None:
    """Return what is passed over as one decision."""
    if not skipped:
        return None
    reasons = "; ".join(dict.fromkeys(one.reason for one in skipped))
    through = max(one.last for one in skipped)
    return Skip(through, reasons, sum(one.count for one in skipped))
