"""Our own tables: each app has its own partition, nobody may delete, the journal only grows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.model.run import RunKind
from reconciler.resources.grants.statement import Names, Statement, allow


def reads(names: Names) -> Iterator[Statement]:
    """Grant reading the app's ledger."""
    yield allow(
        "LedgerTables",
        ["dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable"],
        _tables(names),
    )
    yield allow(
        "ReadState",
        ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"],
        [names.table("state")],
        keys([partition_of(names), "M"]),
    )
    yield allow(
        "ReadJournal",
        ["dynamodb:GetItem", "dynamodb:Query"],
        [names.table("journal")],
        keys([partition_of(names)]),
    )


def writes(names: Names) -> Iterator[Statement]:
    """Grant making the tables and writing the app's part of them."""
    yield allow(
        "MakeLedger",
        [
            "dynamodb:CreateTable",
            "dynamodb:UpdateContinuousBackups",
            "dynamodb:UpdateTimeToLive",
        ],
        _tables(names),
    )
    write = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
    yield allow("WriteState", write, [names.table("state")], keys([partition_of(names), "M"]))
    # Append only: no UpdateItem, and no table has DeleteItem.
    yield allow(
        "AppendJournal",
        ["dynamodb:PutItem"],
        [names.table("journal")],
        keys([partition_of(names)]),
    )
    claims = ["dynamodb:ConditionCheckItem", "dynamodb:GetItem", *write]
    yield allow(
        "WriteClaims",
        claims,
        [names.table("claims")],
        _claims(names),
    )


def guard(names: Names) -> Iterator[Statement]:
    """Grant what the guard container does: one conditional update, whose refusal tells it all."""
    if names.app.launched or names.app.guard is not None:
        yield allow(
            "GuardClaims",
            ["dynamodb:UpdateItem"],
            [names.table("claims")],
            _claims(names),
        )


def _tables(names: Names) -> list[str]:
    return [names.table(name) for name in ("state", "journal", "claims")]


def partition_of(names: Names) -> str:
    """Return the partition key of the app's items in the state and journal tables."""
    return f"A#{names.app.key}"


def _claims(names: Names) -> dict[str, Any]:
    app = names.app
    kinds = [RunKind.MIGRATION, *((RunKind.JOB,) if app.jobs else ()), RunKind.TASK]
    return keys([f"{kind.cell}#{app.key}/*" for kind in kinds])


def keys(patterns: Sequence[str]) -> dict[str, Any]:
    """Limit DynamoDB to partition keys. `ForAllValues` is true of nothing at all: hence `Null`."""
    return {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": sorted(patterns)},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
