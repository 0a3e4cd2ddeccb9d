"""What a run's container writes, passed on while it runs, complete once the run is over.

The one path of every verb that shows a log: `one_off` and `following` read on until the end, `pass_on` what
there is by now. Where the log is and how it is read: `runs.task_log`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from reconciler.aws.door import Aws
from reconciler.controller.audience import Audience
from reconciler.model.errors import AccessDenied, AwsError, NotFound, PermanentError
from reconciler.model.run import Run, RunState
from reconciler.runs.task_log import Follower, place_of

ENOUGH = timedelta(seconds=30)
"""How long the rest of a stopped task's log is waited for, when it cannot be read or comes to no rest."""
LONG_OVER = timedelta(minutes=1)
"""After this long CloudWatch shows everything: nothing is waited for."""
PAUSE = timedelta(seconds=0.5)
"""Between two looks at a log."""
_PAGES = 4
"""At a time: a busy log must not keep us from looking at its task."""

Say = Callable[[str], None]
PassOn = Callable[[Sequence[str]], None]


class RunOutput:
    """The log of a run: of its task, and of those that follow when it is tried again.

    `say` takes a remark, `lines` what was written. With `last` the first task's log begins so many lines
    before its end. Reading never fails a run.
    """

    def __init__(self, aws: Aws, say: Say, lines: PassOn, last: int | None = None) -> None:
        self._aws, self._say, self._lines, self._last = aws, say, lines, last
        self.from_the_first = False
        """Whether attempts that had ended before the first look are read, too."""
        self._run: Run | None = None
        self._task: _TaskOutput | None = None
        self._passed = 0
        """The last attempt of which nothing more is read."""
        self.done = False
        """Whether nothing more of the newest task will come, or can be had."""

    @property
    def is_behind(self) -> bool:
        """Whether there is more to be read right now."""
        return self._task is not None and self._task.is_behind

    @property
    def problem(self) -> PermanentError | AwsError | None:
        """Why there is no log here, or why the last look at it failed."""
        return self._task.problem if self._task else None

    @property
    def missing(self) -> NotFound | None:
        """What CloudWatch said when it had no such group or stream."""
        return self._task.missing if self._task else None

    def read(self, run: Run, *, over: bool) -> None:
        """Pass on what is there. Of a task that is `over`, `done` follows when its log is complete."""
        before = self._run
        if before is None:
            self._passed = 0 if self.from_the_first else run.attempt - 1
        elif self._task is not None and before.task_arn != run.task_arn:
            self._task.read(before, over=True)
            if not self._task.done:
                return  # each task's log in whole, one behind the other
            self._task, self._last, self._passed = None, None, before.attempt
        missed = self._missed(run)
        self._run = missed or run
        if missed is not None:  # the next look reads it
            self._task, self.done = _TaskOutput(self._aws, self._say, self._lines, None), False
            return
        if run.task_arn is None:
            self.done = over
            return
        if self._task is None:
            self._task = _TaskOutput(self._aws, self._say, self._lines, self._last)
        self._task.read(run, over=over)
        self.done = self._task.done

    def _missed(self, run: Run) -> Run | None:
        """Return the first attempt that came and went between two looks, None when there is none."""
        between = (run.as_of(number) for number in range(self._passed + 1, run.attempt))
        return next((past for past in between if past is not None), None)


def pass_on(aws: Aws, run: Run, audience: Audience, last: int | None = None) -> None:
    """Pass on what the log of a run has by now; of one whose task has ended, the log to its end.

    Raises PermanentError when there is none to read here, AwsError when it cannot be read.
    """
    if run.task_arn is None:
        why = f": {run.reason}" if run.reason else ""
        raise PermanentError(f"no log to show: {run.which} of {run.address} has no task{why}")
    over = run.has_stopped
    output = RunOutput(aws, lambda _: None, lambda lines: audience.listener.lines(0, lines), last)
    while not audience.wishes.leave:
        output.read(run, over=over)
        if output.problem is not None:
            raise output.problem
        if not output.is_behind:
            if output.done or not over or last is not None:
                break
            audience.wishes.pause(PAUSE)
    if output.missing is not None:
        audience.listener.said(0, f"no log lines: {output.missing}")


class _TaskOutput:
    """The log of one task."""

    def __init__(self, aws: Aws, say: Say, lines: PassOn, last: int | None) -> None:
        self._aws, self._say, self._pass_on, self._last = aws, say, lines, last
        self._follower: Follower | None = None
        self._problem: PermanentError | AwsError | None = None
        self._over_since: float | None = None
        self.done = False

    @property
    def is_behind(self) -> bool:
        return self._follower is not None and not self.done and not self._follower.at_end

    @property
    def problem(self) -> PermanentError | AwsError | None:
        return self._follower.error if self._follower else self._problem

    @property
    def missing(self) -> NotFound | None:
        return self._follower.missing if self._follower else None

    def read(self, run: Run, *, over: bool) -> None:
        follower = self._open(run)
        news = False
        if follower is not None:
            for lines in follower.pages(_PAGES):
                news = True
                self._pass_on(lines)
        if over and not self.done:
            self._end(run, follower, news=news)

    def _open(self, run: Run) -> Follower | None:
        """Return the reader of the container's log; when it has none, that is said and we are done."""
        if self._follower is not None or self.done:
            return self._follower
        self._problem = None
        try:
            arn = run.request["taskDefinition"]
            answer = self._aws.call("ecs", "DescribeTaskDefinition", taskDefinition=arn)
        except AwsError as error:
            self._problem = error
            return None  # the next look asks again
        found, why = place_of(answer.get("taskDefinition", {}), run.container, run.task_arn or "")
        if found is None:
            self.done, self._problem = True, PermanentError(f"no log to show: {why}")
            self._say(str(self._problem))
            return None
        self._follower = Follower(self._aws.in_region(found.region), found, self._last)
        return self._follower

    def _end(self, run: Run, follower: Follower | None, *, news: bool) -> None:
        now = self._aws.clock.boot_seconds()
        self._over_since = now if self._over_since is None else self._over_since
        waited = now - self._over_since > ENOUGH.total_seconds()
        if follower is not None and self.problem is None:
            at_rest = follower.settled(now, news=news)
            self.done = follower.at_end and (at_rest or waited or self._is_complete(run))
        elif waited or isinstance(self.problem, AccessDenied):
            self.done = True
            self._say(f"its log may not be complete: {self.problem}")

    def _is_complete(self, run: Run) -> bool:
        """Whether nothing can be missing: the container never ran, or ended long ago."""
        if run.state is RunState.FAILED and run.exit_code is None:
            return True
        return run.settled_at is not None and self._aws.now() - run.settled_at > LONG_OVER
