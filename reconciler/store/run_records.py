"""Runs and claim cells as stored items: decoding, and the conditional writes of their transitions.

Used through `store.records`, by `runs` (the only writer) and by `store.ledger`. Attribute names are the
protocol's; a frozen request is kept as JSON text, so that its bytes never change.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reconciler.model.names import AppKey
from reconciler.model.run import (
    MOST_LAUNCHES,
    Claim,
    ClaimState,
    GuardMode,
    Launch,
    PastAttempt,
    Run,
    RunKey,
    RunState,
)
from reconciler.store.fields import SCHEMA, Fields, canonical_json
from reconciler.store.write import Write

EXPIRY = "exp"
"""When DynamoDB may delete an item, in seconds since 1970 (`store.tables` switches that on)."""


def run_place(key: AppKey, run: RunKey) -> dict[str, str]:
    """Return the key of a run in the state table."""
    return {"pk": f"A#{key}", "sk": str(run)}


def encode_run(run: Run) -> dict[str, Any]:
    """Return a run's attributes besides the key; what is None is absent."""
    attributes = {
        "st": run.state.value,
        "att": run.attempt,
        "lau": run.launch,
        "ord": run.ordinal,
        "gm": run.mode.value,
        "ctr": run.container,
        "tok": run.token,
        "sby": run.started_by,
        "req": canonical_json(run.request),
        "tmo": run.timeout_seconds,
        "sto": run.start_timeout_seconds,
        "t0": run.intent_at.isoformat(),
        "ver": run.version,
        "dg": run.generation,
        "arn": run.task_arn,
        "t1": run.running_since.isoformat() if run.running_since else None,
        "seen": run.last_seen_at.isoformat() if run.last_seen_at else None,
        "t9": run.settled_at.isoformat() if run.settled_at else None,
        "why": run.reason,
        "xc": run.exit_code,
        "evi": run.evidence,
        "irr": run.irreversible or None,
        "ratt": run.requested_attempt,
        "past": [_encode_past(past) for past in run.past] or None,
        "facts": canonical_json(run.facts),
        **_of_jobs_and_tasks(run),
    }
    return {name: value for name, value in attributes.items() if value is not None}


def _of_jobs_and_tasks(run: Run) -> dict[str, Any]:
    """Return what a migration's item never had; a run without it is as those were."""
    return {
        "matt": run.most_attempts if run.most_attempts != 1 else None,
        "boff": run.backoff_seconds or None,
        "mlau": run.most_launches if run.most_launches != MOST_LAUNCHES else None,
        "def": run.definition or None,
        "stop": run.stop_asked or None,
        "fin": run.over or None,
    }


def decode_run(item: Mapping[str, Any], table: str = "state") -> Run:
    """Return the run of a plain item with its key. Raises CorruptLedger."""
    fields = Fields(table, f"{item.get('pk')} {item.get('sk')}", item)
    key = _run_key(fields, fields.text("sk"))
    return Run(
        name=key.name,
        revision=key.revision,
        state=fields.choice("st", RunState),
        attempt=fields.integer("att"),
        launch=fields.integer("lau"),
        ordinal=fields.integer("ord"),
        mode=fields.choice("gm", GuardMode),
        container=fields.text("ctr"),
        token=fields.text("tok"),
        started_by=fields.text("sby"),
        request=fields.document("req"),
        timeout_seconds=fields.integer("tmo"),
        start_timeout_seconds=fields.integer("sto"),
        intent_at=fields.time("t0"),
        version=fields.integer("ver"),
        generation=fields.integer("dg", 0),
        task_arn=fields.optional("arn"),
        running_since=fields.optional_time("t1"),
        last_seen_at=fields.optional_time("seen"),
        settled_at=fields.optional_time("t9"),
        reason=fields.text("why", ""),
        exit_code=fields.exit_code("xc"),
        evidence=fields.text("evi", ""),
        irreversible=fields.boolean("irr", default=False),
        requested_attempt=fields.integer("ratt", 0),
        facts=fields.document("facts") if "facts" in item else {},
        kind=key.kind,
        past=tuple(_decode_past(fields, past) for past in fields.maps("past")),
        most_attempts=fields.integer("matt", 1),
        backoff_seconds=fields.integer("boff", 0),
        most_launches=fields.integer("mlau", MOST_LAUNCHES),
        definition=fields.text("def", ""),
        stop_asked=fields.text("stop", ""),
        over=fields.boolean("fin", default=False),
    )


def _encode_past(past: PastAttempt) -> dict[str, Any]:
    attributes = {
        "att": past.number,
        "arn": past.task_arn,
        "td": past.task_definition,
        "t0": past.began_at.isoformat(),
        "t9": past.ended_at.isoformat(),
        "why": past.reason,
        "xc": past.exit_code,
    }
    return {name: value for name, value in attributes.items() if value is not None}


def _decode_past(run: Fields, item: Mapping[str, Any]) -> PastAttempt:
    fields = Fields(run.table, run.key, {"v": SCHEMA, **item})
    return PastAttempt(
        number=fields.integer("att"),
        task_arn=fields.text("arn"),
        task_definition=fields.text("td"),
        began_at=fields.time("t0"),
        ended_at=fields.time("t9"),
        reason=fields.text("why", ""),
        exit_code=fields.exit_code("xc"),
    )


def _run_key(fields: Fields, text: str) -> RunKey:
    try:
        return RunKey.parse(text)
    except ValueError:
        raise fields.wrong("sk", "MIG#, OCC# or TASK#<name>#<revision>") from None


def run_write(key: AppKey, run: Run, previous: Run | None) -> Write:
    """Return the write that makes `run` the record, conditional on `previous` (None: no record yet).

    The condition is state and version of `previous`; the version of `run` must be one higher.
    """
    version = previous.version if previous else 0
    if run.version != version + 1:
        raise ValueError(f"run {run.item_key} goes from version {version} to {run.version}")
    place = run_place(key, run.key)
    if previous is None:
        return Write("state", place, "attribute_not_exists(pk)", put=encode_run(run))
    values = {":st": previous.state.value, ":ver": previous.version}
    return Write("state", place, "st = :st AND ver = :ver", values, put=encode_run(run))


def forget_write(key: AppKey, run: RunKey, now: datetime) -> Write:
    """Return the write that lets DynamoDB delete the item of a run; refused unless it is over.

    Deletion by time to live needs no permission of ours, and decides nothing: what was forgotten is at
    or before its job's floor.
    """
    condition = "attribute_not_exists(pk) OR fin = :fin"
    set_ = {EXPIRY: int(now.timestamp())}
    return Write("state", run_place(key, run), condition, {":fin": True}, set=set_)


def claim_key(key: AppKey, launch: Launch) -> str:
    """Return the key of a launch's claim cell."""
    which = f"{launch.name}#{launch.revision}#{launch.attempt}#{launch.launch}"
    return f"{launch.kind.cell}#{key}/{which}"


def decode_claim(item: Mapping[str, Any], table: str = "claims") -> Claim:
    """Return the claim cell of a plain item. Raises CorruptLedger."""
    fields = Fields(table, str(item.get("k")), item)
    return Claim(
        key=fields.text("k"),
        state=fields.choice("st", ClaimState),
        epoch=fields.integer("ep"),
        task_arn=fields.optional("arn"),
        nonce=fields.optional("nonce"),
        exit_code=fields.exit_code("xc"),
    )


def offer_claim(key: str, epoch: int) -> Write:
    """Return the write that offers a launch's claim cell: it must not have existed."""
    put = {"st": ClaimState.OFFERED.value, "ep": epoch}
    return Write("claims", {"k": key}, "attribute_not_exists(k)", put=put)


def revoke_claim(key: str) -> Write:
    """Return the write that decides "it never ran and never will": refused once a task has claimed."""
    return Write(
        "claims",
        {"k": key},
        "st = :offered",
        {":offered": ClaimState.OFFERED.value},
        set={"st": ClaimState.REVOKED.value},
    )
