"""The emulated operations by their API name. `front` calls `answer` for those that `handles`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.local.elasticache import (
    changes,
    events,
    parameter_groups,
    replication_groups,
    subnet_groups,
    tags,
)
from reconciler.local.elasticache.errors import CacheError
from reconciler.local.elasticache.state import CacheWorld, Document, Scope

Operation = Callable[[CacheWorld, Scope, Mapping[str, Any]], Document]

OPERATIONS: Mapping[str, Operation] = {
    "AddTagsToResource": tags.add_tags,
    "CreateCacheParameterGroup": parameter_groups.create,
    "CreateCacheSubnetGroup": subnet_groups.create,
    "CreateReplicationGroup": replication_groups.create,
    "DecreaseReplicaCount": changes.decrease,
    "DeleteCacheParameterGroup": parameter_groups.delete,
    "DeleteCacheSubnetGroup": subnet_groups.delete,
    "DeleteReplicationGroup": replication_groups.delete,
    "DescribeCacheClusters": replication_groups.describe_clusters,
    "DescribeCacheParameterGroups": parameter_groups.describe,
    "DescribeCacheParameters": parameter_groups.describe_parameters,
    "DescribeCacheSubnetGroups": subnet_groups.describe,
    "DescribeEngineDefaultParameters": parameter_groups.describe_defaults,
    "DescribeEvents": events.describe_events,
    "DescribeReplicationGroups": replication_groups.describe,
    "IncreaseReplicaCount": changes.increase,
    "ListTagsForResource": tags.list_tags,
    "ModifyCacheParameterGroup": parameter_groups.modify,
    "ModifyReplicationGroup": changes.modify,
    "RebootCacheCluster": changes.reboot,
    "RemoveTagsFromResource": tags.remove_tags,
    "ResetCacheParameterGroup": parameter_groups.reset,
}

_READS = ("Describe", "List")


def answer(world: CacheWorld, scope: Scope, operation: str, params: Mapping[str, Any]) -> Document:
    """Carry out one operation under the world's lock; the answer is a copy. Raises CacheError."""
    carry_out = OPERATIONS.get(operation)
    if carry_out is None:
        message = f"The embedded AWS does not have the operation elasticache:{operation}."
        raise CacheError("NotImplemented", message)
    with world.lock:
        _settle(world)
        document = copy.deepcopy(carry_out(world, scope, params))
        if not operation.startswith(_READS):
            _settle(world)
        return document


def _settle(world: CacheWorld) -> None:
    """Let the clock do its work, and the servers follow: what is `available` listens."""
    changes.step(world)
    if world.follow is not None:
        world.follow()
