"""A ledger on the fake DynamoDB: what the tests of this package start from."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from datetime import timedelta

from reconciler.aws.door import Aws
from reconciler.model.errors import OutcomeUnknown
from reconciler.model.journal import Entry, EntryKind
from reconciler.store.ledger import AppStore
from reconciler.store.members import Member
from reconciler.store.tables import Tables
from tests.fakes.clock import VirtualClock
from tests.fakes.dynamodb import FakeDynamoDB
from tests.fakes.transport import FakeTransport

KEY = "production/shop"
ENTRY = Entry(EntryKind.SERVICE, "service/web", "judge")


class World:
    """Tables, a clock, and as many members as a test wants."""

    def __init__(self, **fake) -> None:
        self.clock = VirtualClock()
        self.dynamodb = FakeDynamoDB(self.clock, **fake)
        self.transport = FakeTransport(self.clock, {"dynamodb": self.dynamodb.handle})
        self.aws = Aws(self.transport, self.clock, chance=random.Random(1))
        self.tables = Tables()
        self.tables.ensure(self.aws, self.clock)
        self._ids = itertools.count(1)
        self._hosts = itertools.count(1)

    def id(self) -> str:
        return f"id{next(self._ids):04}"

    def store(self, key: str = KEY) -> AppStore:
        return AppStore(self.aws, self.tables, self.clock, key, ids=self.id)

    def member(self) -> Member:
        host = f"host{next(self._hosts)}"
        member = Member(self.aws, self.tables, self.clock, host, incarnation="1")
        member.join()
        return member

    def session(self, member: Member | None = None):
        store = self.store()
        return store.acquire(store.read(), member or self.member())

    def lose(self, operation: str, times: int, *, applied: bool) -> None:
        """Lose the next `times` answers (applied) or requests (not applied) of an operation."""
        left = [times]

        def hook(_service, name, _params) -> None:
            if name == operation and left[0] > 0:
                left[0] -= 1
                raise OutcomeUnknown("lost", operation=f"dynamodb:{name}")

        if applied:
            self.transport.after = hook
        else:
            self.transport.before = hook

    def once_before(self, operation: str, action: Callable[[], None]) -> None:
        """Run `action` once, right before the next wire attempt of an operation."""

        def hook(_service, name, _params) -> None:
            if name == operation:
                self.transport.before = None
                action()

        self.transport.before = hook

    def once_after(self, operation: str, action: Callable[[], None]) -> None:
        """Run `action` once, right after the next wire attempt of an operation took effect."""

        def hook(_service, name, _params) -> None:
            if name == operation:
                self.transport.after = None
                action()

        self.transport.after = hook

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
