"""A new user's first day: converge, change the tag and the revision, look, watch, verify."""

from __future__ import annotations

from tests.e2e.stage import (
    DIFFERENT,
    NEW_REVISION,
    NEW_TAG,
    OK,
    REVISION,
    SIDEKIQ,
    TAG,
    WEB,
    eventually,
)


def test_edit_rolls_over_a_running_controller(stage_of_the_sample):
    """The sample converges; a saved tag and revision run once and reach the processes that answer."""
    stage = stage_of_the_sample
    first = stage.converge("--timeout", "60s")

    assert "service/web          steady, 3 running" in first.err
    assert first.err.splitlines()[-1].endswith("production/shop converged (generation 1)")
    assert stage.web_versions() == {TAG}
    assert stage.migrations_started(TAG) == 1

    controller = stage.controller()
    controller.until("converged")
    stage.release()
    eventually(stage.web_answers, lambda found: [a.get("version") for a in found] == [NEW_TAG] * 3)
    controller.until(r"converged \(generation 2\)")

    assert stage.migrations_started(NEW_TAG) == 1
    assert stage.migrations_started(TAG) == 1
    assert {answer["schema"] for answer in stage.web_answers()} == {NEW_REVISION}
    for name in (WEB, SIDEKIQ):
        images = [c["image"] for c in stage.definition(name)["containerDefinitions"]]
        assert all("@sha256:" in image for image in images)
    assert controller.terminate() == 0
    assert stage.journal_is_whole()
    assert stage.cli("diff").code == OK


def test_migration_precedes_services_in_the_journal(shop):
    """Every action is in the journal, in order, with the revision before what needs it."""
    shop.release()
    shop.converge()

    entries = [e for e in shop.entries() if e["generation"] == 2]
    done = [
        (e["address"], e["action"]) for e in entries if e["kind"] in ("RUN", "OUTCOME", "SERVICE")
    ]
    succeeded = done.index(("migration/db", "succeeded"))
    assert done.index(("migration/db", "running")) < succeeded
    for service in ("service/web", "service/sidekiq"):
        assert succeeded < done.index((service, "UpdateService")) < done.index((service, "steady"))
    assert done.index(("service/web", "steady")) < done.index(("service/sidekiq", "UpdateService"))
    outcomes = [e for e in entries if e["kind"] == "OUTCOME"]
    assert {e["outcome"] for e in outcomes} == {"ok"}
    assert all(e["request_id"] for e in outcomes)
    intents = [e for e in entries if e["kind"] == "INTENT"]
    assert len(intents) == len(outcomes)
    assert shop.journal_is_whole()


def test_history_tells_the_story(shop):
    """`history` shows the newest first, by address, one entry in full, and never a secret's value."""
    listed = shop.cli("history", "-n", "3")
    assert len(listed.out.splitlines()) == 4

    about_web = shop.cli("history", "service/web", "-o", "json").document["apps"][0]["entries"]
    assert {e["address"] for e in about_web} == {"service/web"}
    number = about_web[0]["n"]
    one = shop.cli("history", str(number))
    assert one.code == OK
    assert "service/web" in one.out
    for done in (shop.cli("history", "-n", "100", "-o", "json"), shop.cli("render", "-o", "json")):
        assert "embedded-rails-master-key" not in done.out


def test_diff_before_and_after(stage):
    """`diff` is 1 with what would run and be blocked, 0 once it has converged, 1 after an edit."""
    before = stage.cli("diff")
    assert before.code == DIFFERENT
    assert f"run once for revision {REVISION}" in before.out
    assert "blocked by redis/main, migration/db" in before.out
    assert stage.cli("diff", "--detailed-exitcode").code == 2
    assert stage.cli("diff", "--exit-zero").code == 0

    stage.converge()
    after = stage.cli("diff", "-o", "json")
    assert after.code == OK
    assert {r["action"] for r in after.document["apps"][0]["resources"]} == {"none"}

    stage.release()
    edited = stage.cli("diff")
    assert edited.code == DIFFERENT
    assert f"{REVISION} → {NEW_REVISION}" in edited.out
    assert f"shop:{NEW_TAG}@sha256:" in edited.out
    assert "production/shop/app.yaml:" in edited.out
    assert stage.cli("diff", "service/web").code == DIFFERENT


def test_verbs_that_look_write_nothing(stage):
    """On a fresh account no verb that looks creates a table or sends any call that changes something."""
    stage.aws.faults.forget_calls()

    for verb in (
        ["diff"],
        ["status"],
        ["history"],
        ["migration", "status"],
        ["migration", "list"],
        ["render"],
        ["validate"],
        ["doctor"],
    ):
        stage.cli(*verb)

    assert stage.calls("ecs:Describe*")
    assert stage.mutations() == []
    assert stage.client("dynamodb").list_tables()["TableNames"] == []


def test_verbs_that_look_write_nothing_later(shop):
    """On a converged app, and on one with changes, they write nothing either."""
    for verb in ("diff", "status", "history"):
        shop.cli(verb)
    shop.release()
    for verb in (["diff"], ["status"], ["diff", "-o", "markdown"], ["wait", "--timeout", "1s"]):
        shop.cli(*verb)

    assert shop.mutations() == []


def test_second_convergence_changes_nothing(shop):
    """A second run finds everything done: only its own lease is written, AWS is left alone."""
    shop.converge()

    assert set(shop.mutations()) == {
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:TransactWriteItems",
    }
    assert len(shop.starts) == 1
    kinds = [e["kind"] for e in shop.entries()]
    assert kinds[-2:] == ["LEASE", "RELEASE"]


def test_apply_converges_and_gives_the_lease_back(stage):
    """`apply` does what the controller does, prints where it stands, and frees the app at its end."""
    done = stage.cli("apply", "--yes")

    assert done.code == OK
    assert "production/shop is converged" in done.out
    assert stage.web_versions() == {TAG}
    assert stage.status()["lease"]["holder"] is None
    assert stage.cli("wait", "--timeout", "5s").code == OK


def test_apply_without_a_terminal_needs_a_yes(stage):
    """Without --yes nobody is asked who cannot answer, and nothing is done."""
    done = stage.cli("apply")

    assert done.code != OK
    assert "--yes" in done.err
    assert not stage.starts
