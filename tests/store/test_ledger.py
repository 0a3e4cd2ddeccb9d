"""The snapshot in three reads, taking the lease, the journal's readers, the status row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.aws.items import to_item
from reconciler.model.errors import CorruptLedger, LeaseHeld, OutcomeUnknown, Superseded
from reconciler.model.names import Address
from reconciler.model.observed import MigrationRecord
from reconciler.model.run import RunKey
from reconciler.model.status import AppStatus, Health, ResourceStatus, Sync
from reconciler.model.suspension import Suspension
from reconciler.store import records
from reconciler.store.ledger import AppStore
from reconciler.store.session import HeadChange
from reconciler.store.tables import Tables
from tests.store.test_records import RUN, SERVICE
from tests.store.world import ENTRY, KEY, World

DB_1 = RunKey.migration("db", "1")


def test_a_missing_table_is_an_empty_ledger():
    """Reading before anything was created gives an empty view and writes nothing."""
    world = World()
    store = AppStore(world.aws, Tables("other"), world.clock, KEY)
    view = store.read([DB_1])
    assert (view.tables_exist, view.sequence, view.runs) == (False, 0, {})
    assert list(store.journal()) == []
    assert store.verify() == []


def test_a_snapshot_is_three_consistent_reads():
    """HEAD, the records, the runs: one GetItem, one Query, one BatchGetItem, in this order."""
    world = World()
    session = world.session()
    other = replace(RUN, revision="1")
    session.commit(
        [ENTRY],
        [
            records.service_write(KEY, SERVICE),
            records.migration_write(KEY, MigrationRecord("db", RUN.revision, 2)),
            records.run_write(KEY, RUN, None),
            records.run_write(KEY, other, None),
            records.pins_write(KEY, {}, {"shop:1": "shop@sha256:1"}),
            records.suspension_write(KEY, None, Suspension("why", "who", "when")),
        ],
        HeadChange(active=other.item_key),
    )
    sent = len(world.transport.calls)
    view = world.store().read([RunKey.migration("db", "3")])
    assert world.transport.operations()[sent:] == ["GetItem", "Query", "BatchGetItem"]
    assert view.services == {"web": replace(SERVICE, version=1)}
    assert view.migrations == {"db": MigrationRecord("db", RUN.revision, 2, version=1)}
    assert view.runs == {RUN.item_key: RUN, other.item_key: other}
    assert view.pins == {"shop:1": "shop@sha256:1"}
    assert view.suspension == Suspension("why", "who", "when")


def test_pages_and_unprocessed_keys_are_followed():
    """A snapshot is whole although AWS answers one record a page and one run at a time."""
    world = World(page_size=1, batch_size=1)
    session = world.session()
    runs = [replace(RUN, revision=str(i)) for i in range(4)]
    services = [replace(SERVICE, name=f"s{i}") for i in range(4)]
    session.commit([ENTRY], [records.run_write(KEY, run, None) for run in runs])
    session.commit([ENTRY], [records.service_write(KEY, service) for service in services])
    view = world.store().read([RunKey.migration("db", str(i)) for i in range(4)])
    assert len(view.runs) == len(view.services) == 4
    assert len(list(world.store().journal(limit=2))) == 2


def test_the_first_acquisition_creates_head():
    """An app that never was gets epoch 1 and journal entry 1 in the same transaction."""
    world = World()
    session = world.session()
    assert (session.lease.epoch, session.head.sequence) == (1, 1)
    (record,) = world.store().journal()
    assert (record.content["kind"], record.content["who"]) == ("LEASE", session.lease.member)


def test_a_living_holder_is_named_with_the_longest_wait():
    """LeaseHeld says who has it and for how long at most if that one is dead."""
    world = World()
    holder, other = world.member(), world.member()
    world.session(holder)
    other.watch()
    with pytest.raises(LeaseHeld, match=r"held by host1#1.* at most 42 s") as caught:
        world.session(other)
    assert caught.value.holder == holder.id


def test_a_dead_owners_app_is_taken_with_the_next_epoch():
    """Once the owner is dead in the member's view, its app can be acquired."""
    world = World()
    holder, other = world.member(), world.member()
    world.session(holder)
    holder.leave()
    other.watch()
    assert world.session(other).lease.epoch == 2


def test_acquiring_ones_own_app_again_raises_the_epoch():
    """A process that lost its session takes a new one; the old session is fenced."""
    world = World()
    member = world.member()
    world.session(member)
    assert world.session(member).lease.epoch == 2


def test_of_two_acquirers_on_one_view_one_wins_and_the_other_learns_of_it():
    """The loser of a race is told who holds the app."""
    world = World()
    one, two = world.member(), world.member()
    store, view = world.store(), world.store().read()
    store.acquire(view, one)
    with pytest.raises(LeaseHeld, match="host1#1"):
        store.acquire(view, two)


def test_an_acquisition_whose_answer_was_lost_leads():
    """A lost answer to the acquisition is recognised by the journal hash: one epoch, not two."""
    world = World()
    world.lose("TransactWriteItems", 1000, applied=True)
    session = world.session()
    assert session.lease.epoch == world.store().read().epoch == 1


def test_an_operators_commit_during_an_acquisition_is_superseded():
    """When the app stays free but the journal went on, acquiring says: look again."""
    world = World()
    store, view = world.store(), world.store().read()
    store.operator(view, "arn:someone").commit([ENTRY])
    with pytest.raises(Superseded):
        store.acquire(view, world.member())


def test_journal_can_be_filtered_by_address_and_limited():
    """`limit` counts the entries that match, in either order."""
    world = World()
    session = world.session()
    for number in range(5):
        session.commit([replace(ENTRY, address=f"service/s{number % 2}")])
    found = list(world.store().journal(address="service/s0", limit=2))
    assert [r.number for r in found] == [6, 4]
    found = list(world.store().journal(address="service/s0", newest_first=False))
    assert [r.number for r in found] == [2, 4, 6]


def test_status_of_a_newer_epoch_is_left_alone():
    """The row round-trips, and a session of an older epoch does not overwrite it."""
    world = World()
    resource = ResourceStatus(
        Address("service", "web"), Sync.SYNCED, Health.HEALTHY, "ok", "3/3", "7"
    )
    status = AppStatus(KEY, Sync.SYNCED, Health.HEALTHY, 3, "abc", "hash", (resource,), "fine", 0)
    store = world.store()
    store.write_status(status, 2)
    store.write_status(replace(status, message="stale"), 1)
    assert records.decode_status(store.read().status) == status
    store.write_status(replace(status, message="newer"), 2)
    assert store.read().status["message"] == "newer"


@pytest.mark.parametrize(
    ("item", "attribute"),
    [
        ({"sk": "HEAD", "ep": "one", "jn": 1, "jh": "x", "v": 1}, "'ep'"),
        ({"sk": "HEAD", "ep": 1, "jn": 1, "v": 1}, "'jh'"),
        ({"sk": "HEAD", "ep": 1, "jn": 1, "jh": "x", "act": "db", "v": 1}, "'act'"),
        ({"sk": "HEAD", "ep": 1, "jn": 1, "jh": "x", "unf": "OCC#a#b", "v": 1}, "'unf'"),
        ({"sk": "HEAD", "ep": 1, "jn": 1, "jh": "x", "unf": ["OCC#a"], "v": 1}, "'unf'"),
        ({"sk": "L#JOB#report", "flo": 7, "v": 1, "ver": 1}, "'flo'"),
        ({"sk": "L#SVC#web", "v": 1, "applied": "{"}, "'applied'"),
        ({"sk": "L#PINS", "pins": {"a": 1}, "v": 1}, "'pins'"),
        ({"sk": "L#SVC#web"}, "'v'"),
        ({"sk": "L#SVC#web", "v": 99}, "newer version"),
    ],
)
def test_an_item_that_is_not_ours_is_named(item, attribute):
    """CorruptLedger says table, key and attribute."""
    world = World()
    whole = to_item({"pk": f"A#{KEY}", **item})
    world.dynamodb.handle("PutItem", {"TableName": "reconciler-state", "Item": whole})
    with pytest.raises(CorruptLedger, match=attribute) as caught:
        world.store().read()
    assert f"reconciler-state: item A#{KEY} {item['sk']}" in str(caught.value)


def test_an_outage_while_reading_is_not_an_empty_ledger():
    """Only a missing table is empty; anything else is raised."""
    world = World()
    world.lose("Query", 1000, applied=False)
    with pytest.raises(OutcomeUnknown):
        world.store().read()
