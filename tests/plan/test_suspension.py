"""A suspension of one address: its steps wait, the others go on, and the status says which is which."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.names import Address
from reconciler.model.plan import Verb
from reconciler.model.status import Health, Sync
from reconciler.model.suspension import Suspension
from reconciler.plan.assess import assess, restricted
from reconciler.plan.outlook import live_outlook
from tests.plan.world import World, a_migration, a_service, an_app, only

WEB, WORKER = Address("service", "web"), Address("service", "worker")
PAUSE = Suspension("slow disk", "arn:me", "2026-11-22T10:00:00+00:00")


def suspended(world: World, *addresses: str) -> None:
    """Suspend single addresses."""
    world.ledger = replace(world.ledger, suspended=dict.fromkeys(addresses, PAUSE))


def status(world: World, desired):
    """Return the status of an app."""
    observed = world.observe(desired)
    return assess(desired, observed, world.plan(desired))


@pytest.fixture
def world():
    """Return a world in which release 1 has converged, and service/web is suspended."""
    world = World()
    world.converge(an_app(a_service(), a_service("worker")))
    suspended(world, "service/web")
    return world


RELEASE = an_app(a_service(tag="2"), a_service("worker", tag="2"))


def test_only_its_own_steps_wait(world):
    """The other service is rolled out; the suspended one says why not, and how to go on."""
    plan = world.plan(RELEASE)
    web, worker = only(plan, "service/web"), only(plan, "service/worker")
    assert web.blocked_by == ("suspension",)
    assert not worker.blocked
    assert "service/web suspended: slow disk" in plan.notes[0]
    assert plan.notes[0].endswith("resume service/web")


def test_what_comes_after_it_waits(world):
    """`after` means a service that has rolled out; a migration that is suspended holds the gate."""
    behind = an_app(a_service(tag="2"), a_service("worker", tag="2", after=(WEB,)))
    assert only(world.plan(behind), "service/worker").blocked_by == ("service/web",)
    suspended(world, "migration/db")
    gated = an_app(*RELEASE.services, migrations=(a_migration(),))
    plan = world.plan(gated)
    assert only(plan, "migration/db").blocked_by == ("suspension",)
    assert only(plan, "service/web").blocked_by == ("migration/db",)


def test_nothing_of_it_is_remembered(world):
    """Hands off means the ledger too."""
    step = only(world.plan(an_app(a_service(), a_service("worker"))), "service/web")
    assert (step.verb, step.request) == (Verb.NONE, None)


def test_the_status_tells_them_apart(world):
    """The suspended one is Suspended with a guard's code; alone, the other one has converged."""
    now = status(world, an_app(a_service(), a_service("worker")))
    health = {str(r.address): r.health for r in now.resources}
    assert health == {"service/web": Health.SUSPENDED, "service/worker": Health.HEALTHY}
    assert (now.sync, now.health, now.exit_code) == (Sync.SYNCED, Health.SUSPENDED, 4)
    assert "service/web: suspended: slow disk" in now.message
    assert restricted(now, {WORKER}).exit_code == 0
    assert restricted(now, {WORKER}).converged
    assert restricted(now, {WEB}).exit_code == 4


def test_of_a_suspended_app_every_part_is(world):
    """There the code is a guard's for each part, in sync or not."""
    world.ledger = replace(world.ledger, suspended={}, suspension=PAUSE)
    now = status(world, an_app(a_service(), a_service("worker")))
    assert restricted(now, {WORKER}).exit_code == 4


def test_waiting_for_the_others(world):
    """A wait for the suspended one ends at once, for the other one it does not."""
    observed, plan = world.observe(RELEASE), world.plan(RELEASE)
    now = assess(RELEASE, observed, plan)
    codes = {
        address: live_outlook("converged", {address}, now, plan, observed.ledger).code
        for address in (WEB, WORKER)
    }
    assert codes == {WEB: 4, WORKER: 0}


def test_a_services_suspension_is_its_autoscalings_too(world):
    """Whoever keeps hands off a service does not mean its count to move."""
    assert world.ledger.suspension_of(Address("autoscaling", "web")) == PAUSE
    assert world.ledger.suspension_of(Address("autoscaling", "worker")) is None
