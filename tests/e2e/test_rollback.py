"""Rollback: the services go back, the migration stays, nobody undoes it, and `resume` goes forward again."""

from __future__ import annotations

from tests.e2e.stage import (
    KEY,
    NEW_REVISION,
    NEW_TAG,
    OK,
    REFUSED,
    SIDEKIQ,
    TAG,
    UNHEALTHY,
    eventually,
)


def test_services_go_back_and_the_database_stays(shop):
    """Two releases with a migration between them: back, suspended, out of sync; resumed, forward."""
    controller = shop.controller()
    controller.until("converged")
    before = {
        name: shop.service(name)["taskDefinition"] for name in ("shop-production-web", SIDEKIQ)
    }
    shop.release()
    controller.until(r"converged \(generation 2\)")
    assert shop.web_versions() == {NEW_TAG}

    shown = shop.cli("rollback", "--dry-run")
    assert shown.code == OK
    assert f"migration/db {NEW_REVISION} stays applied" in shown.out
    assert "service/web" in shown.out
    assert shop.web_versions() == {NEW_TAG}

    done = shop.cli("rollback", "--yes", "--reason", "checkout fails")

    assert done.code == OK, done
    assert "is rolled back to generation 1: checkout fails" in done.out
    after = {name: shop.service(name)["taskDefinition"] for name in before}
    assert after == before
    assert shop.web_versions() == {TAG}
    assert shop.migrations_started(NEW_TAG) == 1
    status = shop.status()
    assert (status["sync"], status["health"]) == ("OutOfSync", "Suspended")
    assert status["suspended"]["reason"] == "rolled back to generation 1: checkout fails"
    assert shop.cli("status", "--exit-code").code == REFUSED

    again = shop.cli("rollback", "--yes")
    assert (again.code, "already" in again.out) == (OK, True)

    assert shop.cli("resume", "--reason", "fixed").code == OK
    eventually(shop.web_versions, lambda versions: versions == {NEW_TAG})
    eventually(shop.status, lambda s: s["sync"] == "Synced" and s["health"] == "Healthy")
    assert shop.migrations_started(NEW_TAG) == 1
    actions = [e["action"] for e in shop.entries() if e["kind"] == "OPERATOR"]
    assert actions == ["rollback", "resume"]
    assert shop.journal_is_whole()
    assert KEY in again.out


def test_a_failed_rollout_is_explained_before_and_while_going_back(shop):
    """Of a held service the preview says what became of its tasks; so does a rollback that fails itself."""
    shop.converge()
    first = len(shop.entries())
    shop.release()
    shop.converge()
    shop.release("2026.11.24-broken", "20261124080000")
    assert shop.cli("run", "--until", "converged", "--resync", "1s").code == UNHEALTHY

    shown = shop.cli("rollback", "service/web", "--dry-run")

    assert shown.code == OK, shown
    for told in ("the last rollout failed: ", "stop code: EssentialContainerExited", "log: /ecs/"):
        assert told in shown.out, (told, shown.out)

    shop.aws.engine.refuse_image(f"shop:{TAG}", "pull access denied")
    updates = len(shop.calls("ecs:UpdateService"))
    failed = shop.cli("rollback", "service/web", "--to", str(first), "--yes")
    assert failed.code == UNHEALTHY, failed
    assert "CannotPullContainerError: pull access denied" in failed.err
    assert "likely cause: the image" in failed.err
    assert len(shop.calls("ecs:UpdateService")) == updates + 1
