"""Following one-off tasks on the fakes, in virtual time: begun once, told truly, whatever dies in between."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.model.errors import AccessDenied, GuardRefused
from reconciler.model.run import RunState
from reconciler.runs.outcome import NEVER_STARTED, TIMED_OUT, UNKNOWN, exit_code_of
from tests.controller.one_off_stage import Dies, Story
from tests.fakes.ecs_nature import Exits
from tests.runs.kinds_stage import NoRoom


@pytest.mark.parametrize("guard", [True, False], ids=["guard", "no guard"])
@pytest.mark.parametrize("code", [0, 3, 126, 127])
def test_the_code_is_the_containers(guard: bool, code: int) -> None:
    """It is told once the task has stopped, with every state on the way and the log to its last line."""
    story = Story(Exits(code, seconds=30), guard=guard)
    seconds = {12.0: "first", 20.0: "second"}
    for second, message in seconds.items():
        story.person.at[second] = lambda message=message: story.write(story.arn, message)
    (run,) = story.follow(story.work())

    assert exit_code_of(run) == code
    assert story.person.statuses[-1] == "STOPPED"
    assert story.person.text == ["first", "second"]
    assert story.stage.executions() == 1


def test_what_comes_late_in_the_log_is_shown() -> None:
    """CloudWatch shows the last line two seconds after the task has stopped: it is waited for."""
    story = Story(Exits(1, seconds=5))

    def when_stopped() -> None:
        if "STOPPED" in story.person.statuses:
            story.write(story.arn, "last words")
        else:
            story.person.at[story.stage.timeline.seconds + 0.5] = when_stopped

    story.person.at[1.0] = when_stopped
    story.follow(story.work())

    assert story.person.text == ["last words"]


def test_no_room_is_a_failure_that_never_started() -> None:
    """`failures[]` is told within seconds, with and without a guard; nothing is launched again."""
    for guard in (True, False):
        story = Story(NoRoom(), guard=guard)
        (run,) = story.follow(story.work())

        assert exit_code_of(run) == NEVER_STARTED
        assert "RESOURCE:MEMORY" in run.reason
        assert len(story.person.remarks) == len(set(story.person.remarks))
        assert run.over
        assert story.stage.timeline.seconds < 60
        assert story.stage.store.read().unfinished == ()


@pytest.mark.parametrize("guard", [True, False])
def test_a_denied_start_is_over_and_never_follows_later(guard: bool) -> None:
    """Without permission for RunTask it has failed, and a permission given later starts nothing."""
    story = Story(guard=guard)
    story.denied = {"RunTask"}
    (run,) = story.follow(story.work())
    story.denied = set()
    (again,) = story.follow(story.work())

    assert exit_code_of(run) == exit_code_of(again) == NEVER_STARTED
    assert "RunTask" in again.reason
    assert story.stage.executions() == 0


def test_a_denied_ledger_is_an_error_and_starts_nothing() -> None:
    """Who may not write the ledger is told so at once: what is not written down is not started."""
    story = Story()
    story.denied = {"TransactWriteItems"}
    with pytest.raises(AccessDenied):
        story.follow(story.work())
    assert story.stage.executions() == 0


@pytest.mark.parametrize("guard", [True, False])
def test_a_timeout_is_told_as_one(guard: bool) -> None:
    """It is stopped, and the code is 124 although the container's was 137."""
    story = Story(Exits(0, seconds=9999), guard=guard)
    (run,) = story.follow(story.work(timeout=timedelta(seconds=60)))

    assert (run.exit_code, exit_code_of(run)) == (137, TIMED_OUT)


@pytest.mark.parametrize("guard", [True, False])
@pytest.mark.parametrize("second", [0.0, 3.0, 8.0, 15.0])
def test_a_stop_at_any_moment_ends_it(guard: bool, second: float) -> None:
    """Asked for before, during or after the start, the command ends or never begins; nothing is left."""
    story = Story(Exits(0, seconds=9999), guard=guard)
    if second:
        story.person.at[second] = lambda: setattr(story.person, "stop", True)
    else:
        story.person.stop = True
    runs = story.follow(story.work())

    assert all(run.over and run.state is RunState.FAILED for run in runs)
    assert len(runs) == (1 if second else 0)
    assert story.stage.store.read().unfinished == ()
    assert story.stage.ecs.tasks.commands.running == []


def test_left_alone_it_goes_on_and_is_found_again() -> None:
    """Whoever leaves it changes nothing; the same key sees its end."""
    story = Story(Exits(4, seconds=50))
    story.person.at[15.0] = lambda: setattr(story.person, "leave", True)
    (left,) = story.follow(story.work())
    assert left.state is RunState.RUNNING

    story.person.leave = False
    (run,) = story.follow(story.work())
    assert exit_code_of(run) == 4
    assert story.stage.executions() == 1


def test_another_request_under_the_key_is_refused() -> None:
    """What the command line says must be the same; the same again gives the same end and starts nothing."""
    story = Story(Exits(3))
    story.follow(story.work())
    for changes in (
        {"timeout": timedelta(seconds=7)},
        {"overrides": {"containerOverrides": [{"name": "app", "command": ["other"]}]}},
        {"overrides": {"cpu": "1024"}},
        {"definition": "web:3"},
        {"launch": {**story.work().launch, "tags": [{"key": "a", "value": "b"}]}},
    ):
        with pytest.raises(GuardRefused, match="belongs to another request"):
            story.follow(story.work(**changes))
    (again,) = story.follow(story.work())
    assert exit_code_of(again) == 3
    assert story.stage.executions() == 1


class Loses(Exits):
    """A host that vanishes while the command runs."""

    def host_lost(self) -> bool:
        return True


def test_a_lost_host_is_unknown_and_says_so() -> None:
    """Nobody knows the exit code: 6, never 0, and nobody waits for ever."""
    story = Story(Loses(0, seconds=20))
    (run,) = story.follow(story.work())
    assert (run.state, exit_code_of(run)) == (RunState.UNKNOWN, UNKNOWN)


def test_a_log_that_may_not_be_read_changes_no_code() -> None:
    """It is said that the log may not be complete, once, and the code is the container's."""
    story = Story(Exits(0, seconds=5))
    story.denied = {"GetLogEvents"}
    (run,) = story.follow(story.work())

    assert exit_code_of(run) == 0
    assert len([r for r in story.person.remarks if "may not be complete" in r]) == 1
    assert story.stage.timeline.seconds < 30


def test_several_tasks_are_followed_together() -> None:
    """Three tasks run at the same time, each with its own end."""
    story = Story(Exits(0, 5, 2, seconds=30))
    runs = story.follow(*(story.work(f"k.{n}of3") for n in (1, 2, 3)))

    assert sorted(exit_code_of(run) for run in runs) == [0, 2, 5]
    assert story.stage.timeline.seconds < 90


def test_detached_it_returns_once_the_task_is_known() -> None:
    """The run has its task's ARN and goes on."""
    story = Story(Exits(0, seconds=500))
    (run,) = story.follow(story.work(), detach=True)
    assert run.task_arn in story.stage.ecs.tasks.by_arn
    assert run.state is RunState.RUNNING


@pytest.mark.parametrize("guard", [True, False], ids=["guard", "no guard"])
def test_killed_at_any_call_it_runs_once(guard: bool) -> None:
    """Killed before the n-th call, for every n, and repeated with its key: one execution, the same code."""
    dies_at, finished = 1, False
    while not finished:
        story = Story(Exits(9, seconds=10), guard=guard)
        story.calls, story.dies_at = 0, dies_at
        try:
            story.follow(story.work())
            finished = True
        except Dies:
            story.person.statuses.clear()
        story.dies_at = 0
        (run,) = story.follow(story.work())

        assert exit_code_of(run) == 9, dies_at
        assert story.stage.executions() == 1, dies_at
        assert story.stage.store.verify() == [], dies_at
        dies_at += 1
    assert dies_at > 20
