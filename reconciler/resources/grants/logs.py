"""CloudWatch Logs: whether log groups exist, and the logs of what runs."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.resources.grants.statement import Names, Statement, allow


def reads(names: Names) -> Iterator[Statement]:
    """Grant looking for log groups and reading those of whatever the files let run: what failed, tells."""
    groups = set(_groups(names))
    if groups:
        yield allow(
            "ReadLogs",
            ["logs:GetLogEvents"],
            [f"{group}:*" for group in groups],
        )
    yield allow("FindLogGroups", ["logs:DescribeLogGroups"], ["*"])


def _groups(names: Names) -> Iterator[str]:
    for document in names.app.task_definitions:
        for container in document.get("containerDefinitions", ()):
            options = (container.get("logConfiguration") or {}).get("options") or {}
            if group := options.get("awslogs-group"):
                region = options.get("awslogs-region") or names.app.region
                yield f"arn:{names.partition}:logs:{region}:{names.app.account}:log-group:{group}"
