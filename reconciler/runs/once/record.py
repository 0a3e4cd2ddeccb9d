"""The record of a key in the claims table: how it is written down, and the one request for each transition.

Pure. Called by `ledger`. The item of key K in namespace N is `once#N#K`; attributes are told in docs/once.md.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Request = dict[str, Any]

STARTING = "STARTING"
"""Claimed; the command has certainly not been started."""
RUNNING = "RUNNING"
"""The command was started, or is about to be."""
DONE = "DONE"
FAILED = "FAILED"
UNKNOWN = "UNKNOWN"
"""The holder's heartbeat stood still while the command was running: nobody knows how it ended."""
RETRY = "RETRY"
"""Free for the next start: it never started, or a person said so."""
STATES = (STARTING, RUNNING, DONE, FAILED, UNKNOWN, RETRY)
VERSION = 1


class Damaged(Exception):
    """An item that `once` has not written: table, key and attribute are in the message."""


class Record:
    """What the table says about a key. Times are AWS's, in seconds since 1970."""

    def __init__(self, state: str, nonce: str, who: str, beat: int, attempt: int) -> None:
        self.state, self.nonce, self.who, self.beat, self.attempt = state, nonce, who, beat, attempt
        self.lease = 60.0
        self.started: float | None = None
        self.ended: float | None = None
        self.took: float | None = None
        self.code: int | None = None
        self.why = ""
        self.settled_by = ""

    @property
    def version(self) -> tuple[str, str, int]:
        """What changes with every sign of life."""
        return self.state, self.nonce, self.beat


def read(item: Mapping[str, Any], table: str) -> Record:
    """Decode an item; raises Damaged."""
    reader = _Reader(item, table)
    if reader.number("v") > VERSION:
        raise Damaged(f"{reader.place} was written by a newer version: use that one")
    state = reader.text("st")
    if state not in STATES:
        raise Damaged(f"{reader.place}: st is {state!r}, which is none of {', '.join(STATES)}")
    record = Record(
        state,
        reader.text("nonce"),
        reader.text("who"),
        int(reader.number("hb")),
        int(reader.number("att")),
    )
    record.lease = reader.number("ms") / 1000
    record.started, record.ended = reader.maybe("t0"), reader.maybe("t1")
    record.took = reader.maybe("sec")
    code = reader.maybe("xc")
    record.code = None if code is None else int(code)
    record.why = reader.text("why") if "why" in item else ""
    record.settled_by = reader.text("rb") if "rb" in item else ""
    return record


class _Reader:
    def __init__(self, item: Mapping[str, Any], table: str) -> None:
        self.item = item
        key = item.get("k")
        name = key.get("S") if isinstance(key, dict) else "?"
        self.place = f"table {table}, key {name}"

    def _value(self, name: str, kind: str) -> str:
        typed = self.item.get(name)
        value = typed.get(kind) if isinstance(typed, dict) else None
        if not isinstance(value, str):
            raise Damaged(
                f"{self.place}: {name} is missing or of another type: not written by once"
            )
        return value

    def text(self, name: str) -> str:
        return self._value(name, "S")

    def number(self, name: str) -> float:
        try:
            return float(self._value(name, "N"))
        except ValueError as error:
            raise Damaged(f"{self.place}: {name} is no number") from error

    def maybe(self, name: str) -> float | None:
        return self.number(name) if name in self.item else None


class Writer:
    """Makes the requests of one start on one key; its nonce tells its writes from all others'."""

    def __init__(self, table: str, key: str, nonce: str, who: str, lease: float) -> None:
        self.table, self.key, self.nonce, self.who, self.lease = table, key, nonce, who, lease

    def get(self) -> Request:
        """Read the record, consistently."""
        return {"TableName": self.table, "Key": {"k": _s(self.key)}, "ConsistentRead": True}

    def claim(self) -> Request:
        """Go absent → STARTING."""
        return self._put({"st": _s(STARTING), "hb": _n(1), "att": _n(1)})

    def adopt(self, why: str, by: str, now: float | None) -> Request:
        """Go absent → DONE, by a person's word."""
        ended = {} if now is None else {"t1": _n(int(now))}
        said = {"why": _s(why), "rb": _s(by), **ended}
        return self._put({"st": _s(DONE), "hb": _n(1), "att": _n(0), **said})

    def take(self, seen: Record) -> Request:
        """Go RETRY, FAILED, a stale STARTING, or RUNNING of a dead task → STARTING, now ours."""
        # What never started was no attempt.
        attempt = seen.attempt + (seen.state != STARTING)
        return self._update(
            "SET st = :st, nonce = :me, who = :who, hb = :hb, att = :att, ms = :ms "
            "REMOVE t0, t1, sec, xc, why, rb",
            _SEEN,
            {
                ":st": _s(STARTING), ":me": _s(self.nonce), ":who": _s(self.who),
                ":hb": _n(seen.beat + 1), ":att": _n(attempt), ":ms": _n(int(self.lease * 1000)),
                **_seen(seen),
            },
        )  # fmt: skip

    def confirm(self, beat: int, now: float) -> Request:
        """Go STARTING → RUNNING, only while it is ours: right before the command is started."""
        return self._update(
            "SET st = :st, hb = :hb, t0 = :t0",
            "nonce = :me AND st = :from",
            {
                ":st": _s(RUNNING), ":hb": _n(beat), ":t0": _n(int(now)), ":me": _s(self.nonce),
                ":from": _s(STARTING),
            },
        )  # fmt: skip

    def renew(self, beat: int) -> Request:
        """Move the heartbeat; takes UNKNOWN back, for the holder's own word is the best evidence."""
        return self._update(
            "SET st = :running, hb = :hb REMOVE why",
            "nonce = :me AND st IN (:running, :unknown) AND hb < :hb",
            {
                ":running": _s(RUNNING), ":unknown": _s(UNKNOWN), ":hb": _n(beat), ":me": _s(self.nonce),
            },
        )  # fmt: skip

    def finish(self, state: str, code: int, took: float, now: float | None) -> Request:
        """Go RUNNING or UNKNOWN → DONE or FAILED, while it is ours."""
        values = {
            ":st": _s(state), ":xc": _n(code), ":sec": _n(round(took, 1)), ":me": _s(self.nonce),
            ":running": _s(RUNNING), ":unknown": _s(UNKNOWN),
        }  # fmt: skip
        ended = ""
        if now is not None:
            ended, values[":t1"] = ", t1 = :t1", _n(int(now))
        return self._update(
            f"SET st = :st, xc = :xc, sec = :sec{ended} REMOVE why",
            "nonce = :me AND st IN (:running, :unknown)",
            values,
        )

    def release(self, why: str, attempt: int) -> Request:
        """Go STARTING or RUNNING → RETRY: ours, and its command has certainly not been started."""
        return self._update(
            "SET st = :retry, why = :why, att = :att REMOVE t0",
            "nonce = :me AND st IN (:starting, :running)",
            {
                ":retry": _s(RETRY), ":why": _s(why), ":att": _n(attempt - 1), ":me": _s(self.nonce),
                ":starting": _s(STARTING), ":running": _s(RUNNING),
            },
        )  # fmt: skip

    def give_up(self, seen: Record, why: str) -> Request:
        """Go RUNNING → UNKNOWN, if the heartbeat still stands where it was seen."""
        return self._update(
            "SET st = :st, why = :why", _SEEN, {":st": _s(UNKNOWN), ":why": _s(why), **_seen(seen)}
        )

    def settle(self, seen: Record, state: str, why: str, by: str, now: float) -> Request:
        """Go UNKNOWN, FAILED, or what has been stale for long → what a person says."""
        said = {":st": _s(state), ":why": _s(why), ":by": _s(by), ":t1": _n(int(now))}
        return self._update(
            "SET st = :st, why = :why, rb = :by, t1 = :t1", _SEEN, {**said, **_seen(seen)}
        )

    def _put(self, attributes: Mapping[str, Any]) -> Request:
        ours = {"nonce": _s(self.nonce), "who": _s(self.who), "ms": _n(int(self.lease * 1000))}
        return {
            "TableName": self.table,
            "Item": {"k": _s(self.key), "v": _n(VERSION), **ours, **attributes},
            "ConditionExpression": "attribute_not_exists(k)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _update(self, update: str, condition: str, values: Mapping[str, Any]) -> Request:
        return {
            "TableName": self.table,
            "Key": {"k": _s(self.key)},
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": dict(values),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }


_SEEN = "st = :seen AND nonce = :nonce AND hb = :beat"


def _seen(record: Record) -> dict[str, Any]:
    return {":seen": _s(record.state), ":nonce": _s(record.nonce), ":beat": _n(record.beat)}


def _s(value: str) -> dict[str, str]:
    return {"S": value}


def _n(value: float) -> dict[str, str]:
    return {"N": str(value)}
