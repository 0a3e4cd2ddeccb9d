"""Follow one-off tasks to their end: begin them, tell their states, stream their logs, stop them if asked.

Made by `app.one_off` for `task run` and `task stop`, by `app.run_logs` for `task logs -f`. Needs no lease:
each step is one of `runs.advance`, conditional on the journal, as a controller's would be; both may take
it, one does. How a run ended is in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from reconciler.aws.door import Aws
from reconciler.controller.audience import Audience
from reconciler.controller.key_use import refuse_other_order, refuse_other_use
from reconciler.controller.registering import Registration, equal_revision, register
from reconciler.controller.run_output import RunOutput
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import AwsError, PermanentError, Superseded
from reconciler.model.observed import LedgerView
from reconciler.model.run import Run, RunKey
from reconciler.model.work import Work
from reconciler.runs import operate
from reconciler.runs.advance import RunContext, advance
from reconciler.runs.evidence import described
from reconciler.runs.limits import LONGEST_LOOK
from reconciler.store.ledger import AppStore
from reconciler.store.session import Session

LOOK, LONGEST = timedelta(seconds=1), timedelta(seconds=5)
"""Between two looks at a task: less often the longer it takes."""
PATIENCE = timedelta(minutes=10)
"""How long AWS may be out of reach while a task runs, before whoever waits is told."""
AGAIN = timedelta(seconds=0.3)


@dataclass(frozen=True)
class Place:
    """The app's AWS and ledger, opened; `images` are the digests behind references."""

    aws: Aws
    store: AppStore
    desired: DesiredApp
    actor: str
    images: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Task:
    """One task that is followed."""

    number: int
    key: RunKey
    work: Work | None
    output: RunOutput
    run: Run | None = None
    due: float = 0.0
    status: str = ""
    told: str = ""
    """What was said last of a task that is not there yet: not again and again."""
    is_ours: bool = False
    """Whether this process has begun it."""

    @property
    def over(self) -> bool:
        """Whether nothing follows, or nobody but a person can say more."""
        return self.run is not None and self.run.ended

    @property
    def arn(self) -> str:
        """Its task, empty while there is none."""
        return (self.run.task_arn or "") if self.run else ""


class OneOffs:
    """Some tasks, followed together. With `work` None a run is only driven to its end.

    `key` is the idempotency key that was given for all of them, empty when none was. With `last` a log
    begins so many lines before its end.
    """

    def __init__(
        self,
        place: Place,
        wanted: Mapping[RunKey, Work | None],
        audience: Audience,
        *,
        key: str = "",
        last: int | None = None,
    ) -> None:
        self._place = place
        self._listener, self._wishes = audience.listener, audience.wishes
        self._tasks = [
            _Task(number, key, work, self._output(number, last))
            for number, (key, work) in enumerate(wanted.items())
        ]
        self._key = key
        self._session: Session | None = None
        self._began = self._now()
        self._failing_since: float | None = None
        self._next_look = 0.0
        self._asked = False
        self._with_logs = True

    def _output(self, number: int, last: int | None) -> RunOutput:
        return RunOutput(
            self._place.aws,
            partial(self._listener.said, number),
            partial(self._listener.lines, number),
            last,
        )

    def follow(self, *, detach: bool = False, with_logs: bool = True) -> list[Run]:
        """Go on until all are over and their logs read; with `detach`, until all have been started.

        Returns the runs as the ledger has them, those that were begun. Raises GuardRefused when a key
        belongs to another request, PermanentError, and AwsError when nothing has been started yet, or
        AWS was out of reach for too long.
        """
        self._with_logs = with_logs and not detach
        while not self._wishes.leave:
            if self._wishes.stop and not self._asked:
                self._ask_to_stop()
            self._try(self._step)
            if not detach:
                self._try(self._look)
            if self._with_logs:
                self._read_logs()
            if all(self._is_done(task, detach=detach) for task in self._tasks):
                break
            self._wishes.pause(self._wait())
        return [task.run for task in self._tasks if task.run is not None]

    # --- steps ------------------------------------------------------------------------------------

    def _step(self) -> None:
        """Take the steps that are due, on one snapshot of the ledger."""
        due = [t for t in self._tasks if not t.over and self._now() >= t.due]
        if not due:
            return
        view = self._place.store.read([task.key for task in self._tasks])
        session = self._session_on(view)
        for task in due:
            self._recall(task, view)
        if self._key and any(task.run is None for task in due):
            refuse_other_use(self._place.store, self._key, [task.key for task in self._tasks])
        try:
            for task in due:
                if not task.over and not self._is_abandoned(task):
                    self._advance(session, task, view)
        except Superseded:
            for task in due:
                task.due = self._now() + AGAIN.total_seconds()

    def _session_on(self, view: LedgerView) -> Session:
        if self._session is None:
            self._session = self._place.store.operator(view, self._place.actor)
        else:
            self._session.rebase(view)
        return self._session

    def _recall(self, task: _Task, view: LedgerView) -> None:
        """Take what the ledger knows of a task; a run of the same key must be of the same request."""
        first, task.run = task.run is None, view.runs.get(str(task.key))
        if task.run is None or not first or task.work is None:
            return
        refuse_other_order(task.run, task.work)
        if not task.is_ours:
            self._listener.said(task.number, f"{task.run.which} is known: {task.run.state}")

    def _is_abandoned(self, task: _Task) -> bool:
        """Whether it is not to be begun any more: a stop was asked for before there was anything."""
        return task.run is None and (self._wishes.stop or task.work is None)

    def _advance(self, session: Session, task: _Task, view: LedgerView) -> None:
        moved = advance(self._context(session, task), task.work, view, task.run)
        task.is_ours = task.is_ours or task.run is None
        wait = LONGEST_LOOK if moved.requeue_after is None else moved.requeue_after
        task.due = self._now() + wait.total_seconds()
        if moved.message and not task.arn and moved.message != task.told:
            task.told = moved.message
            self._listener.said(task.number, moved.message)

    def _context(self, session: Session, task: _Task) -> RunContext:
        place, desired = self._place, self._place.desired

        def registered(document: Mapping[str, Any]) -> str:
            known = equal_revision(place.aws, desired.cluster, document)
            wanted = Registration(str(task.key.address), "task run", document)
            return known or register(session, place.aws, wanted)

        return RunContext(
            aws=place.aws,
            session=session,
            clock=place.store.clock,
            tables=place.store.tables,
            cluster=desired.cluster,
            account=desired.account,
            region=desired.region,
            images=place.images,
            guard=desired.guard,
            register=registered,
        )

    def _ask_to_stop(self) -> None:
        """Write down that they are to be stopped; the next steps carry it out."""
        try:
            for task in self._tasks:
                if task.run is not None and not task.over:
                    subject = operate.Subject(
                        self._place.store,
                        self._place.desired.cluster,
                        task.key.name,
                        task.key.revision,
                        task.key.kind,
                    )
                    who = operate.Operator(self._place.actor, "asked by who started it")
                    self._stop(subject, who)
                task.due = 0.0
            self._asked = True
        except (Superseded, AwsError):
            return  # the next round asks again

    def _stop(self, subject: operate.Subject, who: operate.Operator) -> None:
        try:
            operate.stop(subject, who)
        except PermanentError:
            return  # it has ended meanwhile

    # --- looks ------------------------------------------------------------------------------------

    def _look(self) -> None:
        """See how the tasks are; one that has stopped is judged at once."""
        alive = {t.arn: t for t in self._tasks if t.arn and not t.over}
        if not alive or self._now() < self._next_look:
            return
        age = timedelta(seconds=self._now() - self._began)
        self._next_look = self._now() + min(LONGEST, max(LOOK, age / 20)).total_seconds()
        for seen in described(self._place.aws, self._place.desired.cluster, list(alive)):
            self._see(alive[str(seen["taskArn"])], str(seen.get("lastStatus", "")))

    def _see(self, task: _Task, status: str) -> None:
        if status == task.status:
            return
        task.status = status
        self._listener.moved(task.number, task.arn, status)
        if status == "STOPPED":
            task.due = 0.0

    def _read_logs(self) -> None:
        for task in self._tasks:
            if task.run is not None and task.arn and not task.output.done:
                task.output.read(task.run, over=task.over)

    # --- the loop ---------------------------------------------------------------------------------

    def _is_done(self, task: _Task, *, detach: bool) -> bool:
        if self._is_abandoned(task):
            return True
        if detach:
            return task.over or bool(task.arn)
        return task.over and (task.output.done or not task.arn or not self._with_logs)

    def _try(self, action: Callable[[], None]) -> None:
        """Do something that AWS may refuse for a while: once a task runs, an outage is no end of it."""
        try:
            action()
        except AwsError as error:
            now = self._now()
            started = any(task.arn and not task.over for task in self._tasks)
            if self._failing_since is None:
                self._failing_since = now
                if started:
                    self._listener.said(0, f"{error}; trying on")
            if not started or now - self._failing_since > PATIENCE.total_seconds():
                raise
            for task in self._tasks:
                task.due = now + LONGEST.total_seconds()
            self._next_look = now + LONGEST.total_seconds()
        else:
            self._failing_since = None

    def _wait(self) -> timedelta:
        now = self._now()
        if any(task.output.is_behind for task in self._tasks):
            return timedelta(0)
        dues = [t.due for t in self._tasks if not t.over]
        looks = [self._next_look] if any(t.arn and not t.over for t in self._tasks) else []
        logs = [now + LOOK.total_seconds() / 2]
        return timedelta(seconds=max(0.02, min([*dues, *looks, *logs]) - now))

    def _now(self) -> float:
        return self._place.store.clock.boot_seconds()
