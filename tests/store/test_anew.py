"""A word that was overtaken is decided anew, for a while; one that may have been written is not said twice."""

from __future__ import annotations

import pytest

from reconciler.model.errors import PermanentError, Superseded, Unsure
from reconciler.store.anew import PAUSES, anew
from tests.fakes.clock import VirtualClock
from tests.store.world import ENTRY, World


def person(world: World):
    """Return an attempt that commits one entry on the ledger as it is then, and how often it was made."""
    made = []

    def attempt() -> int:
        made.append(1)
        view = world.store().read()
        session = world.store().operator(view, "arn:me")
        session.commit([ENTRY])
        return session.head.sequence

    return attempt, made


def busy(world: World, times: int) -> None:
    """Let a controller commit right before each of the next `times` transactions."""
    leader = world.session()
    left = [times]

    def overtake(_service: str, operation: str, _params: object) -> None:
        if operation == "TransactWriteItems" and left[0] > 0:
            left[0] -= 1
            hook, world.transport.before = world.transport.before, None
            leader.rebase(world.store().read())
            leader.commit([ENTRY])
            world.transport.before = hook

    world.transport.before = overtake


def test_it_is_written_between_the_commits_of_a_controller():
    """Each loss is followed by a fresh read; the journal has it once, and is whole."""
    world = World()
    busy(world, 5)
    attempt, made = person(world)
    number = anew(world.clock, attempt)
    assert len(made) == 6
    said = [e.number for e in world.store().journal() if e.content["who"] == "arn:me"]
    assert said == [number]
    assert world.store().verify() == []


def test_it_gives_up_after_its_budget():
    """An error that may be tried again, after six seconds; nothing of it is written."""
    world = World()
    busy(world, 1000)
    attempt, made = person(world)
    began = world.clock.boot_seconds()
    with pytest.raises(Superseded):
        anew(world.clock, attempt)
    assert len(made) == len(PAUSES) + 1
    assert 6 < world.clock.boot_seconds() - began < 8
    assert all(e.content["who"] != "arn:me" for e in world.store().journal())


@pytest.mark.parametrize(("repeatable", "attempts"), [(False, 1), (True, len(PAUSES) + 1)])
def test_what_may_have_been_written_is_said_again_only_where_that_is_harmless(repeatable, attempts):
    """Lost requests leave it open: a second `retry` could ask for one attempt more."""
    world = World()
    world.session()
    attempt, made = person(world)
    world.lose("TransactWriteItems", 1000, applied=False)
    with pytest.raises(Unsure, match="not known"):
        anew(world.clock, attempt, repeatable=repeatable)
    assert len(made) == attempts


def test_what_the_ledger_forbids_now_is_an_error():
    """It is not tried again: the state says no."""
    clock, made = VirtualClock(), []

    def attempt() -> None:
        made.append(1)
        raise (
            Superseded("first") if len(made) == 1 else PermanentError("it has succeeded meanwhile")
        )

    with pytest.raises(PermanentError, match="meanwhile"):
        anew(clock, attempt)
    assert len(made) == 2
