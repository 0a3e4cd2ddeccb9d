"""The journal's form: canonical entry, hash chain, cap on size, reading and verifying.

Entries are written only inside a commit (`store.session`). docs/journal.md tells what one holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.aws.door import Aws
from reconciler.aws.items import from_item, to_item, to_value
from reconciler.aws.translate import expect
from reconciler.model.errors import CorruptLedger
from reconciler.model.journal import Entry, JournalRecord
from reconciler.model.names import AppKey
from reconciler.store.fields import SCHEMA, Fields, canonical_json
from reconciler.store.head import GENESIS_HASH, Head

LARGEST_ENTRY = 32 * 1024
"""Bytes. What does not fit is replaced by its size and hash, and the entry says so."""

_CUT_FIRST = ("detail", "after", "before", "cause")


@dataclass(frozen=True)
class Stamp:
    """What the commit adds to every entry of its own: who, when, under what desired state."""

    key: AppKey
    epoch: int
    who: str
    at: datetime
    generation: int
    commit: str
    desired_hash: str
    nonce: str
    """Random per commit: two writers never make the same entry, so a hash proves whose it is."""


def chain(entries: Iterable[Entry], stamp: Stamp, head: Head) -> list[JournalRecord]:
    """Return the entries as stored after `head`: numbered, stamped, capped and chained."""
    records: list[JournalRecord] = []
    number, previous = head.sequence, head.chain_hash
    for entry in entries:
        number += 1
        content = _content(entry, stamp, number)
        body = _capped(content)
        digest = entry_hash(previous, body)
        records.append(JournalRecord(number, previous, digest, body, json.loads(body)))
        previous = digest
    return records


def entry_hash(previous: str, body: str) -> str:
    """Return an entry's hash: sha256 over the previous hash and the exact text, in hexadecimal."""
    return hashlib.sha256((previous + body).encode()).hexdigest()


def _content(entry: Entry, stamp: Stamp, number: int) -> dict[str, Any]:
    return {
        "n": number,
        "app": stamp.key,
        "kind": entry.kind.value,
        "address": entry.address,
        "action": entry.action,
        "cause": entry.cause,
        "op": entry.operation_id,
        "epoch": stamp.epoch,
        "who": stamp.who,
        "at": stamp.at.isoformat(timespec="milliseconds"),
        "generation": stamp.generation,
        "commit": stamp.commit,
        "content_hash": stamp.desired_hash,
        "before": entry.before,
        "after": entry.after,
        "outcome": entry.outcome,
        "request_id": entry.request_id,
        "detail": dict(entry.detail),
        "nonce": stamp.nonce,
    }


def _capped(content: dict[str, Any]) -> str:
    """Return the entry's text within LARGEST_ENTRY; the largest parts give way, and it says which."""
    body = canonical_json(content)
    if len(body.encode()) <= LARGEST_ENTRY:
        return body
    cut = dict(content)
    for part in _CUT_FIRST:
        text = canonical_json(cut[part])
        cut[part] = {
            "truncated": True,
            "bytes": len(text.encode()),
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
        body = canonical_json(cut)
        if len(body.encode()) <= LARGEST_ENTRY:
            return body
    raise ValueError(f"journal entry {content['n']} of {content['app']} cannot be made to fit")


def put_action(table: str, key: AppKey, record: JournalRecord) -> dict[str, Any]:
    """Return the action that appends one entry: it never overwrites one."""
    item = {
        "pk": f"A#{key}",
        "n": record.number,
        "ent": record.body,
        "prev": record.previous_hash,
        "hsh": record.hash,
        "v": SCHEMA,
    }
    return {
        "Put": {
            "TableName": table,
            "Item": to_item(item),
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def read_hash(aws: Aws, table: str, key: AppKey, number: int) -> str | None:
    """Return the hash of entry `number`, None when there is no such entry."""
    record = read_entry(aws, table, key, number)
    return record.hash if record else None


def read_entry(aws: Aws, table: str, key: AppKey, number: int) -> JournalRecord | None:
    """Return entry `number`, None when there is no such entry. Raises CorruptLedger."""
    answer = aws.call(
        "dynamodb",
        "GetItem",
        TableName=table,
        Key=to_item({"pk": f"A#{key}", "n": number}),
        ConsistentRead=True,
    )
    item = answer.get("Item")
    return _decode(table, key, from_item(item)) if item else None


def read_entries(
    aws: Aws, table: str, key: AppKey, *, newest_first: bool, limit: int | None = None
) -> Iterator[JournalRecord]:
    """Yield the app's entries; `limit` bounds what one page asks for. Raises CorruptLedger, NotFound."""
    params: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": to_value(f"A#{key}")},
        "ScanIndexForward": not newest_first,
        "ConsistentRead": True,
    }
    if limit is not None:
        params["Limit"] = limit
    for page in aws.pages("dynamodb", "Query", **params):
        for item in expect(page, "Items", operation="dynamodb:Query"):
            yield _decode(table, key, from_item(item))


def _decode(table: str, key: AppKey, item: Mapping[str, Any]) -> JournalRecord:
    number = item.get("n")
    fields = Fields(table, f"A#{key} {number}", item)
    return JournalRecord(
        number=fields.integer("n"),
        previous_hash=fields.text("prev"),
        hash=fields.text("hsh"),
        body=fields.text("ent"),
        content=fields.document("ent"),
    )


def verify(records: Iterable[JournalRecord], head: Head) -> list[str]:
    """Return what is wrong with the chain, in words; an empty list when it is whole.

    `records` come oldest first. `head` was read before them, so there may be newer ones.
    """
    problems: list[str] = []
    number, previous = 0, GENESIS_HASH
    reached = head.sequence == 0
    for record in records:
        if record.number != number + 1:
            problems.append(_gap(number, record.number))
        elif record.previous_hash != previous:
            problems.append(f"entry {record.number} does not continue entry {number}")
        if entry_hash(record.previous_hash, record.body) != record.hash:
            problems.append(f"entry {record.number} was changed: its hash does not match its text")
        if record.content.get("n") != record.number:
            problems.append(f"entry {record.number} says that it is {record.content.get('n')}")
        if record.number == head.sequence:
            reached = True
            if record.hash != head.chain_hash:
                problems.append(f"entry {record.number} is not the one that HEAD names")
        number, previous = record.number, record.hash
    if not reached:
        problems.append(f"HEAD names entry {head.sequence}, the journal ends at {number}")
    return problems


def _gap(last: int, found: int) -> str:
    first, end = last + 1, found - 1
    return f"entry {first} is missing" if first == end else f"entries {first} to {end} are missing"


def corrupt_append(key: AppKey, number: int) -> CorruptLedger:
    """Return the error for a journal that already holds an entry which HEAD does not know of."""
    return CorruptLedger(
        f"the journal of {key} already has entry {number}, but HEAD ends before it: the state table "
        "was changed or restored without the journal (see docs/tables.md)"
    )
