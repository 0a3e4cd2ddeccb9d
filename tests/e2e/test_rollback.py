"""Rollback: the services go back, the migration stays, nobody undoes it, and `resume` goes forward again."""

from __future__ import annotations

from tests.e2e.stage import KEY, NEW_REVISION, NEW_TAG, OK, REFUSED, SIDEKIQ, TAG, eventually


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
