"""Where we are: credentials and account, the clock, and our own tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from reconciler.aws.door import Aws
from reconciler.aws.identity import caller_identity
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import AccessDenied, NotFound
from reconciler.model.finding import CheckState, Finding, not_permitted

SKEW_WARNING = timedelta(seconds=30)
SKEW_LIMIT = timedelta(minutes=5)
"""AWS refuses signatures that are more than five minutes off."""


def credentials(aws: Aws, desired: DesiredApp) -> Iterator[Finding]:
    """Say who we are, and whether that is the account of the files."""
    identity = caller_identity(aws)
    yield Finding("credentials", CheckState.OK, identity.arn)
    if identity.account == desired.account:
        message = f"{identity.account} is the account of the files"
        yield Finding("account guard", CheckState.OK, message)
        return
    message = f"these credentials are of {identity.account}, the files say {desired.account}"
    yield Finding("account guard", CheckState.FAILED, message, guards=True)


def clock(aws: Aws, _desired: DesiredApp) -> Iterator[Finding]:
    """Say how far the host's clock is from AWS's, which the answers before have told."""
    skew = abs(aws.now() - aws.clock.now())
    said = f"{skew.total_seconds():.0f}s away from AWS's"
    if skew >= SKEW_LIMIT:
        yield Finding("clock", CheckState.FAILED, f"{said}: AWS refuses requests")
    elif skew >= SKEW_WARNING:
        yield Finding("clock", CheckState.WARNING, said)
    else:
        yield Finding("clock", CheckState.OK, said)


def tables(aws: Aws, desired: DesiredApp) -> Iterator[Finding]:
    """Look at our own tables: there, usable, and safe from accidents."""
    for part in ("state", "journal", "claims"):
        table = f"{desired.table_prefix}-{part}"
        try:
            yield _table(aws, table)
        except NotFound:
            message = "missing: it is made on first use, when that is permitted"
            yield Finding(f"table {table}", CheckState.WARNING, message)
        except AccessDenied as error:
            yield not_permitted(f"table {table}", error)


def _table(aws: Aws, table: str) -> Finding:
    described = aws.call("dynamodb", "DescribeTable", TableName=table).get("Table", {})
    status = str(described.get("TableStatus", ""))
    if status not in ("ACTIVE", "UPDATING"):
        return Finding(f"table {table}", CheckState.FAILED, f"it is {status}")
    backups = aws.call("dynamodb", "DescribeContinuousBackups", TableName=table)
    recovery = (
        backups.get("ContinuousBackupsDescription", {})
        .get("PointInTimeRecoveryDescription", {})
        .get("PointInTimeRecoveryStatus")
    )
    missing = []
    if recovery != "ENABLED":
        missing.append("point-in-time recovery")
    if not described.get("DeletionProtectionEnabled"):
        missing.append("deletion protection")
    if missing:
        return Finding(f"table {table}", CheckState.WARNING, f"{' and '.join(missing)} off")
    message = "point-in-time recovery and deletion protection on"
    return Finding(f"table {table}", CheckState.OK, message)
