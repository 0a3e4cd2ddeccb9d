"""A person's word about a key: when it is taken, when it is refused, and what the record then says."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from reconciler.runs.once.settle import Settlement, person, settle, show
from tests.runs.once.lab import KEY, TABLE, Fault, Lab

LEASE = "--lease 30s"


def say(lab: Lab, word: str, reason: str = "looked", at: float = 0.0):
    """Have an operator settle the key; returns who did, with the exit code in `code` once it is over."""
    operator = lab.start("operator", LEASE, after=at)

    def run() -> None:
        operator.code = settle(
            operator.ledger, operator.clock, operator.voice, Settlement(word, reason, "alice")
        )

    operator.run = run
    return operator


def settled(lab: Lab, word: str):
    """Settle, and let it come to its end."""
    operator = say(lab, word)
    lab.go()
    return operator


def unknown() -> Lab:
    """Return a lab whose key is UNKNOWN."""
    lab = Lab()
    lab.start("first", LEASE, faults={2: Fault.CRASH_BEFORE})
    assert lab.run(LEASE, after=1.0).code == 6
    return lab


@pytest.mark.parametrize(
    ("word", "state", "then", "started"),
    [("done", "DONE", 0, 1), ("failed", "FAILED", 6, 1), ("retry", "RETRY", 0, 2)],
)
def test_unknown_is_settled(word, state, then, started):
    """Each of the three words, its reason and who said it are kept; the next start obeys."""
    lab = unknown()
    assert settled(lab, word).code == 0
    assert (lab.record.state, lab.record.why, lab.record.settled_by) == (state, "looked", "alice")
    after = lab.run(LEASE)
    assert (after.code, len(lab.started)) == (then, started)
    if word == "done":
        assert "was settled as done" in after.voice.said[-1]
        assert "by alice (looked)" in after.voice.said[-1]


def test_settlement_says_what_was_before():
    """The message is a sentence, whatever state the key was in."""
    said = settled(unknown(), "retry").voice.said[-1]
    assert "the next start runs it; before: nobody knows how it ended: " in said


def test_whose_word_it_is(monkeypatch):
    """USER, else the name behind the uid, else the uid: never nobody."""
    people = {os.getuid(): SimpleNamespace(pw_name="alice")}
    monkeypatch.setattr("reconciler.runs.once.settle.getpwuid", people.__getitem__)
    assert person({"USER": "bob"}) == "bob"
    assert person({}) == "alice"
    people.clear()
    assert person({}) == f"uid {os.getuid()}"


def test_failed_settlement_is_retried_when_asked():
    """`failed` leaves the choice to --on-failure."""
    lab = unknown()
    settled(lab, "failed")
    assert lab.run(f"{LEASE} --on-failure retry").code == 0


def test_success_is_final():
    """`retry` of a success is refused with 4; `done` is 0 and changes nothing."""
    lab = Lab()
    lab.run(LEASE)
    assert settled(lab, "retry").code == 4
    assert settled(lab, "done").code == 0
    assert (lab.record.state, lab.record.settled_by) == ("DONE", "")
    assert lab.started == ["s0"]


def test_running_key_is_refused_while_its_heart_beats():
    """5, after a look at the heartbeat; the holder goes on."""
    lab = Lab(duration=300.0)
    holder = lab.start("first", LEASE)
    operator = say(lab, "retry", at=10.0)
    lab.go(60.0)
    assert operator.code == 5
    assert "its holder is alive" in operator.voice.problems[-1]
    lab.go()
    assert holder.code == 0


def test_dead_holder_is_watched_before_it_is_settled():
    """A RUNNING key whose holder was killed is settled after 1.25 leases, not before."""
    lab = Lab()
    lab.start("first", LEASE, faults={2: Fault.CRASH_BEFORE})
    operator = say(lab, "retry", at=10.0)
    lab.go(46.0)
    assert operator.code is None
    lab.go(10.0)
    assert (operator.code, lab.record.state) == (0, "RETRY")
    assert lab.run(LEASE).code == 0


def test_done_adopts_a_key_that_was_never_used():
    """No start runs it; the other two words make no sense there: 4."""
    for word in ("retry", "failed"):
        lab = Lab()
        assert settled(lab, word).code == 4
        assert lab.record is None
    lab = Lab(table=False)
    assert settled(lab, "done").code == 0
    assert (lab.run(LEASE).code, lab.started) == (0, [])


def test_own_echo_of_a_settlement_is_recognised():
    """A settlement whose answer was lost is not told as another's."""
    lab = unknown()
    operator = say(lab, "retry")
    operator.faults = {1: Fault.LOST_RESPONSE}
    lab.go()
    assert (operator.code, operator.operations) == (0, ["GetItem", "UpdateItem", "UpdateItem"])


def test_late_settlement_meets_the_holder_that_came_back():
    """The word is about what was seen: a holder that has renewed meanwhile keeps its key."""
    lab = Lab(duration=900.0)
    holder = lab.start("first", LEASE)
    lab.go(12.0)
    lab.dynamodb.tables[TABLE].partitions[KEY][""]["st"] = {"S": "UNKNOWN"}
    operator = say(lab, "retry")
    operator.faults = {1: Fault.FROZEN_BEFORE}
    lab.go(700.0)
    assert operator.code == 5
    lab.go()
    assert (holder.code, lab.started, lab.record.state) == (0, ["first"], "DONE")


@pytest.mark.parametrize(
    ("make", "code", "said"),
    [
        (Lab, 1, "was never started"),
        (unknown, 6, "nobody knows how it ended"),
    ],
)
def test_show_says_what_is_there(make, code, said):
    """--show reads and writes nothing; its code tells the state."""
    lab = make()
    looker = lab.start("looker", LEASE)
    lines = []

    def run() -> None:
        looker.code = show(looker.ledger, lines.append)

    looker.run = run
    lab.go()
    assert (looker.code, looker.operations) == (code, ["GetItem"])
    assert said in lines[0]
