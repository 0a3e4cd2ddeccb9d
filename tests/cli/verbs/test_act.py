"""The verbs that act on the ledger, and the two that run for long."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from reconciler.controller.verdict import Ending
from reconciler.model.errors import GuardRefused
from reconciler.model.events import Event, EventKind
from reconciler.model.run import RunState
from reconciler.runs.diagnosis import Diagnosis
from tests.cli import values


@pytest.mark.parametrize("verb", ["suspend", "resume"])
def test_suspend_and_resume_say_what_was_done(cli, apps, monkeypatch, verb):
    """The reason is handed on; what was done is the result, for every app."""
    apps.append(values.desired("staging/shop"))
    monkeypatch.setattr(
        f"reconciler.app.ledger.{verb}", lambda _s, d, reason, *_: f"{d.app} {reason}"
    )

    result = cli(verb, "--reason", "db move")

    assert result.exit_code == 0
    assert result.stdout == "production/shop: shop db move\nstaging/shop: shop db move\n"


@pytest.mark.parametrize("verb", ["suspend", "resume"])
def test_suspend_and_resume_print_one_document(cli, apps, monkeypatch, verb):
    """With RECONCILER_OUTPUT=json every app is in one document, a failed one with its error."""
    apps.append(values.desired("staging/shop"))

    def act(_settings, desired, _reason, *_length):
        if desired.environment == "staging":
            raise GuardRefused("not this one")
        return "done"

    monkeypatch.setattr(f"reconciler.app.ledger.{verb}", act)

    result = cli(verb, "--reason", "db move", env={"RECONCILER_OUTPUT": "json"})

    document = json.loads(result.stdout)
    assert (result.exit_code, document["kind"]) == (4, "Done")
    good, bad = document["apps"]
    assert good == {"key": "production/shop", "message": "done"}
    assert (bad["key"], bad["error"]["message"]) == ("staging/shop", "not this one")


@pytest.mark.parametrize(
    ("arguments", "function"),
    [
        (("retry", "service/web"), "retry"),
        (("migration", "retry", "db", "1"), "migration_retry"),
        (("migration", "resolve", "db", "1", "--as", "failed"), "migration_resolve"),
    ],
)
def test_what_was_done_to_one_app_is_one_document(cli, apps, monkeypatch, arguments, function):
    """-o json: key and message, as a script wants them."""
    monkeypatch.setattr(f"reconciler.app.ledger.{function}", lambda *_, **__: "done")

    result = cli(*arguments, "--reason", "x", "-o", "json")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "apiVersion": "reconciler/v1alpha1",
        "kind": "Done",
        "key": "production/shop",
        "message": "done",
    }


@pytest.mark.parametrize(
    "arguments", [("suspend",), ("retry", "service/web"), ("migration", "retry", "db", "1")]
)
def test_a_reason_is_required(cli, apps, arguments):
    """What a person overrides has a reason in the journal."""
    result = cli(*arguments)

    assert result.exit_code == 2
    assert "--reason" in result.stderr


def test_retry_hands_on_an_address(cli, apps, monkeypatch):
    """The address is parsed, and must be a service of the one app."""
    asked = []
    monkeypatch.setattr(
        "reconciler.app.ledger.retry", lambda _s, _d, a, r: asked.append((a, r)) or "released"
    )

    result = cli("retry", "service/web", "--reason", "fixed")

    assert result.stdout == "production/shop: released\n"
    assert asked == [(values.WEB, "fixed")]


@pytest.mark.parametrize("address", ["web", "service/api", "migration/db", "service/"])
def test_retry_of_something_else(cli, apps, address):
    """Anything but a declared service is wrong usage; a migration has its own verb."""
    assert cli("retry", address, "--reason", "x").exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("retry", "service/web", "--reason", "x"),
        ("migration", "retry", "db", "1", "--reason", "x"),
        ("migration", "resolve", "db", "1", "--as", "failed", "--reason", "x"),
        ("migration", "logs", "db"),
        ("history", "7"),
    ],
)
def test_one_app_must_be_named_where_only_one_can_be_meant(cli, apps, arguments):
    """Among several apps these verbs want -a and list the keys."""
    apps.append(values.desired("staging/shop"))

    result = cli(*arguments)

    assert result.exit_code == 2
    assert "say which app with -a: production/shop, staging/shop" in result.stderr


def test_migration_list(cli, apps, monkeypatch):
    """A row for each run, with its state and guarantee."""
    monkeypatch.setattr("reconciler.app.ledger.migration_list", lambda _s, _d: [values.run()])

    header, row = cli("migration", "list").stdout.splitlines()

    assert header.split()[:3] == ["MIGRATION", "REVISION", "STATE"]
    assert row.split()[:5] == ["db", "20261122", "SUCCEEDED", "1", "claim"]
    (run,) = json.loads(cli("migration", "list", "-o", "json").stdout)["apps"][0]["runs"]
    assert (run["state"], run["intentAt"]) == ("SUCCEEDED", "2026-11-22T12:00:00Z")
    assert "request" not in run


@pytest.mark.parametrize(
    ("state", "code"),
    [(RunState.SUCCEEDED, 0), (RunState.RUNNING, 0), (RunState.FAILED, 6), (RunState.UNKNOWN, 6)],
)
def test_migration_status(cli, apps, monkeypatch, state, code):
    """Failed and unknown are 6; the diagnosis and the next command are printed."""
    diagnosis = Diagnosis(
        title="migration/db",
        reason="exit 1",
        stop_code="EssentialContainerExited",
        stopped_reason="",
        exit_codes={"db": "1"},
        likely_cause="",
        advice="mend it",
        log_lines=("log line",),
        log_source="/ecs",
        next_command="type this",
    )
    monkeypatch.setattr(
        "reconciler.app.ledger.migration_status",
        lambda _s, _d, _n: [(values.run(state), diagnosis)],
    )

    result = cli("migration", "status", "db")

    assert result.exit_code == code
    assert "| log line" in result.stdout
    assert "next: type this" in result.stdout
    (run,) = json.loads(cli("migration", "status", "-o", "json").stdout)["apps"][0]["runs"]
    assert (run["next"], run["advice"]) == ("type this", "mend it")
    assert (run["stopCode"], run["exitCodes"]) == ("EssentialContainerExited", {"db": "1"})


def test_forced_resolve_asks_first(cli, apps, monkeypatch):
    """--force without --yes and without a terminal is wrong usage; without --force nobody is asked."""
    asked = []

    def resolve(_s, _d, *arguments, **options):
        asked.append((*arguments, options))
        return "recorded"

    monkeypatch.setattr("reconciler.app.ledger.migration_resolve", resolve)
    arguments = ("migration", "resolve", "db", "7", "--as", "succeeded", "--reason", "seen")

    assert cli(*arguments, "--force").exit_code == 2
    assert cli(*arguments).stdout == "recorded\n"
    assert cli(*arguments, "--force", "-y").exit_code == 0
    assert asked == [
        ("db", "7", "succeeded", {"reason": "seen", "force": False}),
        ("db", "7", "succeeded", {"reason": "seen", "force": True}),
    ]


def test_run_hands_on_limits_and_says_why_it_ended(cli, monkeypatch):
    """Flags reach settings and options; reasons are on stderr; the code is the controller's."""
    asked = []

    def run(settings, **options):
        asked.append((settings, options))
        return Ending(6, {"production/shop": "migration/db failed"})

    monkeypatch.setattr("reconciler.app.act.run", run)

    result = cli(
        "run", "--until", "converged", "--timeout", "5m", "--workers", "2", "--resync", "10s"
    )

    ((settings, options),) = asked
    assert result.exit_code == 6
    assert result.stdout == ""
    assert "production/shop: migration/db failed" in result.stderr
    assert settings.resync == timedelta(seconds=10)
    assert (options["workers"], options["until_converged"], options["timeout"]) == (
        2,
        True,
        timedelta(minutes=5),
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--timeout", "5m"),
        ("run", "--workers", "0"),
        ("run", "-a", "production/shop"),
        ("local", "-a", "production/shop"),
        ("local", "--timeout", "5m"),
        ("local", "--aws-only", "--until", "converged"),
        ("local", "--image", "shop"),
        ("local", "--image", "shop=/nowhere/at/all"),
        ("local", "--image", "shop=.", "--image", "shop=."),
        ("local", "--aws-port", "70000"),
    ],
)
def test_flags_that_cannot_be(cli, arguments):
    """What does not go together, or does not exist, is wrong usage."""
    assert cli(*arguments).exit_code == 2


def test_local_hands_on_what_was_said(cli, monkeypatch, tmp_path):
    """Images, port and limits reach the embedded AWS; its endpoint is the result on stdout."""
    asked = []

    def local(_settings, options, *, say, on_event):
        asked.append(options)
        say("embedded AWS at http://127.0.0.1:4566")
        on_event(Event(EventKind.DONE, "production/shop", "service/web", "steady", values.AT))
        return Ending(0)

    monkeypatch.setattr("reconciler.app.embedded.local", local)

    result = cli(
        "local",
        "--until",
        "converged",
        "--timeout",
        "1m",
        "--image",
        f"shop={tmp_path}",
        "--aws-port",
        "4566",
    )

    assert (result.exit_code, result.stdout) == (0, "embedded AWS at http://127.0.0.1:4566\n")
    assert "steady" in result.stderr
    (options,) = asked
    assert options.images == {"shop": tmp_path}
    assert (options.until_converged, options.timeout) == (True, timedelta(minutes=1))
    assert (options.aws_port, options.aws_only, options.real_times) == (4566, False, False)
