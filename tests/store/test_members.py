"""Members: heartbeats, local deadlines, declaring the dead, leaving, hand-over requests."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.aws.items import to_item
from reconciler.model.errors import LeaseLost, OutcomeUnknown
from reconciler.store.members import Member, MembersView
from tests.store.world import World


def live(world: World, members: list[Member], seconds: float, step: float = 5.0) -> None:
    """Let time pass while the given members beat and watch."""
    for _ in range(int(seconds / step)):
        world.pass_time(step)
        for member in members:
            member.beat()
            member.watch()


def test_members_see_each_other_alive():
    """Everybody who joined and beats is alive in everybody's view."""
    world = World()
    one, two = world.member(), world.member()
    live(world, [one, two], 120)
    assert one.view == two.view == MembersView(frozenset(), frozenset({one.id, two.id}), {})


def test_a_silent_member_is_dead_after_a_quarter_more_than_its_lease():
    """A heartbeat that stands still is death after 37.5 s on the observer's clock, not before."""
    world = World()
    silent, watcher = world.member(), world.member()
    watcher.watch()
    live(world, [watcher], 35)
    assert not watcher.is_dead(silent.id)
    live(world, [watcher], 5)
    assert watcher.is_dead(silent.id)
    with pytest.raises(LeaseLost, match=f"{watcher.id} declared it dead"):
        silent.beat()
    with pytest.raises(LeaseLost):
        silent.check()


def test_a_member_stops_itself_before_anybody_may_declare_it_dead():
    """Without acknowledged heartbeats the fence closes after 20 s, well before 37.5 s."""
    world = World()
    member = world.member()
    world.pass_time(19.9)
    member.check()
    world.pass_time(0.2)
    with pytest.raises(LeaseLost, match="no heartbeat was acknowledged"):
        member.check()
    member.beat()
    member.check()


def test_the_deadline_counts_from_before_the_heartbeat_was_sent():
    """A heartbeat that takes 8 s to be answered gives 12 s from its answer, not 20."""
    world = World()
    member = world.member()
    world.once_after("UpdateItem", lambda: world.pass_time(8))
    member.beat()
    world.pass_time(11.9)
    member.check()
    world.pass_time(0.2)
    with pytest.raises(LeaseLost):
        member.check()


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_heartbeat_whose_answer_was_lost_is_recognised_as_ones_own(lost):
    """The retry's failed condition shows our own number: success, not a lost lease."""
    world = World()
    member = world.member()
    world.pass_time(12)
    world.lose("UpdateItem", lost, applied=True)
    member.beat()
    world.pass_time(12)
    member.check()


def test_joining_survives_lost_answers():
    """A join whose answer was lost finds its own item and has joined."""
    world = World()
    world.lose("PutItem", 2, applied=True)
    member = world.member()
    member.beat()


def test_a_name_that_is_taken_is_refused():
    """Two processes with one incarnation cannot both be it once the first one lives."""
    world = World()
    member = world.member()
    member.beat()
    again = Member(world.aws, world.tables, world.clock, "host1", incarnation="1")
    with pytest.raises(LeaseLost, match="taken"):
        again.join()


def test_an_unacknowledged_heartbeat_leaves_the_deadline_where_it_was():
    """AWS that does not answer is an error for the caller and no extension."""
    world = World()
    member = world.member()
    world.lose("UpdateItem", 1000, applied=False)
    with pytest.raises(OutcomeUnknown):
        member.beat()
    world.pass_time(15)
    with pytest.raises(LeaseLost):
        member.check()


def test_death_is_for_ever():
    """A member that was declared dead never comes back, even when it beats again later."""
    world = World()
    silent, watcher = world.member(), world.member()
    watcher.watch()
    live(world, [watcher], 45)
    for _ in range(3):
        with pytest.raises(LeaseLost):
            silent.beat()
    live(world, [watcher], 60)
    assert watcher.is_dead(silent.id)


def test_a_heartbeat_that_arrives_during_the_declaration_wins():
    """The declaration is conditional on the heartbeat that was seen: a newer one refuses it."""
    world = World()
    slow, watcher = world.member(), world.member()
    watcher.watch()
    live(world, [watcher], 35)
    world.pass_time(5)
    watcher.beat()
    world.once_before("UpdateItem", slow.beat)
    watcher.watch()
    assert not watcher.is_dead(slow.id)
    slow.check()


def test_two_observers_that_declare_at_once_agree():
    """A declaration that another made first counts as done."""
    world = World()
    silent, one, two = world.member(), world.member(), world.member()
    one.watch()
    two.watch()
    live(world, [one, two], 35)
    world.pass_time(5)
    world.once_before("UpdateItem", two.watch)
    one.watch()
    assert one.is_dead(silent.id)
    assert two.is_dead(silent.id)


def test_leaving_is_known_at_once():
    """Who leaves is dead for the others at their next look, without waiting for its lease."""
    world = World()
    leaver, watcher = world.member(), world.member()
    leaver.leave()
    leaver.leave()
    watcher.watch()
    assert watcher.is_dead(leaver.id)
    with pytest.raises(LeaseLost, match="left"):
        leaver.check()


def test_hand_over_requests_are_seen_with_the_next_heartbeat():
    """What a member wants is in the others' views under its name, and goes when it goes."""
    world = World()
    holder, other = world.member(), world.member()
    other.wants.add("production/shop")
    other.beat()
    assert holder.watch().wants == {"production/shop": other.id}
    other.wants.clear()
    other.beat()
    assert holder.watch().wants == {}


def test_an_owner_whose_item_was_collected_is_dead_after_being_observed_missing():
    """An item that TTL removed decides nothing: its absence is observed and then recorded as death."""
    world = World()
    old, watcher = world.member(), world.member()
    world.dynamodb.drop("reconciler-state", to_item({"pk": "M", "sk": old.id}))
    watcher.watch()
    assert not watcher.is_dead(old.id)
    live(world, [watcher], 35)
    assert not watcher.is_dead(old.id)
    live(world, [watcher], 10)
    assert watcher.is_dead(old.id)
    assert any(i["sk"] == old.id and "dead" in i for i in world.dynamodb.items("reconciler-state"))
    with pytest.raises(LeaseLost):
        old.beat()


def test_items_of_members_expire_a_week_after_the_last_sign():
    """The TTL attribute is a week ahead of AWS's time, for the living and the dead."""
    world = World()
    silent, watcher = world.member(), world.member()
    watcher.watch()
    live(world, [watcher], 45)
    now = world.clock.now().timestamp()
    expiries = {i["sk"]: i["exp"] for i in world.dynamodb.items("reconciler-state")}
    assert expiries[watcher.id] == pytest.approx(now + 7 * 86400, abs=6)
    assert expiries[silent.id] == pytest.approx(now + 7 * 86400, abs=11)


def test_the_longest_wait_shrinks_while_a_member_is_silent():
    """The wait that is said for a holder counts from when its heartbeat was last seen to change."""
    world = World()
    silent, watcher = world.member(), world.member()
    watcher.watch()
    first = watcher.longest_wait(silent.id).total_seconds()
    live(world, [watcher], 20)
    assert first == 42.5
    assert watcher.longest_wait(silent.id).total_seconds() == 22.5


@settings(max_examples=60)
@given(
    rates=st.tuples(st.floats(0.95, 1.05), st.floats(0.95, 1.05)),
    silence=st.floats(0, 60),
    latency=st.floats(0, 9),
    polls=st.lists(st.floats(0.1, 20), min_size=12, max_size=20),
)
def test_nobody_is_declared_dead_while_it_may_still_act(rates, silence, latency, polls):
    """Whatever the clocks' rates (5 %), latency and pauses: a dead member's fence is closed."""
    world = World()
    clocks = [world.clock.host(rate=rate) for rate in rates]
    holder, watcher = (
        Member(world.aws, world.tables, clock, f"h{i}", incarnation="1")
        for i, clock in enumerate(clocks)
    )
    holder.join()
    watcher.join()
    world.once_after("UpdateItem", lambda: world.pass_time(latency))
    holder.beat()
    world.pass_time(silence)
    for pause in polls:
        watcher.watch()
        if watcher.is_dead(holder.id):
            with pytest.raises(LeaseLost):
                holder.check()
        world.pass_time(pause)
