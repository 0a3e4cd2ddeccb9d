"""Replication groups: create, describe, delete, and their members as cache clusters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.local.elasticache import documents, parameter_groups, subnet_groups
from reconciler.local.elasticache.errors import CacheError, combination, invalid
from reconciler.local.elasticache.families import (
    CLUSTER_SUFFIX,
    VERSIONS,
    family_of,
    full_version,
)
from reconciler.local.elasticache.pages import found, one_or_all, page
from reconciler.local.elasticache.servers import free_place
from reconciler.local.elasticache.state import (
    CacheWorld,
    Document,
    Member,
    ParameterGroup,
    Region,
    ReplicationGroup,
    Scope,
    group_of,
)
from reconciler.local.elasticache.windows import DEFAULT_WINDOW, checked_window

_ID = re.compile(r"[a-z](?:-?[a-z0-9])*")
_LONGEST_ID = 40
_ABSENT = "ReplicationGroupNotFoundFault"
MOST_REPLICAS = 5
_AUTH_TOKEN = re.compile(r"[!-.0-?A-~]{16,128}")
_KEPT = (
    "ReplicationGroupDescription",
    "CacheNodeType",
    "CacheSubnetGroupName",
    "SecurityGroupIds",
    "SnapshotRetentionLimit",
    "SnapshotWindow",
    "NotificationTopicArn",
    "AutoMinorVersionUpgrade",
    "AutomaticFailoverEnabled",
    "MultiAZEnabled",
    "TransitEncryptionEnabled",
    "TransitEncryptionMode",
    "AtRestEncryptionEnabled",
    "KmsKeyId",
    "UserGroupIds",
    "LogDeliveryConfigurations",
    "DataTieringEnabled",
    "NetworkType",
    "IpDiscovery",
    "Port",
)
_DEFAULTS: Document = {
    "CacheNodeType": "cache.t4g.micro",
    "SecurityGroupIds": [],
    "SnapshotRetentionLimit": 0,
    "SnapshotWindow": "03:00-04:00",
    "AutoMinorVersionUpgrade": True,
    "AutomaticFailoverEnabled": False,
    "MultiAZEnabled": False,
    "TransitEncryptionEnabled": False,
    "NetworkType": "ipv4",
    "IpDiscovery": "ipv4",
    "Port": 6379,
}


def find(region: Region, identifier: Any) -> ReplicationGroup:
    """Return a group by id in any case; raises ReplicationGroupNotFoundFault."""
    return found(region.replication_groups, identifier, _ABSENT)


def create(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """CreateReplicationGroup: its id in lower case, its members one to a node group and replica."""
    region = world.region(scope)
    identifier = str(params.get("ReplicationGroupId") or "").lower()
    if not _ID.fullmatch(identifier) or len(identifier) > _LONGEST_ID:
        raise invalid(f"The parameter ReplicationGroupId is not a valid identifier: {identifier!r}")
    if identifier in region.replication_groups:
        message = f"Replication group {identifier} already exists."
        raise CacheError("ReplicationGroupAlreadyExists", message)
    _refuse_unsupported(params)
    shape = _shape(params)
    settings = _settings(region, params) | shape
    members = [
        Member(_member_id(identifier, settings, number, index), number, world.now(), {})
        for number in range(1, settings["NumNodeGroups"] + 1)
        for index in range(1, settings["ReplicasPerNodeGroup"] + 2)
    ]
    _check_failover(settings)
    group = ReplicationGroup(
        arn=region.arn("replicationgroup", identifier),
        id=identifier,
        created_at=world.now(),
        settings=settings,
        members=members,
        tags=[dict(tag) for tag in params.get("Tags") or []],
        ready_at=world.now() + world.times.cache_creating,
        places={n: free_place(settings["Port"]) for n in range(1, settings["NumNodeGroups"] + 1)},
        auth_token=_auth_token(params),
    )
    for member in members:
        member.running = group_of(region, settings).static()
    region.replication_groups[identifier] = group
    world.note(region, identifier, "replication-group", f"Creating replication group {identifier}")
    return {"ReplicationGroup": documents.replication_group(group)}


def _refuse_unsupported(params: Mapping[str, Any]) -> None:
    for name in ("PrimaryClusterId", "GlobalReplicationGroupId", "SnapshotName", "SnapshotArns"):
        if params.get(name):
            raise combination(f"The embedded AWS cannot create a replication group by {name}.")


def _shape(params: Mapping[str, Any]) -> Document:
    """Return how many node groups and replicas; more than one node group means cluster mode."""
    parts = params.get("NodeGroupConfiguration") or []
    node_groups = int(params.get("NumNodeGroups") or len(parts) or 1)
    replicas = params.get("ReplicasPerNodeGroup")
    if replicas is None and parts:
        replicas = parts[0].get("ReplicaCount")
    if params.get("NumCacheClusters") is not None:
        if params.get("NumNodeGroups") or replicas is not None:
            raise combination("NumCacheClusters cannot be given with node groups or replicas.")
        replicas = int(params["NumCacheClusters"]) - 1
    replicas = int(replicas or 0)
    if not 0 <= replicas <= MOST_REPLICAS:
        raise invalid("Replicas per node group must be between 0 and 5.")
    return {"NumNodeGroups": node_groups, "ReplicasPerNodeGroup": replicas}


def _settings(region: Region, params: Mapping[str, Any]) -> Document:
    engine = str(params.get("Engine") or "redis").lower()
    version = full_version(engine, str(params.get("EngineVersion") or ""))
    if engine not in VERSIONS or not version:
        raise invalid(f"Invalid engine or version: {engine} {params.get('EngineVersion', '')}")
    settings = {
        **_DEFAULTS,
        "AtRestEncryptionEnabled": engine == "valkey",
        **{name: params[name] for name in _KEPT if params.get(name) is not None},
        "Engine": engine,
        "EngineVersion": version,
        "PreferredMaintenanceWindow": checked_window(
            str(params.get("PreferredMaintenanceWindow") or DEFAULT_WINDOW)
        ),
    }
    if settings["TransitEncryptionEnabled"]:
        settings.setdefault("TransitEncryptionMode", "required")
    if settings.get("CacheSubnetGroupName"):
        subnets = subnet_groups.find(region, settings["CacheSubnetGroupName"])
        settings["CacheSubnetGroupName"] = subnets.name
    family = family_of(engine, version)
    cluster_mode = _wants_cluster_mode(region, params)
    default = f"default.{family}{CLUSTER_SUFFIX if cluster_mode else ''}"
    group = parameter_groups.find(region, params.get("CacheParameterGroupName") or default)
    check_family(group, family)
    settings["CacheParameterGroupName"] = group.name
    settings["ClusterEnabled"] = group.effective().get("cluster-enabled") == "yes"
    return settings


def _wants_cluster_mode(region: Region, params: Mapping[str, Any]) -> bool:
    """Whether a group is in cluster mode: more than one node group, or asked for."""
    many = int(params.get("NumNodeGroups") or 1) > 1
    named = params.get("CacheParameterGroupName")
    if many and named and not parameter_groups.find(region, named).cluster_mode:
        raise combination("Cannot have more than one node group with cluster mode disabled.")
    return many or params.get("ClusterMode") == "enabled"


def check_family(group: ParameterGroup, family: str) -> None:
    """Raise InvalidParameterCombination for a parameter group of another family."""
    if group.family != family:
        raise combination(
            f"Expected a parameter group of family {family} but found one of family {group.family}"
        )


def _check_failover(settings: Document) -> None:
    if settings["AutomaticFailoverEnabled"] and not settings["ReplicasPerNodeGroup"]:
        if settings["ClusterEnabled"]:
            return
        raise combination(
            "Automatic failover is not supported for a replication group without replicas."
        )
    if settings["MultiAZEnabled"] and not settings["AutomaticFailoverEnabled"]:
        raise combination("Must enable automatic failover if Multi-AZ is enabled.")


def _auth_token(params: Mapping[str, Any]) -> str:
    token = str(params.get("AuthToken") or "")
    if token and not params.get("TransitEncryptionEnabled"):
        raise combination("AuthToken needs TransitEncryptionEnabled.")
    if token and not _AUTH_TOKEN.fullmatch(token):
        raise invalid("AuthToken must be 16 to 128 printable characters without / and @.")
    return token


def _member_id(identifier: str, settings: Document, node_group: int, index: int) -> str:
    """Spell a member's id: `id-001`, in cluster mode `id-0001-001`."""
    if settings["ClusterEnabled"]:
        return f"{identifier}-{node_group:04}-{index:03}"
    return f"{identifier}-{index:03}"


def next_member(world: CacheWorld, group: ReplicationGroup, node_group: int) -> Member:
    """Return a further member of a node group, with the first free number."""
    taken = {member.id for member in group.members}
    index = 1
    while _member_id(group.id, group.settings, node_group, index) in taken:
        index += 1
    identifier = _member_id(group.id, group.settings, node_group, index)
    running = next(m.running for m in group.members if m.node_group == node_group)
    return Member(identifier, node_group, world.now(), dict(running))


def describe(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DescribeReplicationGroups: one by id, or all in pages."""
    region = world.region(scope)
    groups = one_or_all(region.replication_groups, params.get("ReplicationGroupId"), _ABSENT)
    return page(params, "ReplicationGroups", [documents.replication_group(g) for g in groups])


def delete(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DeleteReplicationGroup: `deleting`, then gone with its members."""
    region = world.region(scope)
    group = find(region, params.get("ReplicationGroupId"))
    if params.get("RetainPrimaryCluster"):
        raise combination("The embedded AWS cannot retain the primary cluster.")
    if not group.available:
        message = f"Replication group {group.id} is not available; it is {group.status}."
        raise CacheError("InvalidReplicationGroupState", message)
    group.status, group.ready_at = "deleting", world.now() + world.times.cache_deleting
    return {"ReplicationGroup": documents.replication_group(group)}


def describe_clusters(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DescribeCacheClusters: one by id, or the members of all groups in pages."""
    region = world.region(scope)
    members = sorted(
        ((g, m) for g in region.replication_groups.values() for m in g.members),
        key=lambda pair: pair[1].id,
    )
    if params.get("CacheClusterId"):
        members = [find_member(region, params["CacheClusterId"])]
    elif params.get("ShowCacheClustersNotInReplicationGroups"):
        members = []
    clusters = []
    for group, member in members:
        document = documents.cache_cluster(world, region, group, member)
        if params.get("ShowCacheNodeInfo"):
            status = document["CacheParameterGroup"]["ParameterApplyStatus"]
            document["CacheNodes"] = documents.cache_nodes(group, member, status)
        clusters.append(document)
    return page(params, "CacheClusters", clusters)


def find_member(region: Region, identifier: Any) -> tuple[ReplicationGroup, Member]:
    """Return a member and its group; raises CacheClusterNotFound."""
    for group in region.replication_groups.values():
        for member in group.members:
            if member.id == str(identifier or "").lower():
                return group, member
    raise CacheError("CacheClusterNotFound", f"CacheCluster {identifier} not found.")
