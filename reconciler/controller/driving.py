"""Runs, driven on: of migrations by their steps, of jobs by theirs, and of what nobody asks for any more.

Called by `execute`. What a run needs next is decided by `runs`, which occurrence is due by the plan. A
job's record is decided on one snapshot: of each job one commit in a pass, the next pass comes at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from reconciler.aws.door import Aws
from reconciler.controller.relied import Relied
from reconciler.model.clock import Clock
from reconciler.model.desired import DesiredApp, DesiredJob
from reconciler.model.errors import AwsError
from reconciler.model.events import EventKind
from reconciler.model.job import JobRecord, Skip, instant_of
from reconciler.model.names import Address
from reconciler.model.observed import ObservedApp
from reconciler.model.plan import JobRequest, Step, Verb
from reconciler.model.release import Release
from reconciler.model.run import Run, RunKind
from reconciler.model.work import Work
from reconciler.runs import occurrences, transitions
from reconciler.runs.advance import RunContext, advance
from reconciler.runs.launch import told_schedule
from reconciler.runs.transitions import At
from reconciler.store.session import Session
from reconciler.store.tables import Tables

SOON = timedelta(seconds=1)
AT_ONCE = timedelta(0)
_MOMENT = timedelta(milliseconds=50)
"""Never sleep for less, or a clock that stands still would be asked for ever."""

Occurrences = frozenset[str] | None
"""Which occurrences of jobs a process begins, by their names in the ledger; None: whatever is due.

Only a controller, which stays, begins whatever is due; it alone passes over others, and waits for either.
"""


@dataclass
class Execution:
    """What a pass did: whether anything was sent, when to look again, what failed."""

    acted: bool = False
    requeue_after: timedelta | None = None
    failures: list[AwsError] = field(default_factory=list)

    def look_again(self, after: timedelta | None) -> None:
        """Ask for another pass no later than `after`."""
        if after is not None and (self.requeue_after is None or after < self.requeue_after):
            self.requeue_after = after


@dataclass(frozen=True)
class Driver:
    """Everything that driving the runs of one app needs. `aws` is fenced by our lease."""

    aws: Aws
    session: Session
    desired: DesiredApp
    observed: ObservedApp
    tables: Tables
    clock: Clock
    relied: Relied
    register: Callable[[Step, Mapping[str, Any]], str]
    say: Callable[[EventKind, Address, str], None]
    explain: Callable[[Run], Sequence[str]]
    begins: Occurrences

    def migration(self, step: Step, done: Execution) -> None:
        """Take the next step of a migration's run."""
        wanted = (m.work for m in self.desired.migrations if m.address == step.address)
        self._advance(step, next(wanted, None), None, done)

    def job(self, step: Step, done: Execution, *, free: bool) -> None:
        """Go on with a job's runs; else do what its step asks for, when it is `free` to.

        What may be alive is watched whatever the plan says: ECS forgets its exit code after an hour.
        """
        job = next((j for j in self.desired.jobs if j.address == step.address), None)
        request = step.request if isinstance(step.request, JobRequest) else JobRequest(held=True)
        before = self.session.head.sequence
        for run in self._runs(step.address):
            if job is None:
                break  # `left_over` drives it
            if run.state.in_flight or run.stop_asked or (free and not request.held):
                self._advance(step, _work_of(job, run), run, done)
            if self.session.head.sequence != before:
                self._look_again(AT_ONCE, done)
                return
        if free:
            self._decide(step, request, done)

    def left_over(self, done: Execution) -> None:
        """Drive runs to their end that no step is about: one-off tasks, jobs that left the files."""
        named = {job.address for job in self.desired.jobs}
        for run in self.observed.ledger.unfinished_runs:
            if run.address not in named:
                self._advance(Step(run.address, Verb.WAIT), None, run, done)

    def _look_again(self, after: timedelta | None, done: Execution) -> None:
        """Ask for a pass because of a job: who does not stay does not wait for jobs."""
        if self.begins is None:
            done.look_again(after)

    def _decide(self, step: Step, request: JobRequest, done: Execution) -> None:
        """Do the first thing that is there to do: pass over, make room, start. Else wait for the next."""
        skipped, start = request.skip, request.start
        if request.release is not None:
            self._release(step, request.release, skipped, done)
        elif skipped is not None and (skipped.timetable or self.begins is None):
            self._pass_over(step, skipped)
            done.look_again(SOON if skipped.timetable else AT_ONCE)
        elif start is not None and (self.begins is None or start.revision in self.begins):
            if request.stop:
                self._make_room(step, request, start, done)
            else:
                self._advance(step, start, None, done)
        elif request.look_again is not None and self.observed.now is not None:
            # Just when the answer changes by itself, by AWS's clock.
            self._look_again(max(_MOMENT, request.look_again - self.observed.now), done)

    def _release(
        self, step: Step, declared: Release, skipped: Skip | None, done: Execution
    ) -> None:
        """Remember what the job's runs start from, and in the same commit that its schedule is new."""
        record = self._record(step.address)
        together = skipped if skipped is not None and skipped.timetable else None
        occurrences.release(self.session, record, declared, together, self.relied.writes())
        self.relied.landed()
        if together is not None or declared.is_gone:
            self.say(EventKind.DONE, step.address, step.summary)
        done.look_again(SOON if together else AT_ONCE)

    def _pass_over(self, step: Step, skipped: Skip) -> None:
        occurrences.skip(self.session, self._record(step.address), skipped)
        if skipped.timetable:
            self.say(EventKind.DONE, step.address, step.summary)
        else:
            several = "" if skipped.count == 1 else "s"
            said = f"{skipped.count} occurrence{several} skipped: {skipped.reason}"
            self.say(EventKind.ATTENTION, step.address, said)

    def _record(self, address: Address) -> JobRecord:
        return self.observed.ledger.jobs.get(address.name) or JobRecord(address.name)

    def _make_room(self, step: Step, request: JobRequest, start: Work, done: Execution) -> None:
        """Ask for the end of the first run that is in the way and not asked yet."""
        for run in self._runs(step.address):
            if run.item_key in request.stop and not run.stop_asked:
                record = self.observed.ledger.jobs.get(run.name)
                at = At(self.desired.key, self.aws.now(), start.cause, record)
                transitions.stop_asked(at, run, f"replaced by {start.revision}").to(self.session)
                self.say(EventKind.PROGRESS, step.address, f"{run.which} makes room for the next")
                self._look_again(AT_ONCE, done)
                return

    def _runs(self, address: Address) -> Iterator[Run]:
        found = self.observed.ledger.unfinished_runs
        return (run for run in found if run.address == address)

    def _advance(self, step: Step, work: Work | None, run: Run | None, done: Execution) -> None:
        context = RunContext(
            aws=self.aws,
            session=self.session,
            clock=self.clock,
            tables=self.tables,
            cluster=self.desired.cluster,
            account=self.desired.account,
            region=self.desired.region,
            images=self.observed.images,
            guard=self.desired.guard,
            register=lambda document: self.register(step, document),
        )
        moved = advance(context, work, self.observed.ledger, run)
        if step.address.kind == RunKind.MIGRATION:
            done.look_again(moved.requeue_after)
        else:
            self._look_again(moved.requeue_after, done)
        if moved.message:
            good = EventKind.DONE if moved.succeeded else EventKind.PROGRESS
            kind = EventKind.FAILED if moved.ended else good
            story = self.explain(moved.ended) if moved.ended else ()
            self.say(kind, step.address, "\n".join((moved.message, *story)))


def _work_of(job: DesiredJob | None, run: Run) -> Work | None:
    """Return what the next attempt or launch of a run is made of: the files as they are now."""
    if job is None:
        return None
    instant = instant_of(run.revision)
    scheduled_at = told_schedule(run) if instant is None else run.revision
    return job.work(run.revision, scheduled_at, "schedule" if instant else "trigger")
