"""Runs and claim cells as stored items: decoding, and the conditional writes of their transitions.

Used by `runs` (the only writer) and by `store.ledger`. Attribute names are the protocol's; a frozen
request is kept as JSON text, so that its bytes never change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.names import AppKey
from reconciler.model.run import Claim, ClaimState, GuardMode, Run, RunState
from reconciler.store.fields import Fields, canonical_json
from reconciler.store.write import Write


def run_key(key: AppKey, name: str, revision: str) -> dict[str, str]:
    """Return the key of a run in the state table."""
    return {"pk": f"A#{key}", "sk": f"MIG#{name}#{revision}"}


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
        "facts": canonical_json(run.facts),
    }
    return {name: value for name, value in attributes.items() if value is not None}


def decode_run(item: Mapping[str, Any], table: str = "state") -> Run:
    """Return the run of a plain item with its key. Raises CorruptLedger."""
    fields = Fields(table, f"{item.get('pk')} {item.get('sk')}", item)
    parts = fields.text("sk").split("#")
    if len(parts) != 3 or parts[0] != "MIG":  # noqa: PLR2004 - MIG#<name>#<revision>
        raise fields.wrong("sk", "MIG#<name>#<revision>")
    return Run(
        name=parts[1],
        revision=parts[2],
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
    )


def run_write(key: AppKey, run: Run, previous: Run | None) -> Write:
    """Return the write that makes `run` the record, conditional on `previous` (None: no record yet).

    The condition is state and version of `previous`; the version of `run` must be one higher.
    """
    version = previous.version if previous else 0
    if run.version != version + 1:
        raise ValueError(f"run {run.item_key} goes from version {version} to {run.version}")
    place = run_key(key, run.name, run.revision)
    if previous is None:
        return Write("state", place, "attribute_not_exists(pk)", put=encode_run(run))
    values = {":st": previous.state.value, ":ver": previous.version}
    return Write("state", place, "st = :st AND ver = :ver", values, put=encode_run(run))


def claim_key(key: AppKey, run: Run) -> str:
    """Return the key of a launch's claim cell."""
    return f"mig#{key}/{run.name}#{run.revision}#{run.attempt}#{run.launch}"


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
