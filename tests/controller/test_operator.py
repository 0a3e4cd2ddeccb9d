"""What a person tells the ledger: each word is journaled, repeated it does nothing, and misplaced it is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.controller import operator
from reconciler.model.errors import Superseded, UsageError
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import Address
from reconciler.model.observed import RolloutState, ServiceRecord
from reconciler.store.records import service_write
from tests.store.world import ENTRY, KEY, World

WEB = Address("service", "web")


@pytest.fixture
def world():
    """Return a ledger that somebody has led once."""
    world = World()
    world.session()
    return world


def opened(world):
    """Return a session without a lease, and the snapshot it was opened at."""
    ledger = world.store().read()
    return world.store().operator(ledger, "arn:me"), ledger


def suspend(world, reason: str = "incident") -> str:
    """Suspend the app."""
    session, ledger = opened(world)
    now = operator.suspension_now(reason, "arn:me", world.clock.now())
    return operator.suspend(session, ledger, now)


def last(world) -> dict:
    """Return the newest journal entry."""
    return dict(next(iter(world.store().journal(limit=1))).content)


def test_suspend_says_who_why_and_when(world):
    """In the ledger for the planner, in the journal for history; the lease stays where it is."""
    owner = world.store().read().owner
    assert suspend(world) == "suspended: incident"
    ledger = world.store().read()
    assert (ledger.suspension.reason, ledger.suspension.by) == ("incident", "arn:me")
    assert ledger.suspension.at == world.clock.now().isoformat(timespec="seconds")
    assert ledger.owner == owner
    entry = last(world)
    assert (entry["kind"], entry["action"], entry["cause"]) == ("OPERATOR", "suspend", "incident")
    assert (entry["who"], entry["detail"]) == ("arn:me", {"by": "arn:me"})


def test_the_first_suspension_counts(world):
    """A second one changes nothing and says whose the first is."""
    suspend(world)
    before = world.store().read().sequence
    assert suspend(world, "other") == "already suspended by arn:me: incident"
    assert world.store().read().sequence == before


def test_resume_ends_it(world):
    """Its answer says what it was; an app that is not suspended stays untouched."""
    suspend(world)
    assert "incident" in operator.resume(*opened(world), "over", "arn:me")
    assert world.store().read().suspension is None
    assert (last(world)["action"], last(world)["cause"]) == ("resume", "over")
    before = world.store().read().sequence
    assert operator.resume(*opened(world), "over", "arn:me") == "not suspended: nothing to do"
    assert world.store().read().sequence == before


def test_resume_says_when_it_is_heard(world):
    """Of an app that waits for a person within seconds; of one that is steady at its next look."""
    now = operator.suspension_now("slow disk", "arn:me", world.clock.now())
    operator.suspend(*opened(world), now, "job/report")
    said = operator.resume(*opened(world), "over", "arn:me")
    assert said.endswith("; a controller that runs sees it at its next look (--resync)")
    for address in ("job/report", "service/web"):
        operator.suspend(*opened(world), now, address)
    said = operator.resume(*opened(world), "over", "arn:me")
    assert said.endswith("; a controller that runs goes on within 5 s")
    assert said.count("a controller that runs") == 1


def test_it_can_be_suspended_again(world):
    """After a resume the next suspension is a new one."""
    suspend(world)
    operator.resume(*opened(world), "over", "arn:me")
    assert suspend(world, "again") == "suspended: again"
    assert world.store().read().suspension.reason == "again"


def test_a_decision_on_an_older_snapshot_is_refused(world):
    """Whoever looked before somebody else wrote must look again."""
    session, ledger = opened(world)
    opened(world)[0].commit([ENTRY])
    now = operator.suspension_now("incident", "arn:me", world.clock.now())
    with pytest.raises(Superseded):
        operator.suspend(session, ledger, now)
    assert world.store().read().suspension is None


def record(world, state: RolloutState) -> None:
    """Write the memory of a service."""
    held = {"held_hash": "h", "reason": "no image"} if state is RolloutState.HELD else {}
    value = ServiceRecord("web", {"service": {}}, "h", "arn:2", "ecs-svc/2", state, **held)
    session, _ = opened(world)
    session.commit([Entry(EntryKind.SERVICE, str(WEB), "held")], [service_write(KEY, value)])


def test_retry_releases_a_hold(world):
    """Nothing is called desired any more, so the next pass acts; what was applied is remembered."""
    record(world, RolloutState.HELD)
    said = operator.retry(*opened(world), WEB, "registry is back", "arn:me")
    assert said == "service/web is released; it was held: no image"
    released = world.store().read().services["web"]
    assert (released.state, released.held_hash, released.reason) == (RolloutState.STEADY, "", "")
    assert (released.desired_hash, released.applied) == ("", {"service": {}})
    entry = last(world)
    assert (entry["action"], entry["cause"], entry["before"]) == (
        "retry",
        "registry is back",
        "no image",
    )


@pytest.mark.parametrize("state", [RolloutState.STEADY, RolloutState.CONVERGING])
def test_only_what_is_held_can_be_retried(world, state):
    """Anything else is a mistake of the command line, told with the state."""
    record(world, state)
    with pytest.raises(UsageError, match=f"it is {state}"):
        operator.retry(*opened(world), WEB, "why", "arn:me")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (Address("migration", "db"), "reconciler migration retry db"),
        (Address("service", "other"), "the ledger knows no such service"),
        (Address("job", "web"), "the ledger knows no such service"),
    ],
)
def test_other_addresses_are_refused(world, address, message):
    """A migration has its own verb, and the message names it."""
    record(world, RolloutState.HELD)
    before = world.store().read().sequence
    with pytest.raises(UsageError, match=message):
        operator.retry(*opened(world), address, "why", "arn:me")
    assert world.store().read().sequence == before


def test_a_suspension_may_end_by_itself(world):
    """By AWS's clock, to the second: before that nothing is written, then it is lifted and journaled."""
    session, ledger = opened(world)
    now = world.clock.now()
    operator.suspend(
        session, ledger, operator.suspension_now("move", "arn:me", now, timedelta(hours=2))
    )
    ledger = world.store().read()
    end = f"{now + timedelta(hours=2):%Y-%m-%d %H:%M:%S} UTC"
    assert ledger.suspension.text == f"suspended until {end}: move"
    assert last(world)["detail"] == {"by": "arn:me", "until": ledger.suspension.until}
    session, ledger = opened(world)
    early = now + timedelta(hours=1, minutes=59, seconds=58)
    assert operator.end_suspension(session, ledger, early) is ledger
    assert operator.as_of(ledger, early) is ledger
    assert last(world)["action"] == "suspend"

    late = now + timedelta(hours=2, seconds=1)
    assert operator.as_of(ledger, late).suspension is None
    assert operator.end_suspension(session, ledger, late).suspension is None
    assert world.store().read().suspension is None
    assert (last(world)["action"], last(world)["cause"]) == ("resume", "its time is over")


def test_without_an_end_it_lasts(world):
    """A suspension without --for is lifted by `resume` alone."""
    suspend(world)
    session, ledger = opened(world)
    assert (
        operator.end_suspension(session, ledger, world.clock.now() + timedelta(days=999)) is ledger
    )


def test_one_address_may_be_suspended(world):
    """By itself, beside others and beside the whole app; each is resumed by its name, or all at once."""
    now = operator.suspension_now("slow disk", "arn:me", world.clock.now())
    assert operator.suspend(*opened(world), now, "service/web") == (
        "service/web: suspended: slow disk"
    )
    assert last(world)["address"] == "service/web"
    assert "already suspended by arn:me" in operator.suspend(*opened(world), now, "service/web")
    operator.suspend(*opened(world), now, "migration/db")
    suspend(world)
    assert set(world.store().read().suspensions) == {"", "service/web", "migration/db"}

    assert "slow disk" in operator.resume(*opened(world), "over", "arn:me", "service/web")
    assert operator.resume(*opened(world), "over", "arn:me", "service/web") == (
        "service/web: not suspended: nothing to do"
    )
    assert set(world.store().read().suspensions) == {"", "migration/db"}
    assert operator.resume(*opened(world), "over", "arn:me").count("resumed") == 2
    assert world.store().read().suspensions == {}
    assert world.store().verify() == []


def test_suspensions_end_each_at_its_time(world):
    """One that is over is lifted, the others last."""
    now = world.clock.now()
    for name, hours in (("service/web", 1), ("service/api", 3)):
        length = timedelta(hours=hours)
        operator.suspend(*opened(world), operator.suspension_now("x", "arn:me", now, length), name)
    session, ledger = opened(world)
    left = operator.end_suspension(session, ledger, now + timedelta(hours=2))
    assert set(left.suspensions) == {"service/api"}
    assert set(world.store().read().suspensions) == {"service/api"}
