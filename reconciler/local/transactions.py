"""TransactWriteItems as DynamoDB documents it: idempotent by token, and with a cheap rollback.

The token is handled on the wire (`front`), the rollback inside moto (`moto_backend`).
"""

from __future__ import annotations

import copy
import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from reconciler.model.clock import Clock
from reconciler.model.names import last_part

_WINDOW = timedelta(minutes=10)
Answer = tuple[str, list[tuple[str, str]], bytes]


class TransactionTokens:
    """ClientRequestTokens of the last ten minutes of the world's clock.

    Source: TransactWriteItems.ClientRequestToken in botocore's DynamoDB model. Only a transaction that
    succeeded is remembered: a repetition of one that was cancelled is tried again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._done: dict[str, tuple[str, datetime, Answer]] = {}

    def handle(self, params: Mapping[str, Any], carry_out: Callable[[], Answer]) -> Answer:
        """Carry out a transaction unless its token tells that it was done before."""
        token = params.get("ClientRequestToken")
        if not token:
            return carry_out()
        rest = {k: v for k, v in params.items() if k != "ClientRequestToken"}
        digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
        with self._lock:  # the repetition of a request in flight waits for it
            now = self._clock.now()
            self._done = {t: d for t, d in self._done.items() if now < d[1] + _WINDOW}
            if token in self._done:
                known, _, answer = self._done[token]
                return answer if known == digest else _mismatch()
            answer = carry_out()
            if answer[0].startswith("200"):
                self._done[token] = (digest, now, answer)
            return answer


def _mismatch() -> Answer:
    body = {
        "__type": "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException",
        "Message": "The request uses the same client token as a previous, but non-identical request.",
    }
    headers = [("Content-Type", "application/x-amz-json-1.0")]
    return "400 Bad Request", headers, json.dumps(body).encode()


def transact_write_items(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap moto's method so that its backup of a table copies only the items the call touches.

    The other items are shared between table and backup; the transaction cannot change them. Runs
    under the one lock of `MotoBackend`, so patching the class for the duration is safe.
    """
    from moto.dynamodb.models.table import Table  # noqa: PLC0415 - only when the server runs

    def wrapped(backend: Any, transact_items: list[dict[str, Any]]) -> Any:
        keys = _touched(transact_items)

        def cheap_copy(table: Any, _memo: Any) -> Any:
            return _copy_table(table, keys.get(table.name, []))

        patched: Any = Table
        patched.__deepcopy__ = cheap_copy
        try:
            return original(backend, transact_items)
        finally:
            del patched.__deepcopy__

    return wrapped


def _touched(transact_items: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    keys: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in transact_items:
        for action in item.values():
            name = last_part(str(action.get("TableName")))
            keys[name].append(action.get("Key") or action.get("Item") or {})
    return keys


def _copy_table(table: Any, keys: list[dict[str, Any]]) -> Any:
    from moto.dynamodb.models.dynamo_type import DynamoType  # noqa: PLC0415 - as above

    twin = copy.copy(table)
    twin.items = defaultdict(dict)
    for hash_value, content in table.items.items():
        twin.items[hash_value] = dict(content) if table.has_range_key else content
    for key in keys:
        if table.hash_key_attr not in key:
            continue
        hash_value = DynamoType(key[table.hash_key_attr])
        if hash_value not in table.items:
            continue
        if not table.has_range_key:
            twin.items[hash_value] = copy.deepcopy(table.items[hash_value])
        elif table.range_key_attr in key:
            range_value = DynamoType(key[table.range_key_attr])
            if range_value in table.items[hash_value]:
                touched = table.items[hash_value][range_value]
                twin.items[hash_value][range_value] = copy.deepcopy(touched)
    return twin
