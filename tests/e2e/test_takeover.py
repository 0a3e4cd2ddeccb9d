"""More than one controller: kill -9 at bad moments, hand-overs, and everybody at once."""

from __future__ import annotations

import threading

import pytest

from reconciler.local.sample import sample_images
from reconciler.local.server import EmbeddedAws
from tests.e2e.stage import (
    AWS_ERROR,
    HELD_LEASE,
    NEW_TAG,
    OK,
    TAG,
    WEB,
    eventually,
)
from tests.local.hours import midweek

TAKEOVER = 60.0
"""A killed holder is known to be dead after 37.5 s and a heartbeat; the rest is this machine's."""


def app_in(stage, name: str, sleep: str = "0"):
    """Add the sample as an app of environment `name`, with a database and a Redis of its own."""
    text = stage.file.read_text().replace("environment: production", f"environment: {name}")
    text = text.replace(": shop-production\n", f": shop-{name}\n")
    text = text.replace("/shop/production/", f"/shop/{name}/").replace(
        "  db:\n    from: rails\n",
        f'  db:\n    from: rails\n    environment:\n      MIGRATION_SLEEP: "{sleep}"\n'
        f'      MIGRATION_REVISION: "{name}"\n',
    )
    stage.write(stage.folder / name / "shop" / "app.yaml", text)


def started(stage, name: str) -> int:
    """Return how many migration processes of the app in environment `name` were ever started."""
    return sum(e["revision"] == name for e in stage.starts)


@pytest.mark.timeout(600)
def test_killed_at_three_moments_another_takes_over(stage):
    """Kill -9 before a launch, during a migration and during a rollout: the standby finishes all three.

    One kill for three apps, since the lease of a killed process is waited for once.
    """
    stage.file.rename(stage.folder.parent / "app.yaml")
    (stage.folder / "production" / "shop").rmdir()
    source = stage.folder.parent / "app.yaml"
    stage.write(stage.file, source.read_text())
    for name, sleep in (("launching", "0"), ("migrating", "20"), ("rolling", "0")):
        app_in(stage, name, sleep)
    stage.file.unlink()
    stage.seed()
    faults = stage.aws.faults
    launch = faults.hold("ecs:RunTask")
    launch.when = lambda call: "launching" in str(call.params)
    rollout = faults.hold("ecs:CreateService", after=True)
    rollout.when = lambda call: call.params["serviceName"] == "shop-rolling-web"

    first = stage.controller()
    assert launch.arrived.wait(30)
    assert rollout.arrived.wait(30)
    eventually(lambda: started(stage, "migrating"))
    second = stage.controller()
    second.until("held by")
    first.kill()
    launch.release()
    rollout.release()

    second.until(r"shop converged[\s\S]*shop converged[\s\S]*shop converged", limit=TAKEOVER + 30)
    for name in ("launching", "migrating", "rolling"):
        assert started(stage, name) == 1
        verified = stage.cli("-a", f"{name}/shop", "history", "--verify")
        assert (verified.code, "whole" in verified.out) == (OK, True)
        assert stage.cli("-a", f"{name}/shop", "diff").code == OK
    assert len(stage.calls("ecs:CreateService")) == 6
    assert second.terminate() == OK


def test_sigterm_hands_over_at_once(shop):
    """After SIGTERM the standby acts within a heartbeat, not after the lease."""
    first = shop.controller()
    first.until("converged")
    second = shop.controller()
    second.until("held by")

    assert first.terminate() == OK
    second.until("converged", limit=15)
    shop.release()
    eventually(shop.web_versions, lambda versions: versions == {NEW_TAG})

    assert shop.migrations_started(NEW_TAG) == 1
    assert shop.journal_is_whole()


def test_sigterm_during_a_migration_loses_nothing(shop):
    """A controller that is told to stop while a migration runs leaves it to the next one, which adopts it."""
    shop.migration_says(MIGRATION_SLEEP="4")
    first = shop.controller()
    first.until("converged")
    shop.release()
    eventually(lambda: shop.migrations_started(NEW_TAG))

    assert first.terminate() == OK
    shop.converge()

    assert shop.migrations_started(NEW_TAG) == 1
    assert shop.web_versions() == {NEW_TAG}


def test_two_controllers_and_an_apply_at_once(shop):
    """All three see the same edit at the same time: one migration, one rollout, a whole journal."""
    first, second = shop.controller(), shop.controller()
    eventually(lambda: "converged" in first.said + second.said)
    eventually(lambda: "held by" in first.said + second.said)
    shop.aws.faults.forget_calls()
    shop.release()
    ended = []
    apply = threading.Thread(target=lambda: ended.append(shop.cli("apply", "--yes")))

    apply.start()
    apply.join(90)
    eventually(shop.web_versions, lambda versions: versions == {NEW_TAG})

    assert ended[0].code == OK
    assert shop.migrations_started(NEW_TAG) == 1
    updated = [c.params["service"] for c in shop.aws.faults.calls("ecs:UpdateService")]
    assert sorted(updated) == ["shop-production-sidekiq", WEB]
    assert shop.journal_is_whole()
    assert shop.cli("diff").code == OK


def test_apply_without_waiting_leaves_the_holder_alone(shop):
    """`apply --no-wait` while a controller holds the app: 5, the holder named, nothing done."""
    controller = shop.controller()
    controller.until("converged")
    shop.migration_says(MIGRATION_SLEEP="5")
    shop.release()
    eventually(lambda: shop.migrations_started(NEW_TAG))

    done = shop.cli("apply", "--yes", "--no-wait")

    assert done.code == HELD_LEASE
    assert "held by" in done.err
    assert "leave out --no-wait" in done.err
    eventually(shop.web_versions, lambda versions: versions == {NEW_TAG})
    assert shop.migrations_started(NEW_TAG) == 1


def test_outage_is_survived(shop):
    """Every call fails for a while: the controller says so, changes nothing, and goes on afterwards."""
    controller = shop.controller()
    controller.until("converged")
    shop.aws.faults.drop_before("*", times=1_000_000)
    shop.release()
    controller.until("WARNING")
    assert shop.cli("status").code == 3

    shop.aws.faults.clear()
    eventually(shop.web_versions, lambda versions: versions == {NEW_TAG})
    assert controller.alive
    assert shop.migrations_started(NEW_TAG) == 1
    assert shop.journal_is_whole()


def test_endpoint_that_is_not_there_yet(stage):
    """Nobody listens: 3 for who looks; a controller waits, says so, and goes on when somebody does."""
    port = int(stage.endpoint.rpartition(":")[2])
    stage.aws.stop()
    controller = stage.controller()
    controller.until("cannot be reached")
    assert stage.cli("diff").code == AWS_ERROR

    stage.aws = EmbeddedAws(images=sample_images(), port=port, clock=midweek()).start()
    stage.seed()
    controller.until("converged")

    assert stage.web_versions() == {TAG}
    assert stage.migrations_started() == 1
