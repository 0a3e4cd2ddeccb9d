"""Bringing the ledger up to what is seen: intents that a crash left open, and rollouts that ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.controller.settle import settle
from reconciler.model.events import EventKind
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.observed import (
    Deployment,
    ObservedApp,
    ObservedService,
    RolloutState,
    ServicePresence,
    ServiceRecord,
)
from reconciler.store.records import service_write
from tests.store.world import KEY, World

OURS, OTHER = "arn:td/web:2", "arn:td/web:1"


@pytest.fixture
def world():
    """Return a ledger."""
    return World()


def live(arn: str = OURS, state: str = "COMPLETED", identity: str = "ecs-svc/2") -> ObservedService:
    """Return a live service with one deployment."""
    deployment = Deployment(identity, "PRIMARY", arn, state, "", 1, 1, 0, 0)
    return ObservedService(
        ServicePresence.ACTIVE,
        task_definition_arn=arn,
        deployments=(deployment,),
        running_count=1,
    )


def run(world, session, **services):
    """Settle an app with these live services; return the snapshot and what was reported."""
    ledger, said = world.store().read(), []
    session.rebase(ledger)
    observed = ObservedApp(KEY, services, {}, {}, ledger=ledger)
    return settle(session, world.store(), observed, said.append), said


def outcomes(world) -> list[tuple[str, str]]:
    """Return action and outcome of each outcome entry, in the order of the journal."""
    content = [r.content for r in world.store().journal(newest_first=False)]
    return [(c["action"], c["outcome"]) for c in content if c["kind"] == "OUTCOME"]


def leave_open(session, address: str, action: str, after: object) -> None:
    """Write an intent and crash."""
    session.intent(Entry(EntryKind.INTENT, address, action, after=after))


@pytest.mark.parametrize(
    ("after", "services", "outcome"),
    [
        ({"taskDefinition": OURS}, {"web": live(OURS)}, "applied"),
        ({"taskDefinition": OURS}, {"web": live(OTHER)}, "not applied"),
        ({"taskDefinition": OURS}, {}, "unknown"),
        ({"taskDefinition": ""}, {"web": live()}, "unknown"),
        ({"desiredCount": 2}, {"web": live()}, "unknown"),
        (None, {"web": live()}, "unknown"),
        ("text", {"web": live()}, "unknown"),
    ],
)
def test_an_open_intent_is_closed_with_what_is_seen(world, after, services, outcome):
    """Only the live task definition proves anything; without it the entry says unknown."""
    session = world.session()
    leave_open(session, "service/web", "UpdateService", after)
    observed, _ = run(world, session, **services)
    assert outcomes(world) == [("UpdateService", outcome)]
    assert world.store().read().open_intents == {}
    assert observed.ledger.open_intents == {}


def test_intents_are_closed_in_the_order_they_were_opened(world):
    """All of them, each with its own address and action, marked as recovery."""
    session = world.session()
    leave_open(session, "migration/db", "RegisterTaskDefinition", {"family": "db"})
    leave_open(session, "service/web", "CreateService", {"taskDefinition": OURS})
    run(world, session, web=live())
    assert outcomes(world) == [("RegisterTaskDefinition", "unknown"), ("CreateService", "applied")]
    assert {r.content["cause"] for r in world.store().journal(limit=2)} == {"recovery"}
    assert world.store().verify() == []


def remembered(world, session) -> None:
    """Write the memory of a rollout that is under way."""
    record = ServiceRecord("web", {}, "h2", OURS, "ecs-svc/2", RolloutState.CONVERGING)
    entry = Entry(EntryKind.SERVICE, "service/web", "remember")
    session.commit([entry], [service_write(KEY, record)])


def test_a_completed_rollout_is_steady(world):
    """It is journaled, stored, taken into the snapshot, and told."""
    session = world.session()
    remembered(world, session)
    observed, said = run(world, session, web=live())
    assert observed.ledger.services["web"].state is RolloutState.STEADY
    assert world.store().read().services == dict(observed.ledger.services)
    assert [(e.kind, e.message) for e in said] == [(EventKind.DONE, "steady, 1 running")]


def test_a_reverted_rollout_is_held(world):
    """The reason is ECS's, and the hash says which desired state it is that failed."""
    session = world.session()
    remembered(world, session)
    back = live(OTHER, identity="ecs-svc/3")
    observed, said = run(world, session, web=back)
    record = observed.ledger.services["web"]
    assert (record.state, record.held_hash) == (RolloutState.HELD, "h2")
    assert record.reason.startswith("web:2 was replaced by web:1")
    assert [e.kind for e in said] == [EventKind.FAILED]
    reason, advice = said[0].message.splitlines()
    assert reason == record.reason
    assert f'or: reconciler -a {KEY} retry service/web --reason "…"' in advice
    last = next(iter(world.store().journal(limit=1))).content
    assert (last["action"], last["detail"]["reason"]) == ("held", record.reason)


@pytest.mark.parametrize("services", [{}, {"web": live(state="IN_PROGRESS")}])
def test_what_has_not_ended_is_left_alone(world, services):
    """No entry, no write: a pass with nothing to say costs nothing."""
    session = world.session()
    remembered(world, session)
    before = world.store().read().sequence
    observed, said = run(world, session, **services)
    assert (world.store().read().sequence, said) == (before, [])
    assert observed.ledger.services["web"].state is RolloutState.CONVERGING


def test_the_record_goes_on_from_what_was_settled(world):
    """The snapshot's version is the stored one: the pass's next write of the record is not refused."""
    session = world.session()
    remembered(world, session)
    observed, _ = run(world, session, web=live())
    record = replace(observed.ledger.services["web"], applied={"service": {}})
    entry = Entry(EntryKind.SERVICE, "service/web", "remember")
    session.commit([entry], [service_write(KEY, record)])
    assert world.store().read().services["web"].applied == {"service": {}}
