"""What must hold for every declared scaling, every earlier one, and whatever others did meanwhile."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.desired import DesiredAutoscaling
from reconciler.plan.assess import assess
from reconciler.plan.autoscaling.document import desired_document, live_document
from reconciler.plan.compare import compare
from reconciler.resources.autoscaling import autoscaling
from reconciler.shapes.tables import AUTOSCALING
from tests.plan.scaling_world import (
    CPU,
    RESOURCE,
    ScalingWorld,
    a_scaled_app,
    a_scaling,
    nightly,
    stepping,
    tracking,
)

PROPERTY = settings(max_examples=60)
WEB = "shop-production-web"
SCOPE = {
    "ServiceNamespace": "ecs",
    "ResourceId": RESOURCE,
    "ScalableDimension": "ecs:service:DesiredCount",
}
MEMORY = "ECSServiceAverageMemoryUtilization"

cooldowns = st.fixed_dictionaries(
    {}, optional={"scaleInCooldown": st.sampled_from([0, 60, 300]), "disableScaleIn": st.booleans()}
)
values = st.sampled_from([10.0, 60.0, 72.5])
tracked = st.builds(lambda v, more: tracking(CPU, v, **more), values, cooldowns)
remembered_metric = st.builds(lambda v: tracking(MEMORY, v), values)
stepped = st.builds(
    lambda n, more: stepping(n, **more),
    st.integers(-2, 3),
    st.fixed_dictionaries({}, optional={"cooldown": st.sampled_from([0, 300])}),
)
policies = st.fixed_dictionaries(
    {}, optional={"a": tracked | stepped, "b": remembered_metric | stepped, "c": stepped}
)
actions = st.fixed_dictionaries(
    {},
    optional={
        "day": st.builds(lambda n: nightly(minCapacity=n), st.integers(0, 5)),
        "night": st.builds(
            lambda n: {**nightly(maxCapacity=n), "timezone": "UTC"}, st.integers(5, 9)
        ),
    },
)
suspensions = st.fixed_dictionaries(
    {},
    optional={
        "suspendedState": st.dictionaries(
            st.sampled_from(["dynamicScalingInSuspended", "scheduledScalingSuspended"]),
            st.booleans(),
            min_size=1,
        )
    },
)


@st.composite
def scalings(draw: Any) -> DesiredAutoscaling:
    """Draw a declaration of `web`."""
    low, high = sorted((draw(st.integers(0, 9)), draw(st.integers(0, 9))))
    return a_scaling(
        low, high, policies=draw(policies), scheduled=draw(actions), **draw(suspensions)
    )


def in_sync(world: ScalingWorld, wanted: DesiredAutoscaling) -> bool:
    """Compare live AWS with the declaration by nothing but the comparison of documents."""
    live = autoscaling.observe(world.aws, "production", [WEB])[WEB]
    return not compare(desired_document(wanted), live_document(live), AUTOSCALING).differences


@PROPERTY
@given(st.none() | scalings(), scalings())
def test_every_declaration_is_reached_from_every_other(before: Any, after: Any) -> None:
    """And then nothing is planned, the status is converged, and nothing of the earlier one is left."""
    world = ScalingWorld()
    world.converge(a_scaled_app(before))
    app = a_scaled_app(after)
    world.converge(app)
    assert in_sync(world, after)
    plan = world.plan(app)
    assert plan.in_sync
    assert all(step.request is None for step in plan.steps)
    assert assess(app, world.observe(app), plan).converged
    assert {name for _, name in world.scaling.policies} == set(after.policies)
    assert {name for _, name in world.scaling.actions} == set(after.scheduled)


@PROPERTY
@given(scalings(), scalings(), st.sampled_from(["PutScalingPolicy", "PutScheduledAction", ""]))
def test_what_is_given_up_leaves_nothing_behind(before: Any, after: Any, refused: str) -> None:
    """Also when AWS refused a part: all that we made goes with the word, and the ledger forgets it."""
    world = ScalingWorld()
    world.converge(a_scaled_app(before))
    world.fail_on = refused
    world.converge(a_scaled_app(after), passes=3)
    world.fail_on = ""
    world.converge(a_scaled_app(None))
    assert (world.scaling.targets, world.scaling.policies, world.scaling.actions) == ({}, {}, {})
    assert [str(s.address) for s in world.plan(a_scaled_app(None)).steps] == ["service/web"]


@PROPERTY
@given(scalings(), scalings(), st.booleans())
def test_what_others_made_is_never_deleted(before: Any, after: Any, adopted: bool) -> None:
    """A policy of others on our target, or a whole target of theirs, outlives every declaration of ours."""
    world = ScalingWorld()
    world.converge(a_scaled_app(None if adopted else before))
    if adopted:
        world.scaling.handle(
            "RegisterScalableTarget", {**SCOPE, "MinCapacity": 0, "MaxCapacity": 9}
        )
    theirs = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    }
    world.scaling.handle(
        "PutScalingPolicy",
        {
            **SCOPE,
            "PolicyName": "theirs",
            "PolicyType": "StepScaling",
            "StepScalingPolicyConfiguration": theirs,
        },
    )
    kept = dict(world.scaling.policies[RESOURCE, "theirs"])
    for scaling in (before, after, None):
        world.converge(a_scaled_app(scaling))
        assert world.scaling.policies[RESOURCE, "theirs"] == kept
    assert RESOURCE in world.scaling.targets


@PROPERTY
@given(scalings(), st.integers(0, 9), st.none() | st.integers(0, 9))
def test_the_count_is_never_ours(wanted: Any, count: int, declared: int | None) -> None:
    """Whatever the autoscaler chooses, and whatever the files say of it: no difference and no call."""
    fields = {} if declared is None else {"desiredCount": declared}
    app = a_scaled_app(wanted, **fields)
    world = ScalingWorld()
    world.converge(app)
    world.scaling.scale(RESOURCE, count)
    chosen = world.services[WEB].service["desiredCount"]
    world.calls.clear()
    world.sent.clear()
    assert world.pass_over(app).in_sync
    assert (world.calls, world.sent) == ([], [])
    assert world.services[WEB].service["desiredCount"] == chosen


@PROPERTY
@given(scalings(), st.data())
def test_a_schedule_is_never_undone(wanted: Any, data: Any) -> None:
    """After any of its actions has fired, a pass changes nothing, as long as the bounds hold together."""
    app = a_scaled_app(wanted)
    world = ScalingWorld()
    world.converge(app)
    if not wanted.scheduled:
        return
    name = data.draw(st.sampled_from(sorted(wanted.scheduled)))
    bounds = {
        "MinCapacity": wanted.target["minCapacity"],
        "MaxCapacity": wanted.target["maxCapacity"],
        **world.scaling.actions[RESOURCE, name]["ScalableTargetAction"],
    }
    if bounds["MinCapacity"] > bounds["MaxCapacity"]:
        return
    world.scaling.fire(RESOURCE, name)
    world.sent.clear()
    world.pass_over(app)
    assert world.sent == []
