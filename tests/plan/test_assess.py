"""Status of a part of an app; whole apps are assessed in the tests of the steps."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.names import Address
from reconciler.model.pause import Pause
from reconciler.model.status import AppStatus, Health, ResourceStatus, Sync
from reconciler.plan.assess import assess, restricted
from reconciler.plan.planner import make_plan
from tests.plan.world import World, a_service, an_app


def test_the_status_of_a_part_is_about_that_part_alone() -> None:
    """`apply service/web` is done when service/web is, whatever the others do."""
    web, other = Address("service", "web"), Address("service", "other")
    whole = AppStatus(
        key="production/shop",
        sync=Sync.OUT_OF_SYNC,
        health=Health.HELD,
        generation=1,
        commit="",
        content_hash="",
        resources=(
            ResourceStatus(web, Sync.SYNCED, Health.HEALTHY),
            ResourceStatus(other, Sync.OUT_OF_SYNC, Health.HELD, exit_code=8),
        ),
        exit_code=8,
    )

    assert restricted(whole, {web}).converged
    assert restricted(whole, {web}).exit_code == 0
    assert restricted(whole, {other}).exit_code == 8
    assert restricted(whole, set()) is whole


def test_a_deployment_that_waits_for_a_person_says_so_beside_what_else_differs() -> None:
    """Whether or not the service differs from the files, the stage and the command are in its line."""
    world = World()
    world.converge(an_app(a_service("web", desiredCount=1)))
    pause = Pause("arn:aws:ecs:eu-west-1:1:service-deployment/c/web/x", "POST_SCALE_UP", "h-1")
    for count in (1, 2):
        desired = an_app(a_service("web", desiredCount=count))
        observed = world.observe(desired)
        web = replace(observed.services["web"], pause=pause)
        observed = replace(observed, services={"web": web})
        (line,) = assess(desired, observed, make_plan(desired, observed)).resources
        assert line.message.endswith(pause.text)
        assert (line.message != pause.text) is (count == 2)
