"""The verbs `logs`: what is handed on, what reaches stdout and stderr, one document, and exit codes."""

from __future__ import annotations

import json
import signal
import tracemalloc
from dataclasses import replace

import pytest

from reconciler.app.outcome import Outcome, code_of
from reconciler.app.run_logs import Excerpt
from reconciler.cli.options import Invocation
from reconciler.cli.output import Output
from reconciler.cli.run_logs import show_log
from reconciler.model.errors import AccessDenied, PermanentError
from reconciler.model.run import PastAttempt, RunKind, RunState
from tests.cli import values

NAMES = {
    RunKind.MIGRATION: ("db", "20261122"),
    RunKind.JOB: ("report", "2026-11-28T18:00:00Z"),
    RunKind.TASK: ("web", "k1"),
}


def run(kind: RunKind, state: RunState = RunState.SUCCEEDED):
    """Return a run of this kind."""
    name, revision = NAMES[kind]
    ended = state in (RunState.SUCCEEDED, RunState.FAILED)
    made = replace(values.run(state), kind=kind, name=name, revision=revision, over=ended)
    return replace(made, exit_code={"SUCCEEDED": 0, "FAILED": 3}.get(state))


class Reads:
    """Stands in the place of `app.run_logs`: notes what is asked, and does something with the audience."""

    def __init__(self, monkeypatch):
        self.asked = []
        self.does = lambda _audience: None
        self.state = RunState.SUCCEEDED
        self.past = ()

        def run_log(_settings, _desired, kind, name, revision, *, excerpt, audience):
            self.asked.append((kind, name, revision, excerpt))
            return self._answer(kind, audience)

        def task_log(_settings, _desired, name, excerpt, audience):
            self.asked.append((RunKind.TASK, name, excerpt))
            return self._answer(RunKind.TASK, audience)

        monkeypatch.setattr("reconciler.app.run_logs.run_log", run_log)
        monkeypatch.setattr("reconciler.app.run_logs.task_log", task_log)

    def _answer(self, kind, audience):
        self.does(audience)
        if self.state is None:
            return None
        found = replace(run(kind, self.state), past=self.past)
        return Outcome(found, code_of(found))


@pytest.fixture
def reads(apps, monkeypatch):
    """Return it, for the one app."""
    return Reads(monkeypatch)


KINDS = pytest.mark.parametrize("kind", list(RunKind))


def says(*lines):
    """Return who passes lines on, each on its own."""

    def does(audience):
        for line in lines:
            audience.listener.lines(0, [line])

    return does


@KINDS
def test_the_whole_log_goes_to_stdout_as_it_is(cli, reads, kind):
    """Without flags nothing is left out, hidden or added, and 0 is the code whatever the run's is."""
    reads.state = RunState.FAILED
    reads.does = says("PASSWORD=hunter2", "\x1b[1mbold\x1b[0m", "", "last")

    result = cli(str(kind), "logs", NAMES[kind][0])

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "PASSWORD=hunter2\n\x1b[1mbold\x1b[0m\n\nlast\n"
    assert reads.asked[0][-1] == Excerpt(None, follow=False)


@KINDS
def test_flags_are_handed_on(cli, reads, kind):
    """--tail and -f in their long and short forms; a run by its revision; a wrong number is refused."""
    name, revision = NAMES[kind]
    names = (name,) if kind is RunKind.TASK else (name, revision)
    cli(str(kind), "logs", *names, "-f", "--tail", "7")
    cli(str(kind), "logs", *names, "--follow", "-n", "0")

    assert reads.asked == [
        (kind, *names, Excerpt(7, follow=True)),
        (kind, *names, Excerpt(0, follow=True)),
    ]
    assert cli(str(kind), "logs", *names, "--tail", "-1").exit_code == 2


@pytest.mark.parametrize("kind", [RunKind.JOB, RunKind.MIGRATION])
def test_an_attempt_is_handed_on_and_the_others_are_named(cli, reads, kind):
    """--attempt chooses one; without it a run that was tried again says that there are more."""
    reads.past = (PastAttempt(1, "arn:t1", "arn:d", values.AT, values.AT),)
    newest = cli(str(kind), "logs", *NAMES[kind])
    assert newest.stderr == "that was attempt 1: --attempt shows 1\n"
    assert cli(str(kind), "logs", *NAMES[kind], "--attempt", "1").stderr == ""
    assert [asked[-1] for asked in reads.asked] == [Excerpt(), Excerpt(attempt=1)]
    assert cli(str(kind), "logs", *NAMES[kind], "--attempt", "0").exit_code == 2


@KINDS
@pytest.mark.parametrize(
    ("state", "code"), [(RunState.SUCCEEDED, 0), (RunState.FAILED, 3), (RunState.UNKNOWN, 6)]
)
def test_followed_it_ends_as_the_run(cli, reads, kind, state, code):
    """With -f the exit code is the run's, and how it ended is said on stderr."""
    reads.state, reads.does = state, says("said")
    result = cli(str(kind), "logs", NAMES[kind][0], "-f")
    assert (result.exit_code, result.stdout) == (code, "said\n")
    assert ("task" if kind is RunKind.TASK else f"{kind}/{NAMES[kind][0]}") in result.stderr


@KINDS
def test_a_run_that_goes_on_is_told_as_one(cli, reads, kind):
    """What there is by now is not taken for everything: a line on stderr says so."""
    reads.state, reads.does = RunState.RUNNING, says("said")
    result = cli(str(kind), "logs", NAMES[kind][0])
    assert (result.exit_code, result.stdout) == (0, "said\n")
    assert "is RUNNING: -f follows it" in result.stderr
    assert cli(str(kind), "logs", NAMES[kind][0], "-q").stderr == ""


@KINDS
def test_ctrl_c_leaves_the_run_alone_and_says_so(cli, reads, kind):
    """130, what goes on, and how it is followed again; no stop was asked for."""

    def leave(audience):
        audience.listener.lines(0, ["said"])
        signal.raise_signal(signal.SIGINT)
        assert (audience.wishes.leave, audience.wishes.stop) == (True, False)

    reads.state, reads.does = RunState.RUNNING, leave
    result = cli(str(kind), "logs", NAMES[kind][0], "-f")

    assert (result.exit_code, result.stdout) == (130, "said\n")
    assert "goes on" in result.stderr
    assert f"reconciler -a production/shop {kind} logs -f " in result.stderr


@KINDS
def test_a_script_gets_one_document(cli, reads, kind):
    """Lines, how the run stands, and its code: null while it goes on, and of a log without a line, too."""
    reads.state, reads.does = RunState.FAILED, says("one", 'tw"o')
    result = cli(str(kind), "logs", NAMES[kind][0], "-f", "-o", "json")
    document = json.loads(result.stdout)
    assert result.exit_code == 3
    assert document["lines"] == ["one", 'tw"o']
    assert (document["kind"], document["key"], document["exitCode"]) == (
        "Log",
        "production/shop",
        3,
    )
    assert document["run"]["state"] == "FAILED"

    reads.state, reads.does = RunState.RUNNING, says()
    document = json.loads(cli(str(kind), "logs", NAMES[kind][0], "-o", "json").stdout)
    assert (document["lines"], document["exitCode"]) == ([], None)
    reads.state = None
    document = json.loads(cli(str(kind), "logs", NAMES[kind][0], "-o", "json").stdout)
    assert (document["lines"], document["run"], document["exitCode"]) == ([], None, None)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (PermanentError("no log to show: container db logs with splunk"), 1, "splunk"),
        (AccessDenied("no", operation="logs:GetLogEvents"), 3, "add logs:GetLogEvents to the role"),
    ],
)
def test_what_cannot_be_read_is_an_error(cli, reads, error, code, said):
    """No line of it is on stdout; a document that was begun is closed, the error is on stderr."""

    def breaks(audience):
        raise error

    reads.does = breaks
    plain = cli("migration", "logs", "db")
    assert (plain.exit_code, plain.stdout) == (code, "")
    assert said in plain.stderr
    as_json = cli("migration", "logs", "db", "-o", "json")
    assert (as_json.exit_code, as_json.stdout) == (code, "")
    assert json.loads(as_json.stderr)["error"]["exitCode"] == code

    def begins(audience):
        audience.listener.lines(0, ["one"])
        raise error

    reads.does = begins
    begun = json.loads(cli("migration", "logs", "db", "-o", "json").stdout)
    assert begun["lines"] == ["one"]
    assert "run" not in begun


class Sink:
    """A stdout that keeps nothing but how much came; one that is `gone` has no reader any more."""

    def __init__(self, *, gone: bool = False):
        self.lines, self.gone = 0, gone

    def write(self, text: str):
        if self.gone:
            raise BrokenPipeError
        self.lines += text.count("\n")

    def flush(self):
        pass


def shown(form: str, read):
    """Show what `read` passes on."""
    invocation = Invocation({"quiet": False}, Output(form))
    return show_log(invocation, "production/shop", read, follow=False, tail=None)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_reader_who_went_away_ends_it(form, monkeypatch):
    """`| head`: the verb ends at the next line, it does not read on for nobody."""
    passed = []

    def read(_excerpt, audience):
        audience.listener.lines(0, ["one"])
        passed.append("one")

    monkeypatch.setattr("sys.stdout", Sink(gone=True))
    with pytest.raises(BrokenPipeError):
        shown(form, read)
    assert passed == []


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_long_log_is_not_collected(form, monkeypatch):
    """A million lines pass through, as text and as one document, in a few megabytes."""
    page, sink = ["x" * 60] * 10_000, Sink()

    def read(_excerpt, audience):
        for _ in range(100):
            audience.listener.lines(0, page)
        return Outcome(run(RunKind.JOB), 0)

    monkeypatch.setattr("sys.stdout", sink)
    tracemalloc.start()
    shown(form, read)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sink.lines >= 1_000_000
    assert peak < 8_000_000
