"""`rollback` on the command line: flags handed on, the question, dry runs, documents and codes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.app.rollback import BackPreview
from reconciler.app.rollback_choice import Wanted
from reconciler.controller.rollback import Order
from reconciler.model.errors import GuardRefused
from reconciler.model.names import Address
from reconciler.model.release import Release
from tests.cli import values

RELEASE = Release(
    values.WEB, 41, 2, "b7710de9", "2026-11-22T10:00:00+00:00", "arn:aws:ecs:x:td/web:41", {}
)

WITH_JOBS = 5


@pytest.fixture
def back(apps, monkeypatch):
    """Put a rollback in the place of the real one; return what was asked of it."""
    asked = []

    def preview(_settings, desired, wanted, done=False):
        asked.append(wanted)
        order = Order({values.WEB: RELEASE}, "rolled back to b7710de9", "arn:me", [values.run()])
        if wanted.number == WITH_JOBS:
            report, purge = (
                replace(RELEASE, address=Address("job", name), task_definition_arn="")
                for name in ("report", "purge")
            )
            releases = {**order.releases, report.address: report}
            jobs = {report.address: report, purge.address: purge}
            order = replace(order, releases=releases, jobs=jobs)
        left = {values.WEB: "x"} if wanted.number == 1 else {}
        return BackPreview(desired, order, values.plan(), None, left, wanted.number == 7)

    def roll_back(_settings, _seen, options, _on_event):
        asked.append(options)
        return values.status(code=0 if options.timeout != timedelta(minutes=8) else 8)

    monkeypatch.setattr("reconciler.app.rollback.preview", preview)
    monkeypatch.setattr("reconciler.app.rollback.roll_back", roll_back)
    return asked


def test_flags_are_handed_on(cli, back):
    """Where to, of what, why and how long."""
    result = cli(
        "rollback", "service/web", "--to", "42", "--reason", "slow", "--force", "--no-wait",
        "--timeout", "5m", "--yes",
    )  # fmt: skip
    assert result.exit_code == 0
    wanted, options = back
    assert wanted == Wanted(42, "", frozenset({values.WEB}), "slow", True)
    assert (options.no_wait, options.timeout) == (True, timedelta(minutes=5))
    assert "production/shop is rolled back to b7710de9\n" in result.stdout
    assert "suspended until: reconciler -a production/shop resume" in result.stdout


def test_the_document_names_the_jobs_that_go_on(cli, back):
    """Targets with and without a task definition of their own, and what goes on as it is."""
    document = json.loads(cli("rollback", "--to", str(WITH_JOBS), "--dry-run", "-o", "json").stdout)
    targets = {t["address"]: (t["entry"], t["taskDefinition"]) for t in document["targets"]}
    assert targets == {"service/web": (41, RELEASE.task_definition_arn), "job/report": (41, "")}
    assert document["jobsGoingOn"] == {"job/purge": 41}


def test_it_asks_first(cli, back):
    """Without a terminal and --yes it is wrong usage, and nothing was done; the plan is on stderr."""
    result = cli("rollback")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert "service/web" in result.stderr
    assert len(back) == 1


def test_a_dry_run_of_a_rollback_only_shows(cli, back):
    """The plan is the result, nobody is asked, nothing is done."""
    result = cli("rollback", "--dry-run")
    assert result.exit_code == 0
    assert "service/web" in result.stdout
    assert len(back) == 1


def test_done_already(cli, back):
    """The same rollback again is 0 at once, and says so."""
    result = cli("rollback", "--to", "7")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "production/shop is rolled back to b7710de9 already\n"


def test_the_document(cli, back):
    """Targets, what is crossed, the plan and how it ended."""
    result = cli("rollback", "--yes", "-q", "-o", "json")
    document = json.loads(result.stdout)
    assert (document["kind"], document["key"], document["dryRun"]) == (
        "Rollback",
        "production/shop",
        False,
    )
    (target,) = document["targets"]
    assert (target["address"], target["entry"], target["commit"]) == ("service/web", 41, "b7710de9")
    assert document["crossed"] == [
        {"migration": "db", "revision": "20261122", "irreversible": False}
    ]
    assert document["plan"]["key"] == "production/shop"
    assert document["status"]["converged"] is True


def test_its_exit_code_is_the_status(cli, back):
    """A rollback that ECS reverted is 8."""
    assert cli("rollback", "--yes", "--timeout", "8m").exit_code == 8


def test_refused(cli, apps, monkeypatch):
    """A guard's word is its code."""

    def preview(*_):
        raise GuardRefused("must not go back behind migration/db 2")

    monkeypatch.setattr("reconciler.app.rollback.preview", preview)
    result = cli("rollback", "--yes")
    assert result.exit_code == 4
    assert "must not go back" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("migration/db",), "never rolled back"),
        (("service/wbe",), "there are: service/web"),
        (("--to", "1", "--to-revision", "b7710de9"), "contradict"),
        (("--to", "0"), "--to"),
    ],
)
def test_what_cannot_be_rolled_back(cli, back, arguments, said):
    """Migrations, unknown addresses and contradictions are wrong usage."""
    result = cli("rollback", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(("text", "length"), [("2h", timedelta(hours=2)), (None, None)])
def test_suspend_hands_on_for_how_long(cli, apps, monkeypatch, text, length):
    """--for is a duration; without it there is no end."""
    asked = []
    monkeypatch.setattr(
        "reconciler.app.ledger.suspend", lambda _s, _d, _r, for_, _a: asked.append(for_) or "done"
    )
    arguments = ("--for", text) if text else ()
    assert cli("suspend", "--reason", "x", *arguments).exit_code == 0
    assert asked == [length]


def test_suspending_for_no_time_is_wrong(cli, apps):
    """Zero would be no suspension."""
    assert cli("suspend", "--reason", "x", "--for", "0s").exit_code == 2


@pytest.mark.parametrize("verb", ["suspend", "resume"])
def test_one_address_of_the_one_app(cli, apps, monkeypatch, verb):
    """ADDRESS is handed on; among several apps -a is wanted."""
    asked = []
    monkeypatch.setattr(
        f"reconciler.app.ledger.{verb}", lambda _s, _d, *more: asked.append(more[-1]) or "done"
    )
    assert cli(verb, "service/web", "--reason", "x").exit_code == 0
    assert cli(verb, "--reason", "x").exit_code == 0
    assert asked == ["service/web", "" if verb == "suspend" else None]
    apps.append(values.desired("staging/shop"))
    assert cli(verb, "service/web", "--reason", "x").exit_code == 2


def test_only_what_is_declared_can_be_suspended(cli, apps):
    """A misspelt address suspends nothing, and the message names what there is."""
    result = cli("suspend", "service/wbe", "--reason", "x")
    assert result.exit_code == 2
    assert "service/web" in result.stderr
