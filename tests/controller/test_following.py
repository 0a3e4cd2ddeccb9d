"""Following a run that others drive, on the fakes: told truly, its log whole and in order, nothing changed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from reconciler.aws.operations import is_mutating
from reconciler.controller.converge import TimedOut
from reconciler.controller.following import UNWRITTEN, Following
from reconciler.controller.run_output import RunOutput, pass_on
from reconciler.model.errors import AccessDenied, PermanentError, Unreachable
from reconciler.model.run import RunKey, RunKind, RunState
from reconciler.model.work import Work
from tests.controller.one_off_stage import Story
from tests.fakes.ecs_nature import Exits
from tests.fakes.ecs_tasks import Nature
from tests.runs.kinds_stage import NoRoom

DRIVER = 3.0
"""Seconds between two steps of the controller that drives the run."""


class Watched(Story):
    """A story whose run is driven by a controller beside whoever waits, while it `lives`."""

    def __init__(self, nature: Nature | None = None, **job: Any) -> None:
        super().__init__(nature)
        self.job_work = self.job(**job)
        self.lives = True
        self.person.at[0.0] = self._drive
        self._moments = itertools.count(1)
        self.changed: list[str] = []
        self.driving = False

    def _drive(self) -> None:
        self.driving = True
        if self.lives:
            self.stage.take(self.job_work)
        self.driving = False
        self.person.at[self.stage.timeline.seconds + DRIVER] = self._drive

    def _before(self, service: str, operation: str, params: Any) -> None:
        if self.driving:
            return
        if is_mutating(operation):
            self.changed.append(operation)
        super()._before(service, operation, params)

    def when(self, look: Callable[[], bool], does: Callable[[], object]) -> None:
        """Do something once, as soon as something holds."""

        def again() -> None:
            if look():
                does()
            else:
                self.person.at[self.stage.timeline.seconds + moment] = again

        moment = 0.3 + next(self._moments) / 1000  # no two at the same second
        self.person.at[moment] = again

    def runs(self) -> bool:
        """Whether it was told that the first task runs."""
        return "RUNNING" in self.person.statuses

    def has_ended(self) -> bool:
        """Whether the ledger has an end of the run's newest attempt."""
        self.driving = True
        ended = self.stage.stored(self.job_work).has_stopped
        self.driving = False
        return ended

    def following(self, **more: Any) -> Following:
        """Return who follows the run."""
        return Following(self.place, self.job_work.key, self.audience, **more)

    def begun(self) -> Work:
        """Drive the run until it has ended, with nobody waiting; return its work."""
        self.stage.drive(self.job_work, 300)
        return self.job_work


def test_a_run_is_told_and_read_to_its_end_and_not_touched() -> None:
    """Its states, its log with the line that comes late, its verdict; whoever follows only reads."""
    story = Watched(Exits(0, seconds=30))
    story.when(story.runs, lambda: story.write(story.arn, "first"))
    story.when(
        lambda: story.runs() and story.has_ended(), lambda: story.write(story.arn, "last words")
    )
    followed = story.following().to_the_end()

    assert followed.run is not None
    assert (followed.run.state, followed.run.exit_code) == (RunState.SUCCEEDED, 0)
    assert story.person.text == ["first", "last words"]
    assert story.person.statuses == ["PROVISIONING", "RUNNING"]
    assert story.changed == []


def test_the_log_of_each_attempt_comes_whole_before_the_next() -> None:
    """Tried again, the last words of the first task are there before the first of the second."""
    story = Watched(Exits(3, 0, seconds=20), backoff=timedelta(seconds=30))
    arns: list[str] = []

    def write(word: str) -> None:
        arns.append(story.arn)
        story.write(story.arn, word)

    story.when(story.runs, lambda: write("one"))
    story.when(lambda: story.runs() and story.has_ended(), lambda: write("one, late"))
    story.when(lambda: story.person.statuses.count("RUNNING") == 2, lambda: write("two"))
    followed = story.following().to_the_end()

    assert followed.run is not None
    assert (followed.run.state, followed.run.attempt) == (RunState.SUCCEEDED, 2)
    assert len(set(arns)) == 2
    assert story.person.text == ["one", "one, late", "two"]
    assert len([r for r in story.person.remarks if "another follows" in r]) == 1


def test_an_attempt_that_came_and_went_between_two_looks_is_read() -> None:
    """Whoever was away finds the whole log of each attempt since, one behind the other."""
    story = Watched(Exits(3, 3, 0, seconds=5))
    story.stage.take(story.job_work)
    first = story.stage.stored(story.job_work)
    last = story.stage.drive(story.job_work, 600)
    for number, words in enumerate((["one", "and a half"], ["two"], ["three"]), start=1):
        attempt = last.as_of(number)
        assert attempt is not None
        story.write(attempt.task_arn or "", *words)
    output = RunOutput(story.place.aws, story.person.remarks.append, story.person.text.extend)
    output.read(first, over=False)
    for _ in range(9):
        output.read(last, over=True)

    assert output.done
    assert story.person.text == ["one", "and a half", "two", "three"]


@pytest.mark.parametrize(("is_new", "shown"), [(True, ["one", "two", "three"]), (False, ["three"])])
def test_of_a_new_run_attempts_before_the_first_look_are_read(
    is_new: bool, shown: list[str]
) -> None:
    """The first look may come late: of a run of our own nothing is lost, of another the newest is shown."""
    story = Watched(Exits(3, 3, 0, seconds=5))
    last = story.stage.drive(story.job_work, 600)
    for number, word in enumerate(("one", "two", "three"), start=1):
        attempt = last.as_of(number)
        assert attempt is not None
        story.write(attempt.task_arn or "", word)

    story.following(is_new=is_new).to_the_end()

    assert story.person.text == shown


def test_a_task_that_ecs_does_not_show_yet_has_not_stopped() -> None:
    """DescribeTasks may know nothing of a task for minutes: its log is not taken for complete."""

    class Late(Exits):
        def visible_after(self) -> float:
            return 60.0

    story = Watched(Late(0, seconds=120))
    story.when(lambda: story.stage.timeline.seconds > 90, lambda: story.write(story.arn, "here"))
    story.following().to_the_end()
    assert story.person.text == ["here"]


def test_a_stop_that_nobody_writes_down_is_told() -> None:
    """No controller is left: after a while the waiting ends, with ECS's word in the ledger's place."""
    story = Watched(Exits(7, seconds=30))

    def dies() -> None:
        story.write(story.arn, "said")
        story.lives = False

    story.when(story.runs, dies)
    followed = story.following().to_the_end()

    assert followed.run is not None
    assert followed.run.state is RunState.RUNNING
    assert followed.stopped
    assert followed.seen is not None
    assert followed.seen.exit_codes["app"] == 7
    assert story.person.text == ["said"]
    assert "no controller has written down how" in story.person.remarks[-1]
    assert story.stage.timeline.seconds < UNWRITTEN.total_seconds() + 90


def test_whoever_leaves_changes_nothing() -> None:
    """The run goes on to its end, and somebody else reads its log from the beginning."""
    story = Watched(Exits(0, seconds=60))
    story.when(story.runs, lambda: story.write(story.arn, "one"))
    story.when(lambda: story.person.text == ["one"], lambda: setattr(story.person, "leave", True))
    left = story.following().to_the_end()
    assert left.run is not None
    assert (left.run.state, left.stopped) == (RunState.RUNNING, False)

    story.person.leave, story.person.text = False, []
    followed = story.following().to_the_end()
    assert followed.run is not None
    assert followed.run.state is RunState.SUCCEEDED
    assert story.person.text == ["one"]
    assert story.changed == []


def test_a_limit_ends_the_waiting_alone() -> None:
    """Longer than it was to be waited for: that is said, and the run goes on."""
    story = Watched(Exits(0, seconds=600))
    with pytest.raises(TimedOut, match="is RUNNING after 1m30s"):
        story.following().to_the_end(timedelta(seconds=90))
    assert story.stage.stored(story.job_work).state is RunState.RUNNING


def test_an_outage_is_sat_out_once_there_was_an_answer() -> None:
    """AWS out of reach for a minute: said once, and nothing is missed. At the first look it is an error."""
    story = Watched(Exits(0, seconds=120))
    away = story.stage.transport.before

    def gone(service: str, operation: str, params: Any) -> None:
        if not story.driving:
            raise Unreachable("connection refused", operation=f"{service}:{operation}")
        assert away is not None
        away(service, operation, params)

    def goes() -> None:
        story.stage.transport.before = gone
        story.write(story.arn, "meanwhile")

    story.when(story.runs, goes)
    story.person.at[80.0] = lambda: setattr(story.stage.transport, "before", away)
    followed = story.following().to_the_end()
    assert followed.run is not None
    assert followed.run.state is RunState.SUCCEEDED
    assert story.person.text == ["meanwhile"]
    assert len([r for r in story.person.remarks if "trying on" in r]) == 1

    story.stage.transport.before = gone
    with pytest.raises(Unreachable):
        story.following().to_the_end()


def test_a_ledger_that_may_not_be_read_is_an_error() -> None:
    """A missing permission comes by no waiting."""
    story = Watched()
    story.denied = {"Query", "GetItem", "BatchGetItem"}
    with pytest.raises(AccessDenied):
        story.following().to_the_end()


def test_a_log_that_may_not_be_read_hides_no_end() -> None:
    """Followed, the run's end is told all the same, and once that its log is not."""
    story = Watched(Exits(0, seconds=30))
    story.denied = {"GetLogEvents"}
    followed = story.following().to_the_end()
    assert followed.run is not None
    assert followed.run.state is RunState.SUCCEEDED
    assert len([r for r in story.person.remarks if "may not be complete" in r]) == 1


def shown(story: Watched, last: int | None = None) -> list[str]:
    """Return what is passed on of the run's log, without following it."""
    run = story.stage.stored(story.job_work)
    story.person.text = []
    pass_on(story.stage.aws, run, story.audience, last)
    return story.person.text


def test_what_has_ended_is_shown_to_its_last_line() -> None:
    """Asked just after the end, the line that CloudWatch shows two seconds later is waited for."""
    story = Watched(Exits(0, seconds=5))
    story.stage.drive(story.job_work, 60)
    story.write(story.arn, "one", "two")
    story.person.at.clear()
    story.person.at[story.stage.timeline.seconds + 2] = lambda: story.write(story.arn, "late")
    since = story.stage.stored(story.job_work).settled_at
    assert since is not None
    assert story.stage.aws.now() - since < timedelta(minutes=1)

    assert shown(story) == ["one", "two", "late"]
    assert shown(story, 2) == ["two", "late"]
    assert shown(story, 0) == []


def test_of_what_ended_long_ago_nothing_is_waited_for() -> None:
    """A look is enough, and takes no time."""
    story = Watched(Exits(3, seconds=5), most_attempts=1)
    story.begun()
    story.write(story.arn, *[f"{n}" for n in range(10_000)])
    story.write(story.arn, "last")
    before = story.stage.timeline.seconds
    assert len(shown(story)) == 10_001
    assert story.stage.timeline.seconds - before < 1


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ({"logDriver": "splunk"}, "container app logs with splunk, not to CloudWatch"),
        ({"logDriver": "awsfirelens"}, "look where FireLens sends it"),
        ({}, "its output is kept nowhere"),
    ],
)
def test_a_log_that_is_elsewhere_is_an_error_that_says_where(
    log: dict[str, Any], said: str
) -> None:
    """Another driver or none: nothing was shown, so the verb must not end well."""
    story = Watched(Exits(0))
    story.job_work = story.job(task_definition=story.logging(log))
    story.begun()
    with pytest.raises(PermanentError, match=said):
        shown(story)


def test_no_permission_no_stream_no_task() -> None:
    """A refusal is an error at once; a stream that nobody made is said; a run without a task says why."""
    story = Watched(Exits(0))
    story.begun()
    assert shown(story) == []
    assert "log stream does not exist" in story.person.remarks[-1]

    story.denied = {"GetLogEvents"}
    with pytest.raises(AccessDenied, match="GetLogEvents"):
        shown(story)

    empty = Watched(NoRoom())
    empty.stage.drive(empty.job_work, 600)
    with pytest.raises(PermanentError, match=r"has no task: .*RESOURCE:MEMORY"):
        shown(empty)


def test_a_definition_that_is_gone_is_an_error() -> None:
    """Where the log was stands in the task definition: without it nobody can tell."""
    story = Watched(Exits(0))
    story.begun()
    story.denied = {"DescribeTaskDefinition"}
    with pytest.raises(AccessDenied, match="DescribeTaskDefinition"):
        shown(story)


def test_a_run_that_never_comes_is_left_as_nothing() -> None:
    """Nobody begins it: whoever goes has no run to tell of."""
    story = Watched()
    story.lives = False
    story.person.at[30.0] = lambda: setattr(story.person, "leave", True)
    key = RunKey(RunKind.JOB, "report", "manual-k")
    followed = Following(story.place, key, story.audience).to_the_end()
    assert (followed.run, followed.seen, followed.stopped) == (None, None, False)
