"""Making what a Redis group of the files names. Called by `local.seed`; repeating it changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.local.elasticache import dispatch
from reconciler.local.elasticache.errors import CacheError
from reconciler.local.elasticache.state import CacheWorld, Scope
from reconciler.model.desired import DesiredRedis
from reconciler.plan.redis.subject import is_managed
from reconciler.shapes.redis_tables import DEFAULT_GROUPS, family_of


def seed_redis(world: CacheWorld, scope: Scope, redis: DesiredRedis) -> None:
    """Make the subnet group and an attached parameter group that somebody else looks after.

    The group itself only when the files do no more than refer to it.
    """
    group = redis.group
    engine, version = str(group.get("engine", "redis")), str(group.get("engineVersion", "7.1"))
    subnets = str(group.get("cacheSubnetGroupName") or "")
    if subnets:
        request: Mapping[str, Any] = {"CacheSubnetGroupName": subnets, "SubnetIds": ["subnet-0"]}
        _make(world, scope, "CreateCacheSubnetGroup", request)
    attached = str(group.get("cacheParameterGroupName") or DEFAULT_GROUPS)
    if redis.parameter_group is None and not attached.startswith(DEFAULT_GROUPS):
        request = {
            "CacheParameterGroupName": attached,
            "CacheParameterGroupFamily": family_of(engine, version),
            "Description": "embedded",
        }
        _make(world, scope, "CreateCacheParameterGroup", request)
    if not is_managed(redis):
        request = {
            "ReplicationGroupId": group["replicationGroupId"],
            "ReplicationGroupDescription": "embedded",
            "Engine": engine,
            "EngineVersion": version,
        }
        _make(world, scope, "CreateReplicationGroup", request)


def _make(world: CacheWorld, scope: Scope, operation: str, request: Mapping[str, Any]) -> None:
    try:
        dispatch.answer(world, scope, operation, request)
    except CacheError as error:
        if "AlreadyExists" not in error.code:
            raise
