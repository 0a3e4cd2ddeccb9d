"""A first deployment that fails has nothing to go back to: held where it stands, without a loop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.observed import RolloutState
from reconciler.model.plan import Verb
from reconciler.plan.assess import assess
from tests.plan.world import World, a_service, an_app, digest, image, only

APP = an_app(a_service(desiredCount=1))


@pytest.fixture
def failed() -> World:
    """Return a world after a first deployment whose tasks never started."""
    world = World(broken_images=frozenset({digest(image("1"))}))
    for _ in range(4):
        world.pass_over(APP)
    world.judge(APP)
    world.calls.clear()
    return world


def release(world: World) -> None:
    """Do what `retry` does to the record."""
    record = world.ledger.services["web"]
    free = replace(record, state=RolloutState.STEADY, held_hash="", reason="", desired_hash="")
    world.ledger = replace(world.ledger, services={"web": free})


def test_it_is_held_and_stays_so(failed) -> None:
    """Live is as desired and nothing works: exit 8, and neither a call nor an entry per pass."""
    before = failed.ledger
    for _ in range(5):
        step = only(failed.pass_over(APP), "service/web")
        failed.judge(APP)
        assert step.verb is Verb.HOLD
        assert "tasks failed" in step.summary
        assert any("retry service/web" in note for note in step.notes)
        assert step.request is None
    assert failed.calls == []
    assert failed.ledger == before
    assert assess(APP, failed.observe(APP), failed.plan(APP)).exit_code == 8


def test_a_retry_starts_one_more_deployment(failed) -> None:
    """The same desired state again needs forceNewDeployment; when that fails too it is held again."""
    release(failed)
    failed.pass_over(APP)
    assert failed.calls == ["UpdateService"]
    assert failed.forced == 1
    for _ in range(3):
        failed.pass_over(APP)
    failed.judge(APP)
    assert failed.forced == 1
    assert failed.ledger.services["web"].state is RolloutState.HELD


def test_a_retry_that_works_is_steady(failed) -> None:
    """Somebody mended the image's registry: the new deployment completes."""
    failed.broken_images = frozenset()
    release(failed)
    failed.converge(APP)
    assert failed.ledger.services["web"].state is RolloutState.STEADY
    assert failed.plan(APP).in_sync


def test_another_image_goes_without_a_retry(failed) -> None:
    """New files are another desired state."""
    other = an_app(a_service(tag="2", desiredCount=1))
    assert only(failed.plan(other), "service/web").verb is Verb.UPDATE
    failed.converge(other)
    assert failed.ledger.services["web"].state is RolloutState.STEADY


def test_a_deployment_that_somebody_forced_is_judged(failed) -> None:
    """A newer deployment of the same revision is not the one that failed."""
    live = failed.services["shop-production-web"]
    newer = replace(live.deployments[0], id="ecs-svc/77", rollout_state="COMPLETED")
    failed.services["shop-production-web"] = replace(live, deployments=(newer,))
    failed.converge(APP)
    assert failed.ledger.services["web"].state is RolloutState.STEADY
    assert failed.calls == []
