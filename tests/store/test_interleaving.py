"""Several processes on one ledger, stepped one wire call at a time in one thread, with lost answers."""

from __future__ import annotations

import random

import greenlet
import pytest

from reconciler.aws.door import Aws
from reconciler.model.errors import LeaseHeld, LeaseLost, OutcomeUnknown, Superseded
from reconciler.model.journal import Entry, EntryKind
from reconciler.store.ledger import AppStore
from reconciler.store.members import Member
from tests.fakes.transport import FakeTransport
from tests.store.world import KEY, World


class Process:
    """A member that keeps taking the app and committing numbered entries."""

    def __init__(self, world: World, number: int, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.confirmed: list[str] = []
        clock = world.clock.host(on_sleep=lambda _duration: self.pause())
        transport = FakeTransport(clock, {"dynamodb": world.dynamodb.handle})
        transport.before = lambda *_: self.step()
        transport.after = lambda *_: self.step()
        aws = Aws(transport, clock, chance=chance)
        self.member = Member(aws, world.tables, clock, f"p{number}", incarnation="1")
        self.store = AppStore(aws, world.tables, clock, KEY, ids=world.id)
        self.number = number

    def step(self) -> None:
        """Let the others go on; one time in eight the request, or the answer, is lost."""
        self.pause()
        if self.chance.random() < 0.125:
            raise OutcomeUnknown("lost", operation="dynamodb:any")

    @staticmethod
    def pause() -> None:
        greenlet.getcurrent().parent.switch()

    def run(self) -> None:
        for turn in range(7):
            try:
                self.turn(turn) if turn else self.member.join()
            except (LeaseHeld, LeaseLost, Superseded, OutcomeUnknown):
                continue

    def turn(self, turn: int) -> None:
        self.member.beat()
        self.member.watch()
        session = self.store.acquire(self.store.read(), self.member)
        for commit in range(3):
            name = f"{self.number}-{turn}-{commit}"
            session.commit([Entry(EntryKind.RUN, f"migration/{name}", "x")])
            self.confirmed.append(f"migration/{name}")
        session.release()


@pytest.mark.parametrize("seed", range(60))
def test_every_interleaving_leaves_a_whole_chain_that_holds_every_confirmed_commit(seed):
    """Whatever is lost and whoever goes first: no gap, no fork, no commit twice, none confirmed in vain."""
    chance = random.Random(seed)
    world = World()
    processes = [Process(world, number, chance) for number in range(3)]
    alive = [greenlet.greenlet(process.run) for process in processes]
    while alive:
        chosen = chance.choice(alive)
        world.clock.advance(chance.random())
        chosen.switch()
        alive = [process for process in alive if not process.dead]
    assert world.store().verify() == []
    addresses = [r.content["address"] for r in world.store().journal(newest_first=False)]
    written = [address for address in addresses if address]
    assert len(written) == len(set(written))
    confirmed = {name for process in processes for name in process.confirmed}
    assert confirmed <= set(written)
    assert confirmed
