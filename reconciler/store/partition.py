"""The items of one app in the state table, by how their sort key begins. Read by `ledger` and `releases`.

Every read is consistent. What an item means is the business of who asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.aws.door import Aws
from reconciler.aws.items import from_item, to_value
from reconciler.aws.translate import expect
from reconciler.model.names import AppKey


def items_of(
    aws: Aws, table: str, key: AppKey, begins: str, **more: Any
) -> Iterator[dict[str, Any]]:
    """Yield the plain items in the order of their sort keys, page by page; `more` is Query's own.

    Raises NotFound when there is no such table.
    """
    pages = aws.pages(
        "dynamodb",
        "Query",
        TableName=table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": to_value(f"A#{key}"), ":sk": to_value(begins)},
        ConsistentRead=True,
        **more,
    )
    for page in pages:
        for item in expect(page, "Items", operation="dynamodb:Query"):
            yield from_item(item)
