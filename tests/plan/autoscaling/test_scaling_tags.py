"""Tags of a scalable target: given, put right, taken off; those of others stay, and cost nothing."""

from __future__ import annotations

import pytest

from reconciler.model.plan import Effect, Verb, Why
from tests.plan.autoscaling.test_autoscaling_steps import ADDRESS, SCOPE, WEB, converged
from tests.plan.builders import only
from tests.plan.scaling_world import RESOURCE, ScalingWorld, a_scaled_app, a_scaling, tracking

OURS = {
    "reconciler:app": "shop",
    "reconciler:environment": "production",
    "reconciler:address": ADDRESS,
}


def tagged(**tags: str):
    """Return a declaration with these tags."""
    return a_scaling(1, 4, tags=tags)


def test_a_target_that_we_register_is_marked_as_ours() -> None:
    """The call that registers it carries the declared tags and ours: no second call, nothing read."""
    world = ScalingWorld()
    world.converge(a_scaled_app(tagged(team="shop")))

    assert world.scaling.tags[RESOURCE] == {**OURS, "team": "shop"}
    assert world.sent == ["RegisterScalableTarget"]


def test_tags_of_others_are_left_alone_and_not_even_read() -> None:
    """Without declared tags nobody asks for any; what is there besides stays, whatever changes."""
    world = converged(a_scaling(1, 4))
    world.scaling.tags[RESOURCE]["cost-center"] = "7"
    world.converge(a_scaled_app(a_scaling(1, 5)))

    assert world.scaling.tags[RESOURCE] == {**OURS, "cost-center": "7"}
    observed = world.observe(a_scaled_app(a_scaling(1, 5)))
    assert observed.scaling[WEB].tags is None


def test_a_declared_tag_is_put_right() -> None:
    """New, changed in the files and changed in the console alike: one TagResource with what differs."""
    world = converged(tagged(team="shop", tier="web"))
    world.scaling.tags[RESOURCE]["tier"] = "other"
    app = a_scaled_app(tagged(team="store", tier="web", area="eu"))

    step = only(world.plan(app), ADDRESS)
    assert step.verb is Verb.UPDATE
    assert step.summary == "tags.area, tags.team, tags.tier, no rollout"
    assert {c.path: (c.observed, c.desired) for c in step.changes} == {
        "tags.area": (None, "eu"),
        "tags.team": ("shop", "store"),
        "tags.tier": ("other", "web"),
    }
    assert {c.effect for c in step.changes} == {Effect.NO_ROLLOUT}
    world.converge(app)
    assert world.sent == ["TagResource"]
    assert world.scaling.tags[RESOURCE] == {**OURS, "team": "store", "tier": "web", "area": "eu"}


@pytest.mark.parametrize("left", [{}, {"tier": "web"}], ids=["all", "one"])
def test_a_tag_that_left_the_files_is_taken_off(left) -> None:
    """Once; afterwards nothing is remembered of it, and somebody may set it again."""
    world = converged(tagged(team="shop", **left))
    world.scaling.tags[RESOURCE]["owner"] = "me"
    app = a_scaled_app(tagged(**left) if left else a_scaling(1, 4))

    [change] = only(world.plan(app), ADDRESS).changes
    assert (change.path, change.why) == ("tags.team", Why.REMOVED)
    world.converge(app)
    assert world.sent == ["UntagResource"]
    assert world.scaling.tags[RESOURCE] == {**OURS, "owner": "me", **left}
    world.scaling.tags[RESOURCE]["team"] = "shop"
    assert only(world.plan(app), ADDRESS).verb is Verb.NONE


def test_a_tag_whose_value_somebody_changed_is_theirs() -> None:
    """It stays when it leaves the files, and the step says so."""
    world = converged(tagged(team="shop"))
    world.scaling.tags[RESOURCE]["team"] = "other"
    app = a_scaled_app(a_scaling(1, 4))

    step = only(world.plan(app), ADDRESS)
    assert step.verb is Verb.NONE
    assert step.notes == (
        "tag team is no longer declared, but its value is not what we set: it stays",
    )
    world.converge(app)
    assert world.sent == []


def test_tags_of_others_are_explained() -> None:
    """Where tags are read, `--explain` lists those that are not ours to look at."""
    world = converged(tagged(team="shop"))
    world.scaling.tags[RESOURCE]["cost-center"] = "7"

    step = only(world.plan(a_scaled_app(tagged(team="shop"))), ADDRESS)
    assert step.verb is Verb.NONE
    assert "tags.cost-center" in {s.path for s in step.suppressed}


def test_a_target_that_was_there_gets_the_declared_tags_alone() -> None:
    """It is not ours, so it bears no mark of ours; taken back, it loses what we put and keeps the rest."""
    world = converged(None)
    bounds = {"MinCapacity": 1, "MaxCapacity": 4}
    world.scaling.handle("RegisterScalableTarget", {**SCOPE, **bounds, "Tags": {"owner": "me"}})
    app = a_scaled_app(tagged(team="shop"))
    assert only(world.plan(app), ADDRESS).verb is Verb.ADOPT
    world.converge(app)
    assert world.scaling.tags[RESOURCE] == {"owner": "me", "team": "shop"}

    world.sent.clear()
    step = only(world.plan(a_scaled_app(None)), ADDRESS)
    assert step.summary == "delete tag team: autoscaling is no longer declared"
    world.converge(a_scaled_app(None))
    assert world.sent == ["UntagResource"]
    assert world.scaling.tags[RESOURCE] == {"owner": "me"}


def test_a_registration_of_ours_takes_its_tags_along() -> None:
    """A target that we registered goes as a whole: no call for its tags."""
    world = converged(tagged(team="shop"))
    world.converge(a_scaled_app(None))

    assert world.sent == ["DeregisterScalableTarget"]


def test_tags_do_not_disturb_the_rest() -> None:
    """A policy and a tag change in one step, and an edit of one is not taken for the other."""
    world = converged(a_scaling(1, 4, tags={"team": "shop"}, policies={"cpu": tracking()}))
    app = a_scaled_app(
        a_scaling(2, 4, tags={"team": "store"}, policies={"cpu": tracking(value=70.0)})
    )
    world.converge(app)

    assert world.sent == ["TagResource", "RegisterScalableTarget", "PutScalingPolicy"]
    assert world.plan(app).in_sync
