"""HEAD, the item that orders everything of one app: owner, epoch, journal head, slot, open intents.

Read by `store.ledger`; changed only by the commit of `store.session`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.aws.door import Aws
from reconciler.aws.items import from_item, to_item, to_value
from reconciler.model.names import AppKey
from reconciler.model.observed import LedgerView
from reconciler.model.run import RunKey
from reconciler.store.fields import SCHEMA, Fields
from reconciler.store.write import HeadChange, Keep, update_expression

GENESIS_HASH = "0" * 64


@dataclass(frozen=True)
class Head:
    """HEAD as of one moment. `sequence` 0 means that the item, or even its table, does not exist yet."""

    key: AppKey
    owner: str | None = None
    epoch: int = 0
    sequence: int = 0
    chain_hash: str = GENESIS_HASH
    active: str | None = None
    unfinished: tuple[str, ...] = ()
    open_intents: Mapping[str, int] = field(default_factory=dict)
    generation: int = 0
    desired_hash: str = ""
    commit: str = ""
    tables_exist: bool = True

    @classmethod
    def of(cls, view: LedgerView) -> Head:
        """Return the head that a snapshot was taken at."""
        return cls(
            key=view.key,
            owner=view.owner,
            epoch=view.epoch,
            sequence=view.sequence,
            chain_hash=view.chain_hash,
            active=view.active_run,
            unfinished=view.unfinished,
            open_intents=dict(view.open_intents),
            generation=view.generation,
            desired_hash=view.desired_hash,
            commit=view.commit,
        )

    def changed(self, change: HeadChange) -> Head:
        """Return HEAD after `change`. Raises ValueError when the generation would go back."""
        if change.generation is not None and change.generation < self.generation:
            raise ValueError(f"generation {change.generation} is older than {self.generation}")
        return replace(
            self,
            active=self.active if isinstance(change.active, Keep) else change.active,
            unfinished=_relisted(self.unfinished, change),
            generation=self.generation if change.generation is None else change.generation,
            desired_hash=self.desired_hash if change.desired_hash is None else change.desired_hash,
            commit=self.commit if change.commit is None else change.commit,
        )

    def attributes(self) -> dict[str, Any]:
        """Return the stored attributes besides key, version and open intents; None for absent ones."""
        return {
            "own": self.owner,
            "ep": self.epoch,
            "jn": self.sequence,
            "jh": self.chain_hash,
            "act": self.active,
            "unf": list(self.unfinished) or None,
            "dg": self.generation,
            "dh": self.desired_hash,
            "dc": self.commit,
        }


def _relisted(keys: tuple[str, ...], change: HeadChange) -> tuple[str, ...]:
    listed = {str(key) for key in (change.listed,) if key is not None}
    struck = {str(key) for key in (change.struck,) if key is not None}
    return tuple(sorted({*keys, *listed} - struck))


def head_action(
    table: str, before: Head, after: Head, *, require_idle: bool = False
) -> dict[str, Any]:
    """Return the action that takes HEAD from `before` to `after`: the compare-and-set of a commit.

    `jn` orders all commits of an app; `ep` and `own` fence everybody whose lease was taken over.
    """
    old, new = before.attributes(), after.attributes()
    values: dict[str, Any] = {}
    changes = {name: value for name, value in new.items() if value not in (None, old[name])}
    removals = [name for name, value in new.items() if value is None and old[name] is not None]
    if before.sequence == 0:
        changes = {name: value for name, value in new.items() if value is not None}
        changes |= {"opn": dict(after.open_intents), "v": SCHEMA}
        condition = "attribute_not_exists(pk)"
    else:
        opened = after.open_intents.keys() - before.open_intents.keys()
        changes |= {f"opn.{operation}": after.open_intents[operation] for operation in opened}
        closed = before.open_intents.keys() - after.open_intents.keys()
        removals += [f"opn.{operation}" for operation in sorted(closed)]
        condition, values = _condition(before)
    if require_idle:
        condition += " AND attribute_not_exists(act)"
    expression, names, changed = update_expression(changes, tuple(removals))
    return {
        "Update": {
            "TableName": table,
            "Key": to_item(head_key(after.key)),
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {**changed, **values},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def _condition(head: Head) -> tuple[str, dict[str, Any]]:
    values = {":jn": to_value(head.sequence), ":ep": to_value(head.epoch)}
    if head.owner is None:
        return "jn = :jn AND ep = :ep AND attribute_not_exists(own)", values
    return "jn = :jn AND ep = :ep AND own = :own", values | {":own": to_value(head.owner)}


def head_key(key: AppKey) -> dict[str, str]:
    """Return HEAD's key in the state table."""
    return {"pk": f"A#{key}", "sk": "HEAD"}


def decode_head(key: AppKey, item: Mapping[str, Any] | None, table: str) -> Head:
    """Return HEAD from its plain item, None for one that does not exist. Raises CorruptLedger."""
    if item is None:
        return Head(key)
    fields = Fields(table, f"A#{key} HEAD", item)
    intents = fields.mapping("opn")
    if not all(isinstance(number, int) for number in intents.values()):
        raise fields.wrong("opn", "a map of whole numbers")
    return Head(
        key=key,
        owner=fields.optional("own"),
        epoch=fields.integer("ep"),
        sequence=fields.integer("jn"),
        chain_hash=fields.text("jh"),
        active=_slot(fields),
        unfinished=tuple(_run_key(fields, "unf", text) for text in fields.texts("unf")),
        open_intents=dict(intents),
        generation=fields.integer("dg", 0),
        desired_hash=fields.text("dh", ""),
        commit=fields.text("dc", ""),
    )


def _slot(fields: Fields) -> str | None:
    active = fields.optional("act")
    return None if active is None else _run_key(fields, "act", active)


def _run_key(fields: Fields, attribute: str, text: str) -> str:
    try:
        return str(RunKey.parse(text))
    except ValueError:
        raise fields.wrong(attribute, "keys of runs, as MIG#<name>#<revision>") from None


def read_head(aws: Aws, table: str, key: AppKey) -> Head:
    """Read HEAD, consistently. Raises NotFound when the table does not exist, CorruptLedger."""
    answer = aws.call(
        "dynamodb",
        "GetItem",
        TableName=table,
        Key=to_item(head_key(key)),
        ConsistentRead=True,
    )
    item = answer.get("Item")
    return decode_head(key, from_item(item) if item else None, table)
