"""Progress lines on stderr."""

from __future__ import annotations

import io
import json
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import click
import pytest

from reconciler.cli.options import Invocation
from reconciler.cli.output import Output
from reconciler.cli.progress import SIGNS, Progress
from reconciler.model.events import Event, EventKind

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
EVENT = Event(EventKind.DONE, "production/shop", "service/web", "steady, 3/3", AT)


def progress(*, quiet: bool = False, log_format: str = "plain", several: bool = False) -> Progress:
    """Make a speaker with these flags."""
    return Progress(
        Invocation({"quiet": quiet, "log_format": log_format}, Output()), several=several
    )


def test_every_kind_of_event_has_a_sign():
    """No event can be printed without a sign; none is told by colour alone."""
    assert set(SIGNS) == {str(kind) for kind in EventKind} - {"waiting"}
    assert len({click.unstyle(sign) for sign in SIGNS.values()}) == len(SIGNS)


def test_lines_go_to_stderr(capsys):
    """An event is one line with sign, address and message; the app's key only among several."""
    progress().say(EVENT)
    progress(several=True).say(EVENT)

    said = capsys.readouterr()
    assert said.out == ""
    assert [" ".join(line.split()) for line in said.err.splitlines()] == [
        "✔ service/web steady, 3/3",
        "✔ production/shop service/web steady, 3/3",
    ]


def test_what_did_not_change_is_said_once(capsys):
    """A step under way is one line, not one for each look, whatever is said of others in between."""
    running = replace(EVENT, kind=EventKind.PROGRESS, message="running")
    speaker = progress(several=True)
    other = replace(running, address="service/worker")
    for event in (running, running, other, replace(running, key="staging/shop"), running, other):
        speaker.say(event)
    for event in (replace(running, message="stopping"), running):
        speaker.say(event)

    lines = [" ".join(line.split()[1:]) for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        "production/shop service/web running",
        "production/shop service/worker running",
        "staging/shop service/web running",
        "production/shop service/web stopping",
        "production/shop service/web running",
    ]


def test_quiet_says_nothing(capsys):
    """--quiet leaves progress out."""
    progress(quiet=True).say(EVENT)

    assert capsys.readouterr().err == ""


def test_json_log_format(capsys):
    """--log-format json makes each line a document."""
    progress(log_format="json").say(EVENT)

    assert json.loads(capsys.readouterr().err) == {
        "time": "2026-11-22T12:00:00Z",
        "event": "done",
        "app": "production/shop",
        "address": "service/web",
        "message": "steady, 3/3",
    }


class Closed(io.StringIO):
    """A stderr whose reader has gone."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_goes_away_does_not_stop_the_work(monkeypatch):
    """An event that cannot be written is dropped: the apply goes on."""
    monkeypatch.setattr(sys, "stderr", Closed())

    progress().say(EVENT)


def until_a_sign_of_life(monkeypatch: pytest.MonkeyPatch, event: Event) -> list[str]:
    """Say an event and nothing else; return what was printed up to the first sign of life."""
    spoken: list[str] = []
    beat = threading.Event()
    speaker = progress()

    def note(line: str) -> None:
        spoken.append(line)
        if "still waiting" in line:
            beat.set()

    monkeypatch.setattr(speaker, "_print", note)
    with speaker.alive(timedelta(milliseconds=5)):
        speaker.say(event)
        assert beat.wait(30)
    return spoken


def test_a_sign_of_life_names_what_is_waited_for(monkeypatch):
    """While nothing is said, the last event is repeated as what is being waited for."""
    spoken = until_a_sign_of_life(monkeypatch, EVENT)

    assert spoken[-1] == "  … still waiting: service/web steady, 3/3"


def test_what_is_waited_for_is_named_instead_of_what_was_said_last(monkeypatch):
    """It is no line of its own."""
    waiting = replace(EVENT, kind=EventKind.WAITING, address="", message="service/b: 0/1")
    spoken = until_a_sign_of_life(monkeypatch, waiting)

    assert set(spoken) == {"  … still waiting: service/b: 0/1"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_the_sign_of_life_ends_with_the_work(error):
    """No thread is left behind, whatever ends the work."""
    before = threading.active_count()

    with pytest.raises(error), progress().alive(timedelta(hours=1)):
        raise error

    assert threading.active_count() == before
