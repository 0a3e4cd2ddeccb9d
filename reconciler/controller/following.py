"""Follow one run of a job or migration to its end: tell its states, pass its log on. Drives nothing itself.

Made by `app.run_logs` for `job logs -f` and `migration logs -f`, which only read, and by `app.jobs` for
`job trigger --wait`, whose `drive` takes passes. Whoever leaves changes nothing about the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from reconciler.controller.audience import Audience
from reconciler.controller.converge import TimedOut
from reconciler.controller.one_off import Place
from reconciler.controller.run_output import PAUSE, RunOutput
from reconciler.model.clock import format_duration
from reconciler.model.errors import AccessDenied, AwsError
from reconciler.model.names import last_part
from reconciler.model.observed import LedgerView
from reconciler.model.run import Run, RunKey, TaskPhase, TaskSighting
from reconciler.runs import evidence
from reconciler.runs.limits import MISSING_GRACE

LOOK = timedelta(seconds=2)
LONGEST = timedelta(seconds=5)
"""Between two looks at a run: less often the longer it takes."""
PATIENCE = timedelta(minutes=10)
"""How long AWS may be out of reach once there was an answer."""
UNWRITTEN = timedelta(minutes=2)
"""How long a stopped task's verdict is waited for: a lease runs out and is taken over sooner than that."""

Drive = Callable[[LedgerView, Run | None], None]


@dataclass(frozen=True)
class Followed:
    """A run as it was left, None when the ledger has none, and ECS's word on its task, None without one."""

    run: Run | None
    seen: TaskSighting | None = None
    stopped: bool = False
    """Whether its newest task has stopped."""


class Following:
    """One run that is followed. With `last` its log begins so many lines before its end.

    `drive` is called after each look, with what the ledger had; without it, nothing is done but looking.
    A run that `is_new`, or is seen to begin, is shown from its first attempt; another from its newest.
    """

    def __init__(  # noqa: PLR0913 - which run, and how
        self,
        place: Place,
        key: RunKey,
        audience: Audience,
        *,
        drive: Drive | None = None,
        last: int | None = None,
        is_new: bool = False,
    ) -> None:
        self._place, self._key, self._drive = place, key, drive
        self._listener, self._wishes = audience.listener, audience.wishes
        self._output = RunOutput(
            place.aws, self._say, lambda lines: audience.listener.lines(0, lines), last
        )
        self._output.from_the_first = is_new
        self._run: Run | None = None
        self._seen: TaskSighting | None = None
        self._began = self._now()
        self._next_look = self._began
        self._stopped_since: float | None = None
        self._failing_since: float | None = None
        self._answered = False
        self._told = ""

    def to_the_end(self, limit: timedelta | None = None) -> Followed:
        """Return the run once it has ended and its log is passed on, or as it is when it is to be left.

        Returns it without its end, too, when its task has stopped and nobody writes that down. Raises
        TimedOut after `limit`, what `drive` raises, and AwsError when AWS is out of reach for too long.
        """
        while not self._wishes.leave:
            if self._now() >= self._next_look:
                self._look()
            if self._run is not None:
                self._output.read(self._run, over=self._has_stopped)
            if self._is_done():
                break
            if limit is not None and self._now() - self._began >= limit.total_seconds():
                state = f"is {self._run.state}" if self._run else "has not begun"
                raise TimedOut(f"{self._key.which} {state} after {format_duration(limit)}")
            if not self._output.is_behind:
                self._wishes.pause(self._wait())
        return Followed(self._run, self._seen, self._has_stopped)

    @property
    def _has_stopped(self) -> bool:
        """Whether its newest task has stopped, by the ledger or, before that is written, by ECS."""
        run, seen = self._run, self._seen
        if run is None or seen is None or run.has_stopped or seen.arn != run.task_arn:
            return run is not None and run.has_stopped
        if seen.phase is TaskPhase.MISSING:  # a task that was just started may not be shown yet
            return self._place.aws.now() - run.intent_at > MISSING_GRACE
        return seen.phase is TaskPhase.STOPPED

    def _look(self) -> None:
        try:
            view = self._place.store.read([self._key])
            self._run = view.runs.get(str(self._key))
            self._output.from_the_first |= self._run is None
            self._see()
        except AccessDenied:
            raise
        except AwsError as error:
            self._sit_out(error)
        else:
            self._failing_since, self._answered = None, True
            if self._drive is not None:
                self._drive(view, self._run)
        age = timedelta(seconds=self._now() - self._began)
        wait = LOOK if self._has_stopped else min(LONGEST, max(LOOK, age / 20))
        self._next_look = self._now() + wait.total_seconds()

    def _see(self) -> None:
        """Look at the task that may be alive, and tell its state when that is new."""
        run, before = self._run, self._seen
        if run is None or run.task_arn is None or run.has_stopped:
            self._tell_what_follows()
            return
        self._seen = evidence.look_at(self._place.aws, self._place.desired.cluster, run.task_arn)
        moved = before is None or (before.arn, before.last_status) != (
            self._seen.arn,
            self._seen.last_status,
        )
        if moved and self._seen.last_status:
            self._listener.moved(0, self._seen.arn, self._seen.last_status)

    def _tell_what_follows(self) -> None:
        run = self._run
        if run is not None and run.has_stopped and not run.ended:
            self._say_once(f"{run.which}: attempt {run.attempt} is {run.state}, another follows")

    def _sit_out(self, error: AwsError) -> None:
        """Wait through an outage, once there was an answer."""
        now = self._now()
        if self._failing_since is None:
            self._failing_since = now
            if self._answered:
                self._say(f"{error}; trying on")
        if not self._answered or now - self._failing_since > PATIENCE.total_seconds():
            raise error

    def _is_done(self) -> bool:
        run = self._run
        if run is None or not self._output.done:
            return False
        if run.ended:
            return True
        if run.has_stopped or not self._has_stopped:
            self._stopped_since = None
            return False
        now = self._now()
        self._stopped_since = now if self._stopped_since is None else self._stopped_since
        if now - self._stopped_since < UNWRITTEN.total_seconds():
            return False
        task = last_part(run.task_arn or "")
        self._say(
            f"task {task} has stopped, and no controller has written down how: is one running?"
        )
        return True

    def _wait(self) -> timedelta:
        left = self._next_look - self._now()
        return timedelta(seconds=max(0.02, min(left, PAUSE.total_seconds())))

    def _say(self, message: str) -> None:
        self._listener.said(0, message)

    def _say_once(self, message: str) -> None:
        if message != self._told:
            self._told = message
            self._say(message)

    def _now(self) -> float:
        return self._place.store.clock.boot_seconds()
