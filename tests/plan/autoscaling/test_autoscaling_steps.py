"""Decision table of a service's autoscaling: register, change, adopt, take back, leave alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.diagnostics import Origin
from reconciler.model.lookups import Unresolved
from reconciler.model.plan import Effect, Verb, Why
from reconciler.model.status import Health, Sync
from reconciler.plan.assess import assess
from tests.plan.builders import a_service, an_app, only
from tests.plan.scaling_world import (
    RESOURCE,
    STEPS,
    TRACKING,
    ScalingWorld,
    a_scaled_app,
    a_scaling,
    nightly,
    stepping,
    tracking,
)

WEB = "shop-production-web"
ADDRESS = "autoscaling/web"
SCOPE = {
    "ServiceNamespace": "ecs",
    "ResourceId": RESOURCE,
    "ScalableDimension": "ecs:service:DesiredCount",
}


def converged(scaling: Any, **fields: Any) -> ScalingWorld:
    """Return a world in which this scaling was applied."""
    world = ScalingWorld()
    world.converge(a_scaled_app(scaling, **fields))
    world.sent.clear()
    world.calls.clear()
    return world


def by_somebody(world: ScalingWorld, operation: str, **params: Any) -> None:
    """Have somebody else call the API."""
    world.scaling.handle(operation, {**SCOPE, **params})


def policy_by_somebody(world: ScalingWorld, name: str, value: float = 50.0) -> None:
    """Have somebody else put a target tracking policy on memory."""
    metric = {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"}
    by_somebody(
        world,
        "PutScalingPolicy",
        PolicyName=name,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": value,
            "PredefinedMetricSpecification": metric,
        },
    )


def test_the_service_comes_first() -> None:
    """While the service is not there, its scaling waits for it; then it is registered with everything."""
    world = ScalingWorld()
    app = a_scaled_app(
        a_scaling(3, 12, policies={"cpu": tracking()}, scheduled={"night": nightly(minCapacity=3)})
    )
    plan = world.plan(app)
    assert [str(s.address) for s in plan.steps] == ["service/web", ADDRESS]
    step = only(plan, ADDRESS)
    assert (step.verb, step.blocked_by) == (Verb.CREATE, ("service/web",))
    assert step.summary == "scale 3 to 12 tasks, policy cpu, scheduled action night"
    assert world.pass_over(app).steps[1].blocked
    assert world.sent == []
    world.pass_over(app)
    assert world.sent == ["RegisterScalableTarget", "PutScalingPolicy", "PutScheduledAction"]
    plan = world.plan(app)
    assert plan.in_sync
    assert only(plan, ADDRESS).request is None


def test_the_count_starts_at_the_least_and_is_never_ours() -> None:
    """Created with min (or the declared count), then whatever the autoscaler wants is in sync."""
    world = converged(a_scaling(3, 12))
    assert world.services[WEB].service["desiredCount"] == 3
    assert converged(a_scaling(1, 9), desiredCount=2).services[WEB].service["desiredCount"] == 2
    for fields in ({}, {"desiredCount": 4}):
        app = a_scaled_app(a_scaling(3, 12), **fields)
        world.converge(app)
        world.calls.clear()
        world.scaling.scale(RESOURCE, 9)
        plan = world.pass_over(app)
        assert plan.in_sync
        assert (world.calls, world.sent) == ([], [])
        [rule] = [s.rule for s in only(plan, "service/web").suppressed if s.path == "desiredCount"]
        assert rule == "autoscaling is declared: Application Auto Scaling owns it"
        assert world.services[WEB].service["desiredCount"] == 9


def test_a_rollout_keeps_the_autoscalers_count() -> None:
    """A new image is rolled with the live count; nothing of the scaling is touched or suspended."""
    world = converged(a_scaling(1, 9, policies={"cpu": tracking()}), desiredCount=2)
    world.scaling.scale(RESOURCE, 7)
    app = a_scaled_app(a_scaling(1, 9, policies={"cpu": tracking()}), desiredCount=2, tag="2")
    assert only(world.plan(app), "service/web").summary == "new task definition, rolling, 7 tasks"
    world.converge(app)
    assert world.calls == ["RegisterTaskDefinition", "UpdateService"]
    assert world.sent == []
    assert world.services[WEB].service["desiredCount"] == 7


def test_bounds_are_changed_together() -> None:
    """Both in one call, so that no order of them is refused; the change says why and costs no rollout."""
    world = converged(a_scaling(1, 4))
    app = a_scaled_app(a_scaling(6, 9))
    step = only(world.plan(app), ADDRESS)
    assert step.summary == "maxCapacity 4 → 9, minCapacity 1 → 6, no rollout"
    assert {(c.why, c.effect) for c in step.changes} == {(Why.GIT, Effect.NO_ROLLOUT)}
    world.converge(app)
    assert world.sent == ["RegisterScalableTarget"]
    assert world.services[WEB].service["desiredCount"] == 6
    assert world.calls == []


def test_a_console_edit_is_drift_where_declared_and_reported_elsewhere() -> None:
    """A changed bound goes back; a suspension that the files are silent on stays and is shown."""
    world = converged(a_scaling(1, 4))
    by_somebody(
        world,
        "RegisterScalableTarget",
        MaxCapacity=50,
        SuspendedState={"DynamicScalingInSuspended": True},
    )
    step = only(world.plan(a_scaled_app(a_scaling(1, 4))), ADDRESS)
    assert [(c.path, c.observed, c.desired, c.why) for c in step.changes] == [
        ("maxCapacity", 50, 4, Why.DRIFT)
    ]
    assert [u.path for u in step.undeclared] == ["suspendedState.dynamicScalingInSuspended"]
    world.converge(a_scaled_app(a_scaling(1, 4)))
    live = world.scaling.targets[RESOURCE]
    assert live["MaxCapacity"] == 4
    assert live["SuspendedState"]["DynamicScalingInSuspended"] is True


def test_a_declared_suspension_is_set_and_taken_back() -> None:
    """Only what the files name is suspended; deleting the word resumes just that."""
    world = converged(a_scaling(1, 4, suspendedState={"scheduledScalingSuspended": True}))
    by_somebody(world, "RegisterScalableTarget", SuspendedState={"DynamicScalingInSuspended": True})
    world.converge(a_scaled_app(a_scaling(1, 4)))
    assert world.scaling.targets[RESOURCE]["SuspendedState"] == {
        "ScheduledScalingSuspended": False,
        "DynamicScalingInSuspended": True,
        "DynamicScalingOutSuspended": False,
    }


def test_one_of_two_declared_suspensions_is_taken_back() -> None:
    """A word deleted from a structure that is still declared is reset, its neighbour stays."""
    both = {"scheduledScalingSuspended": True, "dynamicScalingOutSuspended": True}
    world = converged(a_scaling(1, 4, suspendedState=both))
    world.converge(
        a_scaled_app(a_scaling(1, 4, suspendedState={"scheduledScalingSuspended": True}))
    )
    state = world.scaling.targets[RESOURCE]["SuspendedState"]
    assert (state["ScheduledScalingSuspended"], state["DynamicScalingOutSuspended"]) == (
        True,
        False,
    )


def test_what_others_put_is_reported_and_stays() -> None:
    """A policy and an action that the files do not name are undeclared changes, never removed."""
    world = converged(a_scaling(policies={"cpu": tracking()}))
    policy_by_somebody(world, "theirs")
    by_somebody(
        world,
        "PutScheduledAction",
        ScheduledActionName="rush",
        Schedule="rate(1 day)",
        ScalableTargetAction={"MinCapacity": 2},
    )
    app = a_scaled_app(a_scaling(policies={"cpu": tracking()}))
    step = only(world.plan(app), ADDRESS)
    assert step.verb is Verb.NONE
    assert [u.path for u in step.undeclared] == ["policies.theirs", "scheduledActions.rush"]
    world.converge(a_scaled_app(a_scaling(policies={"cpu": tracking(value=70.0)})))
    assert world.sent == ["PutScalingPolicy"]
    assert (RESOURCE, "theirs") in world.scaling.policies
    assert (RESOURCE, "rush") in world.scaling.actions


def test_our_policies_go_with_their_words() -> None:
    """What we put and the files no longer name is deleted, and the change says `removed`."""
    world = converged(
        a_scaling(
            policies={"cpu": tracking(), "s": stepping()},
            scheduled={"night": nightly(minCapacity=1)},
        )
    )
    app = a_scaled_app(a_scaling(policies={"cpu": tracking()}))
    step = only(world.plan(app), ADDRESS)
    assert [(c.path, c.why) for c in step.changes] == [
        ("policies.s", Why.REMOVED),
        ("scheduledActions.night", Why.REMOVED),
    ]
    assert step.summary == "delete policy s, scheduled action night, no rollout"
    world.converge(app)
    assert world.sent == ["DeleteScalingPolicy", "DeleteScheduledAction"]
    assert world.plan(app).in_sync


def test_a_policy_is_put_with_its_undeclared_parts() -> None:
    """PutScalingPolicy replaces the whole: a cooldown set by hand survives a new target value."""
    world = converged(a_scaling(policies={"cpu": tracking()}))
    live = world.scaling.policies[RESOURCE, "cpu"]["TargetTrackingScalingPolicyConfiguration"]
    live["ScaleInCooldown"] = 30
    world.converge(a_scaled_app(a_scaling(policies={"cpu": tracking(value=80.0)})))
    live = world.scaling.policies[RESOURCE, "cpu"]["TargetTrackingScalingPolicyConfiguration"]
    assert (live["TargetValue"], live["ScaleInCooldown"]) == (80.0, 30)


def test_a_deleted_cooldown_goes_back_to_its_default() -> None:
    """A field of ours that the files no longer name is put with AWS's default."""
    world = converged(a_scaling(policies={"cpu": tracking(scaleInCooldown=30)}))
    app = a_scaled_app(a_scaling(policies={"cpu": tracking()}))
    world.converge(app)
    live = world.scaling.policies[RESOURCE, "cpu"]["TargetTrackingScalingPolicyConfiguration"]
    assert live["ScaleInCooldown"] == 300
    assert world.plan(app).in_sync


def test_another_type_of_policy_is_deleted_and_put() -> None:
    """AWS keeps a policy's type: the name is free after a deletion only."""
    world = converged(a_scaling(policies={"p": tracking()}))
    app = a_scaled_app(a_scaling(policies={"p": stepping()}))
    world.converge(app)
    assert world.sent == ["DeleteScalingPolicy", "PutScalingPolicy"]
    assert "StepScalingPolicyConfiguration" in world.scaling.policies[RESOURCE, "p"]
    assert world.plan(app).in_sync


def test_another_metric_takes_the_place_of_the_first() -> None:
    """A policy has a predefined or a customized metric: what is live of the other is not sent again."""
    world = converged(a_scaling(policies={"p": tracking()}))
    custom = {
        "targetValue": 5.0,
        "customizedMetricSpecification": {"metricName": "Queue", "namespace": "a"},
    }
    app = a_scaled_app(
        a_scaling(policies={"p": {"policyType": "TargetTrackingScaling", TRACKING: custom}})
    )
    world.converge(app)
    live = world.scaling.policies[RESOURCE, "p"]["TargetTrackingScalingPolicyConfiguration"]
    assert "PredefinedMetricSpecification" not in live
    assert world.plan(app).in_sync


def test_step_adjustments_have_no_order() -> None:
    """AWS may answer the steps in another order; a changed step is a change."""
    steps = [
        {"metricIntervalLowerBound": 0.0, "metricIntervalUpperBound": 10.0, "scalingAdjustment": 1},
        {"metricIntervalLowerBound": 10.0, "scalingAdjustment": 3},
    ]
    world = converged(a_scaling(policies={"s": stepping(stepAdjustments=steps)}))
    assert world.plan(
        a_scaled_app(a_scaling(policies={"s": stepping(stepAdjustments=steps[::-1])}))
    ).in_sync
    changed = [steps[0], {**steps[1], "scalingAdjustment": 4}]
    app = a_scaled_app(a_scaling(policies={"s": stepping(stepAdjustments=changed)}))
    [change] = only(world.plan(app), ADDRESS).changes
    assert change.path == f"policies.s.{STEPS}.stepAdjustments.10.0/+inf.scalingAdjustment"


@pytest.mark.parametrize("bound", ["minCapacity", "maxCapacity"])
def test_a_bound_that_a_schedule_has_set_is_no_drift(bound: str) -> None:
    """A scheduled action writes the target's own bounds; putting them back would undo the schedule."""
    world = converged(a_scaling(2, 6, scheduled={"rush": nightly(**{bound: 5})}))
    world.scaling.fire(RESOURCE, "rush")
    app = a_scaled_app(a_scaling(2, 6, scheduled={"rush": nightly(**{bound: 5})}))
    step = only(world.plan(app), ADDRESS)
    assert step.verb is Verb.NONE
    [rule] = [s.rule for s in step.suppressed if s.path == bound]
    assert rule.startswith("set by the scheduled action rush; declared is")


def test_a_bound_of_ours_is_not_taken_for_the_schedules() -> None:
    """Live as we applied it, it is changed with the files, though a schedule would set the same."""
    scheduled = {"rush": nightly(maxCapacity=6)}
    world = converged(a_scaling(2, 6, scheduled=scheduled))
    world.pass_over(a_scaled_app(a_scaling(2, 4, scheduled=scheduled)))
    assert world.scaling.targets[RESOURCE]["MaxCapacity"] == 4


def test_a_schedules_bound_gives_way_to_the_files_where_both_cannot_be() -> None:
    """A declared maximum below the minimum of the hour: both declared bounds are sent."""
    scheduled = {"rush": nightly(minCapacity=5)}
    world = converged(a_scaling(2, 6, scheduled=scheduled))
    world.scaling.fire(RESOURCE, "rush")
    world.pass_over(a_scaled_app(a_scaling(2, 4, scheduled=scheduled)))
    live = world.scaling.targets[RESOURCE]
    assert (live["MinCapacity"], live["MaxCapacity"]) == (2, 4)


def existing(world: ScalingWorld) -> None:
    """Have somebody else register the service with a policy."""
    by_somebody(world, "RegisterScalableTarget", MinCapacity=1, MaxCapacity=4)
    policy_by_somebody(world, "memory")


def test_what_is_there_is_adopted() -> None:
    """A target that somebody registered is taken over; without a difference the ledger alone learns."""
    world = converged(None)
    existing(world)
    memory = tracking("ECSServiceAverageMemoryUtilization", 50.0)
    app = a_scaled_app(a_scaling(policies={"memory": memory}))
    step = only(world.plan(app), ADDRESS)
    assert (step.verb, step.changes) == (Verb.NONE, ())
    world.converge(app)
    assert world.sent == []
    assert only(world.plan(app), ADDRESS).request is None
    wider = a_scaled_app(a_scaling(1, 9, policies={"memory": memory}))
    assert only(converged_like(world).plan(wider), ADDRESS).verb is Verb.ADOPT


def converged_like(world: ScalingWorld) -> ScalingWorld:
    """Forget what the ledger knows of scaling."""
    world.ledger = replace(world.ledger, resources={})
    return world


def test_what_was_adopted_is_never_deleted() -> None:
    """Neither the policy nor the target that we took over goes when the files give them up."""
    world = converged(None)
    existing(world)
    memory = tracking("ECSServiceAverageMemoryUtilization", 50.0)
    world.converge(a_scaled_app(a_scaling(policies={"memory": memory, "cpu": tracking()})))
    world.sent.clear()
    step = only(world.plan(a_scaled_app(a_scaling(policies={"cpu": tracking()}))), ADDRESS)
    assert step.verb is Verb.NONE
    assert step.notes == (
        "policies.memory is no longer declared; it was there before us, it stays",
    )
    assert [u.path for u in step.undeclared] == ["policies.memory"]
    app = a_scaled_app(None)
    step = only(world.plan(app), ADDRESS)
    assert (step.verb, step.summary) == (
        Verb.DELETE,
        "delete policy cpu: autoscaling is no longer declared",
    )
    world.converge(app)
    assert world.sent == ["DeleteScalingPolicy"]
    assert list(world.scaling.policies) == [(RESOURCE, "memory")]
    assert ADDRESS not in [str(s.address) for s in world.plan(app).steps]


def test_what_we_registered_is_deregistered_and_the_count_is_ours_again() -> None:
    """Giving up autoscaling deregisters before the service is set to its declared count."""
    world = converged(a_scaling(2, 8, policies={"cpu": tracking()}), desiredCount=2)
    world.scaling.scale(RESOURCE, 7)
    app = a_scaled_app(None, desiredCount=3)
    steps = world.plan(app).steps
    assert [(str(s.address), s.verb) for s in steps] == [
        (ADDRESS, Verb.DELETE),
        ("service/web", Verb.UPDATE),
    ]
    world.converge(app)
    assert world.sent == ["DeregisterScalableTarget"]
    assert world.services[WEB].service["desiredCount"] == 3
    assert world.scaling.targets == {}
    assert [str(s.address) for s in world.plan(app).steps] == ["service/web"]


def test_a_target_that_others_use_stays() -> None:
    """Deregistering would delete what others put: only our own goes."""
    world = converged(a_scaling(policies={"cpu": tracking()}))
    policy_by_somebody(world, "theirs")
    step = only(world.plan(a_scaled_app(None)), ADDRESS)
    assert step.summary == "delete policy cpu: autoscaling is no longer declared"
    assert step.notes == (
        "policies.theirs was not made by us: it stays",
        "the scalable target stays: the service is scaled within its bounds as before",
    )
    world.converge(a_scaled_app(None))
    assert world.sent == ["DeleteScalingPolicy"]
    assert list(world.scaling.policies) == [(RESOURCE, "theirs")]


def test_a_step_cut_short_still_knows_what_it_made() -> None:
    """The target was registered, the policy refused: the next pass goes on, and giving up deregisters."""
    world = ScalingWorld(fail_on="PutScalingPolicy")
    app = a_scaled_app(a_scaling(policies={"cpu": tracking()}))
    for _ in range(3):
        world.pass_over(app)
    assert RESOURCE in world.scaling.targets
    step = only(world.plan(app), ADDRESS)
    assert (step.verb, step.summary) == (Verb.UPDATE, "put policy cpu, no rollout")
    world.fail_on = ""
    world.converge(a_scaled_app(None))
    assert world.scaling.targets == {}


def test_what_was_deregistered_by_hand_is_registered_again() -> None:
    """The whole of it is drift: registered and put anew."""
    world = converged(a_scaling(policies={"cpu": tracking()}))
    by_somebody(world, "DeregisterScalableTarget")
    app = a_scaled_app(a_scaling(policies={"cpu": tracking()}))
    step = only(world.plan(app), ADDRESS)
    assert step.verb is Verb.CREATE
    assert {c.why for c in step.changes} == {Why.DRIFT}
    world.converge(app)
    assert world.sent == ["RegisterScalableTarget", "PutScalingPolicy"]


def test_scaling_leaves_with_its_service() -> None:
    """A service that left the files keeps its scaling until it is pruned; both go in one pass."""
    world = converged(a_scaling())
    empty = an_app()
    step = only(world.plan(empty), ADDRESS)
    assert step.verb is Verb.DELETE
    assert step.blocked_by == ("prune is off: sync.prune: true or --prune",)
    status = assess(empty, world.observe(empty), world.plan(empty))
    assert (status.exit_code, status.sync, status.health) == (0, Sync.SYNCED, Health.HEALTHY)
    assert {r.sync for r in status.resources} == {Sync.OUT_OF_SYNC}
    assert {r.health for r in status.resources} == {Health.HEALTHY}
    plan = world.pass_over(empty, prune=True)
    assert [str(s.address) for s in plan.steps] == [ADDRESS, f"service/{WEB}"]
    assert world.sent == ["DeregisterScalableTarget"]
    assert world.calls == ["DeleteService"]


def test_another_apps_service_is_not_scaled() -> None:
    """Tags of another app hold the service, and its scaling waits for it."""
    world = converged(None)
    live = world.services[WEB]
    world.services[WEB] = replace(live, tags={**live.tags, "reconciler:app": "other"})
    step = only(world.plan(a_scaled_app(a_scaling())), ADDRESS)
    assert step.blocked_by == ("service/web",)


def test_a_suspended_app_is_left_alone() -> None:
    """While the app is suspended, its scaling is neither changed nor remembered."""
    from reconciler.model.suspension import Suspension

    world = converged(a_scaling(1, 4))
    world.ledger = replace(world.ledger, suspension=Suspension("sale", "me", "now"))
    world.pass_over(a_scaled_app(a_scaling(1, 9)))
    assert world.sent == []


LABEL = "app/front/50dc6c495c0c9188/targetgroup/shop/0123456789abcdef"
GROUP = "arn:aws:elasticloadbalancing:ap-northeast-1:1:targetgroup/shop/0123456789abcdef"
BALANCERS = [{"targetGroupArn": GROUP, "containerName": "app", "containerPort": 80}]


def test_a_label_that_nobody_knows_holds_its_policy_alone() -> None:
    """The rest is registered; the policy is held with what to declare, until the group has a balancer."""
    world = ScalingWorld()
    policies = {"requests": tracking("ALBRequestCountPerTarget", 500.0), "cpu": tracking()}
    app = a_scaled_app(a_scaling(policies=policies), loadBalancers=BALANCERS)
    world.converge(app)
    assert list(world.scaling.policies) == [(RESOURCE, "cpu")]
    free, held = (s for s in world.plan(app).steps if str(s.address) == ADDRESS)
    assert (free.verb, held.verb) == (Verb.NONE, Verb.HOLD)
    assert held.summary.startswith(f"policies.requests waits for the load balancer of {GROUP}")
    assert "declare resourceLabel" in held.notes[0]
    [line] = [
        r
        for r in assess(app, world.observe(app), world.plan(app)).resources
        if str(r.address) == ADDRESS
    ]
    assert (line.sync, line.health) == (Sync.OUT_OF_SYNC, Health.HELD)
    world.labels = {GROUP: LABEL}
    world.converge(app)
    live = world.scaling.policies[RESOURCE, "requests"]["TargetTrackingScalingPolicyConfiguration"]
    assert live["PredefinedMetricSpecification"]["ResourceLabel"] == LABEL
    assert world.plan(app).in_sync
    world.labels = {}
    world.pass_over(app)
    assert (RESOURCE, "requests") in world.scaling.policies


def test_changes_name_their_line() -> None:
    """A change says where in the files it comes from, policies too."""
    here, there = Origin("app.yaml", 3, 1), Origin("app.yaml", 9, 5)
    scaling = replace(
        a_scaling(1, 5, policies={"cpu": tracking(value=1.0)}),
        origins={("target", "maxCapacity"): here, ("policies", "cpu"): there},
    )
    world = converged(a_scaling(1, 4, policies={"cpu": tracking()}))
    step = only(world.plan(a_scaled_app(scaling)), ADDRESS)
    assert {c.path: c.origin for c in step.changes} == {
        "maxCapacity": here,
        f"policies.cpu.{TRACKING}.targetValue": there,
    }


def test_services_without_scaling_have_no_step() -> None:
    """Nothing is planned, remembered or read for them."""
    world = converged(None)
    assert [str(s.address) for s in world.plan(an_app(a_service())).steps] == ["service/web"]
    assert world.ledger.resources == {}


def test_a_metric_that_somebody_tracks_already_holds_its_policy_alone() -> None:
    """AWS takes one target tracking policy a metric: the live one is named, the rest is put."""
    world = converged(a_scaling(1, 4))
    policy_by_somebody(world, "hand")
    memory = tracking("ECSServiceAverageMemoryUtilization", 80.0)
    app = a_scaled_app(a_scaling(1, 4, policies={"cpu": tracking(), "memory": memory}))
    world.converge(app)
    assert world.sent == ["PutScalingPolicy"]
    free, held = (s for s in world.plan(app).steps if str(s.address) == ADDRESS)
    assert (free.verb, held.verb) == (Verb.NONE, Verb.HOLD)
    assert held.summary == (
        "policies.memory is not put: policy hand, which the files do not name, tracks the same metric, "
        "and AWS takes one"
    )
    assert "declare it as policies.hand" in held.notes[0]
    by_somebody(world, "DeleteScalingPolicy", PolicyName="hand")
    world.converge(app)
    assert (RESOURCE, "memory") in world.scaling.policies
    assert world.plan(app).in_sync


def test_a_policy_that_is_called_otherwise_gives_way_first() -> None:
    """What we made under the old name is deleted before the new name tracks the same metric."""
    world = converged(a_scaling(1, 4, policies={"cpu": tracking()}))
    app = a_scaled_app(a_scaling(1, 4, policies={"load": tracking(value=50.0)}))
    world.converge(app)
    assert world.sent == ["DeleteScalingPolicy", "PutScalingPolicy"]
    assert list(world.scaling.policies) == [(RESOURCE, "load")]
    assert world.plan(app).in_sync


def test_half_a_service_lets_its_scaling_wait_as_what_it_will_be() -> None:
    """While a look-up has no value nothing is compared, but what is not registered yet is new."""
    why = (Unresolved("ssm:/x", "no parameter /x"),)
    waiting = an_app(replace(a_service(autoscaling=a_scaling()), unresolved=why))
    for world, verb in (
        (ScalingWorld(), Verb.CREATE),
        (converged(a_scaling()), Verb.UPDATE),
    ):
        step = only(world.plan(waiting), ADDRESS)
        assert (step.verb, step.blocked_by) == (verb, ("service/web",))
