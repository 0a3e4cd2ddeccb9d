"""Heartbeats, hand-overs and new incarnations, one tick at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.controller.membership import (
    BEAT,
    BEAT_RETRY,
    LOST_IN_A_ROW,
    SILENCE,
    Membership,
    Memberships,
    Surroundings,
)
from reconciler.controller.progress import Progress
from reconciler.model.errors import LeaseLost, TemporaryError, Unreachable
from tests.controller.fakes import FakeMember, View, VirtualClock

SHOP, BLOG = "production/shop", "production/blog"
PLACE = "123456789012/eu-west-1/reconciler"


class Bench:
    """One membership; `members` are its incarnations so far, `requeued` the keys it asked for."""

    def __init__(self, beat: timedelta = BEAT) -> None:
        self.clock = VirtualClock()
        self.progress = Progress(self.clock)
        self.requeued: list[str] = []
        self.calls: list[str] = []
        self.members: list[FakeMember] = []
        self.join_error: Exception | None = None
        self.around = Surroundings(self.clock, self.progress, self.requeued.append, lambda: 0, beat)
        self.membership = Membership(PLACE, self.factory, self.around)

    def factory(self, place: str) -> FakeMember:
        assert place == PLACE
        member = FakeMember(f"a#{len(self.members) + 1}", self.calls)
        member.join_error = self.join_error
        self.members.append(member)
        return member

    def joined(self, *keys: str) -> FakeMember:
        for key in keys or (SHOP,):
            self.membership.member(key)
        return self.members[-1]


def unreachable() -> Unreachable:
    """Make the error of an AWS that is out of reach."""
    return Unreachable("no route", operation="dynamodb:UpdateItem")


def test_the_first_pass_joins_and_the_others_share_the_member():
    """One incarnation serves all apps of a place."""
    bench = Bench()
    assert bench.membership.member(SHOP) is bench.membership.member(BLOG)
    assert bench.calls == ["a#1 join"]


def test_the_others_are_known_before_the_first_pass():
    """Joining looks at the members, so that a dead holder or a wish is not learned a beat later."""
    assert Bench().joined(SHOP).watched == 1


def test_a_refused_join_is_the_passs_error_and_the_next_one_tries_again():
    """Joining has no retry of its own where a worker asks; the heartbeat tries as well."""
    bench = Bench()
    bench.join_error = unreachable()
    with pytest.raises(Unreachable):
        bench.membership.member(SHOP)
    assert bench.membership.tick() == BEAT_RETRY
    bench.join_error = None
    assert bench.membership.tick() == BEAT
    assert bench.requeued == [SHOP]
    assert bench.membership.member(SHOP).id == "a#3"


def test_nobody_joins_before_there_is_work():
    """A heartbeat without apps is silent: a place nobody needs is not written to."""
    bench = Bench()
    assert bench.membership.tick() == BEAT
    assert bench.calls == []


def test_a_second_thread_does_not_join_twice():
    """While one thread joins, others are sent away for an instant instead of waiting in a lock."""
    bench = Bench()
    seen = []

    def factory(place):
        member = bench.factory(place)

        def join():
            with pytest.raises(TemporaryError) as raised:
                bench.membership.member(BLOG)
            seen.append(raised.value.delay)

        member.join = join
        return member

    bench.membership._factory = factory
    bench.membership.member(SHOP)
    assert len(bench.members) == 1
    assert seen[0] < timedelta(seconds=1)


def test_a_holder_declared_dead_wakes_its_apps():
    """What a dead member held is looked at at once, once."""
    bench = Bench()
    member = bench.joined(SHOP)
    bench.membership.held_elsewhere(SHOP, "b#1")
    member.view = View(alive=frozenset({"a#1", "b#1"}))
    bench.membership.tick()
    assert bench.requeued == []
    member.view = View(dead=frozenset({"b#1"}), alive=frozenset({"a#1"}))
    bench.membership.tick()
    bench.membership.tick()
    assert bench.requeued == [SHOP]


def test_a_holder_that_left_wakes_its_apps():
    """A controller that ended by SIGTERM is not waited for."""
    bench = Bench()
    member = bench.joined(SHOP)
    bench.membership.held_elsewhere(SHOP, "b#1")
    member.view = View(alive=frozenset({"a#1"}))
    bench.membership.tick()
    assert bench.requeued == [SHOP]


def test_an_app_that_became_ours_is_no_longer_waited_for():
    """After a pass of our own the former holder's end is no news."""
    bench = Bench()
    member = bench.joined(SHOP)
    bench.membership.held_elsewhere(SHOP, "b#1")
    bench.membership.done(SHOP)
    member.view = View(dead=frozenset({"b#1"}))
    bench.membership.tick()
    assert bench.requeued == []


def test_a_request_for_hand_over_wakes_the_app():
    """The holder hears of it by its heartbeat, and yields in the app's next pass."""
    bench = Bench()
    member = bench.joined(SHOP)
    member.view = View(alive=frozenset({"a#1", "c#1"}), wants={SHOP: "c#1", BLOG: "c#1"})
    bench.membership.tick()
    assert bench.requeued == [SHOP]
    bench.membership.held_elsewhere(SHOP, "c#1")
    bench.membership.tick()
    assert bench.requeued == [SHOP]


def test_our_own_request_is_none_to_us():
    """A member that asks for an app does not hand it over to itself."""
    bench = Bench()
    member = bench.joined(SHOP)
    member.view = View(alive=frozenset({"a#1"}), wants={SHOP: "a#1"})
    bench.membership.tick()
    assert bench.requeued == []


def test_a_missed_heartbeat_is_tried_again_soon():
    """AWS out of reach costs no incarnation: the local deadline is what stops us acting."""
    bench = Bench()
    member = bench.joined(SHOP)
    member.beat_error = unreachable()
    assert bench.membership.tick() == BEAT_RETRY
    member.beat_error = None
    assert bench.membership.tick() == BEAT
    assert bench.membership.member(SHOP) is member


def test_a_member_declared_dead_joins_anew_and_looks_at_its_apps():
    """After LeaseLost nothing is done under the old name; all its apps are looked at under the new."""
    bench = Bench()
    member = bench.joined(SHOP, BLOG)
    member.beat_error = LeaseLost("declared dead by b#1")
    assert bench.membership.tick() == BEAT
    assert bench.calls == ["a#1 join", "a#1 beat", "a#1 leave", "a#2 join"]
    assert bench.membership.member(SHOP).id == "a#2"
    assert bench.requeued == [BLOG, SHOP]


def test_the_old_member_is_not_used_when_the_new_one_cannot_join():
    """Between two incarnations there is none: passes fail, the heartbeat goes on trying."""
    bench = Bench()
    member = bench.joined(SHOP)
    member.beat_error, member.leave_error = LeaseLost("dead"), unreachable()
    bench.join_error = unreachable()
    assert bench.membership.tick() == BEAT_RETRY
    with pytest.raises(Unreachable):
        bench.membership.member(SHOP)
    bench.join_error = None
    bench.membership.tick()
    assert bench.membership.member(SHOP).id == "a#4"


def test_one_lost_lease_keeps_a_healthy_member():
    """A pass may lose its app to a hand-over; the other apps keep their leases."""
    bench = Bench()
    member = bench.joined(SHOP)
    bench.membership.lost(SHOP)
    bench.membership.tick()
    assert bench.membership.member(SHOP) is member


def test_lost_leases_in_a_row_need_a_new_member():
    """When every pass loses its lease though the heartbeat is well, the incarnation is given up."""
    bench = Bench()
    bench.joined(SHOP)
    for _ in range(LOST_IN_A_ROW):
        bench.membership.lost(SHOP)
    bench.membership.tick()
    assert bench.membership.member(SHOP).id == "a#2"


def test_a_hanging_pass_silences_the_heartbeat_and_then_costs_the_incarnation():
    """No beat for a worker that hangs; after the lease has run out the others go on under a new name."""
    bench = Bench()
    bench.joined(SHOP, BLOG)
    bench.progress.begin(SHOP)
    bench.clock.advance(121)
    bench.membership.tick()
    bench.clock.advance(SILENCE.total_seconds())
    bench.membership.tick()
    assert bench.calls == ["a#1 join"]
    bench.clock.advance(1)
    bench.membership.tick()
    bench.membership.tick()
    assert bench.calls == ["a#1 join", "a#1 leave", "a#2 join", "a#2 beat"]


def test_a_pass_that_goes_on_gives_the_heartbeat_its_voice_back():
    """Silence ends with the hang, and a later hang has its full time again."""
    bench = Bench()
    bench.joined(SHOP)
    bench.progress.begin(SHOP)
    bench.clock.advance(130)
    bench.membership.tick()
    bench.progress.end(SHOP)
    bench.clock.advance(40)
    bench.membership.tick()
    assert bench.calls == ["a#1 join", "a#1 beat"]


def test_the_end_leaves_and_lets_nobody_join_again():
    """After `end` no worker can bring the member back to life."""
    bench = Bench()
    bench.joined(SHOP)
    bench.membership.end()
    assert bench.calls[-1] == "a#1 leave"
    with pytest.raises(TemporaryError):
        bench.membership.member(SHOP)


def test_the_first_heartbeat_follows_the_join_at_once():
    """What a member asks others for travels with its heartbeat, so the first one does not wait."""
    bench = Bench(timedelta(hours=9))
    memberships = Memberships(bench.factory, bench.around)
    memberships.member(SHOP, PLACE)
    assert bench.members[0].beaten.wait(30)
    memberships.end()


def test_each_place_has_a_member_and_a_heartbeat_of_its_own():
    """Apps of two regions are two memberships, which beat by themselves and end together."""
    bench = Bench()
    made: list[FakeMember] = []

    def factory(place):
        made.append(FakeMember(place, bench.calls))
        return made[-1]

    around = Surroundings(
        bench.clock, bench.progress, bench.requeued.append, lambda: 0, timedelta(milliseconds=1)
    )
    memberships = Memberships(factory, around)
    here, there = memberships.member(SHOP, "here"), memberships.member(BLOG, "there")
    assert here is not there
    assert memberships.member("production/third", "here") is here
    assert memberships.of(SHOP) is memberships.of("production/third")
    assert memberships.of("production/unknown") is None
    assert all(member.beaten.wait(30) for member in made)
    made[0].leave_error = unreachable()
    assert [str(error) for error in memberships.end()] == ["no route"]
    assert {"here leave", "there leave"} <= set(bench.calls)
