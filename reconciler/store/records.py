"""Records of an app as stored items: what the ledger remembers of services, migrations, pins, status.

Used by `store.ledger` to read, and by `controller` and `runs` to make the writes of a commit. Runs and
claims are in `store.run_records`, re-exported here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.lookups import Remembered
from reconciler.model.names import Address, AppKey
from reconciler.model.observed import (
    MigrationRecord,
    ResourceRecord,
    RolloutState,
    ServiceRecord,
)
from reconciler.model.status import AppStatus, Health, ResourceStatus, Sync
from reconciler.model.suspension import Suspension
from reconciler.store.fields import Fields, canonical_json
from reconciler.store.run_records import (
    claim_key,
    decode_claim,
    decode_run,
    encode_run,
    offer_claim,
    revoke_claim,
    run_place,
    run_write,
)
from reconciler.store.write import Write, versioned

SERVICE, MIGRATION, RESOURCE = "L#SVC#", "L#MIG#", "L#RES#"
PINS, LOOKUPS, SUSPEND, STATUS = "L#PINS", "L#LOOKUPS", "L#SUSPEND", "L#STATUS"


def _place(key: AppKey, sort: str) -> dict[str, str]:
    return {"pk": f"A#{key}", "sk": sort}


def _fields(item: Mapping[str, Any], table: str) -> Fields:
    return Fields(table, f"{item.get('pk')} {item.get('sk')}", item)


def service_write(key: AppKey, record: ServiceRecord) -> Write:
    """Return the write of a service's record; `record.version` is the one that was read, 0 for none."""
    put = {
        "applied": canonical_json(record.applied),
        "want": record.desired_hash,
        "td": record.task_definition_arn,
        "dep": record.deployment_id,
        "st": record.state.value,
        "held": record.held_hash,
        "why": record.reason,
        "prevtd": record.previous_task_definition_arn,
        "gen": record.generation,
        "com": record.commit,
        "beg": record.begun,
    }
    return versioned(key, SERVICE + record.name, record.version, put)


def decode_service(item: Mapping[str, Any], table: str = "state") -> ServiceRecord:
    """Return a service's record of a plain item. Raises CorruptLedger."""
    fields = _fields(item, table)
    return ServiceRecord(
        name=fields.text("sk").removeprefix(SERVICE),
        applied=fields.document("applied"),
        desired_hash=fields.text("want"),
        task_definition_arn=fields.text("td"),
        deployment_id=fields.text("dep"),
        state=fields.choice("st", RolloutState),
        held_hash=fields.text("held", ""),
        reason=fields.text("why", ""),
        previous_task_definition_arn=fields.text("prevtd", ""),
        version=fields.integer("ver"),
        generation=fields.integer("gen", 0),
        commit=fields.text("com", ""),
        begun=fields.integer("beg", 0),
    )


def migration_write(key: AppKey, record: MigrationRecord) -> Write:
    """Return the write of a migration's record; `record.version` is the one that was read, 0 for none."""
    put = {
        "rev": record.latest_revision,
        "ord": record.latest_ordinal,
        "gates": record.gates,
        "whn": record.when,
    }
    return versioned(key, MIGRATION + record.name, record.version, put)


def decode_migration(item: Mapping[str, Any], table: str = "state") -> MigrationRecord:
    """Return a migration's record of a plain item. Raises CorruptLedger."""
    fields = _fields(item, table)
    return MigrationRecord(
        name=fields.text("sk").removeprefix(MIGRATION),
        latest_revision=fields.text("rev"),
        latest_ordinal=fields.integer("ord"),
        gates=fields.boolean("gates", default=True),
        when=fields.text("whn", "before"),
        version=fields.integer("ver"),
    )


def resource_write(key: AppKey, record: ResourceRecord) -> Write:
    """Return the write of a resource's record; `record.version` is the one that was read, 0 for none."""
    put = {"applied": canonical_json(record.applied)}
    return versioned(key, RESOURCE + record.address, record.version, put)


def decode_resource(item: Mapping[str, Any], table: str = "state") -> ResourceRecord:
    """Return a resource's record of a plain item. Raises CorruptLedger."""
    fields = _fields(item, table)
    return ResourceRecord(
        address=fields.text("sk").removeprefix(RESOURCE),
        applied=fields.document("applied"),
        version=fields.integer("ver"),
    )


def _content_versioned(
    key: AppKey, sort: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Write:
    """Return a write conditional on the content that was read: its hash is the version."""
    put = {**after, "hsh": _hash(after)}
    condition = "hsh = :hsh" if before else "attribute_not_exists(pk) OR hsh = :hsh"
    return Write("state", _place(key, sort), condition, {":hsh": _hash(before)}, put=put)


def _hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def pins_write(key: AppKey, before: Mapping[str, str], after: Mapping[str, str]) -> Write:
    """Return the write that replaces all pins; `before` are those of the snapshot."""

    def content(pins: Mapping[str, str]) -> dict[str, Any]:
        return {"pins": dict(pins)} if pins else {}

    return _content_versioned(key, PINS, content(before), content(after))


def decode_pins(item: Mapping[str, Any], table: str = "state") -> Mapping[str, str]:
    """Return the pins of a plain item. Raises CorruptLedger."""
    fields = _fields(item, table)
    pins = fields.mapping("pins")
    if not all(isinstance(value, str) for value in pins.values()):
        raise fields.wrong("pins", "a map of texts")
    return dict(pins)


def lookups_write(key: AppKey, before: Remembered, after: Remembered) -> Write:
    """Return the write that replaces all remembered look-ups; `before` are those of the snapshot."""

    def content(values: Remembered) -> dict[str, Any]:
        return {"vals": canonical_json(values)} if values else {}

    return _content_versioned(key, LOOKUPS, content(before), content(after))


def decode_lookups(item: Mapping[str, Any], table: str = "state") -> Remembered:
    """Return the look-ups of a plain item. Raises CorruptLedger."""
    fields = _fields(item, table)
    if "vals" not in item:
        return {}
    found = fields.document("vals")
    if not all(isinstance(values, Mapping) for values in found.values()):
        raise fields.wrong("vals", "a map of maps")
    return {
        address: {name: _tuples(value) for name, value in values.items()}
        for address, values in found.items()
    }


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def suspension_write(
    key: AppKey, before: Suspension | None, after: Suspension | None, address: str = ""
) -> Write:
    """Return the write that suspends (or with None resumes) the app, or one address of it.

    `before` is the snapshot's.
    """

    def content(suspension: Suspension | None) -> dict[str, Any]:
        if suspension is None:
            return {}
        said = {"why": suspension.reason, "who": suspension.by, "t0": suspension.at}
        if suspension.until:
            said["t9"] = suspension.until
        numbers = {"back": suspension.rolled_back, "on": suspension.going_on}
        return {**said, **{name: dict(those) for name, those in numbers.items() if those}}

    return _content_versioned(
        key, f"{SUSPEND}#{address}" if address else SUSPEND, content(before), content(after)
    )


def decode_suspension(item: Mapping[str, Any], table: str = "state") -> Suspension | None:
    """Return the suspension of a plain item, None when it was lifted. Raises CorruptLedger."""
    fields = _fields(item, table)
    if "why" not in item:
        return None
    return Suspension(
        reason=fields.text("why"),
        by=fields.text("who"),
        at=fields.text("t0"),
        until=fields.time("t9").isoformat() if "t9" in item else "",
        rolled_back=_numbers(fields, "back"),
        going_on=_numbers(fields, "on"),
    )


def _numbers(fields: Fields, name: str) -> dict[str, int]:
    """Return what is kept by address. Raises CorruptLedger."""
    found = dict(fields.mapping(name))
    try:
        for address in found:
            Address.parse(address)
    except ValueError:
        raise fields.wrong(name, "a map whose keys are addresses") from None
    if not all(isinstance(number, int) for number in found.values()):
        raise fields.wrong(name, "a map of whole numbers")
    return found


def status_document(status: AppStatus) -> dict[str, Any]:
    """Return an app's status as plain JSON values; `decode_status` is the way back."""
    return {
        "key": status.key,
        "sync": status.sync.value,
        "health": status.health.value,
        "generation": status.generation,
        "commit": status.commit,
        "content_hash": status.content_hash,
        "message": status.message,
        "exit_code": status.exit_code,
        "resources": [
            {
                "address": str(resource.address),
                "sync": resource.sync.value,
                "health": resource.health.value,
                "message": resource.message,
                "running": resource.running,
                "revision": resource.revision,
                "exit_code": resource.exit_code,
            }
            for resource in status.resources
        ],
    }


def decode_status(document: Mapping[str, Any], table: str = "state") -> AppStatus:
    """Return the status of `LedgerView.status`. Raises CorruptLedger."""
    place = f"A#{document.get('key')} {STATUS}"
    fields = Fields(table, place, {"v": 1, **document})
    return AppStatus(
        key=fields.text("key"),
        sync=fields.choice("sync", Sync),
        health=fields.choice("health", Health),
        generation=fields.integer("generation"),
        commit=fields.text("commit"),
        content_hash=fields.text("content_hash"),
        resources=tuple(_resource(table, place, r) for r in fields.maps("resources")),
        message=fields.text("message", ""),
        exit_code=fields.integer("exit_code", 0),
    )


def _resource(table: str, place: str, document: Mapping[str, Any]) -> ResourceStatus:
    fields = Fields(table, place, {"v": 1, **document})
    try:
        address = Address.parse(fields.text("address"))
    except ValueError:
        raise fields.wrong("address", "kind/name") from None
    return ResourceStatus(
        address=address,
        sync=fields.choice("sync", Sync),
        health=fields.choice("health", Health),
        message=fields.text("message", ""),
        running=fields.text("running", ""),
        revision=fields.text("revision", ""),
        exit_code=fields.integer("exit_code", 0),
    )


def bumped(record: ServiceRecord) -> ServiceRecord:
    """Return the record as it is after its write has landed."""
    return replace(record, version=record.version + 1)


__all__ = [
    "claim_key",
    "decode_claim",
    "decode_run",
    "encode_run",
    "offer_claim",
    "revoke_claim",
    "run_place",
    "run_write",
]
