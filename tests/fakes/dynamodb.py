"""DynamoDB in memory, at the level of the wire operations that we use.

Takes and returns typed items as botocore does and raises the errors of `model.errors`, made by our own
translation. Unlike moto it knows ClientRequestToken. It is strict where AWS would only be unlucky: a
read that is not consistent fails the test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from reconciler.aws.items import from_item
from reconciler.aws.translate import from_cancellation, from_code
from reconciler.model.clock import Clock
from reconciler.model.errors import AwsError
from tests.fakes.expressions import ExpressionError, Item, Scope, check_placeholders, holds, updated

TOKEN_SECONDS = 600.0
LARGEST_ITEM = 400 * 1024


@dataclass
class _Table:
    name: str
    keys: tuple[str, ...]
    description: dict[str, Any]
    ready_at: float
    recoverable: bool = False
    ttl: str | None = None
    partitions: dict[str, dict[Any, Item]] = field(default_factory=dict)

    def key_of(self, item: Item) -> tuple[str, Any]:
        values = []
        for name in self.keys:
            if name not in item:
                raise ExpressionError(f"missing the key {name} in the item")
            ((kind, value),) = item[name].items()
            values.append(Decimal(value) if kind == "N" else value)
        return str(values[0]), values[1] if len(values) > 1 else ""

    def get(self, key: Item) -> Item | None:
        if set(key) != set(self.keys):
            raise ExpressionError("the provided key element does not match the schema")
        partition, sort = self.key_of(key)
        return self.partitions.get(partition, {}).get(sort)

    def put(self, item: Item) -> None:
        if len(repr(item)) > LARGEST_ITEM:
            raise ExpressionError("Item size has exceeded the maximum allowed size")
        partition, sort = self.key_of(item)
        self.partitions.setdefault(partition, {})[sort] = item


class FakeDynamoDB:
    """One account's tables. `handle` is one operation, atomically.

    `creation_seconds` is how long a new table is CREATING; `page_size` cuts Query pages;
    `batch_size` is how many keys BatchGetItem processes at once (the others are UnprocessedKeys).
    """

    def __init__(
        self,
        clock: Clock,
        *,
        creation_seconds: float = 5.0,
        page_size: int | None = None,
        batch_size: int = 100,
    ) -> None:
        self.clock = clock
        self.creation_seconds = creation_seconds
        self.page_size = page_size
        self.batch_size = batch_size
        self.tables: dict[str, _Table] = {}
        self._tokens: dict[str, tuple[str, float]] = {}
        self._operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "BatchGetItem": self._batch_get,
            "CreateTable": self._create_table,
            "DescribeContinuousBackups": self._describe_backups,
            "DescribeTable": self._describe_table,
            "DescribeTimeToLive": self._describe_ttl,
            "GetItem": self._get,
            "PutItem": self._put,
            "Query": self._query,
            "TransactWriteItems": self._transact,
            "UpdateContinuousBackups": self._update_backups,
            "UpdateItem": self._update,
            "UpdateTimeToLive": self._update_ttl,
        }

    def handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out one operation and return AWS's answer, without ResponseMetadata."""
        handler = self._operations.get(operation)
        assert handler is not None, f"the fake DynamoDB does not know {operation}"
        try:
            return handler(params)
        except ExpressionError as error:
            raise self._error(operation, "ValidationException", str(error)) from error

    def items(self, table: str) -> list[dict[str, Any]]:
        """Return all items of a table in plain values, by key: for assertions."""
        found = self.tables[table].partitions if table in self.tables else {}
        return [
            from_item(found[partition][sort])
            for partition in sorted(found)
            for sort in sorted(found[partition])
        ]

    def drop(self, table: str, key: Item) -> None:
        """Delete an item behind everybody's back, as TTL or an administrator would."""
        partition, sort = self.tables[table].key_of(key)
        del self.tables[table].partitions[partition][sort]

    @staticmethod
    def _error(operation: str, code: str, message: str, **response: Any) -> AwsError:
        return from_code(f"dynamodb:{operation}", code, message, response=response)

    def _table(self, operation: str, name: str) -> _Table:
        table = self.tables.get(name)
        if table is None or self.clock.boot_seconds() < table.ready_at:
            raise self._error(
                operation, "ResourceNotFoundException", "Requested resource not found"
            )
        return table

    def _get(self, params: Mapping[str, Any]) -> dict[str, Any]:
        assert params.get("ConsistentRead") is True, "GetItem must be a consistent read"
        item = self._table("GetItem", params["TableName"]).get(params["Key"])
        return {} if item is None else {"Item": item}

    def _batch_get(self, params: Mapping[str, Any]) -> dict[str, Any]:
        responses: dict[str, list[Item]] = {}
        unprocessed: dict[str, Any] = {}
        for name, wanted in params["RequestItems"].items():
            assert wanted.get("ConsistentRead") is True, "BatchGetItem must be a consistent read"
            table, keys = self._table("BatchGetItem", name), wanted["Keys"]
            if not 1 <= len(keys) <= 100:
                raise ExpressionError("between 1 and 100 keys")
            if len({table.key_of(key) for key in keys}) != len(keys):
                raise ExpressionError("Provided list of item keys contains duplicates")
            found = [table.get(key) for key in keys[: self.batch_size]]
            responses[name] = [item for item in found if item is not None]
            if len(keys) > self.batch_size:
                unprocessed[name] = {**wanted, "Keys": keys[self.batch_size :]}
        return {"Responses": responses, "UnprocessedKeys": unprocessed}

    def _query(self, params: Mapping[str, Any]) -> dict[str, Any]:
        assert params.get("ConsistentRead") is True, "Query must be a consistent read"
        table = self._table("Query", params["TableName"])
        names, values = (
            params.get("ExpressionAttributeNames"),
            params.get("ExpressionAttributeValues"),
        )
        text = params["KeyConditionExpression"]
        check_placeholders([text], names, values)
        # AWS wants the partition key by equality; written first by us, so that no other is looked at
        match = re.match(rf"{table.keys[0]} = (:\w+)", text)
        if match is None:
            raise ExpressionError("Query condition missed key schema element")
        partition = values[match[1]]["S"]
        matching = [
            (sort, item)
            for sort, item in table.partitions.get(partition, {}).items()
            if holds(text, Scope(item, names or {}, values or {}))
        ]
        forward = params.get("ScanIndexForward", True)
        matching.sort(
            key=lambda found: found[0].encode() if isinstance(found[0], str) else found[0],
            reverse=not forward,
        )
        if start := params.get("ExclusiveStartKey"):
            after = table.key_of(start)[1]
            matching = [f for f in matching if (f[0] > after if forward else f[0] < after)]
        limit = min(params.get("Limit") or 1_000_000, self.page_size or 1_000_000)
        page = [item for _, item in matching[:limit]]
        answer: dict[str, Any] = {"Items": page, "Count": len(page)}
        if len(page) == limit:  # AWS says so even when nothing follows
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in table.keys}
        return answer

    def _put(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return self._single("PutItem", "Put", params)

    def _update(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return self._single("UpdateItem", "Update", params)

    def _single(self, operation: str, kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
        table = self._table(operation, params["TableName"])
        old, new = self._apply(table, kind, params)
        if new is None:
            response = {"Item": old} if old and _wants_old(params) else {}
            raise self._error(
                operation,
                "ConditionalCheckFailedException",
                "The conditional request failed",
                **response,
            )
        table.put(new)
        returned = {"ALL_NEW": new, "ALL_OLD": old}.get(params.get("ReturnValues", "NONE"))
        return {"Attributes": returned} if returned else {}

    def _apply(
        self, table: _Table, kind: str, params: Mapping[str, Any]
    ) -> tuple[Item | None, Item | None]:
        """Return the item before and after; after is None when the condition does not hold."""
        names = params.get("ExpressionAttributeNames")
        values = params.get("ExpressionAttributeValues")
        condition, update = params.get("ConditionExpression"), params.get("UpdateExpression")
        check_placeholders([t for t in (condition, update) if t], names, values)
        key = {n: params["Item"][n] for n in table.keys} if kind == "Put" else params["Key"]
        old = table.get(key)
        scope = Scope(old or {}, names or {}, values or {})
        if condition and not holds(condition, scope):
            return old, None
        if kind == "Put":
            return old, params["Item"]
        if kind == "ConditionCheck" or not update:
            return old, old or key
        new = updated(update, Scope({**key, **(old or {})}, names or {}, values or {}))
        if any(new.get(name) != value for name, value in key.items()):
            raise ExpressionError("cannot update a part of the key")
        return old, new

    def _transact(self, params: Mapping[str, Any]) -> dict[str, Any]:
        token, fingerprint = params.get("ClientRequestToken"), ""
        if token:
            assert 1 <= len(token) <= 36, "ClientRequestToken has at most 36 characters"
            fingerprint = json.dumps(params["TransactItems"], sort_keys=True, default=str)
            if self._is_repetition(token, fingerprint):
                return {}
        actions = [next(iter(action.items())) for action in params["TransactItems"]]
        if not 1 <= len(actions) <= 100:
            raise ExpressionError("a transaction has between 1 and 100 actions")
        places, reasons, changes = set(), [], []
        for kind, action in actions:
            table = self._table("TransactWriteItems", action["TableName"])
            place = (table.name, *table.key_of(action["Item" if kind == "Put" else "Key"]))
            if place in places:
                raise ExpressionError(
                    "a transaction cannot include multiple operations on one item"
                )
            places.add(place)
            old, new = self._apply(table, kind, action)
            reason: dict[str, Any] = {"Code": "None"}
            if new is None:
                reason = {
                    "Code": "ConditionalCheckFailed",
                    "Message": "The conditional request failed",
                }
                if old and _wants_old(action):
                    reason["Item"] = old
            elif kind != "ConditionCheck":
                changes.append((table, new))
            reasons.append(reason)
        if any(reason["Code"] != "None" for reason in reasons):
            raise from_cancellation("dynamodb:TransactWriteItems", "Transaction cancelled", reasons)
        for table, new in changes:
            table.put(new)
        if token:
            self._tokens[token] = (fingerprint, self.clock.boot_seconds())
        return {}

    def _is_repetition(self, token: str, fingerprint: str) -> bool:
        known = self._tokens.get(token)
        if known is None or self.clock.boot_seconds() - known[1] >= TOKEN_SECONDS:
            return False
        if known[0] != fingerprint:
            raise self._error(
                "TransactWriteItems",
                "IdempotentParameterMismatchException",
                "The token was used with other parameters",
            )
        return True

    def _create_table(self, params: Mapping[str, Any]) -> dict[str, Any]:
        name = params["TableName"]
        if name in self.tables:
            raise self._error(
                "CreateTable", "ResourceInUseException", f"Table already exists: {name}"
            )
        keys = sorted(params["KeySchema"], key=lambda part: part["KeyType"])
        ready_at = self.clock.boot_seconds() + self.creation_seconds
        names = tuple(part["AttributeName"] for part in keys)
        self.tables[name] = _Table(name, names, dict(params), ready_at)
        return {"TableDescription": self._description(self.tables[name])}

    def _describe_table(self, params: Mapping[str, Any]) -> dict[str, Any]:
        table = self.tables.get(params["TableName"])
        if table is None:
            raise self._error("DescribeTable", "ResourceNotFoundException", "Table not found")
        return {"Table": self._description(table)}

    def _description(self, table: _Table) -> dict[str, Any]:
        ready = self.clock.boot_seconds() >= table.ready_at
        return {**table.description, "TableStatus": "ACTIVE" if ready else "CREATING"}

    def _update_backups(self, params: Mapping[str, Any]) -> dict[str, Any]:
        table = self._table("UpdateContinuousBackups", params["TableName"])
        table.recoverable = params["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        return self._describe_backups(params)

    def _describe_backups(self, params: Mapping[str, Any]) -> dict[str, Any]:
        table = self._table("DescribeContinuousBackups", params["TableName"])
        status = "ENABLED" if table.recoverable else "DISABLED"
        recovery = {"PointInTimeRecoveryStatus": status}
        return {"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": recovery}}

    def _update_ttl(self, params: Mapping[str, Any]) -> dict[str, Any]:
        table = self._table("UpdateTimeToLive", params["TableName"])
        wanted = params["TimeToLiveSpecification"]
        table.ttl = wanted["AttributeName"] if wanted["Enabled"] else None
        return {"TimeToLiveSpecification": wanted}

    def _describe_ttl(self, params: Mapping[str, Any]) -> dict[str, Any]:
        table = self._table("DescribeTimeToLive", params["TableName"])
        status = {"TimeToLiveStatus": "ENABLED" if table.ttl else "DISABLED"}
        return {"TimeToLiveDescription": status}


def _wants_old(params: Mapping[str, Any]) -> bool:
    return params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
