"""What waits or is held: create-only fields, reverted rollouts, missing images, draining, `after`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.observed import RolloutState, ServicePresence
from reconciler.model.plan import Effect, Verb
from reconciler.model.status import Health
from reconciler.plan.assess import assess
from reconciler.plan.rollout import in_two
from tests.plan.world import World, a_migration, a_service, an_app, digest, image, only


@pytest.mark.parametrize(
    ("field", "live", "wanted"),
    [("launchType", "EC2", "FARGATE"), ("schedulingStrategy", "REPLICA", "DAEMON")],
)
def test_create_only_fields_are_held(field: str, live: str, wanted: str) -> None:
    """A field that only CreateService takes is never a delete and create by itself."""
    world = World()
    world.converge(an_app(a_service(**{field: live})))
    world.calls.clear()
    app = an_app(a_service(**{field: wanted, "desiredCount": 1}))
    held = [s for s in world.plan(app).steps if s.verb is Verb.HOLD]
    assert [c.effect for c in held[0].changes] == [Effect.REPLACE]
    assert field in held[0].summary
    world.pass_over(app)
    assert "CreateService" not in world.calls
    assert "DeleteService" not in world.calls


@pytest.mark.parametrize(
    ("presence", "blocked"),
    [(ServicePresence.DRAINING, ("draining",)), (ServicePresence.INACTIVE, ())],
)
def test_ghosts_are_created_anew(presence: ServicePresence, blocked: tuple[str, ...]) -> None:
    """INACTIVE is as good as absent; while DRAINING the creation waits."""
    world = World()
    app = an_app(a_service())
    world.converge(app)
    live = world.services["shop-production-web"]
    world.services["shop-production-web"] = replace(live, presence=presence)
    step = only(world.plan(app), "service/web")
    assert (step.verb, step.blocked_by) == (Verb.CREATE, blocked)


def test_a_missing_image_stops_the_plan_before_anything_is_touched() -> None:
    """No rollout, no other service, no migration, not even a desired count."""
    world = World(missing_images=frozenset({image("2")}))
    world.converge(an_app(a_service(desiredCount=1)))
    other = a_service("worker", desiredCount=2)
    app = an_app(a_service(tag="2", desiredCount=3), other, migrations=(a_migration(),))
    missing = f"image not found: {image('2')}"
    run, free, held, worker = world.plan(app).steps
    assert (run.verb, run.blocked_by) == (Verb.RUN, (missing,))
    assert (held.verb, held.summary) == (Verb.HOLD, missing)
    assert (free.verb, free.blocked_by) == (Verb.UPDATE, (missing,))
    assert (worker.verb, worker.blocked_by) == (Verb.CREATE, (missing, "migration/db"))
    status = assess(app, world.observe(app), world.plan(app))
    assert (status.health, status.exit_code) == (Health.DEGRADED, 3)


def test_a_reverted_rollout_is_held_until_the_files_change() -> None:
    """The breaker's rollback is not fought; other drift is healed; a new desired state releases it."""
    world = World(broken_images=frozenset({digest(image("2"))}))
    world.converge(an_app(a_service(tag="1", desiredCount=1)))
    bad = an_app(a_service(tag="2", desiredCount=1))
    world.converge(bad)
    world.calls.clear()
    step = only(world.plan(bad), "service/web")
    assert step.verb is Verb.HOLD
    assert "retry service/web --reason" in step.notes[-1]
    status = assess(bad, world.observe(bad), world.plan(bad))
    assert (status.health, status.exit_code) == (Health.HELD, 8)
    world.edit("shop-production-web", desiredCount=4)
    world.pass_over(bad)
    assert world.calls == ["UpdateService"]
    assert world.services["shop-production-web"].service["desiredCount"] == 1
    assert world.ledger.services["web"].state is RolloutState.HELD
    world.calls.clear()
    good = an_app(a_service(tag="3", desiredCount=1))
    world.converge(good)
    assert world.calls == ["RegisterTaskDefinition", "UpdateService"]
    assert world.ledger.services["web"].state is RolloutState.STEADY


def test_a_held_step_says_in_short_what_happened_and_in_full_what_ecs_said() -> None:
    """ECS's long sentence is one note of the plan; summary, status and what waits do not repeat it."""
    world = World(broken_images=frozenset({digest(image("2"))}))
    world.converge(an_app(a_service(tag="1", desiredCount=1)))
    bad = an_app(a_service(tag="2", desiredCount=1))
    world.converge(bad)
    reason = (
        "shop-production-web:2 was replaced by shop-production-web:1: (service x) failed: tasks"
    )
    record = replace(world.ledger.services["web"], reason=reason)
    world.ledger = replace(world.ledger, services={"web": record})
    step = only(world.plan(bad), "service/web")
    short = "held: shop-production-web:2 was replaced by shop-production-web:1"
    assert step.summary == short
    assert [n for n in step.notes if n.startswith("ECS says")] == [
        "ECS says: (service x) failed: tasks"
    ]
    assert assess(bad, world.observe(bad), world.plan(bad)).message == f"service/web: {short}"


@pytest.mark.parametrize("reason", ["tasks failed: to start", "", "deployment gone"])
def test_a_reason_of_one_part_is_said_whole(reason) -> None:
    """Only what the ledger put before ECS's words is split off; another colon splits nothing."""
    assert in_two(reason) == (reason, "")


def test_scaling_a_held_service_does_not_try_again() -> None:
    """A new desired count in git is no reason to repeat the reverted rollout."""
    world = World(broken_images=frozenset({digest(image("2"))}))
    world.converge(an_app(a_service(tag="1", desiredCount=1)))
    world.converge(an_app(a_service(tag="2", desiredCount=1)))
    free, held = world.plan(an_app(a_service(tag="2", desiredCount=2))).steps
    assert [c.path for c in free.changes] == ["desiredCount"]
    assert held.verb is Verb.HOLD


def test_going_back_in_git_releases_a_held_service() -> None:
    """Reverting the commit makes live equal desired: nothing is sent, the hold is gone."""
    world = World(broken_images=frozenset({digest(image("2"))}))
    before = an_app(a_service(tag="1"))
    world.converge(before)
    world.converge(an_app(a_service(tag="2")))
    world.calls.clear()
    world.converge(before)
    assert world.calls == []
    assert world.ledger.services["web"].state is RolloutState.STEADY


def test_services_follow_their_predecessors() -> None:
    """`after` holds a dependent's rollout until its predecessor is steady, not its other changes."""
    web = a_service("web")
    worker = a_service("worker", after=(web.address,))
    world = World()
    plan = world.plan(an_app(worker, web))
    assert [str(s.address) for s in plan.steps] == ["service/web", "service/worker"]
    assert plan.steps[1].blocked_by == ("service/web",)
    world.converge(an_app(worker, web))
    assert len(world.services) == 2
