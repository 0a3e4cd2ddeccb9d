"""What becomes of a pass: each kind of error turns into one kind of next step."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from reconciler.controller.backoff import Standing
from reconciler.controller.progress import Progress
from reconciler.controller.queue import WorkQueue
from reconciler.controller.worker import LEASE_RETRY, End, Ports, Worker, sign_of
from reconciler.model.errors import (
    AccessDenied,
    GuardRefused,
    InvalidDesiredState,
    LeaseHeld,
    LeaseLost,
    PermanentError,
    ReconcilerError,
    Superseded,
    TemporaryError,
    Throttled,
    UsageError,
)
from reconciler.model.status import Sync
from tests.controller.fakes import PassResult, VirtualClock, diagnostic, status

NOW = timedelta(0)
RESYNC = timedelta(seconds=60)
SHOP, BLOG = "production/shop", "production/blog"


class Bench:
    """One worker, its queue and what it reports; `ends` maps a key to what its passes do."""

    def __init__(self, **ends) -> None:
        self.clock = VirtualClock()
        self.queue = WorkQueue(self.clock, lambda: 0.0)
        self.progress = Progress(self.clock)
        self.ends = ends
        self.outcomes = []
        ports = Ports(
            self.queue,
            self.reconcile,
            self.clock,
            lambda: RESYNC,
            self.progress,
            self.outcomes.append,
        )
        self.worker = Worker(ports, Standing())

    def reconcile(self, key):
        end = self.ends.get(key.split("/")[1], PassResult())
        if isinstance(end, BaseException):
            raise end
        return end

    def work(self, key=SHOP):
        self.queue.add(key)
        assert self.queue.get(NOW) == key
        return self.worker.work(key)

    def next_after(self, key=SHOP) -> float:
        """Return the seconds until the key is handed out again."""
        start = self.clock.seconds
        while self.queue.get(NOW) != key:
            self.clock.advance(0.25)
            assert self.clock.seconds - start < 10_000, "never handed out again"
        self.queue.done(key)
        return self.clock.seconds - start


def throttled() -> Throttled:
    """Make the commonest refusal of AWS."""
    return Throttled("too fast", operation="ecs:UpdateService", code="ThrottlingException")


def test_a_pass_in_sync_is_looked_at_again_at_the_resync():
    """Nothing to do now does not mean never: drift is found by the resync."""
    bench = Bench()
    assert bench.work().end is End.DONE
    assert bench.next_after() == 60


def test_a_pass_may_ask_to_be_called_earlier_but_not_later():
    """`requeue_after` wins over the resync only when it is earlier."""
    assert _next(PassResult(timedelta(seconds=2))) == 2
    assert _next(PassResult(timedelta(hours=2))) == 60


@pytest.mark.parametrize("code", [4, 6, 8])
def test_an_app_that_needs_a_person_is_looked_at_often(code):
    """Suspended, failed or held: what the person then does is heard of before the resync."""
    assert _next(PassResult(None, status(SHOP, exit_code=code))) == 5
    assert _next(PassResult(timedelta(seconds=2), status(SHOP, exit_code=code))) == 2
    assert _next(PassResult(None, status(SHOP, exit_code=1))) == 60


def _next(end) -> float:
    bench = Bench(shop=end)
    bench.work()
    return bench.next_after()


@pytest.mark.parametrize(
    ("error", "end", "seconds"),
    [
        (LeaseLost("gone"), End.LOST, 1),
        (LeaseHeld("busy", holder="b#1"), End.ELSEWHERE, LEASE_RETRY.total_seconds()),
        (LeaseHeld("busy", holder="b#1", delay=timedelta(seconds=5)), End.ELSEWHERE, 5),
        (Superseded("moved"), End.RETRIED, 0.5),
        (TemporaryError("draining", delay=timedelta(seconds=7)), End.RETRIED, 7),
        (TemporaryError("not yet"), End.RETRIED, 0.5),
        (throttled(), End.RETRIED, 0.5),
        (PermanentError("no"), End.STALLED, 60),
        (GuardRefused("wrong account"), End.STALLED, 60),
        (InvalidDesiredState([diagnostic()]), End.STALLED, 60),
        (UsageError("what"), End.STALLED, 60),
        (ReconcilerError("some"), End.STALLED, 60),
        (KeyError("bug"), End.CRASHED, 0.5),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_error_has_its_next_step(error, end, seconds):
    """The one `match` sends every error type to requeue, backoff, Stalled or stop."""
    bench = Bench(shop=error)
    outcome = bench.work()
    assert (outcome.end, outcome.error) == (end, error)
    assert bench.next_after() == seconds
    assert bench.outcomes == [outcome]


def test_failures_back_off_longer_and_a_good_pass_forgets_them():
    """The delay doubles while passes fail; after a good pass it starts anew."""
    bench = Bench(shop=throttled())
    assert [bench.work().again.total_seconds() for _ in range(3)] == [0.5, 1, 2]
    bench.ends["shop"] = PassResult()
    bench.work()
    bench.ends["shop"] = throttled()
    assert bench.work().again.total_seconds() == 0.5


def test_a_crash_of_one_app_never_stops_the_others():
    """A bug that shows in one app's pass is counted and backed off, the next key is served."""
    bench = Bench(shop=ZeroDivisionError("bug"))
    crashed = bench.work(SHOP)
    assert (crashed.end, crashed.failures, crashed.exit_code) == (End.CRASHED, 1, 1)
    assert "internal error: ZeroDivisionError" in crashed.message
    assert bench.work(BLOG).end is End.DONE


def test_run_ends_when_the_queue_is_shut_down():
    """The body of a worker thread serves what is ready and returns after `shut_down`."""
    bench = Bench()
    bench.ends["blog"] = PassResult()

    def last_pass(key):
        bench.queue.shut_down()
        return PassResult()

    bench.worker._ports = Ports(
        bench.queue, last_pass, bench.clock, lambda: RESYNC, bench.progress, bench.outcomes.append
    )
    bench.queue.add(SHOP)
    bench.queue.add(BLOG)
    bench.worker.run()
    assert [outcome.key for outcome in bench.outcomes] == [SHOP]


def test_the_key_is_free_when_the_outcome_is_reported():
    """Whoever hears of an outcome finds the queue as it is after the pass."""
    bench = Bench()
    seen = []
    report = lambda outcome: seen.append(bench.queue.busy())  # noqa: E731 - shorter than a function
    bench.worker._ports = Ports(
        bench.queue, bench.reconcile, bench.clock, lambda: RESYNC, bench.progress, report
    )
    bench.work()
    assert seen == [frozenset()]


def test_a_standing_problem_is_logged_once(caplog):
    """The same refusal of each pass is one line, its request id goes with it, recovery is another."""
    caplog.set_level(logging.INFO)
    bench = Bench()
    for number in range(5):
        bench.ends["shop"] = AccessDenied(
            f"denied ({number})", operation="ecs:X", code="AccessDenied", request_id=f"r-{number}"
        )
        bench.work()
    bench.ends["shop"] = PassResult(status=status(SHOP))
    bench.work()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert caplog.records[0].request_id == "r-0"
    assert "works again after 5 failed passes" in caplog.text
    bench.ends["shop"] = AccessDenied("denied", operation="ecs:X", code="AccessDenied")
    bench.work()
    bench.ends["shop"] = PassResult(status=status(SHOP))
    bench.work()
    assert "works again after 1 failed pass\n" in caplog.text


def test_what_is_missing_is_said_once_although_no_pass_failed(caplog):
    """A role that is not there is a good pass that begins nothing: why stands in the log, not in each pass."""
    bench = Bench()
    waiting = status(SHOP, exit_code=3, sync=Sync.OUT_OF_SYNC, message="service/web: no role")
    bench.ends["shop"] = PassResult(status=waiting)
    for _ in range(5):
        bench.work()
    bench.ends["shop"] = PassResult(status=status(SHOP))
    bench.work()
    bench.ends["shop"] = PassResult(status=waiting)
    bench.work()

    said = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert said == ["not converged: service/web: no role"] * 2


def test_a_bug_shows_its_traceback_only_at_debug_level(caplog):
    """Without -v a user sees one line; with it the traceback."""
    bench = Bench(shop=ZeroDivisionError("bug"))
    caplog.set_level(logging.INFO)
    bench.work()
    assert "Traceback" not in caplog.text
    caplog.set_level(logging.DEBUG, logger="reconciler")
    bench.work()
    assert "Traceback" in caplog.text


def test_ordinary_waits_are_not_worth_a_word(caplog):
    """A conflict or two and an instant's wait are part of normal work."""
    caplog.set_level(logging.INFO)
    bench = Bench(shop=Superseded("moved"))
    bench.work()
    bench.ends["shop"] = TemporaryError("joining", delay=timedelta(milliseconds=200))
    bench.work()
    assert not caplog.records


def test_a_lease_held_elsewhere_is_no_warning(caplog):
    """A standby says whom it waits for, as information."""
    caplog.set_level(logging.INFO)
    Bench(shop=LeaseHeld("held by b#1", holder="b#1")).work()
    assert [record.levelname for record in caplog.records] == ["INFO"]


def test_a_lease_that_comes_back_is_no_recovery(caplog):
    """Handed over and taken again, nothing has failed: the log says whose the lease is, and no more."""
    caplog.set_level(logging.INFO)
    bench = Bench(shop=LeaseHeld("handed over to b#1", holder="b#1"))
    for _ in range(3):
        bench.work()
    bench.ends["shop"] = PassResult(status=status(SHOP))
    for _ in range(2):
        bench.work()
    said = [record.getMessage() for record in caplog.records]
    assert said == ["handed over to b#1 (next try in 30s)", "holds the lease now"]


def test_failures_before_another_owner_are_still_counted(caplog):
    """Two failed passes, then two of waiting, then a good one: two have failed."""
    caplog.set_level(logging.INFO)
    bench = Bench()
    for error in (throttled(), throttled(), *[LeaseHeld("held by b#1", holder="b#1")] * 2):
        bench.ends["shop"] = error
        bench.work()
    bench.ends["shop"] = PassResult(status=status(SHOP))
    bench.work()
    assert "works again after 2 failed passes" in caplog.text
    assert "holds the lease now" in caplog.text


def test_a_pass_is_stamped_from_begin_to_end():
    """The heartbeat sees a pass while it runs, and no longer after a crash."""
    bench = Bench()

    def crash(key):
        bench.clock.advance(121)
        assert "production/shop" in bench.progress.stuck({SHOP}, 0)
        raise ValueError

    bench.worker._ports = Ports(
        bench.queue, crash, bench.clock, lambda: RESYNC, bench.progress, bench.outcomes.append
    )
    bench.work()
    assert bench.progress.stuck({SHOP}, 0) == ""
    assert bench.queue.working() == frozenset()


def test_the_same_refusal_with_another_request_id_is_the_same_problem():
    """Problems are told apart by what does not change from pass to pass."""
    first = Throttled("a", operation="ecs:X", code="T", request_id="1")
    second = Throttled("b", operation="ecs:X", code="T", request_id="2")
    assert sign_of(first) == sign_of(second)
    assert sign_of(first) != sign_of(Throttled("a", operation="ecs:Y", code="T"))
    assert sign_of(PermanentError("a")) != sign_of(PermanentError("b"))
    assert sign_of(LeaseHeld("x 3s", holder="b")) == sign_of(LeaseHeld("x 9s", holder="b"))
