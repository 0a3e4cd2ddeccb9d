"""The journal: chain, cap, content, and that verify sees every tampering."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.aws.items import to_item
from reconciler.model.journal import Entry, EntryKind
from reconciler.store.journal import LARGEST_ENTRY
from reconciler.store.session import HeadChange
from tests.store.world import ENTRY, KEY, World

TABLE = "reconciler-journal"


def journal_of(entries: int) -> World:
    """Return a world whose journal has that many entries."""
    world = World()
    session = world.session()
    for _ in range(entries - 1):
        session.commit([ENTRY])
    return world


def test_an_entry_says_who_did_what_when_and_why():
    """All fields of an entry are stored, with the time of AWS and the desired state's identity."""
    world = World()
    session = world.session()
    session.commit([ENTRY], change=HeadChange(generation=4, desired_hash="h", commit="abc"))
    entry = Entry(
        EntryKind.OUTCOME,
        "service/web",
        "UpdateService",
        cause="git",
        operation_id="op1",
        before={"image": "a"},
        after={"image": "b"},
        outcome="ok",
        request_id="r1",
        detail={"deployment": "ecs-svc/1"},
    )
    session.commit([entry])
    (record,) = world.store().journal(limit=1)
    content = dict(record.content)
    assert content.pop("nonce")
    assert content == {
        "n": 3,
        "app": KEY,
        "kind": "OUTCOME",
        "address": "service/web",
        "action": "UpdateService",
        "cause": "git",
        "op": "op1",
        "epoch": 1,
        "who": "host1#1",
        "at": "2026-11-22T09:30:05.000+00:00",
        "generation": 4,
        "commit": "abc",
        "content_hash": "h",
        "before": {"image": "a"},
        "after": {"image": "b"},
        "outcome": "ok",
        "request_id": "r1",
        "detail": {"deployment": "ecs-svc/1"},
    }


def test_the_chain_can_be_checked_with_nothing_but_sha256():
    """An entry's hash is sha256(previous hash + text), from 64 zeros on: anybody can verify it."""
    previous = "0" * 64
    for record in journal_of(4).store().journal(newest_first=False):
        assert record.previous_hash == previous
        assert record.hash == hashlib.sha256((previous + record.body).encode()).hexdigest()
        previous = record.hash


@settings(max_examples=40)
@given(
    detail=st.dictionaries(st.text(), st.text(max_size=50), max_size=5),
    sizes=st.tuples(*[st.sampled_from([0, 10, 20_000, 40_000, 200_000])] * 3),
)
def test_an_entry_is_never_larger_than_its_cap_and_says_what_was_cut(detail, sizes):
    """Too large parts become their size and hash; the rest of the entry stays."""
    world = World()
    session = world.session()
    before, after, more = ("x" * size for size in sizes)
    entry = replace(ENTRY, before=before, after=after, detail={**detail, "more": more})
    session.commit([entry])
    (record,) = world.store().journal(limit=1)
    assert len(record.body.encode()) <= LARGEST_ENTRY
    for name, value in (("before", before), ("after", after), ("detail", entry.detail)):
        stored = record.content[name]
        if stored != value:
            text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            digest = hashlib.sha256(text.encode()).hexdigest()
            size = len(text.encode())
            assert stored == {"truncated": True, "bytes": size, "sha256": digest}
    if sum(sizes) < 30_000:
        assert record.content["detail"] == entry.detail
    assert world.store().verify() == []


def tamper(world: World, number: int, **changes) -> None:
    """Rewrite a stored entry behind the ledger's back."""
    items = world.dynamodb.items(TABLE)
    item = {**items[number - 1], **changes}
    world.dynamodb.handle("PutItem", {"TableName": TABLE, "Item": to_item(item)})


def test_verify_finds_a_changed_text():
    """One changed letter in an entry shows."""
    world = journal_of(4)
    body = world.dynamodb.items(TABLE)[1]["ent"]
    tamper(world, 2, ent=body.replace("judge", "fudge"))
    assert world.store().verify() == ["entry 2 was changed: its hash does not match its text"]


def test_verify_finds_a_rewritten_entry_by_its_successor():
    """An entry rewritten together with its hash no longer fits the next one."""
    world = journal_of(4)
    item = world.dynamodb.items(TABLE)[1]
    body = item["ent"].replace("judge", "fudge")
    tamper(world, 2, ent=body, hsh=hashlib.sha256((item["prev"] + body).encode()).hexdigest())
    assert world.store().verify() == ["entry 3 does not continue entry 2"]


@pytest.mark.parametrize(
    ("gone", "problem"),
    [
        ([2], "entry 2 is missing"),
        ([1, 2], "entries 1 to 2 are missing"),
        ([4], "HEAD names entry 4, the journal ends at 3"),
    ],
)
def test_verify_finds_missing_entries(gone, problem):
    """A gap at the start, in the middle or at the end is named."""
    world = journal_of(4)
    for number in gone:
        world.dynamodb.drop(TABLE, to_item({"pk": f"A#{KEY}", "n": number}))
    assert problem in world.store().verify()


def test_verify_compares_the_end_with_head():
    """A last entry that was rewritten with its hash is not the one that HEAD names."""
    world = journal_of(4)
    item = world.dynamodb.items(TABLE)[3]
    body = item["ent"].replace("judge", "fudge")
    tamper(world, 4, ent=body, hsh=hashlib.sha256((item["prev"] + body).encode()).hexdigest())
    assert world.store().verify() == ["entry 4 is not the one that HEAD names"]


def test_verify_is_content_with_entries_that_came_meanwhile():
    """A commit between reading HEAD and reading the journal is no problem."""
    world = journal_of(2)
    store = world.store()
    operator = store.operator(store.read(), "arn:someone")
    world.once_before("Query", lambda: operator.commit([ENTRY]))
    assert store.verify() == []
