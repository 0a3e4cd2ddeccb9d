"""Preflight: what would stop the controller, found by asking AWS nothing but reads.

Called by `doctor`. Every check says its own result; one that fails never hides the others. Permissions
are probed by using them: what AWS denies is named, with the action to add.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from reconciler.aws.door import Aws
from reconciler.aws.identity import caller_identity
from reconciler.model.desired import DesiredApp, DesiredMigration
from reconciler.model.errors import AccessDenied, AwsError, BadCredentials, NotFound, Unreachable
from reconciler.model.names import AppKey
from reconciler.resources import image
from reconciler.resources.grants.statement import partition

PATIENCE = timedelta(seconds=5)
"""The deadline of one probe: a preflight answers soon, even where nothing does."""
SKEW_WARNING = timedelta(seconds=30)
SKEW_LIMIT = timedelta(minutes=5)
"""AWS refuses signatures that are more than five minutes off."""
AWS_REFUSED = 3
GUARD_REFUSED = 4


class CheckState(StrEnum):
    """What became of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNSEEN = "not permitted to see"


@dataclass(frozen=True)
class Check:
    """One line of `doctor`; `exit_code` is what a failure of it ends the command with."""

    name: str
    state: CheckState
    message: str
    key: AppKey = ""
    exit_code: int = 0


Probe = Callable[[Aws, DesiredApp], Iterator[Check]]


def check_app(aws: Aws, desired: DesiredApp) -> list[Check]:
    """Run every check for one app. Never raises AwsError: that is a failed check.

    Without usable credentials, or without a way to AWS, the remaining checks are left out.
    """
    patient = aws.within(PATIENCE)
    found: list[Check] = []
    for name, probe in _PROBES:
        try:
            found += list(probe(patient, desired))
        except (BadCredentials, Unreachable) as error:
            found.append(Check(name, CheckState.FAILED, str(error), exit_code=AWS_REFUSED))
            break
        except AwsError as error:
            found.append(_refused(name, error))
        if any(c.exit_code == GUARD_REFUSED for c in found):
            break  # in a wrong account every further answer is about something else
    return [Check(c.name, c.state, c.message, desired.key, c.exit_code) for c in found]


def exit_code(checks: list[Check]) -> int:
    """Return the code of the gravest failed check; warnings and unseen things are 0."""
    return max((c.exit_code for c in checks if c.state is CheckState.FAILED), default=0)


def _refused(name: str, error: AwsError) -> Check:
    if isinstance(error, AccessDenied):
        wanted = error.permission or error.operation
        return Check(name, CheckState.UNSEEN, f"the role lacks {wanted}")
    return Check(name, CheckState.FAILED, str(error), exit_code=AWS_REFUSED)


def _credentials(aws: Aws, desired: DesiredApp) -> Iterator[Check]:
    identity = caller_identity(aws)
    yield Check("credentials", CheckState.OK, identity.arn)
    if identity.account == desired.account:
        yield Check(
            "account guard", CheckState.OK, f"{identity.account} is the account of the files"
        )
        return
    message = f"these credentials are of {identity.account}, the files say {desired.account}"
    yield Check("account guard", CheckState.FAILED, message, exit_code=GUARD_REFUSED)


def _clock(aws: Aws, _desired: DesiredApp) -> Iterator[Check]:
    skew = abs(aws.now() - aws.clock.now())
    said = f"{skew.total_seconds():.0f}s away from AWS's"
    if skew >= SKEW_LIMIT:
        yield Check(
            "clock", CheckState.FAILED, f"{said}: AWS refuses requests", exit_code=AWS_REFUSED
        )
    elif skew >= SKEW_WARNING:
        yield Check("clock", CheckState.WARNING, said)
    else:
        yield Check("clock", CheckState.OK, said)


def _tables(aws: Aws, desired: DesiredApp) -> Iterator[Check]:
    for part in ("state", "journal", "claims"):
        table = f"{desired.table_prefix}-{part}"
        try:
            yield _table(aws, table)
        except NotFound:
            message = "missing: it is made on first use, when that is permitted"
            yield Check(f"table {table}", CheckState.WARNING, message)
        except AccessDenied as error:
            yield _refused(f"table {table}", error)


def _table(aws: Aws, table: str) -> Check:
    described = aws.call("dynamodb", "DescribeTable", TableName=table).get("Table", {})
    status = str(described.get("TableStatus", ""))
    if status not in ("ACTIVE", "UPDATING"):
        return Check(f"table {table}", CheckState.FAILED, f"it is {status}", exit_code=AWS_REFUSED)
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
        return Check(f"table {table}", CheckState.WARNING, f"{' and '.join(missing)} off")
    message = "point-in-time recovery and deletion protection on"
    return Check(f"table {table}", CheckState.OK, message)


def _cluster(aws: Aws, desired: DesiredApp) -> Iterator[Check]:
    answer = aws.call("ecs", "DescribeClusters", clusters=[desired.cluster])
    status = next((str(c.get("status", "")) for c in answer.get("clusters", ())), "missing")
    if status == "ACTIVE":
        yield Check(f"cluster {desired.cluster}", CheckState.OK, "active")
        return
    message = f"it is {status} in {desired.account}/{desired.region}"
    yield Check(f"cluster {desired.cluster}", CheckState.FAILED, message, exit_code=AWS_REFUSED)


def _images(aws: Aws, desired: DesiredApp) -> Iterator[Check]:
    for reference in sorted(desired.image_references()):
        name = f"image {reference}"
        try:
            digest = image.resolve(aws, reference)
        except AccessDenied as error:
            yield _refused(name, error)
            continue
        if digest is None:
            message = "ECR has no such image"
            yield Check(name, CheckState.FAILED, message, exit_code=AWS_REFUSED)
        elif digest == reference and "@" not in reference:
            yield Check(name, CheckState.WARNING, "not in ECR: its registry is not asked")
        else:
            yield Check(name, CheckState.OK, digest.rpartition("@")[2])


def _permissions(aws: Aws, desired: DesiredApp) -> Iterator[Check]:
    """Use each read that the controller needs, on names that need not exist."""
    for service, operation, params in _reads(desired):
        name = f"{service}:{operation}"
        try:
            aws.call(service, operation, **params)
        except NotFound:
            yield Check(name, CheckState.OK, "permitted")
        except (BadCredentials, Unreachable):
            raise
        except AccessDenied as error:
            # Not "cannot be seen": the controller makes this very call in every pass.
            message = f"missing: add {error.permission or name} to the role"
            yield Check(name, CheckState.FAILED, message, exit_code=AWS_REFUSED)
        except AwsError as error:
            yield Check(name, CheckState.WARNING, str(error))
        else:
            yield Check(name, CheckState.OK, "permitted")


def _reads(desired: DesiredApp) -> Iterator[tuple[str, str, dict[str, Any]]]:
    cluster = desired.cluster
    names = [s.service_name for s in desired.services][:10] or ["reconciler-preflight"]
    yield "ecs", "DescribeServices", {"cluster": cluster, "services": names}
    families = [str(w.task_definition.get("family", "")) for w in _workloads(desired)]
    family = next((f for f in families if f), "reconciler-preflight")
    yield "ecs", "ListTaskDefinitions", {"familyPrefix": family, "maxResults": 1}
    yield "ecs", "ListTasks", {"cluster": cluster, "family": family, "maxResults": 1}
    state = f"{desired.table_prefix}-state"
    key = {"pk": {"S": f"A#{desired.key}"}, "sk": {"S": "HEAD"}}
    yield "dynamodb", "GetItem", {"TableName": state, "Key": key, "ConsistentRead": True}


def _logs(aws: Aws, desired: DesiredApp) -> Iterator[Check]:
    """ECS starts no task whose log group is missing, unless awslogs-create-group is set."""
    for group in sorted(_log_groups(desired)):
        answer = aws.call("logs", "DescribeLogGroups", logGroupNamePrefix=group)
        found = any(g.get("logGroupName") == group for g in answer.get("logGroups", ()))
        if found:
            yield Check(f"log group {group}", CheckState.OK, "exists")
        else:
            message = "missing: ECS starts no task that logs to it (or set awslogs-create-group)"
            yield Check(f"log group {group}", CheckState.WARNING, message)


def _guarantee(aws: Aws, desired: DesiredApp) -> Iterator[Check]:
    """Say which guarantee migrations have, and whether their task role lets the guard claim."""
    if not desired.migrations:
        return
    if desired.guard is None:
        message = "no guard: protected by ECS's clientToken alone, Unknown after its window"
        yield Check("guarantee", CheckState.WARNING, message)
        return
    yield Check("guarantee", CheckState.OK, "claim: a guard container claims each run")
    for migration in desired.migrations:
        yield _guard_role(aws, desired, migration)


def _guard_role(aws: Aws, desired: DesiredApp, migration: DesiredMigration) -> Check:
    name = f"guard of {migration.address}"
    role = str(migration.task_definition.get("taskRoleArn", ""))
    if not role:
        message = "no taskRoleArn: the guard cannot write its claim, nothing would ever start"
        return Check(name, CheckState.FAILED, message, exit_code=AWS_REFUSED)
    arn_partition = partition(desired.region)
    if not role.startswith("arn:"):
        role = f"arn:{arn_partition}:iam::{desired.account}:role/{role}"
    where = f"arn:{arn_partition}:dynamodb:{desired.region}:{desired.account}"
    table = f"{where}:table/{desired.table_prefix}-claims"
    try:
        answer = aws.call(
            "iam",
            "SimulatePrincipalPolicy",
            PolicySourceArn=role,
            ActionNames=["dynamodb:UpdateItem"],
            ResourceArns=[table],
            ContextEntries=[_claim_key(desired, migration)],
        )
    except (BadCredentials, Unreachable):
        raise
    except NotFound:
        message = f"there is no role {role}"
        return Check(name, CheckState.FAILED, message, exit_code=AWS_REFUSED)
    except AwsError:
        message = f"iam:SimulatePrincipalPolicy would tell whether {role} may write claims"
        return Check(name, CheckState.UNSEEN, message)
    decisions = {r.get("EvalDecision") for r in answer.get("EvaluationResults", ())}
    if decisions == {"allowed"}:
        return Check(name, CheckState.OK, f"{role} may write claims")
    message = f"{role} lacks dynamodb:UpdateItem on {desired.table_prefix}-claims"
    return Check(name, CheckState.FAILED, message, exit_code=AWS_REFUSED)


def _claim_key(desired: DesiredApp, migration: DesiredMigration) -> dict[str, Any]:
    key = f"mig#{desired.key}/{migration.name}#{migration.revision}#1#1"
    return {
        "ContextKeyName": "dynamodb:LeadingKeys",
        "ContextKeyType": "stringList",
        "ContextKeyValues": [key],
    }


def _workloads(desired: DesiredApp) -> list[Any]:
    return [*desired.services, *desired.migrations]


def _log_groups(desired: DesiredApp) -> set[str]:
    found = set()
    for workload in _workloads(desired):
        for container in workload.task_definition.get("containerDefinitions", ()):
            configuration: Mapping[str, Any] = container.get("logConfiguration") or {}
            options = configuration.get("options") or {}
            makes = str(options.get("awslogs-create-group", "false")).lower() == "true"
            if options.get("awslogs-group") and not makes:
                found.add(str(options["awslogs-group"]))
    return found


_PROBES: tuple[tuple[str, Probe], ...] = (
    ("credentials", _credentials),
    ("clock", _clock),
    ("tables", _tables),
    ("cluster", _cluster),
    ("images", _images),
    ("permissions", _permissions),
    ("logs", _logs),
    ("guarantee", _guarantee),
)
"""In order: what comes first explains what comes after."""
