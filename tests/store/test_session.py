"""The commit primitive: all or nothing, compare-and-set, and recognising one's own landed commit."""

from __future__ import annotations

import pytest

from reconciler.aws.items import to_item
from reconciler.model.errors import (
    ConditionFailed,
    CorruptLedger,
    LeaseLost,
    OutcomeUnknown,
    Superseded,
)
from reconciler.model.journal import Entry, EntryKind
from reconciler.store.session import HeadChange, Write
from tests.store.world import ENTRY, KEY, World


def write(condition: str = "attribute_not_exists(k)", cell: str = "c1", **more) -> Write:
    """Return a write of one claim cell."""
    return Write("claims", {"k": cell}, condition, put={"st": "OFFERED"}, **more)


def test_commit_appends_entries_changes_head_and_writes_in_one_transaction():
    """A commit of two entries and a write is one TransactWriteItems, and the chain stays whole."""
    world = World()
    session = world.session()
    sent = len(world.transport.calls)
    session.commit([ENTRY, ENTRY], [write()], HeadChange(active="MIG#db#1", generation=7))
    assert world.transport.operations()[sent:] == ["TransactWriteItems"]
    view = world.store().read()
    assert (view.sequence, view.active_run, view.generation) == (3, "MIG#db#1", 7)
    assert world.dynamodb.items("reconciler-claims") == [{"k": "c1", "st": "OFFERED", "v": 1}]
    assert world.store().verify() == []


def test_a_refused_write_leaves_nothing_behind():
    """When a write's own condition does not hold, neither journal nor HEAD moves, and it is named."""
    world = World()
    session = world.session()
    session.commit([ENTRY], [write()])
    with pytest.raises(Superseded, match="claims c1") as caught:
        session.commit([ENTRY], [write()])
    assert isinstance(caught.value.__cause__, ConditionFailed)
    assert world.store().read().sequence == 2


def test_only_one_of_two_deciders_on_the_same_snapshot_commits():
    """The second commit on one snapshot is Superseded, with the lease and without."""
    world = World()
    session = world.session()
    operator = world.store().operator(world.store().read(), "arn:someone")
    operator.commit([ENTRY])
    with pytest.raises(Superseded):
        session.commit([ENTRY])
    session.rebase(world.store().read())
    session.commit([ENTRY])
    with pytest.raises(Superseded):
        operator.commit([ENTRY])
    assert world.store().read().sequence == 3


@pytest.mark.parametrize("lost", [1, 5, 1000])
def test_a_commit_whose_answers_were_lost_counts_as_landed(lost):
    """Whatever number of answers is lost, a commit that took effect returns and is applied once."""
    world = World()
    session = world.session()
    world.lose("TransactWriteItems", lost, applied=True)
    session.commit([ENTRY])
    assert world.store().read().sequence == session.head.sequence == 2


def test_a_landed_commit_is_recognised_behind_later_ones():
    """When others committed after our unacknowledged commit, the journal at our number proves it."""
    world = World()
    session = world.session()

    def others() -> None:
        world.store().operator(world.store().read(), "arn:someone").commit([ENTRY])
        world.lose("TransactWriteItems", 1000, applied=False)  # the token cannot tell either
        raise OutcomeUnknown("lost", operation="dynamodb:TransactWriteItems")

    world.once_after("TransactWriteItems", others)
    session.commit([ENTRY])
    assert session.head.sequence == 2
    assert world.store().read().sequence == 3


def test_a_landed_commit_is_recognised_after_a_takeover():
    """A commit that landed before another took the app is no LeaseLost; the next one is."""
    world = World()
    first = world.session()

    def takeover() -> None:
        world.transport.after = None
        thief = world.store().operator(world.store().read(), "host9#1")
        thief.acquire("host9#1")
        world.lose("TransactWriteItems", 1000, applied=False)
        raise OutcomeUnknown("lost", operation="dynamodb:TransactWriteItems")

    world.once_after("TransactWriteItems", takeover)
    first.commit([ENTRY])
    world.transport.before = None
    with pytest.raises(LeaseLost, match="host9#1"):
        first.commit([ENTRY])


def test_a_commit_that_never_arrives_ends_in_superseded():
    """Requests that are lost for ever end as Superseded, and nothing was written."""
    world = World()
    session = world.session()
    world.lose("TransactWriteItems", 1000, applied=False)
    with pytest.raises(Superseded, match="not known"):
        session.commit([ENTRY])
    world.transport.before = None
    assert world.store().read().sequence == 1


def test_a_delayed_commit_and_its_successor_exclude_each_other():
    """A transaction that arrives after its decider gave up and committed anew is refused."""
    world = World()
    session = world.session()
    world.lose("TransactWriteItems", 1000, applied=False)
    with pytest.raises(Superseded):
        session.commit([ENTRY], [write(cell="old")])
    delayed = next(c for c in reversed(world.transport.calls) if c[1] == "TransactWriteItems")
    world.transport.before = None
    session.commit([ENTRY], [write(cell="new")])
    with pytest.raises(ConditionFailed):
        world.dynamodb.handle("TransactWriteItems", delayed[2])
    assert [i["k"] for i in world.dynamodb.items("reconciler-claims")] == ["new"]


def test_the_token_is_the_same_over_retries_and_new_for_a_new_commit():
    """All wire attempts of one commit carry one ClientRequestToken, another commit another one."""
    world = World()
    session = world.session()
    start = len(world.transport.calls)
    world.lose("TransactWriteItems", 3, applied=False)
    session.commit([ENTRY])
    session.commit([ENTRY])
    tokens = [
        params["ClientRequestToken"]
        for _, name, params in world.transport.calls[start:]
        if name == "TransactWriteItems"
    ]
    assert len(tokens) == 5
    assert len(set(tokens[:4])) == 1
    assert tokens[4] != tokens[0]


def test_equal_entries_of_two_writers_are_not_mistaken_for_each_other():
    """The same entry by the same actor at the same second has another hash: whose it is, is proven."""
    world = World()
    world.session()
    view = world.store().read()
    one, two = (world.store().operator(view, "arn:someone") for _ in range(2))
    one.commit([ENTRY], [write(cell="one")])
    with pytest.raises(Superseded):
        two.commit([ENTRY], [write(cell="two")])


def test_commits_of_an_old_epoch_are_refused():
    """After a takeover nothing of the old session is applied, though the journal stood still for it."""
    world = World()
    old = world.session()
    thief = world.store().operator(world.store().read(), "host9#1")
    thief.acquire("host9#1")
    for attempt in (lambda: old.commit([ENTRY]), lambda: old.rebase(world.store().read())):
        with pytest.raises(LeaseLost):
            attempt()
    assert world.store().read().epoch == 2


def test_the_slot_of_a_running_migration_is_exclusive():
    """`require_idle` refuses a second run in flight even to a writer with a fresh journal number."""
    world = World()
    session = world.session()
    session.commit([ENTRY], change=HeadChange(active="MIG#db#1", require_idle=True))
    with pytest.raises(Superseded):
        session.commit([ENTRY], change=HeadChange(active="MIG#db#2", require_idle=True))
    session.commit([ENTRY], change=HeadChange(active=None))
    assert world.store().read().active_run is None


def test_intents_stay_open_in_head_until_their_outcome():
    """An intent is listed in HEAD with its entry's number and removed by its outcome."""
    world = World()
    session = world.session()
    operation = session.intent(Entry(EntryKind.INTENT, "service/web", "UpdateService"))
    assert world.store().read().open_intents == {operation: 2}
    session.outcome(
        operation, Entry(EntryKind.OUTCOME, "service/web", "UpdateService", outcome="ok")
    )
    assert world.store().read().open_intents == {}
    outcome, intent = (r.content for r in world.store().journal(limit=2, newest_first=True))
    assert (intent["op"], intent["kind"]) == (operation, "INTENT")
    assert (outcome["op"], outcome["kind"], outcome["outcome"]) == (operation, "OUTCOME", "ok")


def test_an_intent_can_be_the_first_thing_ever_written():
    """An operator's intent on an empty ledger creates HEAD with its map of open intents."""
    world = World()
    session = world.store().operator(world.store().read(), "arn:someone")
    operation = session.intent(ENTRY)
    assert world.store().read().open_intents == {operation: 1}
    assert world.store().read().owner is None


def test_the_generation_never_goes_back():
    """A commit with an older generation is refused before anything is sent."""
    world = World()
    session = world.session()
    session.commit([ENTRY], change=HeadChange(generation=5, desired_hash="h", commit="abc"))
    with pytest.raises(ValueError, match="older"):
        session.commit([ENTRY], change=HeadChange(generation=4))
    view = world.store().read()
    assert (view.generation, view.desired_hash, view.commit) == (5, "h", "abc")


def test_release_frees_the_app_and_keeps_the_epoch():
    """After a release the owner is gone, the epoch stays, and a second release does nothing."""
    world = World()
    session = world.session()
    session.release()
    session.release()
    view = world.store().read()
    assert (view.owner, view.epoch, view.sequence) == (None, 1, 2)


def test_release_goes_through_although_an_operator_was_faster():
    """A release decides nothing, so it follows a journal that moved on under the same lease."""
    world = World()
    session = world.session()
    world.store().operator(world.store().read(), "arn:someone").commit([ENTRY])
    session.release()
    assert world.store().read().owner is None


def test_release_of_a_lost_app_touches_nothing():
    """Releasing after a takeover leaves the new owner alone."""
    world = World()
    session = world.session()
    thief = world.store().operator(world.store().read(), "host9#1")
    thief.acquire("host9#1")
    session.release()
    assert world.store().read().owner == "host9#1"


def test_a_journal_ahead_of_head_is_reported_as_corrupt():
    """An entry that HEAD does not know of (a restored state table) stops with CorruptLedger."""
    world = World()
    session = world.session()
    item = to_item({"pk": f"A#{KEY}", "n": 2, "ent": "{}", "prev": "", "hsh": "x", "v": 1})
    world.dynamodb.handle("PutItem", {"TableName": "reconciler-journal", "Item": item})
    with pytest.raises(CorruptLedger, match="entry 2"):
        session.commit([ENTRY])


def test_a_check_writes_nothing_and_can_refuse():
    """A Write without put, set and remove only checks its condition."""
    world = World()
    session = world.session()
    session.commit([ENTRY], [Write("claims", {"k": "c"}, "attribute_not_exists(k)")])
    assert world.dynamodb.items("reconciler-claims") == []
    with pytest.raises(Superseded):
        session.commit([ENTRY], [Write("claims", {"k": "c"}, "attribute_exists(k)")])


def test_a_commit_needs_an_entry():
    """State never changes without a journal entry."""
    with pytest.raises(ValueError, match="journal entry"):
        World().session().commit([])


def test_the_fence_stops_a_commit_before_anything_is_sent():
    """With a fenced door a commit past the deadline raises LeaseLost and sends no transaction."""
    world = World()
    member = world.member()
    store = world.store()
    store.aws = world.aws.fenced(member.check)
    session = store.acquire(store.read(), member)
    world.pass_time(25)
    sent = len(world.transport.calls)
    with pytest.raises(LeaseLost, match="no heartbeat"):
        session.commit([ENTRY])
    assert len(world.transport.calls) == sent
