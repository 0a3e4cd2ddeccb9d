"""Images that a plan cannot go on without: missing, or for another platform."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.desired import Guard
from reconciler.model.plan import Verb
from reconciler.plan.assess import assess
from reconciler.plan.planner import make_plan
from tests.plan.world import World, a_migration, a_service, a_task_definition, an_app, image, only

ARM = {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}
FARGATE = {"requiresCompatibilities": ["FARGATE"]}


def planned(task, *platforms):
    """Plan a service whose image is new and made for these platforms."""
    app = an_app(a_service(td={**a_task_definition(), **task}), a_service("other"))
    observed = World().observe(app)
    observed = replace(observed, platforms={image("1"): frozenset(platforms)} if platforms else {})
    return make_plan(app, observed)


@pytest.mark.parametrize(
    ("task", "platforms", "fits"),
    [
        (FARGATE, ("linux/amd64",), True),
        (FARGATE, ("linux/amd64", "linux/arm64"), True),
        (FARGATE, ("linux/arm64",), False),
        (FARGATE, (), True),
        ({"runtimePlatform": ARM}, ("linux/arm64",), True),
        ({"runtimePlatform": ARM}, ("linux/amd64",), False),
        ({**FARGATE, "runtimePlatform": ARM}, ("linux/amd64",), False),
        ({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}, ("windows/amd64",), True),
        ({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}, ("linux/amd64",), False),
        ({}, ("linux/arm64",), True),
    ],
)  # fmt: skip
def test_the_platform_is_that_of_the_task(task, platforms, fits):
    """Fargate is linux/amd64 unless declared; on EC2 without a declaration nobody knows the instance."""
    step = only(planned(task, *platforms), "service/web")
    assert (step.verb is Verb.HOLD) is not fits
    if not fits:
        assert step.summary.startswith("image for another platform: ")
        assert f"{image('1')} is for {platforms[0]}, the task runs on" in step.summary


def test_a_platform_that_does_not_fit_stops_everything():
    """The release cannot run as a whole, so none of it begins."""
    plan = planned({"runtimePlatform": ARM}, "linux/amd64")
    assert only(plan, "service/other").blocked_by[0].startswith("image for another platform")


def test_a_missing_guard_blocks_the_run():
    """A migration that cannot be claimed does not start."""
    world = World(missing_images=frozenset({image("guard")}))
    app = replace(an_app(migrations=(a_migration(),)), guard=Guard(image=image("guard")))
    step = only(world.plan(app), "migration/db")
    assert step.blocked_by == (f"image not found: {image('guard')}",)
    assert assess(app, world.observe(app), world.plan(app)).exit_code == 3


def test_an_image_without_a_digest_is_said():
    """It is registered with its tag; the plan says why it is not pinned, and that is no difference."""
    app = an_app(a_service())
    observed = replace(World().observe(app), unpinned={image("1"): "r does not show it"})
    assert (
        f"image {image('1')} is not pinned to a digest: r does not show it"
        in make_plan(app, observed).notes
    )


def test_what_is_in_sync_is_not_stopped():
    """A service that runs what is declared stays as it is, whatever is missing elsewhere."""
    world = World(missing_images=frozenset({image("2")}))
    world.converge(an_app(a_service()))
    plan = world.plan(an_app(a_service(), a_service("new", tag="2")))
    assert only(plan, "service/web").verb is Verb.NONE
    assert only(plan, "service/new").verb is Verb.HOLD
