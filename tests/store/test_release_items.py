"""Releases as items: read back as written, newest first, of one resource, beside the snapshot."""

from __future__ import annotations

import pytest

from reconciler.model.errors import CorruptLedger
from reconciler.model.names import Address
from reconciler.model.release import Release
from reconciler.store.releases import decode_release, release_write
from tests.store.world import ENTRY, KEY, World

WEB, WEB2 = Address("service", "web"), Address("service", "web2")


def a_release(begun: int, address: Address = WEB) -> Release:
    """Return a release."""
    applied = {"service": {"desiredCount": 2}, "taskDefinition": {}, "kept": []}
    return Release(address, begun, 3, "b7710de9", "2026-11-22T10:00:00+00:00", "arn:td:4", applied)


@pytest.fixture
def world():
    """Return a ledger."""
    return World()


def test_releases_come_back_as_written_newest_first(world):
    """Across pages, by number and not by text, and only those of the resource."""
    session = world.session()
    for number in (*range(5, 50), 100):
        session.commit([ENTRY], [release_write(KEY, a_release(number))])
    session.commit([ENTRY], [release_write(KEY, a_release(7, WEB2))])
    found = list(world.store().releases(WEB))
    assert [r.begun for r in found] == [100, *range(49, 4, -1)]
    assert found[0] == a_release(100)
    assert list(world.store().releases(WEB2)) == [a_release(7, WEB2)]
    assert list(world.store().releases(Address("job", "web"))) == []


def test_the_same_release_may_be_written_twice(world):
    """A verdict that is repeated after a crash is no conflict."""
    session = world.session()
    session.commit([ENTRY], [release_write(KEY, a_release(5))])
    session.commit([ENTRY], [release_write(KEY, a_release(5))])
    assert list(world.store().releases(WEB)) == [a_release(5)]


def test_a_pass_does_not_read_them(world):
    """The snapshot of an app is as small with a thousand releases as with none."""
    session = world.session()
    session.commit([ENTRY], [release_write(KEY, a_release(5))])
    assert world.store().read().services == {}


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("sk", "REL#web#1"), ("beg", "1"), ("gen", -1), ("t0", "now"), ("applied", "{"), ("td", 4)],
)
def test_a_damaged_release_is_refused(attribute, value):
    """What was not written by us names table, key and attribute."""
    put = release_write(KEY, a_release(5))
    item = {**put.put, **put.key, "v": 1, attribute: value}
    with pytest.raises(CorruptLedger, match=f"'{attribute}'"):
        decode_release(item)
