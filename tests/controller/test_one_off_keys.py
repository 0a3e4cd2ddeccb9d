"""Orders under one idempotency key at the same moment: one is carried out, a different one is refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import greenlet
import pytest

from reconciler.model.errors import GuardRefused
from reconciler.model.work import Work
from reconciler.runs.outcome import exit_code_of
from tests.controller.one_off_stage import Person, Story
from tests.fakes.ecs_nature import Exits

CALLS = range(1, 12)
"""As many as a command makes until its start is written down, and more."""


class Starter:
    """A process that carries out one order, stepped one call of AWS at a time."""

    def __init__(self, story: Story, *works: Work, key: str = "k1") -> None:
        self.story, self.works, self.key = story, works, key
        self.person = Person(story.stage)
        self.outcome: Any = None
        self._hand = greenlet.greenlet(self._run)

    def _run(self) -> None:
        try:
            self.outcome = self.story.follow(*self.works, key=self.key, person=self.person)
        except GuardRefused as refused:
            self.outcome = refused

    def go(self, calls: int | None = None) -> None:
        """Go on for so many calls, otherwise to the end."""
        done = 0
        while not self._hand.dead and (calls is None or done < calls):
            self._hand.switch()
            done += 1


def story_of_two(*, guard: bool) -> Story:
    """Return a stage on which every call of AWS lets somebody else go first."""
    story = Story(Exits(0, seconds=5), guard=guard)
    before = story.stage.transport.before

    def stepped(*call: Any) -> None:
        scheduler = greenlet.getcurrent().parent
        if scheduler is not None:
            scheduler.switch()
        before(*call)

    story.stage.transport.before = stepped
    return story


def other_command(story: Story) -> tuple[list[Work], list[Work]]:
    """Two commands of one service."""
    command = {"containerOverrides": [{"name": "app", "command": ["other"]}]}
    return [story.work()], [story.work(overrides=command)]


def other_origin(story: Story) -> tuple[list[Work], list[Work]]:
    """One command, of two services."""
    return [story.work()], [story.work(name="worker")]


def other_number(story: Story) -> tuple[list[Work], list[Work]]:
    """Two tasks, and three."""
    two, three = ([story.work(f"k1.{n}of{most}") for n in range(1, most + 1)] for most in (2, 3))
    return two, three


@pytest.mark.parametrize(
    ("differ", "guard"),
    [(other_command, True), (other_command, False), (other_origin, True), (other_number, False)],
)
def test_of_two_different_orders_at_the_same_moment_one_is_refused(
    differ: Callable[[Story], tuple[list[Work], list[Work]]], guard: bool
) -> None:
    """Whoever is how far when the other goes on: one order is carried out whole, the other starts nothing."""
    winners = set()
    for first, second in itertools.product(CALLS, CALLS):
        story = story_of_two(guard=guard)
        starters = [Starter(story, *works) for works in differ(story)]
        starters[0].go(first)
        starters[1].go(second)
        starters[0].go()
        starters[1].go()
        refused = [s for s in starters if isinstance(s.outcome, GuardRefused)]
        carried_out = [s for s in starters if isinstance(s.outcome, list)]

        assert len(refused) == len(carried_out) == 1, (first, second)
        assert "belongs to another request" in str(refused[0].outcome)
        assert len(carried_out[0].outcome) == len(carried_out[0].works)
        assert story.stage.executions() == len(carried_out[0].works), (first, second)
        assert story.stage.store.verify() == []
        winners.add(starters.index(carried_out[0]))
    assert winners == {0, 1}


def test_equal_orders_at_the_same_moment_are_one_task_and_both_are_told_its_end() -> None:
    """The one that comes second follows the first's task, says so, and ends with the same code."""
    said = set()
    for first in CALLS:
        story = story_of_two(guard=True)
        starters = [Starter(story, story.work()) for _ in range(2)]
        starters[0].go(first)
        starters[1].go()
        starters[0].go()

        assert [exit_code_of(s.outcome[0]) for s in starters] == [0, 0]
        assert story.stage.executions() == 1
        told = [any("k1 is known" in text for text in s.person.remarks) for s in starters]
        assert sorted(told) == [False, True], first
        said.add(tuple(told))
    assert len(said) == 2
