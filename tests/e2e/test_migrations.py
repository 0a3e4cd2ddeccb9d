"""Migrations that do not go as they should: each is told truthfully and held until somebody settles it."""

from __future__ import annotations

import re
from datetime import timedelta

from tests.e2e.stage import (
    MIGRATION,
    NEW_REVISION,
    NEW_TAG,
    OK,
    REVISION,
    TAG,
    eventually,
)

BACKOFF = timedelta(seconds=31)


def running_versions_are_old(stage):
    """Return whether every service still runs what it ran before the new tag."""
    return stage.web_versions() == {TAG} and all(
        f":{NEW_TAG}@" not in c["image"] for c in stage.definition()["containerDefinitions"]
    )


def test_failed_migration_holds_services_until_retried(shop):
    """Exit 1: code 6, services untouched, reason, log and next command said; `retry` goes on from there."""
    shop.migration_says(MIGRATION_FAIL="1")
    shop.release()

    failed = shop.cli("run", "--until", "converged", "--resync", "1s")

    assert failed.code == MIGRATION
    assert "container db exited 1" in failed.err
    assert f"next: reconciler -a production/shop migration retry db {NEW_REVISION}" in failed.err
    assert "| StandardError: An error has occurred, all later migrations canceled" in failed.err
    assert failed.err.splitlines()[-1].count("FAILED") == 1
    assert running_versions_are_old(shop)
    assert shop.migrations_started(NEW_TAG) == 1
    told = shop.cli("migration", "status")
    assert told.code == MIGRATION
    assert "db: 1" in told.out
    assert "| StandardError: An error has occurred, all later migrations canceled" in told.out
    assert f"next: reconciler -a production/shop migration retry db {NEW_REVISION}" in told.out
    assert "rails aborted!" in shop.cli("migration", "logs", "db").out
    status = shop.cli("status", "--exit-code")
    assert status.code == MIGRATION
    assert "Degraded" in status.out
    assert told.out.rstrip("\n") in status.out
    assert shop.cli("apply", "--yes").code == MIGRATION
    assert shop.migrations_started(NEW_TAG) == 1

    shop.migration_says()
    asked = shop.cli("migration", "retry", "db", NEW_REVISION, "--reason", "mended the SQL")
    assert (asked.code, "attempt 2" in asked.out) == (OK, True)
    shop.converge()

    assert shop.web_versions() == {NEW_TAG}
    assert shop.migrations_started(NEW_TAG) == 2
    assert shop.journal_is_whole()


def test_refused_image_is_launched_again(stage):
    """A pull that fails is NOT_STARTED, said with ECS's words, and launched again; nothing ran twice."""
    stage.aws.engine.refuse_image(TAG, "pull access denied")
    controller = stage.controller()

    controller.until("did not start.*CannotPullContainerError.*pull access denied")
    assert stage.run_state() == "NOT_STARTED"
    assert not stage.service()
    assert stage.starts == []

    stage.aws.engine.refuse_image(TAG, "")
    stage.aws.clock.advance(BACKOFF)
    controller.until("converged")
    assert stage.migrations_started() == 1
    assert (
        stage.cli("migration", "list", "-o", "json").document["apps"][0]["runs"][0]["launch"] == 1
    )


def test_refused_placement_is_launched_again(stage):
    """`failures[]` of RunTask is no start: it is said with the reason, and launched again."""
    stage.aws.engine.fail_placement("RESOURCE:MEMORY", times=1)
    controller = stage.controller()

    controller.until("RESOURCE:MEMORY")
    assert stage.starts == []
    stage.aws.clock.advance(BACKOFF)
    controller.until("converged")
    assert stage.migrations_started() == 1
    assert stage.journal_is_whole()


def test_migration_that_never_starts_fails_after_five_launches(stage):
    """Five launches that provably never executed are a failed run: 6, and how often it was tried."""
    stage.aws.engine.refuse_image(TAG, "pull access denied")
    controller = stage.controller()
    for launch in range(2, 6):
        eventually(stage.run_state, lambda state: state == "NOT_STARTED")
        stage.aws.clock.advance(timedelta(minutes=11))
        controller.until(f"launch {launch}")
    controller.until("never executed in 5 launches")

    assert stage.run_state() == "FAILED"
    assert stage.starts == []
    told = stage.cli("migration", "status")
    assert told.code == MIGRATION
    assert "the image or its repository does not exist, or may not be pulled" in told.out


def test_killed_migration_has_failed(stage):
    """Killed from outside: exit code 137 is a verdict, FAILED, and it is not started again by itself."""
    stage.migration_says(MIGRATION_SLEEP="60")
    controller = stage.controller()
    eventually(lambda: stage.starts)

    stage.aws.engine.kill_task(stage.migration_task().arn)
    controller.until("container db exited 137")

    assert stage.run_state() == "FAILED"
    assert not stage.service()
    assert len(stage.starts) == 1
    told = stage.cli("migration", "status").out
    assert "db: 137" in told
    assert "killed: out of memory, or by somebody from outside" in told


def test_lost_host_is_unknown_until_resolved(shop):
    """A host that vanishes leaves no exit code: UNKNOWN, services held, `resolve` by a person goes on."""
    shop.migration_says(MIGRATION_SLEEP="60")
    controller = shop.controller()
    controller.until("converged")
    shop.release()
    eventually(lambda: shop.migrations_started(NEW_TAG))

    shop.aws.engine.lose_task(shop.migration_task().arn)
    controller.until("outcome of revision .* is unknown")

    assert shop.run_state(NEW_REVISION) == "UNKNOWN"
    assert running_versions_are_old(shop)
    told = shop.cli("migration", "status")
    assert told.code == MIGRATION
    assert "Host EC2" in told.out
    resolve = f"reconciler -a production/shop migration resolve db {NEW_REVISION} --as"
    assert f"next: {resolve} succeeded|failed" in told.out
    refused = shop.cli("migration", "retry", "db", NEW_REVISION, "--reason", "impatience")
    assert refused.code == 1
    assert "migration resolve db" in refused.err

    word = ["migration", "resolve", "db", NEW_REVISION, "--as", "succeeded", "--reason", "looked"]
    assert shop.cli(*word).code == OK
    eventually(shop.web_versions, lambda versions: versions == {NEW_TAG})
    assert shop.migrations_started(NEW_TAG) == 1
    assert controller.terminate() == OK
    assert shop.journal_is_whole()


def test_timeout_stops_the_task(stage):
    """A migration that runs too long is stopped; its exit code, not the timeout, is the verdict."""
    stage.migration_says(MIGRATION_SLEEP="60")
    stage.edit(("timeout: 20m", "timeout: 2s"))

    done = stage.cli("run", "--until", "converged", "--resync", "1s")

    assert done.code == MIGRATION
    assert len(stage.starts) == 1
    assert stage.calls("ecs:StopTask")
    assert stage.run_state() == "FAILED"
    assert "it ran longer than its timeout" in stage.cli("history", "-n", "100", "-o", "json").out


def test_existing_database_is_adopted(stage):
    """`resolve --as succeeded` on a revision that never ran here takes it as done: nothing starts."""
    word = ["migration", "resolve", "db", REVISION, "--as", "succeeded", "--reason", "by hand"]
    assert stage.cli(*word).code == OK

    stage.converge()

    assert stage.starts == []
    assert stage.web_versions() == {TAG}


def test_token_mode_runs_once_too(stage):
    """Without a guard the run rests on ECS's token; `diff` says so, and it still runs once."""
    stage.write(stage.file, re.sub(r"guard:.*\n  image: .*\n", "", stage.file.read_text()))
    assert "guarantee: token" in stage.cli("diff").out

    stage.aws.faults.drop_after("ecs:RunTask")
    stage.converge()

    assert stage.migrations_started() == 1


def test_older_revision_never_runs_by_itself(shop):
    """A revert of the revision in git starts nothing and says why; the services stay gated."""
    shop.release()
    shop.converge()
    shop.release("2026.11.21-0000000", "20261121000000")

    done = shop.cli("run", "--until", "converged", "--resync", "1s")

    assert done.code == MIGRATION
    assert "older" in done.err
    assert shop.migrations_started("2026.11.21-0000000") == 0
    assert shop.web_versions() == {NEW_TAG}


def test_lost_answers_of_runtask_start_one_task(shop):
    """RunTask whose answers are lost, twice, and whose replay is throttled: one process in all."""
    shop.aws.faults.drop_after("ecs:RunTask", times=2)
    shop.aws.faults.throttle("ecs:RunTask", times=3)
    shop.release()

    shop.converge()

    assert shop.migrations_started(NEW_TAG) == 1
    assert shop.web_versions() == {NEW_TAG}
    assert shop.journal_is_whole()
