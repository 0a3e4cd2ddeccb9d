"""The verbs that look: status, wait, history, doctor."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.errors import GuardRefused
from reconciler.model.finding import CheckState, Finding
from reconciler.model.suspension import Suspension
from tests.cli import values


@pytest.fixture
def reports(monkeypatch, apps):
    """Let `status` answer with what the test puts here."""
    found = {"report": values.report(apps[0])}
    monkeypatch.setattr("reconciler.app.look.status", lambda _settings, _desired: found["report"])
    return found


def test_status_has_two_axes_for_every_resource(cli, reports):
    """A table with sync and health, and a first line with what was applied and who holds the lease."""
    first, header, *rows = cli("status").stdout.splitlines()

    assert first.split("   ") == [
        "production/shop",
        "Synced at b7710de",
        "Healthy",
        "lease host#1 (epoch 14)",
    ]
    assert header.split() == ["ADDRESS", "SYNC", "HEALTH", "RUNNING", "REVISION", "MESSAGE"]
    assert rows[1].split(maxsplit=5) == [
        "service/web",
        "Synced",
        "Healthy",
        "2/2",
        ":43",
        "1 task draining",
    ]


def test_status_says_why_something_failed(cli, reports):
    """Below the table, and with each resource of the document; only of what was asked for."""
    why = ["service/web: the last rollout failed: no", "  likely cause: the tag"]
    reports["report"] = replace(reports["report"], diagnoses={values.WEB: why})

    assert cli("status").stdout.endswith("\n".join(why) + "\n")
    assert "likely cause" not in cli("status", "migration").stdout
    rows = json.loads(cli("status", "-o", "json").stdout)["apps"][0]["resources"]
    assert [r["diagnosis"] for r in rows] == [[], why]


def test_what_a_person_has_to_know_is_said_once(cli, reports):
    """In its row; above the table only where it has none because others were asked for."""
    report = reports["report"]
    rows = tuple(
        replace(r, exit_code=8, message="held: web:2 was replaced by web:1")
        if r.address == values.WEB
        else replace(r, exit_code=1, message="on its way")
        for r in report.status.resources
    )
    status = replace(
        report.status, resources=rows, message="service/web: held: web:2 was replaced by web:1"
    )
    reports["report"] = replace(report, status=status)

    assert cli("status").stdout.count("held: web:2") == 1
    assert cli("status").stdout.splitlines()[1].startswith("ADDRESS")
    others = cli("status", "migration/db").stdout
    assert others.splitlines()[1] == "service/web: held: web:2 was replaced by web:1"
    assert "on its way" not in cli("status", "service/web").stdout


def test_a_suspension_is_said_in_one_line(cli, reports):
    """What, by whom, since when, why and how to end it: above the table, and not again as a note."""
    report = reports["report"]
    word = Suspension("incident 7", "alice", "2026-11-29T07:00:00+00:00")
    other = replace(word, reason="a look", until="2026-11-29T09:00:00+00:00")
    ledger = replace(report.ledger, suspension=word, suspended={"service/web": other})
    notes = (*(s.told("production/shop", a) for a, s in ledger.suspensions.items()), "other note")
    plan = replace(report.plan, notes=notes)
    observed = replace(report.observed, ledger=ledger)
    reports["report"] = replace(report, observed=observed, plan=plan)

    said = cli("status").stdout
    whole, part = said.splitlines()[1:3]
    assert whole.startswith("! suspended by alice at ")
    assert whole.endswith(": incident 7; resume with: reconciler -a production/shop resume")
    assert part.startswith("! service/web suspended by alice at ")
    assert " until " in part
    assert part.endswith(": a look; resume with: reconciler -a production/shop resume service/web")
    assert (said.count("incident 7"), said.count("a look"), said.count("other note")) == (1, 1, 1)


def test_status_of_some(cli, reports):
    """Addresses choose the rows, in text and in JSON."""
    assert "migration/db" not in cli("status", "service").stdout
    document = json.loads(cli("status", "service/web", "-o", "json").stdout)
    assert [r["address"] for r in document["apps"][0]["resources"]] == ["service/web"]
    assert document["apps"][0]["lease"] == {"holder": "host#1", "epoch": 14}
    assert document["apps"][0]["suspended"] is None


@pytest.mark.parametrize(
    ("seen", "flags", "expected"),
    [
        ({"code": 6, "converged": False}, (), 0),
        ({"code": 6, "converged": False}, ("--exit-code",), 6),
        ({"converged": False}, ("--exit-code",), 1),
        ({}, ("--exit-code",), 0),
    ],
)
def test_status_exit_code(cli, reports, seen, flags, expected):
    """Looking is 0 whatever is seen; with --exit-code only converged is."""
    reports["report"] = values.report(values.desired(), **seen)

    assert cli("status", *flags).exit_code == expected


def test_wait_shares_its_time_among_apps(cli, apps, monkeypatch):
    """--timeout is for everything together, so no app is given more."""
    apps.append(values.desired("staging/shop"))
    asked = []

    def wait(_settings, desired, condition, timeout, _on_event):
        asked.append((desired.key, str(condition)))
        assert timedelta(0) <= timeout <= timedelta(minutes=3)
        return values.status(desired.key)

    monkeypatch.setattr("reconciler.app.wait.wait", wait)
    result = cli("wait", "--for", "synced", "--timeout", "3m")

    assert result.exit_code == 0
    assert asked == [("production/shop", "synced"), ("staging/shop", "synced")]
    assert result.stdout.splitlines()[0] == "production/shop  Synced  Healthy"


def test_wait_that_times_out_is_seven(cli, apps, monkeypatch):
    """The real TimedOut has code 7."""
    from reconciler.controller.converge import TimedOut

    def wait(*_):
        raise TimedOut("not converged after 3m")

    monkeypatch.setattr("reconciler.app.wait.wait", wait)

    assert cli("wait", "--timeout", "3m").exit_code == 7


def test_what_is_waited_for_is_enough(cli, apps, monkeypatch):
    """Healthy though out of sync is what was asked for: 0, whatever else is still to do."""
    monkeypatch.setattr(
        "reconciler.app.wait.wait", lambda *_: values.status(code=1, converged=False)
    )
    assert cli("wait", "--for", "healthy").exit_code == 0


@pytest.mark.parametrize("code", [4, 6, 8])
def test_what_never_comes_has_the_code_of_what_is_in_the_way(cli, apps, monkeypatch, code):
    """No pipeline waits a quarter of an hour for what only a person can settle."""
    from reconciler.app.wait import NeverByItself

    def wait(*_):
        raise NeverByItself("production/shop will not be synced by itself", code)

    monkeypatch.setattr("reconciler.app.wait.wait", wait)
    result = cli("wait", "--for", "synced")
    assert (result.exit_code, result.stdout) == (code, "")
    assert "by itself" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--for", "revision=3f2a91c"), ("revision", "3f2a91c", set(), False)),
        (("--for", "generation=5", "--keep-waiting"), ("generation", "5", set(), True)),
        (("service/web",), ("converged", "", {values.WEB}, False)),
        (("migration",), ("converged", "", {values.DB}, False)),
    ],
)
def test_wait_hands_on_its_condition(cli, apps, monkeypatch, arguments, expected):
    """Word, value, addresses, and whether to wait where only a person can help."""
    asked = []

    def wait(_s, _d, condition, *_):
        asked.append(condition)
        return values.status()

    monkeypatch.setattr("reconciler.app.wait.wait", wait)
    assert cli("wait", *arguments).exit_code == 0
    (found,) = asked
    assert (found.word, found.value, found.addresses, found.keep_waiting) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        ("--for", "steady"),
        ("--for", "revision"),
        ("--for", "revision=main"),
        ("--for", "synced=1"),
        ("--for", "generation=-1"),
        ("service/wbe",),
    ],
)
def test_conditions_that_cannot_be(cli, apps, arguments):
    """A misspelt condition or address is wrong usage, not a wait for nothing."""
    assert cli("wait", *arguments).exit_code == 2


@pytest.fixture
def journal(monkeypatch, apps):
    """Give a journal of 50 entries, and remember how it was asked."""
    asked = []

    def history(_settings, _desired, *, limit, newest_first=True, address=None):
        asked.append((limit, newest_first, address))
        records = [values.record(n) for n in range(1, 51)]
        return (records[::-1] if newest_first else records)[:limit]

    monkeypatch.setattr("reconciler.app.ledger.history", history)
    return asked


def test_history_is_newest_first(cli, journal):
    """Twenty entries, the newest first, one line each."""
    lines = cli("history").stdout.splitlines()

    assert [line.split()[0] for line in lines] == ["N", *map(str, range(50, 30, -1))]
    assert lines[1].endswith("UpdateService git")
    assert "b7710de" in lines[1]


def test_history_names_the_run(cli, journal, monkeypatch):
    """An entry about a run says which revision, occurrence or key it is about."""
    details = ({"revision": "7"}, {"occurrence": "manual-k1"}, {"key": "backfill"})
    records = [
        replace(r, content={**r.content, "action": "running", "cause": "git", "detail": d})
        for r, d in zip((values.record(n) for n in (3, 2, 1)), details, strict=True)
    ]
    monkeypatch.setattr("reconciler.app.ledger.history", lambda *_, **__: records)

    said = [line.split("  ")[-1].strip() for line in cli("history").stdout.splitlines()[1:]]
    assert said == ["running 7 git", "running manual-k1 git", "running backfill git"]


def test_history_flags(cli, journal):
    """Limit, order and address are handed on."""
    cli("history", "-n", "5", "--oldest-first", "service/web")

    assert journal == [(5, False, "service/web")]


@pytest.mark.parametrize("number", [1, 2, 25, 49, 50])
def test_one_entry_in_full_is_read_from_the_nearer_end(cli, journal, number):
    """A number shows the entry with its hashes, and never reads more than half of the journal."""
    document = json.loads(cli("history", str(number), "-o", "json").stdout)

    assert document["n"] == number
    assert document["hash"] == f"{number:064d}"
    assert all(limit <= 26 for limit, _, _ in journal)


def test_one_entry_as_text_leaves_out_what_is_empty(cli, journal):
    """The text form has each filled field; before and after are JSON."""
    text = cli("history", "7").stdout

    assert "action: UpdateService" in text
    assert '"desiredCount": 2' in text
    assert "outcome" not in text


@pytest.mark.parametrize("what", ["51", "0", "web", "/web"])
def test_history_of_nothing(cli, journal, what):
    """Numbers outside and texts that are no address are wrong usage."""
    assert cli("history", what).exit_code == 2


@pytest.mark.parametrize(("problems", "code"), [([], 0), (["entry 3 is missing"], 1)])
def test_verify(cli, apps, monkeypatch, problems, code):
    """A whole chain is 0; a broken one is 1 and says what is wrong."""
    monkeypatch.setattr("reconciler.app.ledger.verify_history", lambda _s, _d: problems)

    result = cli("history", "--verify")

    assert result.exit_code == code
    assert (
        result.stdout == f"production/shop: {problems[0] if problems else 'the journal is whole'}\n"
    )


def check(state: CheckState, *, guards: bool = False) -> Finding:
    """Make a check's result."""
    return Finding("ecs:UpdateService", state, "said", key="production/shop", guards=guards)


@pytest.mark.parametrize(
    ("checks", "code"),
    [
        ([check(CheckState.OK)], 0),
        ([check(CheckState.WARNING), check(CheckState.UNSEEN)], 0),
        ([check(CheckState.FAILED)], 3),
        ([check(CheckState.FAILED), check(CheckState.FAILED, guards=True)], 4),
    ],
)
def test_doctor_exit_codes(cli, apps, monkeypatch, checks, code):
    """Only failed checks end with a code; the highest wins; states are said in words."""
    monkeypatch.setattr("reconciler.app.look.doctor", lambda _s, _apps: checks)

    result = cli("doctor")

    assert result.exit_code == code
    for found in checks:
        assert found.state in result.stdout.splitlines()[-1]


def test_policy_is_json_and_needs_no_aws(cli, apps, monkeypatch):
    """--iam-policy prints a document that can be given to IAM as it stands."""

    def doctor(*_):
        raise GuardRefused("AWS was asked")

    monkeypatch.setattr("reconciler.app.look.doctor", doctor)

    policy = json.loads(cli("doctor", "--iam-policy", "--role", "diff").stdout)

    assert policy["Version"] == "2012-10-17"


def test_a_policy_that_is_too_large_for_iam_comes_in_parts(cli, apps, monkeypatch):
    """Which flags give the parts is said on stderr; together they are the whole."""
    small = cli("doctor", "--iam-policy", "--role", "diff")
    assert small.stderr == ""
    monkeypatch.setattr("reconciler.resources.policy.MANAGED", len(small.stdout) // 3)
    whole = cli("doctor", "--iam-policy", "--role", "diff")
    assert whole.stdout == small.stdout
    flags = whole.stderr.partition("parts: ")[2].strip().split(", ")
    assert flags[:2] == ["--part 1", "--part 2"]

    parts = [cli("doctor", "--iam-policy", "--role", "diff", *flag.split()) for flag in flags]

    found = [statement for part in parts for statement in json.loads(part.stdout)["Statement"]]
    assert found == json.loads(whole.stdout)["Statement"]
    assert not any(part.stderr for part in parts)
    none = cli("doctor", "--iam-policy", "--part", "9")
    assert (none.exit_code, "no part 9" in none.stderr) == (2, True)


def test_a_policy_about_nothing_is_none(cli, apps):
    """IAM refuses a policy without statements: without a guard nobody needs the guard's."""
    apps[0] = replace(apps[0], migrations=())
    result = cli("doctor", "--iam-policy", "--role", "guard")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nothing of the files claims its runs" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [((), "is empty: nothing was done yet"), (("service/web",), "has nothing about service/web")],
)
def test_an_empty_journal_is_called_empty(cli, monkeypatch, arguments, says):
    """Nothing found is said as what it is, with the app's key."""
    monkeypatch.setattr("reconciler.app.ledger.history", lambda *_, **__: [])
    assert cli("history", *arguments).stdout == f"the journal of production/shop {says}\n"
