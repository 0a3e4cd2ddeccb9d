"""The three tables: their names, whether they exist, and creating them on first use.

Called by `app` before anything that writes. Different writers, different permissions, different
retention: docs/tables.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reconciler.aws.door import Aws
from reconciler.aws.translate import expect
from reconciler.model.clock import Clock
from reconciler.model.errors import (
    AccessDenied,
    AwsError,
    CorruptLedger,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    TemporaryError,
)

_POLL = timedelta(seconds=1)
_PATIENCE = timedelta(minutes=3)
_USABLE = ("ACTIVE", "UPDATING")
_TTL_ATTRIBUTE = "exp"


@dataclass(frozen=True)
class Tables:
    """The tables of one account and region; all apps with the same prefix share them."""

    prefix: str = "reconciler"

    @property
    def state(self) -> str:
        """Members, HEAD, records: key pk (S), sk (S)."""
        return f"{self.prefix}-state"

    @property
    def journal(self) -> str:
        """Append-only journal: key pk (S), n (N)."""
        return f"{self.prefix}-journal"

    @property
    def claims(self) -> str:
        """Claim cells, also written by tasks: key k (S)."""
        return f"{self.prefix}-claims"

    def name(self, table: str) -> str:
        """Return the full name of `state`, `journal` or `claims`."""
        return f"{self.prefix}-{table}"

    def schemas(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Return each table's key: (attribute, type), partition key first."""
        return {
            self.state: (("pk", "S"), ("sk", "S")),
            self.journal: (("pk", "S"), ("n", "N")),
            self.claims: (("k", "S"),),
        }

    def missing(self, aws: Aws) -> tuple[str, ...]:
        """Return the names of the tables that do not exist. Reads only."""
        return tuple(name for name in self.schemas() if _describe(aws, name) is None)

    def ensure(self, aws: Aws, clock: Clock) -> tuple[str, ...]:
        """Create what is missing, wait until all can be used, and return the names of the created.

        On-demand billing, deletion protection, point-in-time recovery; expiry of members' items.
        Raises AccessDenied with the missing permission, CorruptLedger when a table of that name has
        another key, TemporaryError when AWS takes longer than three minutes.
        """
        created = []
        for name, key in self.schemas().items():
            description = _describe(aws, name)
            if description is None:
                _create(aws, name, key)
                created.append(name)
            else:
                _check_key(name, key, description)
        for name in self.schemas():
            _await_active(aws, clock, name)
        for name in created:
            _protect(aws, clock, name)
        if self.state in created:
            _expire_members(aws, self.state)
        return tuple(created)

    def problems(self, aws: Aws) -> list[str]:
        """Return what is not as `ensure` would have made it, in words; for `doctor`. Reads only."""
        found = []
        for name, key in self.schemas().items():
            description = _describe(aws, name)
            if description is None:
                found.append(f"table {name} does not exist")
                continue
            try:
                _check_key(name, key, description)
            except CorruptLedger as error:
                found.append(str(error))
            if not description.get("DeletionProtectionEnabled"):
                found.append(f"table {name} has no deletion protection")
            if description.get("TableStatus") not in _USABLE:
                found.append(f"table {name} is {description.get('TableStatus')}")
            elif not _recoverable(aws, name):
                found.append(f"table {name} has no point-in-time recovery")
        return found


def _describe(aws: Aws, name: str) -> Mapping[str, Any] | None:
    try:
        answer = aws.call("dynamodb", "DescribeTable", TableName=name)
    except NotFound:
        return None
    table: Mapping[str, Any] = expect(answer, "Table", operation="dynamodb:DescribeTable")
    return table


def _create(aws: Aws, name: str, key: tuple[tuple[str, str], ...]) -> None:
    kinds = ("HASH", "RANGE")
    try:
        aws.call(
            "dynamodb",
            "CreateTable",
            TableName=name,
            KeySchema=[
                {"AttributeName": a, "KeyType": k} for (a, _), k in zip(key, kinds, strict=False)
            ],
            AttributeDefinitions=[{"AttributeName": a, "AttributeType": t} for a, t in key],
            BillingMode="PAY_PER_REQUEST",
            DeletionProtectionEnabled=True,
        )
    except AccessDenied as error:
        raise _explained(
            error, f"the table {name} does not exist and could not be created"
        ) from error
    except OutcomeUnknown:
        return  # waiting for ACTIVE tells
    except InvalidRequest as error:
        if error.code != "ResourceInUseException":  # somebody else was faster
            raise


def _explained(error: AccessDenied, situation: str) -> AccessDenied:
    explained = AccessDenied(
        f"{situation}: {error} (what the tables are for: docs/tables.md)",
        operation=error.operation,
        code=error.code,
        request_id=error.request_id,
        response=error.response,
    )
    explained.permission = error.permission
    return explained


def _check_key(name: str, key: tuple[tuple[str, str], ...], table: Mapping[str, Any]) -> None:
    types = {a["AttributeName"]: a["AttributeType"] for a in table.get("AttributeDefinitions", ())}
    found = tuple(
        (part["AttributeName"], types.get(part["AttributeName"], "?"))
        for part in sorted(table.get("KeySchema", ()), key=lambda part: str(part["KeyType"]))
    )
    if found != key:
        raise CorruptLedger(
            f"table {name} exists with the key {found}, ours would be {key}: it is not reconciler's; "
            "choose another prefix (state: {prefix: …})"
        )


def _await_active(aws: Aws, clock: Clock, name: str) -> None:
    ends = clock.boot_seconds() + _PATIENCE.total_seconds()
    while True:
        table = _describe(aws, name)
        if table is not None and table.get("TableStatus") in _USABLE:
            return
        if clock.boot_seconds() >= ends:
            state = table.get("TableStatus") if table else "missing"
            raise TemporaryError(f"table {name} is still {state} after {_PATIENCE}")
        clock.sleep(_POLL)


def _protect(aws: Aws, clock: Clock, name: str) -> None:
    ends = clock.boot_seconds() + _PATIENCE.total_seconds()
    while True:
        try:
            aws.call(
                "dynamodb",
                "UpdateContinuousBackups",
                TableName=name,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            )
        except AccessDenied as error:
            raise _explained(
                error, f"the table {name} was created, but without point-in-time recovery"
            ) from error
        except AwsError as error:
            # AWS: backups of a new table are being enabled, try again
            unready = error.code == "ContinuousBackupsUnavailableException"
            if not unready or clock.boot_seconds() >= ends:
                raise
            clock.sleep(_POLL)
        else:
            return


def _expire_members(aws: Aws, name: str) -> None:
    try:
        aws.call(
            "dynamodb",
            "UpdateTimeToLive",
            TableName=name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": _TTL_ATTRIBUTE},
        )
    except AccessDenied as error:
        raise _explained(
            error, f"the table {name} was created, but items of long gone members will stay"
        ) from error


def _recoverable(aws: Aws, name: str) -> bool:
    answer = aws.call("dynamodb", "DescribeContinuousBackups", TableName=name)
    backups = expect(
        answer, "ContinuousBackupsDescription", operation="dynamodb:DescribeContinuousBackups"
    )
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    return bool(recovery.get("PointInTimeRecoveryStatus") == "ENABLED")
