"""Making the claims table on first use, as `store.tables` does it: same key, same protection.

Called by `command` when a claim finds no table. Whoever may not create one is told who must.
"""

from __future__ import annotations

from reconciler.runs.once.calls import Caller, CallFailed, NoTable, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from reconciler.runs.once.clock import Clock

_PATIENCE = 180.0
_POLL = 1.0


def creation(table: str) -> dict[str, Any]:
    """Return the CreateTable request."""
    return {
        "TableName": table,
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
    }


def create(caller: Caller, table: str, clock: Clock) -> str:
    """Create the table and wait until it can be used; return what could not be had, or nothing."""
    try:
        caller.call("CreateTable", creation(table))
    except Refused as error:
        if error.is_denied:
            raise Refused(
                f"the table {table} does not exist and could not be created: {error}; or let "
                "somebody create it who may (docs/tables.md)",
                error.code,
            ) from error
        if error.code != "ResourceInUseException":  # somebody else was faster
            raise
    _await_active(caller, table, clock)
    return _protect(caller, table, clock)


def _await_active(caller: Caller, table: str, clock: Clock) -> None:
    ends = clock.boot() + _PATIENCE
    while True:
        try:
            status = caller.call("DescribeTable", {"TableName": table})["Table"]["TableStatus"]
        except NoTable:
            status = "missing"
        if status in ("ACTIVE", "UPDATING"):
            return
        if clock.boot() >= ends:
            raise Refused(f"the table {table} is still {status} after {_PATIENCE:.0f} s")
        clock.sleep(_POLL)


def _protect(caller: Caller, table: str, clock: Clock) -> str:
    specification = {"PointInTimeRecoveryEnabled": True}
    request = {"TableName": table, "PointInTimeRecoverySpecification": specification}
    ends = clock.boot() + _PATIENCE
    while True:
        try:
            caller.call("UpdateContinuousBackups", request)
        except CallFailed as error:
            code = getattr(error, "code", "")
            # AWS: backups of a new table are being enabled, try again
            if code != "ContinuousBackupsUnavailableException" or clock.boot() >= ends:
                return f"the table {table} was created, but without point-in-time recovery: {error}"
            clock.sleep(_POLL)
        else:
            return ""
