"""The verbs of jobs: what they hand on, what they print, and the exit code of a run that is waited for."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from reconciler.app.jobs import JobLine
from reconciler.app.outcome import Outcome, code_of
from reconciler.controller.converge import TimedOut
from reconciler.model.names import Address
from reconciler.model.run import RunKind, RunState
from reconciler.model.suspension import Suspension
from reconciler.runs.snapshot import STOPPING_SINCE
from tests.cli import values

CUT_OFF = {STOPPING_SINCE: "2026-11-28T18:00:00+00:00"}
OCCURRENCE = "2026-11-28T18:00:00Z"


def run(state: RunState = RunState.SUCCEEDED, code: int | None = 0, **more):
    """Return a job's run that has ended."""
    made = replace(values.run(state), kind=RunKind.JOB, name="report", revision=OCCURRENCE)
    return replace(made, **{"exit_code": code, "over": state is not RunState.UNKNOWN, **more})


@pytest.fixture
def called(monkeypatch):
    """Note what reaches `app.jobs`; every verb answers `done`."""
    calls = []
    for name in ("job_retry", "job_stop", "job_resolve"):
        monkeypatch.setattr(
            f"reconciler.app.jobs.{name}",
            lambda _s, _d, *given, _name=name, **more: calls.append((_name, given, more)) or "done",
        )
    return calls


@pytest.fixture
def waited(apps, monkeypatch):
    """Return how to put somebody in the place of `job_wait` who does something and gives a run back."""

    def put(does, ended):
        def wait(_settings, _desired, _asked, _say, audience):
            does(audience)
            return ended and Outcome(ended, code_of(ended))

        monkeypatch.setattr("reconciler.app.jobs.job_trigger", lambda *_: None)
        monkeypatch.setattr("reconciler.app.jobs.job_wait", wait)

    return put


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (("retry",), ("job_retry", ("report", OCCURRENCE, "why"), {})),
        (("stop",), ("job_stop", ("report", OCCURRENCE, "why"), {})),
        (
            ("resolve", "--as", "not-started"),
            (
                "job_resolve",
                ("report", OCCURRENCE, "not-started"),
                {"reason": "why", "force": False},
            ),
        ),
    ],
)
def test_a_persons_verbs(cli, apps, called, words, call):
    """Name, occurrence and reason are handed on; what was done is a line, or the document of all verbs."""
    given = ("job", *words, "report", OCCURRENCE, "--reason", "why")

    plain, as_json = cli(*given), cli(*given, "-o", "json")

    assert (plain.exit_code, plain.stdout) == (0, "done\n")
    assert json.loads(as_json.stdout)["message"] == "done"
    assert called == [call, call]
    assert cli(*given[:-2]).exit_code == 2


def test_forced_resolve_asks_first(cli, apps, called):
    """As for a migration: --force without --yes and without a terminal is wrong usage."""
    given = ("job", "resolve", "report", OCCURRENCE, "--as", "failed", "--reason", "x", "--force")
    assert cli(*given).exit_code == 2
    assert cli(*given, "-y").exit_code == 0
    assert [more["force"] for _, _, more in called] == [True]


def test_retry_of_a_rollout_tells_where_jobs_are_retried(cli, apps):
    """`retry` is for services; who names a job is told the verb."""
    result = cli("retry", "job/report", "--reason", "x")
    assert result.exit_code == 2
    assert "job retry NAME OCCURRENCE" in result.stderr


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (run(), 0),
        (run(RunState.FAILED, 3), 3),
        (run(RunState.FAILED, 127), 127),
        (run(RunState.FAILED, None), 125),
        (run(RunState.FAILED, 143, facts=CUT_OFF), 124),
        (run(RunState.UNKNOWN, None), 6),
    ],
)
def test_trigger_that_waits_ends_as_the_run(cli, waited, ended, code):
    """The container's own code, 124 for its timeout, 125 without a start, 6 for Unknown; its log on stdout."""
    waited(lambda audience: audience.listener.lines(0, ["written"]), ended)

    result = cli("job", "trigger", "report", "--key", "k", "--wait")
    as_json = cli("job", "trigger", "report", "--key", "k", "--wait", "-o", "json")
    document = json.loads(as_json.stdout)

    assert (result.exit_code, result.stdout) == (code, "written\n")
    assert f"job/report occurrence {OCCURRENCE}" in result.stderr
    assert (document["kind"], document["exitCode"]) == ("JobRun", code)
    assert "written\n" in as_json.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("left", [None, run(RunState.RUNNING, None, over=False)])
def test_a_signal_leaves_the_run_alone(cli, waited, number, code, left):
    """It goes on, and how to see and to stop it is said; the code is the signal's, the document's is null."""

    def leave(audience):
        signal.raise_signal(number)
        assert (audience.wishes.leave, audience.wishes.stop) == (True, False)

    waited(leave, left)
    result = cli("job", "trigger", "report", "--key", "k", "--wait")
    document = json.loads(
        cli("job", "trigger", "report", "--key", "k", "--wait", "-o", "json").stdout
    )

    verb = "reconciler -a production/shop job"
    assert (result.exit_code, result.stdout) == (code, "")
    assert "job/report occurrence manual-k goes on" in result.stderr
    assert f"{verb} logs -f report manual-k\n" in result.stderr
    assert f"{verb} stop report manual-k --reason" in result.stderr
    assert ("it has not begun" in result.stderr) == (left is None)
    assert document["exitCode"] is None


def test_a_second_signal_ends_it_at_once(cli, waited):
    """Whatever it waits for: the second Ctrl-C is not only noted."""

    def leave(_audience):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it went on")

    waited(leave, None)
    result = cli("job", "trigger", "report", "--key", "k", "--wait")
    assert result.exit_code == 130
    assert "it went on" not in result.output


def test_list_says_what_holds_a_job(cli, apps, monkeypatch):
    """A time is no promise while a migration holds the runs back: it is named in its place."""
    job = SimpleNamespace(name="report", schedule="0 3 * * *", time_zone="UTC")
    now = datetime(2026, 11, 28, 18, tzinfo=UTC)
    line = JobLine(job, None, None, now + timedelta(hours=9), now, suspended=False)
    held = replace(line, held_by=(Address("migration", "db"),))
    monkeypatch.setattr("reconciler.app.jobs.job_list", lambda *_: [line, held])

    free, waits = cli("job", "list").stdout.splitlines()[1:]
    listed = json.loads(cli("job", "list", "-o", "json").stdout)["apps"][0]["jobs"]

    assert "Sun 2026-11-29 03:00 UTC (9h)" in free
    assert "held by migration/db" in waits
    assert [line["heldBy"] for line in listed] == [[], ["migration/db"]]


@pytest.mark.parametrize(
    ("newest", "result"),
    [
        (run(), "ok"),
        (run(facts=CUT_OFF), "timed out, exit 0"),
        (run(RunState.FAILED, 143, facts=CUT_OFF), "timed out"),
        (run(RunState.FAILED, 3), "exit 3"),
        (run(RunState.UNKNOWN, None), "UNKNOWN"),
    ],
)
def test_list_says_how_the_newest_run_ended(cli, apps, monkeypatch, newest, result):
    """A run that was cut off by its timeout is not told as one that came to its end, whatever its code."""
    job = SimpleNamespace(name="report", schedule="0 3 * * *", time_zone="UTC")
    line = JobLine(job, None, newest, None, values.AT, suspended=False)
    monkeypatch.setattr("reconciler.app.jobs.job_list", lambda *_: [line])
    assert cli("job", "list").stdout.splitlines()[1].endswith(f"  {result}")


def test_the_list_says_what_suspends_its_jobs(cli, apps, monkeypatch):
    """Once for all jobs of a suspended app; one that the files suspend says that, and needs no person."""
    job = SimpleNamespace(name="report", schedule="0 3 * * *", time_zone="UTC")
    word = ("", Suspension("incident 7", "alice", "2026-11-29T07:00:00+00:00"))
    by_word = JobLine(job, None, None, None, values.AT, suspended=True, suspension=word)
    in_files = replace(by_word, suspension=None)
    monkeypatch.setattr("reconciler.app.jobs.job_list", lambda *_: [by_word, by_word, in_files])

    first, second, third, line = cli("job", "list").stdout.splitlines()[1:]
    assert all("  suspended  " in row for row in (first, second))
    assert "suspended in the files" in third
    assert line.startswith("! suspended by alice at ")
    assert line.endswith(": incident 7; resume with: reconciler -a production/shop resume")


def test_trigger_that_waits_too_long_is_7(cli, apps, monkeypatch):
    """--timeout is ours, not the run's: it goes on, and the command ends with 7."""
    asked = []

    def wait(_settings, _desired, order, _say, _audience):
        asked.append(order)
        raise TimedOut("occurrence manual-k is RUNNING after 0:00:05")

    monkeypatch.setattr("reconciler.app.jobs.job_trigger", lambda *_: None)
    monkeypatch.setattr("reconciler.app.jobs.job_wait", wait)

    result = cli("job", "trigger", "report", "--key", "k", "--wait", "--timeout", "5s")

    assert result.exit_code == 7
    assert asked[0].timeout == timedelta(seconds=5)


@pytest.mark.parametrize(
    ("known", "said"),
    [(None, "the controller begins it"), (run(), "was asked for before: it is SUCCEEDED")],
)
def test_trigger_says_whether_the_key_is_known(cli, apps, monkeypatch, known, said):
    """The same key again is told what became of it, and asks for nothing."""
    monkeypatch.setattr("reconciler.app.jobs.job_trigger", lambda *_: known)
    result = cli("job", "trigger", "report", "--key", "k")
    assert result.exit_code == 0
    assert said in result.stdout
    assert "manual-k" in result.stdout


def test_history(cli, apps, monkeypatch):
    """Runs as a table that says so when there is none."""
    monkeypatch.setattr("reconciler.app.jobs.job_history", lambda *_: [run(RunState.FAILED, 3)])
    table = cli("job", "history", "report").stdout.splitlines()
    assert table[0].split() == ["OCCURRENCE", "STATE", "ATTEMPT", "GUARANTEE", "STARTED", "REASON"]
    assert table[1].split()[:4] == [OCCURRENCE, "FAILED", "1", "claim"]
    monkeypatch.setattr("reconciler.app.jobs.job_history", lambda *_: [])
    assert cli("job", "history", "report").stdout == "job/report has not run\n"
