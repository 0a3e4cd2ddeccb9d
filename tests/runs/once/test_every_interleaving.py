"""Every interleaving of starts, step by step: the real decisions and the real requests, with no assumption about time.

A heartbeat may look stale at any moment, rightly or not; any answer may be lost, any request may be carried out
later; anybody may die anywhere. All states that can be reached are visited.
"""

from __future__ import annotations

import contextlib
import json
from collections import deque
from functools import cache, partial
from typing import Any, NamedTuple

import pytest

from reconciler.model.errors import ConditionFailed as FakeConditionFailed
from reconciler.runs.once import record as records
from reconciler.runs.once import turn
from reconciler.runs.once.calls import Caller, ConditionFailed
from reconciler.runs.once.clock import Clock
from reconciler.runs.once.ledger import Ledger, Written
from reconciler.runs.once.record import Writer
from reconciler.runs.once.table import creation
from tests.fakes.clock import VirtualClock
from tests.fakes.dynamodb import FakeDynamoDB

TABLE, KEY = "reconciler-claims", "once#default#k"
LARGEST_BEAT = 5
"""Where a history ends: two starts could take an unconfirmed claim from each other for ever."""
NEW, LOOK, TAKE, MINE, GO, RUN, LOST, FINISH, OUT, DEAD = range(10)


class Actor(NamedTuple):
    """One start: where it is, what it saw (as text), its heartbeat, how its command ended."""

    at: int = NEW
    seen: str = ""
    beat: int = 0
    code: int = 0


class State(NamedTuple):
    """The item (as text), the starts, one request that is still on its way, whether the command ever ran."""

    item: str
    actors: tuple[Actor, ...]
    late: str
    starts: int
    succeeded: bool
    """A success was recorded."""


class World:
    """The table in memory; `steps` gives every state that may follow."""

    def __init__(
        self, *, retry: bool = False, rerun: bool = False, late: bool = False, actors: int = 2
    ) -> None:
        self.retry, self.rerun, self.late = retry, rerun, late
        self.dynamodb = FakeDynamoDB(VirtualClock(), creation_seconds=0.0)
        self.dynamodb.handle("CreateTable", creation(TABLE))
        self.first = State("", (Actor(),) * actors, "", 0, succeeded=False)
        self.sent = ""
        caller = Caller(self._send, Clock())
        self.ledgers = [
            Ledger(caller, Writer(TABLE, KEY, f"n{n}", f"w{n}", 60.0), self._no_table)
            for n in range(actors)
        ]
        self.violations: list[str] = []

    def _no_table(self) -> None:
        raise AssertionError

    def _send(self, operation: str, params: Any, _: float) -> Any:
        if operation != "GetItem":
            self.sent = json.dumps([operation, params])
        try:
            return self.dynamodb.handle(operation, params), 1000.0
        except FakeConditionFailed as failed:
            raise ConditionFailed(failed.response.get("Item")) from failed

    def _put(self, item: str) -> None:
        partitions = self.dynamodb.tables[TABLE].partitions
        partitions.clear()
        if item:
            partitions[KEY] = {"": _item(item)}

    def _item(self) -> str:
        found = self.dynamodb.tables[TABLE].partitions.get(KEY)
        return json.dumps(found[""], sort_keys=True) if found else ""

    def steps(self, state: State):
        """Yield every state that may follow."""
        if state.late:
            self._put(state.item)
            operation, params = json.loads(state.late)
            with contextlib.suppress(FakeConditionFailed):
                self.dynamodb.handle(operation, params)
            yield self._after(state._replace(late=""))
        for number, actor in enumerate(state.actors):
            if actor.at in (OUT, DEAD):
                continue
            yield self._moved(state, number, Actor(DEAD))
            yield from self._of(state, number, actor)

    def _of(self, state: State, number: int, actor: Actor):
        ledger, beat = self.ledgers[number], actor.beat + 1
        if actor.at == LOOK:
            yield from self._looking(state, number, actor)
        elif actor.at == GO:
            yield self._started(state, number, actor)
        elif actor.at == LOST:
            yield self._moved(state, number, Actor(OUT))
        elif actor.at == RUN:
            for code in (0, 3):
                yield self._moved(state, number, Actor(FINISH, code=code))
            if beat <= LARGEST_BEAT:
                ends = Actor(RUN, beat=beat), Actor(LOST)
                yield from self._sent(state, number, lambda: ledger.renew(beat, 1.0), ends)
        elif actor.at == NEW:
            yield from self._sent(state, number, ledger.claim, (Actor(MINE, beat=1), None))
        elif actor.at == TAKE:
            seen = records.read(_item(actor.seen), TABLE)
            ends = Actor(MINE, beat=seen.beat + 1), None
            yield from self._sent(state, number, lambda: ledger.take(seen), ends)
        elif actor.at == MINE:
            ends = Actor(GO, beat=beat), None
            yield from self._sent(state, number, lambda: ledger.confirm(beat, 1.0), ends)
        else:
            word = "DONE" if actor.code == 0 else "FAILED"
            write = partial(ledger.finish, word, actor.code, 1.0, 1.0)
            yield from self._sent(state, number, write, (Actor(OUT), Actor(OUT)))

    def _looking(self, state: State, number: int, actor: Actor):
        item = _item(actor.seen)
        seen = records.read(item, TABLE)
        for stale in (False, True):
            step = turn.decide(seen, retry_failed=self.retry, is_stale=stale)
            if step in (turn.SKIP, turn.HELD):
                unsure = seen.state == "UNKNOWN" and self.rerun and self._is_dead(state, seen.who)
                yield self._moved(state, number, actor._replace(at=TAKE) if unsure else Actor(OUT))
            elif step == turn.TAKE or (
                step == turn.STALE and self.rerun and self._is_dead(state, seen.who)
            ):
                yield self._moved(state, number, actor._replace(at=TAKE))
            elif step == turn.STALE and not self.rerun:
                self._put(state.item)
                self.ledgers[number].give_up(seen, "stale")
                yield self._moved(self._after(state), number, Actor(LOOK, self._item()))
            else:
                yield self._moved(state, number, Actor(LOOK, state.item))

    def _is_dead(self, state: State, who: str) -> bool:
        return state.actors[int(who[1:])].at in (OUT, DEAD)

    def _sent(self, state: State, number: int, write: Any, ends: tuple[Actor, Actor | None]):
        """Write: the answer comes, or is lost; or the request is lost and carried out at some later time."""
        actor, (landed, refused) = state.actors[number], ends
        self._put(state.item)
        written = write()
        after = self._after(state)
        if written.landed:
            yield self._moved(after, number, landed)
        else:
            yield self._moved(after, number, refused or Actor(LOOK, after.item))
        yield self._moved(after, number, actor)
        if self.late and not state.late:
            yield self._moved(state, number, actor)._replace(late=self.sent)

    def _after(self, state: State) -> State:
        item = self._item()
        done = bool(item) and _item(item)["st"]["S"] == "DONE"
        return state._replace(item=item, succeeded=state.succeeded or done)

    def _started(self, state: State, number: int, actor: Actor) -> State:
        running = [a for n, a in enumerate(state.actors) if n != number and a.at in (RUN, LOST)]
        if running:
            self.violations.append("O2")
        if state.succeeded:
            self.violations.append("O3")
        if state.starts and not (self.retry or self.rerun):
            self.violations.append("O1")
        return self._moved(state._replace(starts=1), number, Actor(RUN, beat=actor.beat))

    @staticmethod
    def _moved(state: State, number: int, actor: Actor) -> State:
        actors = (*state.actors[:number], actor, *state.actors[number + 1 :])
        return state._replace(actors=actors)

    def explore(self) -> set[State]:
        """Visit every state that can be reached and return them."""
        known, todo = {self.first}, deque([self.first])
        while todo and not self.violations:
            for following in self.steps(todo.popleft()):
                if following not in known and _beat(following) <= LARGEST_BEAT:
                    known.add(following)
                    todo.append(following)
        return known


@cache
def _item(text: str) -> Any:
    """Return a stored item; states share them, and nobody changes one."""
    return json.loads(text)


def _beat(state: State) -> int:
    return int(_item(state.item)["hb"]["N"]) if state.item else 0


@pytest.mark.parametrize(
    "world",
    [{"late": True}, {"retry": True, "late": True}, {"rerun": True, "late": True}, {"actors": 3}],
    ids=str,
)
def test_no_interleaving_breaks_a_promise(world):
    """O1, O2 and O3 hold in every state that can be reached, and each kind of end is among them."""
    explored = World(**world)
    states = explored.explore()
    assert explored.violations == []
    ends = {
        _item(s.item)["st"]["S"]
        for s in states
        if s.item and all(a.at in (OUT, DEAD) for a in s.actors)
    }
    assert {"STARTING", "RUNNING", "DONE", "FAILED"} <= ends
    assert len(states) > 1000


def test_an_unconfirmed_start_would_be_found(monkeypatch):
    """Without the confirmation some interleaving runs the command twice."""
    monkeypatch.setattr(Ledger, "confirm", lambda *_: Written(landed=True))
    explored = World()
    explored.explore()
    assert explored.violations
