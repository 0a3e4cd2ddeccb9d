"""Log groups: they exist, or ECS is told to make them (logs:DescribeLogGroups)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from reconciler.model.names import Address
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import Question, Scope, Verdict, failed, gathered, ok


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask for each log group of the app's region that is not made by `awslogs-create-group`."""
    for group, addresses in gathered(_groups(scope)).items():
        yield Question(f"log group {group}", addresses, partial(_group, reader, group))


def _groups(scope: Scope) -> Iterator[tuple[str, Address]]:
    for workload in scope.workloads:
        for container in workload.containers:
            configuration = container.get("logConfiguration") or {}
            options = configuration.get("options") or {}
            made = str(options.get("awslogs-create-group", "false")).lower() == "true"
            here = options.get("awslogs-region", scope.app.region) == scope.app.region
            if options.get("awslogs-group") and here and not made:
                yield str(options["awslogs-group"]), workload.address


def _group(reader: Reader, group: str) -> Verdict:
    found = reader.listed("logs", "DescribeLogGroups", "logGroups", logGroupNamePrefix=group)
    if any(g.get("logGroupName") == group for g in found):
        return ok("exists")
    return failed("missing: no task that logs to it starts (make it, or awslogs-create-group)")
