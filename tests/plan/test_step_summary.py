"""The one line of a step: how new tasks come, and how many."""

from __future__ import annotations

import pytest

from tests.plan.world import World, a_service, an_app, only


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"desiredCount": 2}, "rolling, 2 tasks"),
        ({"schedulingStrategy": "DAEMON"}, "rolling, one task on each instance"),
        (
            {"desiredCount": 2, "deploymentConfiguration": {"strategy": "BLUE_GREEN"}},
            "blue/green, 2 tasks",
        ),
        ({"desiredCount": 1, "deploymentConfiguration": {"strategy": "LINEAR"}}, "linear, 1 task"),
        ({"desiredCount": 1, "deploymentConfiguration": {"strategy": "CANARY"}}, "canary, 1 task"),
    ],
)
def test_it_says_how_new_tasks_come(fields, said) -> None:
    """By the declared strategy; a daemon's live count says nothing of its next tasks."""
    world = World()
    world.converge(an_app(a_service(tag="1", **fields)))
    step = only(world.plan(an_app(a_service(tag="2", **fields))), "service/web")
    assert step.summary == f"new task definition, {said}"


def test_an_undeclared_strategy_is_the_live_one() -> None:
    """Somebody else's choice is how ECS will do it."""
    world = World()
    world.converge(an_app(a_service(tag="1")))
    world.edit("shop-production-web", deploymentConfiguration={"strategy": "CANARY"})
    step = only(world.plan(an_app(a_service(tag="2"))), "service/web")
    assert "canary" in step.summary
