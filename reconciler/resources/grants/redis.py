"""ElastiCache: the declared replication groups and parameter groups.

Which resource each action is checked against, and what creating depends on, is from the service
authorization reference of ElastiCache.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.model.desired import DesiredRedis
from reconciler.plan.redis.subject import is_managed
from reconciler.resources.grants.statement import Names, Statement, allow

_NETWORK = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
"""What CreateReplicationGroup and a new replica depend on: the nodes' network interfaces."""

_TYPES: Mapping[str, str] = {
    "cacheSubnetGroupName": "subnetgroup",
    "userGroupIds": "usergroup",
    "snapshotName": "snapshot",
}
_CHANGED: Mapping[str, str] = {"userGroupIds": "usergroup"}
"""What ModifyReplicationGroup takes of them."""


def reads(names: Names) -> Iterator[Statement]:
    """Grant what observing the groups needs."""
    groups = names.app.redis
    if not groups:
        return
    yield allow("RedisReadGroups", ["elasticache:DescribeReplicationGroups"], _of(names, groups))
    # Members have ids of AWS's making, and a shared parameter group may be used by any cluster.
    yield allow(
        "RedisReadMembers", ["elasticache:DescribeCacheClusters"], [_arn(names, "cluster", "*")]
    )
    parameters = [_arn(names, "parametergroup", name) for name in _parameter_groups(groups)]
    families = [_arn(names, "parametergroup", "default.*")] if parameters else []
    if parameters:
        yield allow(
            "RedisReadParameters",
            ["elasticache:DescribeCacheParameterGroups", "elasticache:DescribeCacheParameters"],
            [*parameters, *families],
        )
    tagged = [*_of(names, [g for g in groups if is_managed(g)]), *parameters]
    if tagged:
        yield allow("RedisReadTags", ["elasticache:ListTagsForResource"], tagged)


def writes(names: Names) -> Iterator[Statement]:
    """Grant creating and changing what is declared; nothing is ever deleted or rebooted."""
    groups = names.app.redis
    parameters = [_arn(names, "parametergroup", name) for name in _parameter_groups(groups)]
    if parameters:
        yield allow(
            "RedisWriteParameters",
            [
                "elasticache:AddTagsToResource",
                "elasticache:CreateCacheParameterGroup",
                "elasticache:ModifyCacheParameterGroup",
                "elasticache:ResetCacheParameterGroup",
            ],
            parameters,
        )
    changed = [g for g in groups if "cacheParameterGroupName" in g.group or is_managed(g)]
    if changed:
        yield allow(
            "RedisModify",
            ["elasticache:ModifyReplicationGroup"],
            [*_of(names, changed), *_named_in(names, changed, _CHANGED)],
        )
    managed = [g for g in groups if is_managed(g)]
    if not managed:
        return
    own = [*_of(names, managed), *_named_in(names, managed, _TYPES)]
    members = [_arn(names, "cluster", f"{g.group['replicationGroupId']}-*") for g in managed]
    yield allow("RedisCreate", ["elasticache:CreateReplicationGroup"], [*own, *members])
    tagged = [*_of(names, managed), *members]
    yield allow("RedisTag", ["elasticache:AddTagsToResource"], tagged)
    yield allow(
        "RedisReplicas",
        ["elasticache:DecreaseReplicaCount", "elasticache:IncreaseReplicaCount"],
        _of(names, managed),
    )
    yield allow("RedisUntag", ["elasticache:RemoveTagsFromResource"], _of(names, managed))
    yield allow("RedisNetwork", _NETWORK, ["*"])


def _of(names: Names, groups: Sequence[DesiredRedis]) -> list[str]:
    ids = (str(group.group["replicationGroupId"]) for group in groups)
    return [_arn(names, "replicationgroup", group_id) for group_id in ids]


def _named_in(names: Names, groups: Sequence[DesiredRedis], types: Mapping[str, str]) -> list[str]:
    """Spell what the groups name: AWS checks the call against these too."""
    found = []
    for group in groups:
        attached = group.group.get("cacheParameterGroupName")
        found.append(_arn(names, "parametergroup", str(attached or "default.*")))
        for field, kind in types.items():
            value = group.group.get(field)
            listed = value if isinstance(value, list) else [value] if value else []
            found += [_arn(names, kind, str(name)) for name in listed]
    return found


def _parameter_groups(groups: Sequence[DesiredRedis]) -> list[str]:
    return [g.parameter_group.name for g in groups if g.parameter_group is not None]


def _arn(names: Names, kind: str, name: str) -> str:
    return names.arn("elasticache", f"{kind}:{name}")
