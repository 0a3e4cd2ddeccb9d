"""What is waited for: it holds, it may come, or it never will before somebody acts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.names import Address
from reconciler.model.run import RunState
from reconciler.model.status import AppStatus, Health, ResourceStatus, Sync
from reconciler.model.suspension import Suspension
from reconciler.plan.assess import assess
from reconciler.plan.outlook import live_outlook, said_outlook
from tests.plan.redis_world import RedisWorld, redis
from tests.plan.world import KEY, World, a_migration, a_service, an_app, digest, image

WEB, WORKER = Address("service", "web"), Address("service", "worker")


def judged(world: World, desired, word="converged", addresses=()):
    """Judge as a wait with these files would now."""
    observed, plan = world.observe(desired), world.plan(desired)
    return live_outlook(word, addresses, assess(desired, observed, plan), plan, observed.ledger)


@pytest.fixture
def world():
    """Return a world in which release 1 has converged."""
    world = World()
    world.converge(an_app(a_service(), a_service("worker")))
    return world


def test_it_holds(world):
    """Everything is as the files say and works."""
    assert judged(world, an_app(a_service(), a_service("worker"))).holds


def test_a_difference_may_be_carried_out(world):
    """What a controller would do is waited for: no code."""
    outlook = judged(world, an_app(a_service(tag="2"), a_service("worker")), "synced")
    assert (outlook.holds, outlook.code) == (False, 0)
    assert outlook.text.endswith("service/web: new task definition, rolling, 1 task")


def test_only_the_asked_for_resources_count(world):
    """Another service's difference is no reason to wait."""
    desired = an_app(a_service(tag="2"), a_service("worker"))
    assert judged(world, desired, "synced", {WORKER}).holds
    assert not judged(world, desired, "synced", {WEB}).holds


def test_healthy_does_not_wait_for_the_files(world):
    """Out of sync and working is healthy."""
    assert judged(world, an_app(a_service(desiredCount=3), a_service("worker")), "healthy").holds


def test_a_failed_migration_never_ends_by_itself(world):
    """Nor does what it holds back: code 6, also for a service behind it."""
    migration = a_migration()
    world.finish(migration, RunState.FAILED)
    desired = an_app(a_service(tag="2"), a_service("worker"), migrations=(migration,))
    for addresses in ((), {WEB}):
        outlook = judged(world, desired, "synced", addresses)
        assert (outlook.holds, outlook.code) == (False, 6)
        assert "migration/db" in outlook.text
    assert judged(world, desired, "synced", {WORKER}).holds


def test_a_held_rollout_never_ends_by_itself(world):
    """Code 8, until the files change."""
    world.broken_images = frozenset({digest(image("2"))})
    desired = an_app(a_service(tag="2"), a_service("worker"))
    for _ in range(4):
        world.pass_over(desired)
    assert judged(world, desired).code == 8
    assert judged(world, an_app(a_service(tag="3"), a_service("worker"))).code == 0


def test_a_change_that_is_refused_never_comes(world):
    """A field that only a new service can have: code 4."""
    desired = an_app(a_service(launchType="EC2"), a_service("worker"))
    world.edit("shop-production-web", launchType="FARGATE")
    assert judged(world, desired).code == 4


def test_an_image_may_yet_be_pushed(world):
    """A pipeline may wait for its own image."""
    world.missing_images = frozenset({image("2")})
    outlook = judged(world, an_app(a_service(tag="2"), a_service("worker")))
    assert (outlook.holds, outlook.code) == (False, 0)


@pytest.mark.parametrize(("until", "code"), [("", 4), ("2026-11-22T12:00:00+00:00", 0)])
def test_a_suspension_lasts_until_somebody_ends_it(world, until, code):
    """Code 4; one that ends by itself is waited for."""
    suspension = Suspension("db move", "arn:me", "2026-11-22T10:00:00+00:00", until)
    world.ledger = replace(world.ledger, suspension=suspension)
    desired = an_app(a_service(tag="2"), a_service("worker"))
    assert judged(world, desired).code == code
    assert judged(world, desired, "healthy").code == code
    assert judged(world, an_app(a_service(), a_service("worker")), "synced").holds


@pytest.mark.parametrize(("until", "code"), [("", 4), ("2026-11-22T12:00:00+00:00", 0)])
def test_what_was_said_before_a_suspension_does_not_count(until, code):
    """After a rollback the row still says converged, until the next pass writes another."""
    suspension = Suspension("rolled back", "arn:me", "2026-11-22T10:00:00+00:00", until)
    outlook = said_outlook(5, (), said(5), suspension)
    assert (outlook.holds, outlook.code) == (False, code)


def said(generation: int, health: Health = Health.HEALTHY, code: int = 0) -> AppStatus:
    """Return what a controller stored."""
    web = ResourceStatus(WEB, Sync.SYNCED, health)
    return AppStatus(KEY, Sync.SYNCED, health, generation, "c1", "h", (web,), "", code)


@pytest.mark.parametrize(
    ("status", "holds", "code"),
    [
        (None, False, 0),
        (said(4), False, 0),
        (said(5), True, 0),
        (said(6), True, 0),
        (said(5, Health.PROGRESSING, 1), False, 0),
        (said(5, Health.HELD, 8), False, 8),
        (said(4, Health.HELD, 8), False, 0),
    ],
)
def test_what_a_controller_says_of_a_generation(status, holds, code):
    """That one or a later one has converged; an older one's failure says nothing of it."""
    outlook = said_outlook(5, (), status)
    assert (outlook.holds, outlook.code) == (holds, code)


def test_a_refused_change_of_redis_is_no_rollout():
    """ElastiCache's versions go up only: code 4, as `apply` says."""
    world = RedisWorld()
    world.converge(redis(engineVersion="7.1"))
    lower = redis(engineVersion="6.2")
    app = world.app(lower)
    observed, plan = world.observe(app), world.plan(lower)
    status = assess(app, observed, plan)
    outlook = live_outlook("converged", (), status, plan, observed.ledger)
    assert (outlook.code, status.exit_code) == (4, 4)
    assert "cannot go back" in outlook.text
