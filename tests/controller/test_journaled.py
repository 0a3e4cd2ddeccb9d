"""Intent and outcome around one call: what is written, with what, and what goes through untouched."""

from __future__ import annotations

import pytest

from reconciler.aws.translate import from_code
from reconciler.controller.journaled import Mutation, journaled
from reconciler.model.errors import LeaseLost, OutcomeUnknown, Superseded, Unreachable
from reconciler.resources.kind import Answer
from reconciler.store.records import pins_write
from tests.store.world import ENTRY, KEY, World

UPDATE = Mutation("service/web", "UpdateService", "git c1", {"count": 1}, {"count": 2})


@pytest.fixture
def world():
    """Return a ledger."""
    return World()


def entries(world) -> list[dict]:
    """Return what was journaled after the lease, oldest first."""
    return [dict(r.content) for r in world.store().journal(newest_first=False)][1:]


def test_an_intent_and_its_outcome(world):
    """Before and after stand in the intent, AWS's request id and facts in the outcome; both are closed."""
    session = world.session()
    answer = Answer("req-7", {"deploymentId": "ecs-svc/1"})
    assert journaled(session, UPDATE, lambda: answer) is answer
    intent, outcome = entries(world)
    assert (intent["kind"], intent["action"], intent["cause"]) == (
        "INTENT",
        "UpdateService",
        "git c1",
    )
    assert (intent["before"], intent["after"]) == ({"count": 1}, {"count": 2})
    assert (outcome["kind"], outcome["outcome"], outcome["request_id"]) == (
        "OUTCOME",
        "ok",
        "req-7",
    )
    assert outcome["detail"] == {"deploymentId": "ecs-svc/1"}
    assert intent["op"] == outcome["op"]
    assert world.store().read().open_intents == {}


def test_the_intent_is_there_before_the_call(world):
    """A crash in the call leaves it open in HEAD."""
    seen = []

    def call():
        seen.append((world.store().read().open_intents, entries(world)[-1]))
        return Answer("", {})

    journaled(world.session(), UPDATE, call)
    ((open_intents, entry),) = seen
    assert open_intents == {entry["op"]: entry["n"]}


def test_state_is_written_with_the_entries_that_make_it_true(world):
    """One write goes with the intent, another with the outcome, made of the answer."""
    session, seen = world.session(), []

    def call():
        seen.append(world.store().read().pins)
        return Answer("", {"digest": "b"})

    journaled(
        session,
        UPDATE,
        call,
        with_intent=[pins_write(KEY, {}, {"a": "1"})],
        with_outcome=lambda answer: [
            pins_write(KEY, {"a": "1"}, {"a": "1", "b": answer.result["digest"]})
        ],
    )
    assert seen == [{"a": "1"}]
    assert world.store().read().pins == {"a": "1", "b": "b"}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (from_code("ecs:UpdateService", "AccessDeniedException", "no"), "AccessDeniedException"),
        (from_code("ecs:UpdateService", "ThrottlingException", "no"), "ThrottlingException"),
        (OutcomeUnknown("lost", operation="ecs:UpdateService"), "unknown"),
        (OutcomeUnknown("lost", operation="ecs:UpdateService", code="500"), "unknown"),
        (Unreachable("refused", operation="ecs:UpdateService"), "Unreachable"),
    ],
)
def test_a_failure_is_an_outcome_and_raised(world, error, outcome):
    """AWS's code, `unknown` for a lost answer, the error's name without a code; no state is written."""

    def call():
        raise error

    with pytest.raises(type(error)):
        journaled(
            world.session(), UPDATE, call, with_outcome=lambda _: [pins_write(KEY, {}, {"a": "1"})]
        )
    assert entries(world)[-1]["outcome"] == outcome
    assert world.store().read().pins == {}
    assert world.store().read().open_intents == {}


def test_what_aws_says_is_masked(world):
    """An error message that quotes a value of ours is stored without it."""

    def call():
        raise from_code("ecs:UpdateService", "ClientException", "bad DB_PASSWORD=hunter2hunter2")

    with pytest.raises(Exception, match="refused"):
        journaled(world.session(), UPDATE, call)
    message = entries(world)[-1]["detail"]["message"]
    assert "hunter2" not in message
    assert "DB_PASSWORD" in message


def test_without_the_lease_aws_is_never_called(world):
    """The intent's commit is the check of the epoch: LeaseLost, and nothing happened."""
    member, successor = world.member(), world.member()
    session = world.session(member)
    for _ in range(20):
        world.pass_time(5)
        successor.beat()
        successor.watch()
    world.session(successor)
    called = []
    with pytest.raises(LeaseLost):
        journaled(session, UPDATE, lambda: called.append(1))
    assert called == []


def test_a_journal_that_went_on_supersedes(world):
    """Somebody committed since the snapshot: read again, decide again; AWS is not called."""
    session = world.session()
    store = world.store()
    store.operator(store.read(), "me").commit([ENTRY])
    called = []
    with pytest.raises(Superseded):
        journaled(session, UPDATE, lambda: called.append(1))
    assert called == []


def test_a_lease_lost_during_the_call_propagates(world):
    """The fence's word is no answer of AWS: no outcome is invented, the intent stays open."""

    def call():
        raise LeaseLost("late")

    with pytest.raises(LeaseLost, match="late"):
        journaled(world.session(), UPDATE, call)
    assert [e["kind"] for e in entries(world)] == ["INTENT"]
    assert len(world.store().read().open_intents) == 1


def test_an_outcome_that_comes_too_late_propagates(world):
    """When the journal went on during the call, the outcome is left to whoever closes the intent."""
    session, store = world.session(), world.store()

    def call():
        store.operator(store.read(), "me").commit([ENTRY])
        return Answer("", {})

    with pytest.raises(Superseded):
        journaled(session, UPDATE, call)
    assert len(store.read().open_intents) == 1
