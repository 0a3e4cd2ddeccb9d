"""What one task's container writes, passed on while it runs, complete once the run is over.

Used by `one_off` for each task that it follows. Where the log is and how it is read: `runs.task_log`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from reconciler.aws.door import Aws
from reconciler.model.errors import AwsError
from reconciler.model.run import Run, RunState
from reconciler.runs.task_log import Follower, place_of

ENOUGH = timedelta(seconds=30)
"""How long the rest of a stopped task's log is waited for, when it cannot be read or comes to no rest."""
LONG_OVER = timedelta(minutes=1)
"""After this long CloudWatch shows everything: nothing is waited for."""
_PAGES = 4
"""At a time: a busy log must not keep us from looking at its task."""


class TaskOutput:
    """The log of one task. `say` takes a remark, `pass_on` the lines. Reading never fails a run."""

    def __init__(
        self, aws: Aws, say: Callable[[str], None], pass_on: Callable[[Sequence[str]], None]
    ) -> None:
        self._aws, self._say, self._pass_on = aws, say, pass_on
        self._follower: Follower | None = None
        self._over_since: float | None = None
        self.done = False
        """Whether nothing more will come, or can be had."""

    @property
    def is_behind(self) -> bool:
        """Whether there is more to be read right now."""
        return self._follower is not None and not self.done and not self._follower.at_end

    def read(self, run: Run, *, over: bool) -> None:
        """Pass on what is there. Of a run that is over, `done` follows when its log is complete."""
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
        try:
            arn = run.request["taskDefinition"]
            answer = self._aws.call("ecs", "DescribeTaskDefinition", taskDefinition=arn)
        except AwsError:
            return None  # the next look asks again
        found, why = place_of(answer.get("taskDefinition", {}), run.container, run.task_arn or "")
        if found is None:
            self.done = True
            self._say(f"no log to show: {why}")
            return None
        self._follower = Follower(self._aws.in_region(found.region), found)
        return self._follower

    def _end(self, run: Run, follower: Follower | None, *, news: bool) -> None:
        now = self._aws.clock.boot_seconds()
        self._over_since = now if self._over_since is None else self._over_since
        waited = now - self._over_since > ENOUGH.total_seconds()
        if follower is None:
            self.done = waited
        elif not follower.problem:
            at_rest = follower.settled(now, news=news)
            self.done = follower.at_end and (at_rest or waited or self._is_complete(run))
        elif waited or follower.is_denied:
            self.done = True
            self._say(f"its log may not be complete: {follower.problem}")

    def _is_complete(self, run: Run) -> bool:
        """Whether nothing can be missing: the container never ran, or ended long ago."""
        if run.state is RunState.FAILED and run.exit_code is None:
            return True
        return run.settled_at is not None and self._aws.now() - run.settled_at > LONG_OVER
