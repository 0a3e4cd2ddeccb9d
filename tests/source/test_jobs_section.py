"""The section `jobs:`: what may be written, what it means, and where a mistake stands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.model.due import CatchUp, Concurrency, JobPolicy
from reconciler.model.job import History
from tests.source.conftest import DEFAULTS, HEADER

IMAGE = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/shop:1"


def job(**words: str) -> str:
    """Return the text of job/report."""
    own = {"image": IMAGE, "command": "rake report", "schedule": '"0 3 * * *"', **words}
    lines = "".join(f"    {word}: {value}\n" for word, value in own.items())
    return f"{HEADER}{DEFAULTS}jobs:\n  report:\n{lines}"


def test_what_a_job_means_when_it_says_little(world) -> None:
    """UTC, forbid, the latest missed one, no retries, an hour; and everything that a migration writes."""
    (report,) = world.app(job()).jobs
    assert str(report.address) == "job/report"
    assert (report.schedule, report.time_zone) == ("0 3 * * *", "UTC")
    assert report.policy == JobPolicy()
    assert (report.retries, report.backoff, report.timeout) == (
        0,
        timedelta(seconds=30),
        timedelta(hours=1),
    )
    assert (report.container, report.history) == ("report", History(3, 10))
    assert report.task_definition["family"] == "shop-production-report"
    assert report.launch["launchType"] == "FARGATE"
    log = report.task_definition["containerDefinitions"][0]["logConfiguration"]["options"]
    assert log["mode"] == "blocking"


def test_every_own_word_is_read(world) -> None:
    """The words become the policy, the limits and the attempts of each occurrence."""
    app = world.app(
        job(
            timeZone="Asia/Tokyo",
            concurrency="allow",
            startingDeadline="2h",
            catchUp="all",
            suspend="true",
            retries="2",
            retryBackoff="1m",
            timeout="5m",
            startTimeout="3m",
            successfulHistoryLimit="1",
            failedHistoryLimit="0",
        )
    )
    (report,) = app.jobs
    assert report.policy == JobPolicy(Concurrency.ALLOW, CatchUp.ALL, timedelta(hours=2), True)
    assert report.history == History(1, 0)
    work = report.work("2026-11-22T18:00:00Z", "2026-11-22T18:00:00Z", "schedule")
    assert (work.most_attempts, work.backoff) == (3, timedelta(minutes=1))
    assert (work.timeout, work.start_timeout) == (timedelta(minutes=5), timedelta(minutes=3))
    assert str(work.key) == "OCC#report#2026-11-22T18:00:00Z"
    assert report.origins["job", "schedule"].line == 15


@pytest.mark.parametrize(
    ("words", "line", "rule", "said"),
    [
        ({"schedule": '"0 25 * * *"'}, 15, "invalid-value", "wrong hour: 0-23"),
        ({"schedule": '"0 0 30 2 *"'}, 15, "invalid-value", "its months have no such day"),
        ({"schedule": "rate(1 hours)"}, 15, "invalid-value", "write 1 hour"),
        ({"timeZone": "Asia/Tokio"}, 16, "invalid-value", "'Asia/Tokio' is no time zone"),
        ({"concurrency": "forbit"}, 16, "enum", "must be 'forbid', 'allow' or 'replace'"),
        ({"catchUp": "all"}, 16, "required", "all needs a startingDeadline"),
        ({"startingDeadline": "soon"}, 16, "invalid-value", "is not a duration"),
        ({"retries": "-1"}, 16, "invalid-value", "whole number"),
        ({"suspended": "true"}, 16, "unknown-field", "unknown field 'suspended'"),
        ({"desiredCount": "2"}, 16, "unknown-field", "only services have it"),
        ({"revision": '"1"'}, 16, "unknown-field", "unknown field 'revision'"),
        ({"overrides": "{}"}, 16, "managed-field", "filled in by the reconciler"),
        ({"restartPolicy": "{enabled: true}"}, 16, "restart-policy", "a job must not restart"),
        ({"container": "other"}, 16, "unknown-container", "there is no container"),
    ],
)
def test_mistakes_stand_where_they_are(world, words, line, rule, said) -> None:
    """Each is reported once, with line and rule."""
    found = world.errors(job(**words))
    assert [(d.origin.line, d.rule) for d in found] == [(line, rule)], found
    assert said in found[0].message


def test_all_and_replace_contradict_each_other(world) -> None:
    """Each missed run would stop the one before it."""
    found = world.errors(job(catchUp="all", startingDeadline="1h", concurrency="replace"))
    assert [d.rule for d in found] == ["two-forms"]


def test_a_schedule_is_needed(world) -> None:
    """Without one the job is reported, at its own place."""
    text = job().replace('    schedule: "0 3 * * *"\n', "")
    assert [d.rule for d in world.errors(text)] == ["required"]


def test_a_job_shares_its_family_with_nobody(world) -> None:
    """Its runs are found again by the family."""
    migration = f'migrations:\n  db:\n    image: {IMAGE}\n    revision: "1"\n    family: both\n'
    found = world.errors(job(family="both") + migration)
    assert [d.rule for d in found] == ["same-name"]


def test_another_schedule_is_another_meaning(world) -> None:
    """The content hash counts every word of a job, and not its comments."""
    before = world.app(job()).content_hash
    assert world.app(job() + "# nightly\n").content_hash == before
    assert world.app(job(schedule='"0 4 * * *"')).content_hash != before
    assert world.app(job(retries="1")).content_hash != before
