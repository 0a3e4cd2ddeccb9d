"""Service revisions: the immutable record of what a deployment deploys. Read by ARN, never changed.

Called by `resources.observe` for services that declare a field which DescribeServices does not tell,
and by `resources.inventory`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.batches import batches
from reconciler.model.observed import ObservedService
from reconciler.plan.canonical import canonical_service
from reconciler.shapes.observable import told_by_revisions

BATCH = 20
"""Revisions in one call (botocore: DescribeServiceRevisions, "a maximum of 20 ARNs")."""


def observe(aws: Aws, arns: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read revisions by ARN: the CreateService fields that a service does not tell, canonical.

    One that ECS does not know any more is left out.
    """
    found: dict[str, dict[str, Any]] = {}
    for batch in batches(arns, BATCH):
        response = aws.call("ecs", "DescribeServiceRevisions", serviceRevisionArns=batch)
        for revision in response.get("serviceRevisions", ()):
            found[str(revision.get("serviceRevisionArn", ""))] = _fields(revision)
    return found


def with_revision(live: ObservedService, told: Mapping[str, Any] | None) -> ObservedService:
    """Return the service completed with what its revision tells; None where that was not read."""
    if told is None:
        return live
    news = {name: value for name, value in told.items() if name in live.unread}
    return replace(live, service={**live.service, **news}, unread=live.unread - told_by_revisions())


def _fields(revision: Mapping[str, Any]) -> dict[str, Any]:
    return canonical_service({k: revision[k] for k in told_by_revisions() if k in revision})
