"""A tag in a live task definition against the digest that the files name: what runs decides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.plan.needs import needs_running_images
from reconciler.plan.planner import make_plan
from tests.plan.world import World, a_service, a_task_definition, an_app, digest, image, only

NAME = "shop-production-web"
LATEST = image("latest")
RUNS = "sha256:" + "1" * 64
OTHER = "sha256:" + "2" * 64


def live(reference: str, running: str | None) -> World:
    """Return a world with a service that was deployed by others with this reference."""
    world = World()
    world.adopt_me(a_service(td=a_task_definition("1")))
    arn = world.services[NAME].task_definition_arn
    known = world.task_definitions[arn]
    [container] = known.content["containerDefinitions"]
    content = {**known.content, "containerDefinitions": [{**container, "image": reference}]}
    world.task_definitions[arn] = replace(known, content=content)
    runs = {"app": running} if running else {}
    world.services[NAME] = replace(world.services[NAME], running=runs)
    return world


def declares(reference: str):
    """Return a service of the files with this image."""
    return a_service(td=a_task_definition(image=reference))


@pytest.mark.parametrize(
    ("there", "running", "declared", "same"),
    [
        (LATEST, RUNS, f"{LATEST.rpartition(':')[0]}@{RUNS}", True),
        (LATEST, RUNS, f"{LATEST.rpartition(':')[0]}@{OTHER}", False),
        (LATEST, None, f"{LATEST.rpartition(':')[0]}@{RUNS}", False),
        ("other/shop:latest", RUNS, f"{LATEST.rpartition(':')[0]}@{RUNS}", False),
        (image("1"), None, image("1"), True),
        (image("1"), digest(image("1")).partition("@")[2], image("1"), True),
        (image("1"), OTHER, image("1"), False),
        (image("1"), None, image("2"), False),
    ],
)
def test_what_runs_decides(there, running, declared, same) -> None:
    """The digest that runs is compared; only where nobody knows it, the same tag is enough."""
    world = live(there, running)
    if "@" in declared:
        world.missing_images = frozenset()
    app = an_app(declares(declared))
    observed = world.observe(app)
    if "@" in declared:
        observed = replace(observed, images={declared: declared})
    from reconciler.plan.planner import make_plan

    step = only(make_plan(app, observed), "service/web")
    assert step.is_difference is not same
    if same:
        path = "containerDefinitions.app.image"
        assert [s.observed for s in step.suppressed if s.path == path] == [there]


def test_what_runs_is_asked_only_where_it_matters() -> None:
    """Neither for digests on both sides nor for an image whose registry is not asked."""
    pinned = {"containerDefinitions": [{"name": "app", "image": digest(image("1"))}]}
    tagged = {"containerDefinitions": [{"name": "app", "image": image("1")}]}
    public = {"containerDefinitions": [{"name": "app", "image": "nginx:1.29"}]}
    images = {image("1"): digest(image("1")), "nginx:1.29": "nginx:1.29"}
    assert needs_running_images(declares(image("1")), tagged, images)
    assert not needs_running_images(declares(image("1")), pinned, images)
    assert not needs_running_images(declares("nginx:1.29"), public, images)


def test_an_image_is_shown_by_the_tag_that_names_it() -> None:
    """A tag that moved on names both digests, whatever other tag once stood for one of them."""
    world, tag = World(), image("1")
    app = an_app(a_service(td=a_task_definition("1")))
    world.converge(app)
    was, now = digest(tag), digest(image("2"))
    observed = world.observe(app)
    ledger = replace(observed.ledger, pins={tag: was, image("2"): now, image("3"): was})
    observed = replace(observed, images={tag: now}, ledger=ledger)
    step = only(make_plan(app, observed), "service/web")
    [change] = [c for c in step.changes if c.path.endswith(".image")]
    assert (change.observed, change.desired) == (
        f"{tag}@{was.partition('@')[2]}",
        f"{tag}@{now.partition('@')[2]}",
    )
