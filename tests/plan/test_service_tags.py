"""Tags of a service: ours and the declared ones are kept right, and others' are never touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.plan import Why
from tests.plan.world import World, a_service, an_app, only

NAME = "shop-production-web"
TEAM = [{"key": "team", "value": "shop"}]


@pytest.fixture
def tagged() -> World:
    """Return a world with one service that we tagged, and somebody else did too."""
    world = World()
    world.converge(an_app(a_service(tags=TEAM)))
    live = world.services[NAME]
    world.services[NAME] = replace(live, tags={**live.tags, "cost": "42", "aws:x": "y"})
    world.calls.clear()
    return world


def test_a_tag_that_left_the_files_is_taken_off(tagged) -> None:
    """We had set it and nobody has changed it since: UntagResource, once, and nothing else."""
    app = an_app(a_service())
    step = only(tagged.plan(app), "service/web")
    [change] = step.changes
    assert (change.path, change.observed, change.desired) == ("tags.team", "shop", None)
    assert change.why is Why.REMOVED
    assert step.request.untag == ("team",)
    tagged.converge(app)
    assert tagged.calls == ["UntagResource"]
    assert tagged.services[NAME].tags.keys() >= {"cost", "aws:x", "reconciler:app"}
    assert "team" not in tagged.services[NAME].tags
    assert tagged.plan(app).in_sync


def test_a_tag_whose_value_somebody_changed_stays(tagged) -> None:
    """It is theirs now; the plan says so and does nothing."""
    live = tagged.services[NAME]
    tagged.services[NAME] = replace(live, tags={**live.tags, "team": "other"})
    plan = tagged.plan(an_app(a_service()))
    assert plan.in_sync
    [note] = only(plan, "service/web").notes
    assert "tag team" in note
    assert "stays" in note


def test_tags_of_others_are_no_difference(tagged) -> None:
    """Neither AWS's nor a cost tool's tags are looked at."""
    assert tagged.plan(an_app(a_service(tags=TEAM))).in_sync


def test_a_tag_that_is_gone_already_is_not_taken_off(tagged) -> None:
    """Nothing is sent for a tag that is not there."""
    live = tagged.services[NAME]
    tags = {k: v for k, v in live.tags.items() if k != "team"}
    tagged.services[NAME] = replace(live, tags=tags)
    assert tagged.plan(an_app(a_service())).in_sync


def test_a_new_value_is_put_right_and_an_old_key_taken_off_in_one_step(tagged) -> None:
    """Both calls belong to one step."""
    app = an_app(a_service(tags=[{"key": "squad", "value": "a"}]))
    request = only(tagged.plan(app), "service/web").request
    assert (request.tags, request.untag) == ({"squad": "a"}, ("team",))
    tagged.converge(app)
    assert tagged.calls == ["UntagResource", "TagResource"]
