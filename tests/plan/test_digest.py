"""The hash of a saved plan: the same while the plan is, another as soon as it would do something else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.diagnostics import Origin
from reconciler.model.names import Address
from reconciler.model.plan import Plan
from reconciler.model.run import RunState
from reconciler.plan.digest import digest_of
from tests.plan.world import World, a_migration, a_service, an_app

WEB, WORKER = Address("service", "web"), Address("service", "worker")


@pytest.fixture
def world():
    """Return a world with two services."""
    world = World()
    world.converge(an_app(a_service(), a_service("worker")))
    return world


def desired(tag: str = "2", **fields):
    """Return the next release."""
    return an_app(a_service(tag=tag, **fields), a_service("worker", tag=tag))


def test_the_same_world_has_the_same_digest(world):
    """Planned twice, in another order, from other lines of the files: the same thing would be done."""
    first = world.plan(desired())
    moved = an_app(
        a_service("worker", tag="2"),
        a_service(tag="2", origins={("service",): Origin("b.yaml", 9, 9)}),
    )
    assert digest_of(first) == digest_of(world.plan(moved))


def test_words_do_not_count(world):
    """Summaries and notes change with what runs at the moment; what is done does not."""
    plan = world.plan(desired())
    steps = tuple(replace(s, summary="x", notes=("y",)) for s in plan.steps)
    assert digest_of(Plan(plan.key, steps, ("z",))) == digest_of(plan)


@pytest.mark.parametrize(
    "move",
    [
        lambda w: w.edit("shop-production-web", enableExecuteCommand=True, desiredCount=7),
        lambda w: w.converge(an_app(a_service(tag="3"), a_service("worker"))),
        lambda w: w.finish(a_migration(), RunState.FAILED),
    ],
)
def test_live_moved(world, move):
    """A console edit of a declared field, another rollout, a migration: the old plan is not the plan."""
    files = an_app(*desired(desiredCount=3).services, migrations=(a_migration(),))
    before = digest_of(world.plan(files))
    move(world)
    assert digest_of(world.plan(files)) != before


def test_files_moved(world):
    """Another tag, another count."""
    digests = {digest_of(world.plan(d)) for d in (desired(), desired("3"), desired(desiredCount=9))}
    assert len(digests) == 3


def test_only_the_asked_for_steps_count(world):
    """A plan of one service does not care for the other."""
    before = digest_of(world.plan(desired()), {WEB})
    world.edit("shop-production-worker", desiredCount=7)
    assert digest_of(world.plan(desired()), {WEB}) == before
    assert digest_of(world.plan(desired()), {WORKER}) != before
