"""Each safeguard of `once` is taken away, and the crash schedules notice."""

from __future__ import annotations

import itertools

import pytest

from reconciler.runs.once import record, start, turn
from reconciler.runs.once.ledger import Ledger, Written
from tests.runs.once import lab as labs
from tests.runs.once.lab import Fault, Lab
from tests.runs.once.test_schedules import CALLS, FLAGS, SPREAD, check, history


def trust_the_heartbeat(monkeypatch):
    """Take a stale heartbeat for death."""
    whole = turn.decide

    def decide(seen, **known):
        step = whole(seen, **known)
        return turn.TAKE if step == turn.STALE else step

    monkeypatch.setattr(turn, "decide", decide)


def start_without_confirming(monkeypatch):
    """Start the command on the claim alone."""
    monkeypatch.setattr(Ledger, "confirm", lambda *_: Written(landed=True))


def take_blindly(monkeypatch):
    """Take over whatever is there."""
    monkeypatch.setattr(record, "_SEEN", "hb >= :nobody AND st <> :seen2")
    monkeypatch.setattr(record, "_seen", lambda _: {":nobody": {"N": "0"}, ":seen2": {"S": "x"}})


def take_echoes_for_others(monkeypatch):
    """Take a condition that failed on our own write for another's."""
    monkeypatch.setattr(Ledger, "_is_ours", lambda *_: False)


def finish_whoever_holds_it(monkeypatch):
    """Write the end without looking whose key it is."""
    whole = record.Writer.finish

    def finish(self, *given):
        request = whole(self, *given)
        values = request["ExpressionAttributeValues"]
        del values[":me"]
        return request | {"ConditionExpression": "st IN (:running, :unknown)"}

    monkeypatch.setattr(record.Writer, "finish", finish)


def believe_an_absence(monkeypatch):
    """Take every task for stopped."""
    monkeypatch.setattr(start.evidence, "state_of", lambda *_: start.evidence.STOPPED)


def broken(policy: str) -> bool:
    """Whether some single fault breaks a promise."""
    for after, call, fault in itertools.product((*SPREAD, 30.0), range(CALLS), Fault):
        lab = history(policy, {call: fault}, {}, after)
        try:
            check(lab, policy, [fault])
        except (AssertionError, ValueError):
            return True
    return False


@pytest.mark.parametrize(
    ("safeguard", "policy"),
    [
        (trust_the_heartbeat, ""),
        (start_without_confirming, ""),
        (take_echoes_for_others, ""),
    ],
)
def test_without_a_safeguard_a_promise_is_broken(safeguard, policy, monkeypatch):
    """Every condition in the protocol is there for a schedule that breaks without it."""
    safeguard(monkeypatch)
    assert broken(policy)


def test_without_the_warden_a_frozen_holders_command_goes_on(monkeypatch):
    """Where nobody kills it at the deadline, the command runs beside the one an operator starts."""
    monkeypatch.setattr(labs.Command, "_guard", lambda _: None)
    lab = Lab(duration=400.0)
    lab.start("a", FLAGS, faults={2: Fault.FROZEN_BEFORE})
    lab.start("b", FLAGS, after=5.0)

    def settle() -> None:
        lab.dynamodb.tables[labs.TABLE].partitions[labs.KEY][""]["st"] = {"S": "RETRY"}
        lab.start("c", FLAGS)

    lab.operator(settle, lambda: lab.record is not None and lab.record.state == "UNKNOWN")
    lab.go(5000.0)
    assert lab.violations


def test_blind_takeover_starts_it_beside_another(monkeypatch):
    """A takeover that depends on what was seen fails when it comes late; a blind one does not."""
    for safe in (True, False):
        if not safe:
            take_blindly(monkeypatch)
        lab = Lab(codes=(3, 0))
        flags = f"{FLAGS} --on-failure retry"
        lab.start("a", flags)
        lab.start("b", flags, after=30.0, faults={1: Fault.FROZEN_BEFORE})
        lab.timeline.at(50.0, lambda lab=lab: setattr(lab, "duration", 1000.0))
        lab.start("c", flags, after=60.0)
        lab.go(700.0)
        assert bool(lab.violations) is not safe


def test_only_ecs_tells_that_a_task_is_over(monkeypatch):
    """A holder that stands still without a warden is left alone while ECS shows its task running."""
    monkeypatch.setattr(labs.Command, "_guard", lambda _: None)
    for safe in (True, False):
        if not safe:
            believe_an_absence(monkeypatch)
        lab = Lab(duration=400.0)
        lab.start("a", f"{FLAGS} --rerun-if-dead", faults={2: Fault.FROZEN_BEFORE})
        lab.start("b", f"{FLAGS} --rerun-if-dead", after=5.0)
        lab.go(5000.0)
        assert bool(lab.violations) is not safe


def test_without_its_nonce_an_end_is_written_over_another():
    """A holder that was given up and comes back writes nothing into the next one's record."""
    for safe in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not safe:
                finish_whoever_holds_it(patch)
            lab = Lab(duration=3.0, codes=(3, 0))  # its end is the third call
            lab.start("a", FLAGS, faults={2: Fault.FROZEN_BEFORE})
            lab.start("b", FLAGS, after=5.0)
            lab.operator(lambda lab=lab: again(lab), lambda lab=lab: is_unknown(lab))
            lab.go(590.0)
            nonce = lab.record.nonce
            lab.go(600.0)
            taken = lab.record.state == "FAILED" and nonce == "nonce-c"
            assert taken is not safe


def again(lab: Lab) -> None:
    """Settle with retry, and start a long command."""
    lab.dynamodb.tables[labs.TABLE].partitions[labs.KEY][""]["st"] = {"S": "RETRY"}
    lab.duration = 2000.0
    lab.start("c", FLAGS)


def is_unknown(lab: Lab) -> bool:
    """Whether the key has become UNKNOWN."""
    return lab.record is not None and lab.record.state == "UNKNOWN"
