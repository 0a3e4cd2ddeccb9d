"""elasticache: what parameter groups and replication groups share, their tags and their way to call.

Called by `resources.parameter_group` and `resources.replication_group`; no kind by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import InvalidRequest
from reconciler.resources.kind import Answer, already, answer
from reconciler.shapes.redis_tables import ELASTICACHE


def made(aws: Aws, operation: str, parameters: Mapping[str, Any], known: Collection[str]) -> Answer:
    """Make one call. A refusal with a code of `known` says that it is so already, and is a success.

    The next observation judges what is there. The status of a replication group is a fact to keep.
    """
    try:
        response = aws.call(ELASTICACHE, operation, **parameters)
    except InvalidRequest as error:
        if error.code not in known:
            raise
        return already(error)
    group: Mapping[str, Any] = response.get("ReplicationGroup") or {}
    return answer(response, **({"status": group["Status"]} if "Status" in group else {}))


def tags_of(aws: Aws, arn: str) -> dict[str, str]:
    """Return the tags of anything in ElastiCache."""
    response = aws.call(ELASTICACHE, "ListTagsForResource", ResourceName=arn)
    return {str(t["Key"]): str(t.get("Value", "")) for t in response.get("TagList", ())}
