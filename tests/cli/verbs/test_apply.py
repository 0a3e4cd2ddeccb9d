"""`apply`: the question, what is handed on, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.errors import GuardRefused, LeaseHeld
from reconciler.model.events import Event, EventKind
from tests.cli import values


@pytest.fixture
def act(monkeypatch, apps):
    """Let `apply` record its options and answer with a status."""
    calls = {"options": [], "status": values.status(), "differs": True}

    def apply(_settings, desired, *, options, on_event):
        calls["options"].append((desired.key, options))
        on_event(Event(EventKind.DONE, desired.key, "service/web", "steady", values.AT))
        if isinstance(calls["status"], BaseException):
            raise calls["status"]
        return calls["status"]

    monkeypatch.setattr("reconciler.app.act.apply", apply)
    monkeypatch.setattr(
        "reconciler.app.look.preview",
        lambda _settings, desired, *, prune=False: values.preview(
            desired, differs=calls["differs"]
        ),
    )
    return calls


def test_quiet_says_the_result_only(cli, act):
    """With -q neither plan, progress nor duration is said."""
    result = cli("apply", "-y", "-q")

    assert result.stdout.startswith("production/shop is converged")
    assert result.stderr == ""


def test_ctrl_c_says_what_goes_on(cli, act):
    """What was begun in AWS is not undone by an interruption, and the message says so."""
    act["status"] = KeyboardInterrupt()

    result = cli("apply", "-y")

    assert result.exit_code == 130
    assert "goes on in AWS" in result.stderr


def test_nobody_to_ask_is_wrong_usage_and_nothing_is_applied(cli, act):
    """Without a terminal and without --yes: 2, the flag is named, nothing happens."""
    result = cli("apply")

    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert act["options"] == []


def test_plan_and_progress_are_on_stderr_and_the_result_on_stdout(cli, act):
    """Standard output holds one line for the app; the plan and the events are on stderr."""
    result = cli("apply", "-y")

    assert result.exit_code == 0
    assert result.stdout == "production/shop is converged at b7710de\n"
    assert "~ update" in result.stderr
    assert "✔ service/web" in result.stderr


def test_converged_asks_nobody_and_takes_no_lease(cli, act):
    """Nothing to do is 0: already done, without a question and without disturbing the holder."""
    act["differs"] = False

    result = cli("apply", "--no-wait")

    assert result.exit_code == 0
    assert result.stdout == "production/shop is converged at b7710de\n"
    assert act["options"] == []


def test_what_is_in_flight_is_watched_without_a_question(cli, act, monkeypatch):
    """No difference but not converged yet: nobody is asked, and apply waits for the end."""
    flying = replace(
        values.preview(values.desired(), differs=False), status=values.status(converged=False)
    )
    monkeypatch.setattr("reconciler.app.look.preview", lambda _s, _d, *, prune=False: flying)

    result = cli("apply")

    assert result.exit_code == 0
    assert len(act["options"]) == 1


def test_options_are_handed_on(cli, act):
    """Flags become ApplyOptions, durations as timedelta."""
    cli(
        "apply",
        "-y",
        "--prune",
        "--wait",
        "5m",
        "--timeout",
        "1h",
        "--reason",
        "hotfix",
    )

    ((_, options),) = act["options"]
    assert options.prune
    assert not options.no_wait
    assert (options.wait, options.timeout) == (timedelta(minutes=5), timedelta(hours=1))
    assert options.reason == "hotfix"
    assert options.addresses == frozenset()


def test_addresses_restrict_what_is_touched(cli, act):
    """Only the addresses that were asked for are handed on; a kind stands for all of its own."""
    cli("apply", "-y", "service")

    ((_, options),) = act["options"]
    assert options.addresses == {values.WEB}


def test_addresses_leave_other_apps_alone(cli, act, apps, monkeypatch):
    """An app that has none of the addresses is not applied at all: no address means everything."""
    apps.append(values.desired("staging/shop"))
    look = {
        "production/shop": values.preview(apps[0]),
        "staging/shop": values.preview(apps[1]),
    }
    only_db = replace(look["staging/shop"].plan, steps=look["staging/shop"].plan.steps[:1])
    look["staging/shop"] = replace(look["staging/shop"], plan=only_db)
    monkeypatch.setattr(
        "reconciler.app.look.preview", lambda _s, desired, *, prune=False: look[desired.key]
    )

    cli("apply", "-y", "service/web")

    assert [key for key, _ in act["options"]] == ["production/shop"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (values.status(code=6, converged=False), 6),
        (values.status(code=8, converged=False), 8),
        (values.status(converged=False), 1),
        (LeaseHeld("held by laptop", holder="laptop"), 5),
        (GuardRefused("the files changed"), 4),
        (TimeoutError("30m"), 7),
    ],
)
def test_exit_codes(cli, act, status, code):
    """The code is the status's, or the error's; not converged is never 0."""
    act["status"] = status

    assert cli("apply", "-y").exit_code == code


def test_json_is_the_status_of_each_app(cli, act):
    """`-o json` prints one document with both axes."""
    document = json.loads(cli("apply", "-y", "-o", "json").stdout)

    assert document["kind"] == "Apply"
    assert document["apps"][0] | {"resources": []} == {
        "key": "production/shop",
        "sync": "Synced",
        "health": "Healthy",
        "converged": True,
        "generation": 3,
        "commit": "b7710de9",
        "contentHash": "c" * 64,
        "message": "",
        "exitCode": 0,
        "resources": [],
    }


def test_declining_applies_nothing(cli, act, monkeypatch):
    """Anything but yes ends with 1 and touches nothing."""
    monkeypatch.setattr("reconciler.cli.verbs.apply.confirmed", lambda _i, _q: False)

    result = cli("apply")

    assert result.exit_code == 1
    assert "nothing was applied" in result.stderr
    assert act["options"] == []
