"""The least IAM policy for exactly what the files name: a pure function of the desired state.

Called by `doctor --iam-policy`. Which actions can be limited to which resources and conditions is from
AWS's service authorization reference (Amazon ECS, DynamoDB, ECR, CloudWatch Logs, IAM).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from reconciler.model.desired import DesiredApp, Document
from reconciler.resources import image

Statement = dict[str, Any]


class Role(StrEnum):
    """Who the policy is for."""

    CONTROLLER = "controller"
    """`run`, `apply` and the operator verbs."""
    DIFF = "diff"
    """`diff`, `status`, `history`, `doctor`: nothing but reads."""
    GUARD = "guard"
    """The task role of migrations: what their guard container needs to claim a run."""


def least_policy(apps: Sequence[DesiredApp], role: Role) -> dict[str, Any]:
    """Return one policy document for all apps; the same input gives the same text.

    The controller's policy contains the one for `diff`. Raises ValueError when `apps` is empty.
    """
    if not apps:
        raise ValueError("a policy needs at least one app")
    statements: list[Statement] = []
    for app in sorted(apps, key=lambda a: a.key):
        parts = _AppPolicy(app)
        if role is Role.GUARD:
            statements += parts.guard()
            continue
        statements += parts.reads()
        if role is Role.CONTROLLER:
            statements += parts.writes()
    return {"Version": "2012-10-17", "Statement": _merged(statements)}


class _AppPolicy:
    """The ARNs and conditions of one app."""

    def __init__(self, app: DesiredApp) -> None:
        self.app = app
        self.partition = partition(app.region)
        self.cluster_name = app.cluster.rsplit("/", 1)[-1]
        self.cluster = self.arn("ecs", f"cluster/{self.cluster_name}")
        self.in_cluster = {"ArnEquals": {"ecs:cluster": self.cluster}}
        self.services = [
            self.arn("ecs", f"service/{self.cluster_name}/{s.service_name}") for s in app.services
        ]
        documents = _task_definitions(app)
        self.families = [
            self.arn("ecs", f"task-definition/{d['family']}:*") for d in documents if "family" in d
        ]
        self.run_families = [
            self.arn("ecs", f"task-definition/{m.task_definition['family']}:*")
            for m in app.migrations
            if "family" in m.task_definition
        ]

    def arn(self, service: str, resource: str) -> str:
        """Spell an ARN in the app's account and region."""
        return f"arn:{self.partition}:{service}:{self.app.region}:{self.app.account}:{resource}"

    def table(self, name: str) -> str:
        """Spell the ARN of one of the app's tables."""
        return self.arn("dynamodb", f"table/{self.app.table_prefix}-{name}")

    def reads(self) -> Iterator[Statement]:
        """List what observing needs."""
        yield _allow("EcsCluster", ["ecs:DescribeClusters"], [self.cluster])
        # By pattern: a service that left the files must still be seen as an orphan.
        yield _allow(
            "EcsReadServices",
            ["ecs:DescribeServices"],
            [self.arn("ecs", f"service/{self.cluster_name}/*")],
        )
        yield _allow(
            "EcsReadDefinitions",  # these two know no resource
            ["ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions"],
            ["*"],
        )
        yield _allow("EcsListTasks", ["ecs:ListTasks"], ["*"], self.in_cluster)
        yield _allow(
            "EcsReadTasks",
            ["ecs:DescribeTasks"],
            [self.arn("ecs", f"task/{self.cluster_name}/*")],
            self.in_cluster,
        )
        yield from self._read_ledger()
        if repositories := self._repositories():
            yield _allow("ReadImages", ["ecr:DescribeImages"], repositories)
        if groups := self._log_groups():
            yield _allow(
                "ReadMigrationLogs",
                ["logs:GetLogEvents"],
                [item for group in groups for item in (group, f"{group}:*")],
            )
        yield _allow("FindLogGroups", ["logs:DescribeLogGroups"], ["*"])

    def _read_ledger(self) -> Iterator[Statement]:
        tables = [self.table(name) for name in ("state", "journal", "claims")]
        yield _allow(
            "LedgerTables",
            ["dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable"],
            tables,
        )
        keys = [f"A#{self.app.key}", "M"]
        yield _allow(
            "ReadState",
            ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"],
            [self.table("state")],
            _keys(keys),
        )
        yield _allow(
            "ReadJournal",
            ["dynamodb:GetItem", "dynamodb:Query"],
            [self.table("journal")],
            _keys(keys[:1]),
        )
        yield _allow(
            "ReadClaims",
            ["dynamodb:GetItem"],
            [self.table("claims")],
            _keys([f"mig#{self.app.key}/*"]),
        )

    def writes(self) -> Iterator[Statement]:
        """List what converging needs on top."""
        if self.services:
            yield _allow(
                "EcsWriteServices", ["ecs:CreateService", "ecs:UpdateService"], self.services
            )
            yield _allow("EcsTagServices", ["ecs:TagResource"], self.services)
        if self.app.sync.prune:
            yield self._prune()
        if self.families:
            yield _allow("EcsRegister", ["ecs:RegisterTaskDefinition"], self.families)
            yield _allow(
                "EcsTagDefinitions",
                ["ecs:TagResource"],
                self.families,
                {"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}},
            )
        if self.app.migrations:
            yield from self._run_tasks()
        yield from self._pass_roles()
        yield from self._write_ledger()

    def _prune(self) -> Statement:
        owned = {
            "aws:ResourceTag/reconciler:app": self.app.app,
            "aws:ResourceTag/reconciler:environment": self.app.environment,
        }
        return _allow(
            "EcsDeleteOwned",
            ["ecs:DeleteService", "ecs:UpdateService"],
            [self.arn("ecs", f"service/{self.cluster_name}/*")],
            {"StringEquals": owned},
        )

    def _run_tasks(self) -> Iterator[Statement]:
        tasks = [self.arn("ecs", f"task/{self.cluster_name}/*")]
        yield _allow("EcsRunMigrations", ["ecs:RunTask"], self.run_families, self.in_cluster)
        yield _allow("EcsStopMigrations", ["ecs:StopTask"], tasks, self.in_cluster)
        yield _allow(
            "EcsTagTasks",
            ["ecs:TagResource"],
            tasks,
            {"StringEquals": {"ecs:CreateAction": "RunTask"}},
        )

    def _pass_roles(self) -> Iterator[Statement]:
        task_roles = {
            self._role_arn(document[name])
            for document in _task_definitions(self.app)
            for name in ("taskRoleArn", "executionRoleArn")
            if document.get(name)
        }
        overrides = {
            self._role_arn(r)
            for m in self.app.migrations
            for r in _roles(m.launch.get("overrides"))
        }
        ecs_roles = {self._role_arn(r) for s in self.app.services for r in _roles(s.service)}
        for sid, roles, service in (
            ("PassTaskRoles", task_roles | overrides, "ecs-tasks.amazonaws.com"),
            ("PassServiceRoles", ecs_roles, "ecs.amazonaws.com"),
        ):
            if roles:
                condition = {"StringEquals": {"iam:PassedToService": service}}
                yield _allow(sid, ["iam:PassRole"], sorted(roles), condition)

    def _role_arn(self, role: str) -> str:
        """ECS takes the name of a role in the same account, or its ARN; IAM wants the ARN."""
        if role.startswith("arn:"):
            return role
        return f"arn:{self.partition}:iam::{self.app.account}:role/{role}"

    def _write_ledger(self) -> Iterator[Statement]:
        yield _allow(
            "MakeLedger",
            [
                "dynamodb:CreateTable",
                "dynamodb:UpdateContinuousBackups",
                "dynamodb:UpdateTimeToLive",
            ],
            [self.table(name) for name in ("state", "journal", "claims")],
        )
        write = ["dynamodb:ConditionCheckItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        keys = [f"A#{self.app.key}", "M"]
        yield _allow("WriteState", write, [self.table("state")], _keys(keys))
        # Append only: no UpdateItem, and no table has DeleteItem.
        yield _allow(
            "AppendJournal", ["dynamodb:PutItem"], [self.table("journal")], _keys(keys[:1])
        )
        yield _allow("WriteClaims", write, [self.table("claims")], self._claims())

    def guard(self) -> Iterator[Statement]:
        """List what the guard container does: one conditional update, and a read when it lost."""
        if self.app.migrations:
            yield _allow(
                "GuardClaims",
                ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
                [self.table("claims")],
                self._claims(),
            )

    def _claims(self) -> dict[str, Any]:
        return _keys([f"mig#{self.app.key}/*"])

    def _repositories(self) -> list[str]:
        found = set()
        for reference in self.app.image_references():
            host, _, path = image.parse(reference).repository.partition("/")
            if match := image.ECR_HOST.fullmatch(host):
                region, registry = match["region"], match["registry"]
                found.add(f"arn:{self.partition}:ecr:{region}:{registry}:repository/{path}")
        return sorted(found)

    def _log_groups(self) -> list[str]:
        found = set()
        for migration in self.app.migrations:
            for container in migration.task_definition.get("containerDefinitions", ()):
                options = (container.get("logConfiguration") or {}).get("options") or {}
                if group := options.get("awslogs-group"):
                    found.add(self.arn("logs", f"log-group:{group}"))
        return sorted(found)


def _task_definitions(app: DesiredApp) -> list[Document]:
    return [s.task_definition for s in app.services] + [m.task_definition for m in app.migrations]


def _roles(document: Any) -> Iterator[str]:
    """Find every role in a document: AWS's fields for them end in `roleArn`, classic ELB has `role`."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            if isinstance(value, str) and (name.lower().endswith("rolearn") or name == "role"):
                yield value
            else:
                yield from _roles(value)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from _roles(value)


def _keys(patterns: Sequence[str]) -> dict[str, Any]:
    """Limit DynamoDB to partition keys. `ForAllValues` is true of nothing at all: hence `Null`."""
    return {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": sorted(patterns)},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }


def _allow(
    sid: str,
    actions: Sequence[str],
    resources: Iterable[str],
    condition: Document | None = None,
) -> Statement:
    statement: Statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(set(actions)),
        "Resource": sorted(set(resources)),
    }
    if condition:
        statement["Condition"] = dict(condition)
    return statement


def _merged(statements: Sequence[Statement]) -> list[Statement]:
    """Join equal statements of several apps and number the Sids that are then still the same.

    Only resources are joined, and only where actions and condition are equal: never a wider grant.
    """
    joined: dict[str, Statement] = {}
    for statement in statements:
        rest = {k: v for k, v in statement.items() if k != "Resource"}
        known = joined.setdefault(repr(rest), statement)
        known["Resource"] = sorted({*known["Resource"], *statement["Resource"]})
    seen: dict[str, int] = {}
    for statement in joined.values():
        sid = statement["Sid"]
        seen[sid] = seen.get(sid, 0) + 1
        if seen[sid] > 1:
            statement["Sid"] = f"{sid}{seen[sid]}"
    return list(joined.values())


def partition(region: str) -> str:
    """Return the ARN partition that a region belongs to."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
