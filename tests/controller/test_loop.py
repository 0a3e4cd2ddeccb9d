"""The controller as a whole, with threads and fakes: start, work, converge, drain."""

from __future__ import annotations

import logging
import os
import signal
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.controller.loop import Controller, Core, Options, Parts, handle_signals
from reconciler.model.errors import (
    GuardRefused,
    LeaseHeld,
    LeaseLost,
    TemporaryError,
    Unreachable,
)
from reconciler.model.events import EventKind
from reconciler.model.status import Health, Sync
from tests.controller.fakes import (
    FakeMember,
    FakeSource,
    PassResult,
    RealClock,
    View,
    app,
    diagnostic,
    snapshot,
    status,
)

SHOP, BLOG = "production/shop", "production/blog"
UNTIL = Options(workers=2, until_converged=True, timeout=timedelta(seconds=60))
SOON = timedelta(milliseconds=1)


class World:
    """A controller on fakes. `passes` says what the passes of an app do, in order; the last one stays."""

    def __init__(self, options: Options = UNTIL, **files) -> None:
        self.calls: list[str] = []
        self.members: list[FakeMember] = []
        self.events = []
        self.released: list[str] = []
        self.passes: dict[str, list] = {}
        self.seen: list[str] = []
        self.source = FakeSource(files.pop("snapshot", snapshot(SHOP)))
        self.core = Core.make(RealClock(), lambda: 0.0, self.factory, timedelta(milliseconds=5))
        parts = Parts(self.source, self.reconcile, self.release, self.events.append)
        self.controller = Controller(self.core, parts, options)

    def factory(self, place: str) -> FakeMember:
        self.members.append(FakeMember(f"a#{len(self.members) + 1}", self.calls))
        return self.members[-1]

    def reconcile(self, key):
        self.core.memberships.member(key, "place")
        self.seen.append(key)
        planned = self.passes.get(key, [])
        end = planned.pop(0) if len(planned) > 1 else (planned or [converged(key)])[0]
        if callable(end):
            end = end()
        if isinstance(end, BaseException):
            raise end
        return end

    def release(self, key: str) -> None:
        self.calls.append(f"release {key}")
        self.released.append(key)

    def run_in_thread(self) -> threading.Thread:
        self.ending = None

        def body() -> None:
            self.ending = self.controller.run()

        thread = threading.Thread(target=body)
        thread.start()
        return thread


def converged(key: str) -> PassResult:
    """Make the result of a pass that found everything done."""
    return PassResult(status=status(key))


def rolling(key: str) -> PassResult:
    """Make the result of a pass that has to come back."""
    return PassResult(SOON, status(key, sync=Sync.OUT_OF_SYNC, health=Health.PROGRESSING))


def test_until_converged_ends_with_success():
    """Passes follow each other until every app has converged; that is said once for each."""
    world = World(snapshot=snapshot(SHOP, BLOG))
    world.passes[SHOP] = [rolling(SHOP), rolling(SHOP), converged(SHOP)]
    assert world.controller.run().exit_code == 0
    assert world.seen.count(SHOP) == 3
    said = [(event.kind, event.key) for event in world.events]
    assert sorted(said) == [(EventKind.DONE, BLOG), (EventKind.DONE, SHOP)]


def test_what_stands_still_is_said_once():
    """A controller that stays says what holds an app when that is news, and when it is over."""
    world = World(Options(workers=1), snapshot=snapshot(SHOP))

    def last():
        world.controller.stop()
        return converged(SHOP)

    held = PassResult(
        SOON,
        status(SHOP, sync=Sync.OUT_OF_SYNC, health=Health.HELD, message="web: held", exit_code=8),
    )
    moving = replace(held, status=replace(held.status, message="web: reverted"))
    world.passes[SHOP] = [rolling(SHOP), held, held, moving, rolling(SHOP), last]
    world.controller.run()
    assert [(event.kind, event.message) for event in world.events] == [
        (EventKind.ATTENTION, "not converged: web: held"),
        (EventKind.ATTENTION, "not converged: web: reverted"),
        (EventKind.DONE, "converged (generation 1)"),
    ]


def test_until_converged_ends_with_the_failures_code():
    """An app that cannot converge ends the wait when the others are done, with its reason."""
    world = World(snapshot=snapshot(SHOP, BLOG))
    world.passes[SHOP] = [GuardRefused("this is account 2")]
    world.passes[BLOG] = [rolling(BLOG), converged(BLOG)]
    ending = world.controller.run()
    assert (ending.exit_code, ending.reasons) == (4, {SHOP: "this is account 2"})


def test_until_converged_gives_up_after_its_timeout():
    """Exit 7, and for each app what it was waiting for."""
    world = World(replace(UNTIL, timeout=timedelta(milliseconds=50)))
    world.passes[SHOP] = [rolling(SHOP)]
    ending = world.controller.run()
    assert ending.exit_code == 7
    assert ending.reasons[SHOP].startswith("not converged after 50ms")


def test_work_that_no_worker_takes_up_would_silence_the_heartbeat():
    """The controller tells the heartbeat that it has workers, so that losing them is noticed."""
    world = World()
    world.controller.run()
    assert world.core.progress._has_workers


def test_leases_are_given_back_before_the_member_leaves():
    """At the end every app that we led is released, then the member leaves, and nothing runs on."""
    world = World(snapshot=snapshot(SHOP, BLOG))
    world.controller.run()
    assert sorted(world.released) == [BLOG, SHOP]
    mutations = [c for c in world.calls if "beat" not in c]
    assert (mutations[0], mutations[-1]) == ("a#1 join", "a#1 leave")
    assert world.source.stopped
    assert world.core.draining.is_set()


def test_an_app_held_elsewhere_is_not_released():
    """We give back only what we had."""
    world = World(Options(workers=1), snapshot=snapshot(SHOP, BLOG))
    world.passes[SHOP] = [LeaseHeld("held by b#1", holder="b#1")]

    def blog():
        world.controller.stop()
        return converged(BLOG)

    # Sorted, blog comes before shop: its second pass comes after shop's first.
    world.passes[BLOG] = [PassResult(SOON, status(BLOG)), blog]
    world.controller.run()
    assert world.released == [BLOG]


def test_an_app_that_was_handed_over_is_not_released_again():
    """What another member took from us in the meantime is not ours to give back."""
    world = World(Options(workers=1))

    def handed_over():
        world.controller.stop()
        return LeaseHeld("handed over to c#1", holder="c#1")

    world.passes[SHOP] = [rolling(SHOP), handed_over]
    world.controller.run()
    assert len(world.seen) >= 2  # a worker may be quicker than the end it was told of
    assert world.released == []


def test_a_release_that_fails_does_not_keep_the_others(caplog):
    """Giving back goes on after an error, and the member leaves all the same."""
    world = World(snapshot=snapshot(SHOP, BLOG))
    release = world.release

    def failing(key):
        if key == BLOG:
            raise Unreachable("no route", operation="dynamodb:TransactWriteItems")
        release(key)

    world.controller._parts = replace(world.controller._parts, release=failing)
    world.controller.run()
    assert world.released == [SHOP]
    assert world.calls[-1] == "a#1 leave"
    assert "lease not released: no route" in caplog.text


def test_a_change_of_the_files_is_worked_on_at_once():
    """A change wakes the app though its next look is far away, and only the new content counts."""
    world = World(replace(UNTIL, resync=timedelta(hours=9)), snapshot=snapshot(SHOP, BLOG))
    new = replace(world.source.snapshot(), apps={SHOP: app(SHOP, "c2"), BLOG: app(BLOG)})
    blog_may_go = threading.Event()

    def blog():
        assert blog_may_go.wait(30)
        return converged(BLOG)

    def first():
        world.source.change(new, frozenset({SHOP}))
        return converged(SHOP)  # true of the old content

    def second():
        blog_may_go.set()
        return PassResult(status=status(SHOP, content_hash="c2"))

    world.passes = {SHOP: [first, second], BLOG: [blog]}
    assert world.controller.run().exit_code == 0
    assert world.seen.count(SHOP) == 2


def test_a_vanished_app_gets_no_pass():
    """Its folder is gone: it is left alone."""
    world = World(snapshot=snapshot(SHOP, BLOG, vanished=frozenset({BLOG})))
    assert world.controller.run().exit_code == 0
    assert world.seen == [SHOP]


def test_what_is_wrong_with_the_files_is_logged(caplog):
    """Mistakes with their places, vanished folders and what stays are said when they come up."""
    mistake = diagnostic()
    world = World(
        snapshot=snapshot(
            SHOP,
            BLOG,
            broken={SHOP: (mistake,)},
            diagnostics=(mistake,),
            vanished=frozenset({BLOG}),
        )
    )
    assert world.controller.run().exit_code == 2
    assert str(mistake) in caplog.text
    assert "the last good state stays" in caplog.text
    assert "nothing is deleted" in caplog.text


def test_a_dead_holders_app_is_taken_up_without_waiting():
    """The heartbeat sees the holder die and wakes the app long before its own retry is due."""
    world = World()

    def held():
        world.members[0].view = View(dead=frozenset({"b#1"}), alive=frozenset({"a#1"}))
        return LeaseHeld("held by b#1", holder="b#1", delay=timedelta(hours=9))

    world.passes[SHOP] = [held, converged(SHOP)]
    assert world.controller.run().exit_code == 0


def test_a_member_declared_dead_goes_on_under_a_new_name():
    """The heartbeat's LeaseLost makes a new incarnation, under which the app is reconciled again."""
    world = World()

    def lost():
        world.members[0].beat_error = LeaseLost("declared dead by b#1")
        return LeaseLost("declared dead by b#1")

    def again():
        if len(world.members) < 2:
            return TemporaryError("not yet", delay=SOON)
        return converged(SHOP)

    world.passes[SHOP] = [lost, again]
    assert world.controller.run().exit_code == 0
    assert [m.id for m in world.members] == ["a#1", "a#2"]


def test_stop_lets_the_running_pass_finish():
    """Draining waits for the pass that runs, starts no other, however slow the source is, and exits 0."""
    world = World(Options(workers=1), snapshot=snapshot(SHOP, BLOG))

    def worked_off():
        for thread in world.controller._threads:
            thread.join(10)

    world.source.stop = worked_off

    def stopping():
        world.controller.stop(signal.SIGTERM)
        assert world.core.draining.wait(30)
        return converged(BLOG)

    world.passes[BLOG] = [stopping]
    assert world.controller.run().exit_code == 0
    assert world.seen == [BLOG]
    assert world.released == [BLOG]


def test_a_pass_that_does_not_end_bounds_the_drain(caplog):
    """After the drain time the pass is left behind, its lease is not given back, the member leaves."""
    world = World(Options(workers=1, drain=timedelta(milliseconds=200)))
    may_end = threading.Event()

    def hanging():
        world.controller.stop()
        may_end.wait(60)
        return converged(SHOP)

    # The first pass makes the app ours, the second hangs.
    world.passes[SHOP] = [rolling(SHOP), hanging]
    try:
        assert world.controller.run().exit_code == 0
    finally:
        may_end.set()
    assert world.released == []
    assert f"still at work, left behind: {SHOP}" in caplog.text


def test_a_second_stop_waits_for_nobody():
    """Whoever presses Ctrl-C twice wants out now, whatever the drain time is."""
    world = World(Options(workers=1, drain=timedelta(hours=9)))
    may_end = threading.Event()

    def hanging():
        world.controller.stop()
        world.controller.stop()
        may_end.wait(60)
        return converged(SHOP)

    world.passes[SHOP] = [hanging]
    try:
        assert world.controller.run().exit_code == 0
    finally:
        may_end.set()


@pytest.mark.parametrize(
    ("options", "code"), [(Options(workers=1), 0), (UNTIL, 128 + signal.SIGTERM)]
)
def test_a_signal_drains_and_ends(options, code):
    """SIGTERM ends the controller with 0, a wait for convergence with 143; handlers are put back."""
    world = World(options)
    before = signal.getsignal(signal.SIGTERM)

    def signalled():
        os.kill(os.getpid(), signal.SIGTERM)
        assert world.core.draining.wait(30)
        return rolling(SHOP)

    world.passes[SHOP] = [signalled]
    with handle_signals(world.controller):
        ending = world.controller.run()
    assert ending.exit_code == code
    assert signal.getsignal(signal.SIGTERM) is before
    assert world.released == [SHOP]


@pytest.mark.parametrize(
    ("disposition", "code"), [(signal.SIG_DFL, 128 + signal.SIGHUP), (signal.SIG_IGN, 0)]
)
def test_a_closed_terminal_is_a_signal_to_end(disposition, code):
    """SIGHUP drains as SIGTERM does, and stays ignored where it was: under nohup."""
    world = World(UNTIL)
    before = signal.signal(signal.SIGHUP, disposition)

    def signalled():
        os.kill(os.getpid(), signal.SIGHUP)
        return converged(SHOP) if code == 0 else rolling(SHOP)

    world.passes[SHOP] = [signalled]
    try:
        with handle_signals(world.controller):
            assert world.controller.run().exit_code == code
        assert signal.getsignal(signal.SIGHUP) is disposition
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_of_the_main_thread_signals_are_left_alone():
    """A controller embedded in another program changes no handlers."""
    world = World()
    before = signal.getsignal(signal.SIGTERM)

    def body() -> None:
        with handle_signals(world.controller):
            assert signal.getsignal(signal.SIGTERM) is before

    thread = threading.Thread(target=body)
    thread.start()
    thread.join(30)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_crash_of_one_app_leaves_the_others_alone(caplog):
    """A bug in one app's pass is said and retried while the other app converges."""
    caplog.set_level(logging.INFO)
    world = World(Options(workers=1), snapshot=snapshot(SHOP, BLOG))

    def last():
        world.controller.stop()
        return converged(SHOP)

    world.passes = {BLOG: [ZeroDivisionError("bug")], SHOP: [last]}
    assert world.controller.run().exit_code == 0
    assert world.seen == [BLOG, SHOP]
    assert "internal error: ZeroDivisionError: bug" in caplog.text


def test_the_resync_is_jittered_upwards():
    """Apps that began together do not come in step for ever."""
    world = World(Options(resync=timedelta(seconds=60)))
    jittered = replace(world.core, random=lambda: 0.5)
    assert world.controller.resync() == timedelta(seconds=60)
    again = Controller(jittered, world.controller._parts, Options(resync=timedelta(seconds=60)))
    assert again.resync() == timedelta(seconds=63)
