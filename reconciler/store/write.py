"""What a commit carries besides the journal: conditional writes and the change of HEAD, as values.

Made by `store.records` and by `runs`; turned into actions of one transaction by `store.session`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from reconciler.aws.items import to_item, to_value
from reconciler.model.names import AppKey
from reconciler.model.run import RunKey
from reconciler.store.fields import SCHEMA


class Keep(Enum):
    """The word for "leave it as it is" where None already means "remove it"."""

    KEEP = "keep"


KEEP = Keep.KEEP


@dataclass(frozen=True)
class Write:
    """One conditional write. Values are plain Python.

    `condition` is a ConditionExpression in attribute names (none of ours is a reserved word) and
    `:placeholders`, whose values are in `values`. Either `put` is the whole item besides its key, or
    `set` and `remove` change attributes; none of them makes it a mere check. Nothing is ever deleted.
    """

    table: Literal["state", "claims"]
    key: Mapping[str, str]
    condition: str
    values: Mapping[str, Any] = field(default_factory=dict)
    put: Mapping[str, Any] | None = None
    set: Mapping[str, Any] = field(default_factory=dict)
    remove: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Name the item, for messages: `state A#production/shop MIG#db#1`."""
        return f"{self.table} {' '.join(self.key.values())}"

    def action(self, table_name: str) -> dict[str, Any]:
        """Return the TransactWriteItems action."""
        common: dict[str, Any] = {
            "TableName": table_name,
            "ConditionExpression": self.condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        values = {name: to_value(value) for name, value in self.values.items()}
        if self.put is not None:
            if values:
                common["ExpressionAttributeValues"] = values
            return {"Put": {**common, "Item": to_item({"v": SCHEMA, **self.put, **self.key})}}
        common["Key"] = to_item(self.key)
        if not (self.set or self.remove):
            if values:
                common["ExpressionAttributeValues"] = values
            return {"ConditionCheck": common}
        expression, names, more = update_expression(self.set, self.remove)
        values |= more
        if values:
            common["ExpressionAttributeValues"] = values
        common["ExpressionAttributeNames"] = names
        return {"Update": {**common, "UpdateExpression": expression}}


def versioned(key: AppKey, sort: str, version: int, put: Mapping[str, Any]) -> Write:
    """Return the write of an app's record, conditional on the version that was read; 0 for none."""
    place = {"pk": f"A#{key}", "sk": sort}
    put = {**put, "ver": version + 1}
    if version == 0:
        return Write("state", place, "attribute_not_exists(pk)", put=put)
    return Write("state", place, "ver = :ver", {":ver": version}, put=put)


def update_expression(
    changes: Mapping[str, Any], removals: tuple[str, ...] = ()
) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Return UpdateExpression, attribute names and typed values that set and remove attributes.

    An attribute name with a dot (`opn.4f2a`) is a path into a map.
    """
    names: dict[str, str] = {}

    def path(attribute: str) -> str:
        parts = []
        for part in attribute.split("."):
            placeholder = f"#a{len(names)}"
            names[placeholder] = part
            parts.append(placeholder)
        return ".".join(parts)

    values: dict[str, Any] = {}
    assignments = []
    for index, (attribute, value) in enumerate(changes.items()):
        values[f":a{index}"] = to_value(value)
        assignments.append(f"{path(attribute)} = :a{index}")
    clauses = ["SET " + ", ".join(assignments)] if assignments else []
    if removals:
        clauses.append("REMOVE " + ", ".join(path(attribute) for attribute in removals))
    return " ".join(clauses), names, values


@dataclass(frozen=True)
class HeadChange:
    """What a commit changes in HEAD besides the journal's head.

    `active` is the run in flight (`MIG#<name>#<revision>`), None frees the slot. `require_idle` makes
    the commit conditional on a free slot. `listed` and `struck` are runs that go onto the list of the
    unfinished ones and off it. None leaves generation, desired hash and commit as they are.
    """

    active: str | Keep | None = KEEP
    require_idle: bool = False
    listed: RunKey | None = None
    struck: RunKey | None = None
    generation: int | None = None
    desired_hash: str | None = None
    commit: str | None = None
