"""A job's record as a stored item: what is decided, what was asked for by hand, what ended last.

Used by `store.ledger` to read, and by `runs` for the writes of intents, verdicts and operators' verbs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.job import Ended, History, JobRecord, Trigger, instant_of, occurrence
from reconciler.model.names import AppKey
from reconciler.model.run import RunState
from reconciler.store.fields import SCHEMA, Fields
from reconciler.store.write import Write, versioned

JOB = "L#JOB#"


def job_write(key: AppKey, record: JobRecord) -> Write:
    """Return the write of a job's record; `record.version` is the one that was read, 0 for none."""
    put = {
        "reqs": [
            {"key": r.key, "who": r.by, "t0": r.at.isoformat(), "why": r.reason}
            for r in record.requests
        ],
        "rec": [
            {"occ": e.occurrence, "st": e.state.value, "t9": e.at.isoformat()}
            for e in record.recent
        ],
        "hsuc": record.history.succeeded,
        "hfai": record.history.failed,
    }
    if record.timetable:
        put["tab"] = record.timetable
    if record.released:
        put["rel"] = record.released
    if record.floor is not None:
        put["flo"] = occurrence(record.floor)
    return versioned(key, JOB + record.name, record.version, put)


def decode_job(item: Mapping[str, Any], table: str = "state") -> JobRecord:
    """Return a job's record of a plain item. Raises CorruptLedger."""
    fields = Fields(table, f"{item.get('pk')} {item.get('sk')}", item)
    usual = History()
    return JobRecord(
        name=fields.text("sk").removeprefix(JOB),
        floor=fields.time("flo") if "flo" in item else None,
        requests=tuple(_trigger(_part(fields, r)) for r in fields.maps("reqs")),
        recent=tuple(_ended(_part(fields, e)) for e in fields.maps("rec")),
        history=History(
            fields.integer("hsuc", usual.succeeded), fields.integer("hfai", usual.failed)
        ),
        timetable=fields.text("tab", ""),
        released=fields.text("rel", ""),
        version=fields.integer("ver"),
    )


def _part(fields: Fields, part: Mapping[str, Any]) -> Fields:
    return Fields(fields.table, fields.key, {"v": SCHEMA, **part})


def _trigger(fields: Fields) -> Trigger:
    return Trigger(
        fields.text("key"), fields.text("who"), fields.time("t0"), fields.text("why", "")
    )


def _ended(fields: Fields) -> Ended:
    name = fields.text("occ")
    try:
        instant_of(name)
    except ValueError:
        raise fields.wrong("occ", "an occurrence, as 2025-11-22T02:00:00Z") from None
    return Ended(name, fields.choice("st", RunState), fields.time("t9"))
