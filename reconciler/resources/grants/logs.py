"""CloudWatch Logs: whether log groups exist, and the last lines of a migration that failed."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.resources.grants.statement import Names, Statement, allow


def reads(names: Names) -> Iterator[Statement]:
    """Grant looking for log groups and reading those of migrations."""
    groups = set(_groups(names))
    if groups:
        yield allow(
            "ReadMigrationLogs",
            ["logs:GetLogEvents"],
            [f"{group}:*" for group in groups],
        )
    yield allow("FindLogGroups", ["logs:DescribeLogGroups"], ["*"])


def _groups(names: Names) -> Iterator[str]:
    for migration in names.app.migrations:
        for container in migration.task_definition.get("containerDefinitions", ()):
            options = (container.get("logConfiguration") or {}).get("options") or {}
            if group := options.get("awslogs-group"):
                yield names.arn("logs", f"log-group:{group}")
