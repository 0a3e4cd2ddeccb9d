"""Rollback: the services go back, the migration stays, nobody undoes it, and `resume` goes forward again."""

from __future__ import annotations

from datetime import timedelta

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


JOBS = f"""
jobs:
  report:
    schedule: "0 3 * * *"
    from: rails
    command: [sh, -c, "echo report of $VERSION"]
    environment: {{VERSION: "{TAG}"}}
"""


def the_next_report(shop):
    """Let the clock come to the job's next time; return what the command said."""
    known = {run["occurrence"] for run in runs(shop)}
    shop.aws.clock.advance(timedelta(days=1))

    def fresh():
        return [r for r in runs(shop) if r["state"] == "SUCCEEDED" and r["occurrence"] not in known]

    (run,) = eventually(fresh, lambda found: len(found) == 1)
    return shop.cli("job", "logs", "report", run["occurrence"]).out


def runs(shop):
    """Return what the ledger has of the job's runs, the newest first."""
    return shop.cli("job", "history", "report", "-o", "json").document["runs"]


def test_jobs_go_back_and_run_on(shop):
    """While the app is suspended the clock starts the job of then; after `resume` that of the files."""
    shop.write(shop.file, shop.file.read_text() + JOBS)
    shop.seed()
    controller = shop.controller("--resync", "1s")
    controller.until(r"converged \(generation 2\)")
    text = shop.file.read_text().replace(f'VERSION: "{TAG}"', f'VERSION: "{NEW_TAG}"')
    shop.write(shop.file, text.replace(f"shop:{TAG}", f"shop:{NEW_TAG}"))
    controller.until(r"converged \(generation 3\)")
    assert the_next_report(shop) == f"report of {NEW_TAG}\n"

    shown = " ".join(shop.cli("rollback", "--dry-run").out.split())
    assert "~ update job/report back to generation 2: its runs start from that" in shown, shown
    assert f"VERSION {NEW_TAG} → {TAG}" in shown, shown
    done = shop.cli("rollback", "--yes", "--reason", "wrong sums")

    assert done.code == OK, done
    assert "job/report" in done.err, done
    row = next(r for r in shop.status()["resources"] if r["address"] == "job/report")
    assert row["message"].endswith("as of generation 2"), row
    assert the_next_report(shop) == f"report of {TAG}\n"
    by_hand = shop.cli("job", "trigger", "report", "--key", "k", "--wait")
    assert (by_hand.code, by_hand.out) == (OK, f"report of {TAG}\n"), by_hand

    assert shop.cli("resume", "--reason", "fixed").code == OK
    eventually(shop.status, lambda s: s["sync"] == "Synced" and s["health"] == "Healthy")
    assert the_next_report(shop) == f"report of {NEW_TAG}\n"
    assert shop.journal_is_whole()
