"""Rollouts that fail: the breaker reverts them, they are Held, and who releases them."""

from __future__ import annotations

import re

from tests.e2e.stage import NEW_TAG, OK, SIDEKIQ, TAG, UNHEALTHY, eventually

REVERTED = "circuit breaker|deployment failed: tasks failed to start"
BROKEN, GOOD = "2026.11.23-broken", "2026.11.24-0a1b2c3"


def test_reverted_rollout_is_held_until_git_changes(shop):
    """A failing image trips ECS's breaker: Held, code 8, tried once; a new tag releases it."""
    shop.release(BROKEN)

    failed = shop.cli("run", "--until", "converged", "--resync", "1s")

    assert failed.code == UNHEALTHY
    assert "service/web" in failed.err
    assert re.search(REVERTED, failed.err)
    assert "stop code: EssentialContainerExited" in failed.err
    assert re.search(r"containers: app: [1-9]", failed.err)
    assert re.search(r"log: /ecs/shop-production-web app/app/\w+\n +\| ", failed.err)
    assert shop.web_versions() == {TAG}
    updates = shop.calls("ecs:UpdateService")
    again = shop.cli("apply", "--yes")
    assert again.code == UNHEALTHY
    assert shop.calls("ecs:UpdateService") == updates
    status = shop.cli("status").out
    assert "Held" in status
    assert "service/web: the last rollout failed: " in status
    assert "stop code: EssentialContainerExited" in status
    assert re.search(r"log: /ecs/shop-production-web app/app/\w+\n +\| ", status)
    assert "retry service/web --reason" in status
    held = shop.cli("diff")
    assert held.code == 1
    assert "why it failed: reconciler -a production/shop status service/web" in held.out
    assert "retry service/web --reason" in held.out
    assert f":{BROKEN}@" not in str(shop.definition(SIDEKIQ))

    shop.release(GOOD, "20261124080000")
    shop.converge()
    assert shop.web_versions() == {GOOD}
    assert shop.migrations_started(BROKEN) == shop.migrations_started(GOOD) == 1
    assert shop.journal_is_whole()


def test_a_reverted_commit_whose_image_does_not_start_any_more_is_held(shop):
    """ECS goes back to a newer revision than the one that failed: that is no drift to be put back for ever."""
    shop.converge()
    shop.release()
    shop.converge()
    shop.aws.engine.refuse_image(f"shop:{TAG}", "toomanyrequests")
    updates = len(shop.calls("ecs:UpdateService"))
    shop.release(TAG)

    failed = shop.cli("run", "--until", "converged", "--resync", "1s")

    assert failed.code == UNHEALTHY, failed
    assert re.search(REVERTED, failed.err)
    assert shop.web_versions() == {NEW_TAG}
    assert len(shop.calls("ecs:UpdateService")) == updates + 1


def test_retry_releases_a_held_rollout(shop):
    """`retry ADDRESS --reason` lets the same content be tried once more, by the running controller."""
    shop.aws.engine.refuse_image(f"shop:{NEW_TAG}", "toomanyrequests")
    shop.migration_says(MIGRATION_REVISION="1")
    controller = shop.controller()
    controller.until("converged")
    word = [
        "migration",
        "resolve",
        "db",
        "20261123101500",
        "--as",
        "succeeded",
        "--reason",
        "by hand",
    ]
    assert shop.cli(*word).code == OK
    shop.release()
    controller.until(REVERTED)
    assert shop.cli("status", "--exit-code").code == UNHEALTHY
    assert shop.web_versions() == {TAG}

    shop.aws.engine.refuse_image(f"shop:{NEW_TAG}", "")
    done = shop.cli("retry", "service/web", "--reason", "the registry works again")
    assert done.code == OK
    eventually(shop.web_versions, lambda versions: versions == {NEW_TAG})
    controller.until(r"converged \(generation 3\)")
    told = [e for e in shop.entries() if e["kind"] == "OPERATOR" and e["address"] == "service/web"]
    assert "the registry works again" in str(told)


def test_drift_of_a_held_service_is_still_healed(shop):
    """Held is about the rollout: a desired count changed in the console is put back meanwhile."""
    shop.release(BROKEN)
    controller = shop.controller()
    controller.until(REVERTED)

    shop.ecs.update_service(cluster="production", service="shop-production-web", desiredCount=4)
    eventually(lambda: shop.service()["desiredCount"], lambda count: count == 1)

    assert shop.cli("status", "--exit-code").code == UNHEALTHY
    assert shop.web_versions() == {TAG}


HOOKED = """
    deploymentConfiguration:
      strategy: BLUE_GREEN
      lifecycleHooks:
        - {targetType: PAUSE, lifecycleStages: [POST_SCALE_UP]}
"""


def test_a_rollout_that_waits_for_a_person_says_so(shop):
    """At a hook of the type PAUSE log and status name the stage and the command, which then ends it."""
    shop.write(shop.file, shop.file.read_text().rstrip() + HOOKED)
    shop.release()
    controller = shop.controller()

    controller.until("service/sidekiq +waits at POST_SCALE_UP for a person until")
    (line,) = [r for r in shop.status()["resources"] if r["address"] == "service/sidekiq"]
    assert (line["sync"], line["health"]) == ("Synced", "Progressing")
    told = re.search(r"--service-deployment-arn (\S+) --hook-id (\S+)", line["message"])
    assert told
    shop.ecs.continue_service_deployment(serviceDeploymentArn=told[1], hookId=told[2])

    controller.until(r"converged \(generation 2\)")
    assert controller.said.count("waits at") == 1
    assert "waits at" not in shop.cli("status").out
    shop.aws.faults.forget_calls()
    assert shop.cli("diff").code == OK
    assert shop.calls("ecs:DescribeServiceDeployments") == []
