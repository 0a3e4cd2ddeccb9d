"""The work queue: nothing lost, nothing twice at once, time driven by hand."""

from __future__ import annotations

import threading
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reconciler.controller.backoff import Backoff
from reconciler.controller.queue import WorkQueue
from tests.controller.fakes import RealClock, VirtualClock

NOW = timedelta(0)
SHOP, BLOG = "production/shop", "production/blog"


def make(random: float = 0.0) -> tuple[WorkQueue, VirtualClock]:
    """Make a queue on virtual time."""
    clock = VirtualClock()
    return WorkQueue(clock, lambda: random), clock


def seconds(number: float) -> timedelta:
    """Spell a duration shorter."""
    return timedelta(seconds=number)


def test_hands_out_in_the_order_of_adding():
    """The key that was ready first is worked on first."""
    queue, _ = make()
    queue.add(SHOP)
    queue.add(BLOG)
    assert [queue.get(NOW), queue.get(NOW), queue.get(NOW)] == [SHOP, BLOG, None]


class Ticking(VirtualClock):
    """Time that goes on a little with each look at it."""

    def boot_seconds(self) -> float:
        self.seconds += 0.0003
        return self.seconds


def test_a_key_that_becomes_ready_between_two_looks_at_the_clock_ends_no_worker():
    """Nothing at all is handed out only after `shut_down`: a worker that is given it goes home."""
    for number in range(1, 40):
        queue = WorkQueue(Ticking(), lambda: 0.0)
        queue.add_after(SHOP, seconds(number / 10_000))
        assert queue.get() == SHOP


def test_adding_twice_is_adding_once():
    """A key is handed out once however often it was added before."""
    queue, _ = make()
    queue.add(SHOP)
    queue.add(SHOP)
    assert [queue.get(NOW), queue.get(NOW)] == [SHOP, None]


def test_a_key_at_work_is_not_handed_out_again_until_done():
    """Passes of one app never overlap; what was added meanwhile follows, once."""
    queue, _ = make()
    queue.add(SHOP)
    assert queue.get(NOW) == SHOP
    queue.add(SHOP)
    queue.add(SHOP)
    assert queue.get(NOW) is None
    queue.done(SHOP)
    assert queue.get(NOW) == SHOP
    queue.done(SHOP)
    assert queue.get(NOW) is None


def test_a_delayed_key_comes_when_its_time_has_come():
    """A delay holds a key back exactly until it has passed on the clock."""
    queue, clock = make()
    queue.add_after(SHOP, seconds(10))
    clock.advance(9.9)
    assert queue.get(NOW) is None
    clock.advance(0.1)
    assert queue.get(NOW) == SHOP


def test_the_earliest_of_several_delays_wins():
    """A later wish for a later time does not postpone an earlier one, whichever came first."""
    queue, clock = make()
    for first, second in ((10, 60), (60, 10)):
        queue.add_after(SHOP, seconds(first))
        queue.add_after(SHOP, seconds(second))
        clock.advance(10)
        assert queue.get(NOW) == SHOP
        queue.done(SHOP)
        clock.advance(100)
        assert queue.get(NOW) is None


def test_a_delay_that_ends_during_work_is_kept():
    """A wish whose time comes while the key is worked on is fulfilled after `done`."""
    queue, clock = make()
    queue.add(SHOP)
    queue.get(NOW)
    queue.add_after(SHOP, seconds(1))
    clock.advance(5)
    assert queue.get(NOW) is None
    queue.done(SHOP)
    assert queue.get(NOW) == SHOP


def test_backoff_doubles_and_is_forgotten():
    """Failures in a row wait 1, 2, 4 … seconds up to the limit; after `forget` it is 1 again."""
    clock = VirtualClock()
    queue = WorkQueue(clock, lambda: 0.999999999, Backoff(seconds(1), seconds(5)))
    delays = [round(queue.backoff(SHOP).total_seconds()) for _ in range(5)]
    assert delays == [1, 2, 4, 5, 5]
    assert queue.failures(SHOP) == 5
    queue.forget(SHOP)
    assert queue.failures(SHOP) == 0
    assert round(queue.backoff(SHOP).total_seconds()) == 1


def test_backoff_asks_for_another_pass():
    """A key that backs off comes back by itself."""
    queue, clock = make()
    delay = queue.backoff(SHOP)
    assert queue.get(NOW) is None
    clock.advance(delay.total_seconds())
    assert queue.get(NOW) == SHOP


def test_shut_down_wakes_everybody_and_hands_out_nothing_more():
    """A worker that waits without a limit ends at `shut_down`, whatever is left over."""
    queue = WorkQueue(RealClock(), lambda: 0.0)
    got: list[str | None] = []
    waiting = threading.Thread(target=lambda: got.append(queue.get()))
    waiting.start()
    queue.shut_down()
    waiting.join(30)
    assert got == [None]
    queue.add(SHOP)
    queue.add_after(SHOP, NOW)
    assert queue.get(NOW) is None


def test_a_waiting_worker_gets_what_is_added():
    """`get` without a limit returns as soon as another thread adds a key."""
    queue = WorkQueue(RealClock(), lambda: 0.0)
    got: list[str | None] = []
    waiting = threading.Thread(target=lambda: got.append(queue.get()))
    waiting.start()
    queue.add_after(SHOP, timedelta(milliseconds=5))
    waiting.join(30)
    assert got == [SHOP]


def test_many_threads_never_hold_one_key_twice():
    """Under real threads a key is with one worker at a time, and every key is delivered."""
    queue = WorkQueue(RealClock(), lambda: 0.0)
    lock = threading.Lock()
    held: set[str] = set()
    served: dict[str, int] = {}
    twice: list[str] = []
    enough = threading.Event()
    keys = [f"production/app-{n}" for n in range(5)]

    def work() -> None:
        while (key := queue.get()) is not None:
            with lock:
                if key in held:
                    twice.append(key)
                held.add(key)
                served[key] = served.get(key, 0) + 1
                if all(served.get(k, 0) >= 20 for k in keys):
                    enough.set()
            queue.add(key)
            with lock:
                held.discard(key)
            queue.done(key)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for key in keys:
        queue.add(key)
    assert enough.wait(60)
    queue.shut_down()
    for thread in threads:
        thread.join(30)
    assert not twice


KEYS = st.sampled_from(["e/a", "e/b", "e/c"])


class Queueing(RuleBasedStateMachine):
    """A model that knows what is owed: `asked` since the last hand-out, `due` times, `held` keys."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.queue = WorkQueue(self.clock, lambda: 0.5)
        self.asked: set[str] = set()
        self.due: dict[str, float] = {}
        self.held: list[str] = []

    def _mature(self) -> None:
        for key in [k for k, at in self.due.items() if at <= self.clock.seconds]:
            del self.due[key]
            self.asked.add(key)

    @rule(key=KEYS)
    def add(self, key):
        self.queue.add(key)
        self.asked.add(key)

    @rule(key=KEYS, delay=st.integers(0, 20))
    def add_after(self, key, delay):
        self.queue.add_after(key, seconds(delay))
        self.due[key] = min(self.due.get(key, float("inf")), self.clock.seconds + delay)

    @rule(key=KEYS)
    def back_off(self, key):
        delay = self.queue.backoff(key).total_seconds()
        self.due[key] = min(self.due.get(key, float("inf")), self.clock.seconds + delay)

    @rule(key=KEYS)
    def forget(self, key):
        self.queue.forget(key)
        assert self.queue.failures(key) == 0

    @rule(step=st.integers(1, 15))
    def time_passes(self, step):
        self.clock.advance(step)

    @rule()
    def get(self):
        self._mature()
        key = self.queue.get(NOW)
        owed = self.asked - set(self.held)
        if key is None:
            assert not owed, "a key that was asked for is not handed out"
        else:
            assert key in owed, "handed out twice at once, or without being asked for"
            self.asked.discard(key)
            self.held.append(key)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def done(self, data):
        # What was due before `done` counts as asked for during the work.
        self._mature()
        self.queue.ready()
        key = data.draw(st.sampled_from(self.held))
        self.held.remove(key)
        self.queue.done(key)

    @invariant()
    def knows_what_is_at_work(self):
        assert self.queue.working() == frozenset(self.held)

    def teardown(self):
        """Whatever was asked for is delivered in the end, once everything that is held is done."""
        self.clock.advance(100_000)
        self._mature()
        for key in self.held:
            self.queue.done(key)
        delivered = set()
        while (key := self.queue.get(NOW)) is not None:
            assert key not in delivered
            delivered.add(key)
        assert delivered == self.asked


TestQueueing = Queueing.TestCase
TestQueueing.__doc__ = "No sequence of calls loses a key, hands it out twice at once or too early."
TestQueueing.settings = settings(max_examples=60, stateful_step_count=30)
