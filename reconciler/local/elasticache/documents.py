"""Replication groups and cache clusters as the Describe operations show them.

A ReplicationGroup has no parameter group, engine version, security groups or maintenance window; its
members, which are cache clusters, have. Source: the shapes of botocore's ElastiCache model.
"""

from __future__ import annotations

from typing import Any

from reconciler.local.elasticache.state import (
    CacheWorld,
    Document,
    Member,
    Region,
    ReplicationGroup,
    group_of,
)

_NODE = "0001"
_CLUSTER_PENDING = ("EngineVersion", "CacheNodeType", "TransitEncryptionEnabled")
"""Members of PendingModifiedValues of a cache cluster that a modification may leave there."""


def endpoint(group: ReplicationGroup, node_group: int) -> Document:
    """Return where the server of a node group listens on this machine."""
    host, port = group.places[node_group]
    return {"Address": host, "Port": port}


def waiting(group: ReplicationGroup) -> Document:
    """Return the modifications that were accepted and are not in force yet."""
    return {**(group.pending.values if group.pending else {}), **group.applying}


def replication_group(group: ReplicationGroup) -> Document:
    """Render a replication group."""
    settings = group.settings
    document: Document = {
        "ReplicationGroupId": group.id,
        "Description": settings["ReplicationGroupDescription"],
        "GlobalReplicationGroupInfo": {},
        "Status": group.status,
        "PendingModifiedValues": _pending(group),
        "MemberClusters": [member.id for member in group.members],
        "AutomaticFailover": _word(settings["AutomaticFailoverEnabled"]),
        "MultiAZ": _word(settings["MultiAZEnabled"]),
        "SnapshotRetentionLimit": settings["SnapshotRetentionLimit"],
        "SnapshotWindow": settings["SnapshotWindow"],
        "ClusterEnabled": settings["ClusterEnabled"],
        "CacheNodeType": settings["CacheNodeType"],
        "AuthTokenEnabled": bool(group.auth_token),
        "TransitEncryptionEnabled": settings["TransitEncryptionEnabled"],
        "TransitEncryptionMode": settings.get("TransitEncryptionMode"),
        "AtRestEncryptionEnabled": settings["AtRestEncryptionEnabled"],
        "KmsKeyId": settings.get("KmsKeyId"),
        "UserGroupIds": settings.get("UserGroupIds"),
        "LogDeliveryConfigurations": settings.get("LogDeliveryConfigurations", []),
        "ARN": group.arn,
        "ReplicationGroupCreateTime": group.created_at,
        "DataTiering": "enabled" if settings.get("DataTieringEnabled") else "disabled",
        "AutoMinorVersionUpgrade": settings["AutoMinorVersionUpgrade"],
        "NetworkType": settings["NetworkType"],
        "IpDiscovery": settings["IpDiscovery"],
        "ClusterMode": "enabled" if settings["ClusterEnabled"] else "disabled",
        "Engine": settings["Engine"],
    }
    if group.status != "creating":
        document["NodeGroups"] = [
            _node_group(group, number) for number in range(1, settings["NumNodeGroups"] + 1)
        ]
        if settings["ClusterEnabled"]:
            document["ConfigurationEndpoint"] = endpoint(group, 1)
    return document


def _word(enabled: Any) -> str:
    return "enabled" if enabled else "disabled"


def _pending(group: ReplicationGroup) -> Document:
    values, found = waiting(group), {}
    if "AutomaticFailoverEnabled" in values:
        found["AutomaticFailoverStatus"] = _word(values["AutomaticFailoverEnabled"])
    for name in ("TransitEncryptionEnabled", "TransitEncryptionMode"):
        if name in values:
            found[name] = values[name]
    if "AuthToken" in values:
        found["AuthTokenStatus"] = "SETTING"
    return found


def _node_group(group: ReplicationGroup, number: int) -> Document:
    members = [m for m in group.members if m.node_group == number]
    status = "available" if group.available else "modifying"
    document: Document = {
        "NodeGroupId": f"{number:04}",
        "Status": "deleting" if group.status == "deleting" else status,
        "NodeGroupMembers": [_node_member(group, m, m is members[0]) for m in members],
    }
    if not group.settings["ClusterEnabled"]:
        document["PrimaryEndpoint"] = endpoint(group, number)
        document["ReaderEndpoint"] = endpoint(group, number)
    return document


def _node_member(group: ReplicationGroup, member: Member, primary: bool) -> Document:  # noqa: FBT001 - one of two roles
    document: Document = {
        "CacheClusterId": member.id,
        "CacheNodeId": _NODE,
        "PreferredAvailabilityZone": _zone(group, member),
    }
    if not group.settings["ClusterEnabled"]:
        document["ReadEndpoint"] = endpoint(group, member.node_group)
        document["CurrentRole"] = "primary" if primary else "replica"
    return document


def _zone(group: ReplicationGroup, member: Member) -> str:
    """Return an availability zone: members take turns in three of them."""
    region = group.arn.split(":")[3]
    return f"{region}{'acd'[group.members.index(member) % 3]}"


def apply_status(world: CacheWorld, region: Region, group: ReplicationGroup, member: Member) -> str:
    """Return in-sync, applying, or pending-reboot while a static parameter waits for a reboot."""
    if member.applying_until is not None and world.now() < member.applying_until:
        return "applying"
    in_force = group_of(region, group.settings).static()
    return "in-sync" if in_force == member.running else "pending-reboot"


def cache_cluster(
    world: CacheWorld, region: Region, group: ReplicationGroup, member: Member
) -> Document:
    """Render a member as DescribeCacheClusters does, without its nodes."""
    settings, values = group.settings, waiting(group)
    status = apply_status(world, region, group, member)
    pending = {name: values[name] for name in _CLUSTER_PENDING if name in values}
    document: Document = {
        "CacheClusterId": member.id,
        "ClientDownloadLandingPage": "https://console.aws.amazon.com/elasticache/home#client-download:",
        "CacheNodeType": settings["CacheNodeType"],
        "Engine": settings["Engine"],
        "EngineVersion": settings["EngineVersion"],
        "CacheClusterStatus": _cluster_status(group, member),
        "NumCacheNodes": 1,
        "PreferredAvailabilityZone": _zone(group, member),
        "CacheClusterCreateTime": member.created_at,
        "PreferredMaintenanceWindow": settings["PreferredMaintenanceWindow"],
        "PendingModifiedValues": pending,
        "CacheSecurityGroups": [],
        "CacheParameterGroup": {
            "CacheParameterGroupName": settings["CacheParameterGroupName"],
            "ParameterApplyStatus": status,
            "CacheNodeIdsToReboot": [_NODE] if status == "pending-reboot" else [],
        },
        "CacheSubnetGroupName": settings.get("CacheSubnetGroupName"),
        "AutoMinorVersionUpgrade": settings["AutoMinorVersionUpgrade"],
        "SecurityGroups": [
            {"SecurityGroupId": identifier, "Status": "active"}
            for identifier in settings["SecurityGroupIds"]
        ],
        "ReplicationGroupId": group.id,
        "SnapshotRetentionLimit": settings["SnapshotRetentionLimit"],
        "SnapshotWindow": settings["SnapshotWindow"],
        "AuthTokenEnabled": bool(group.auth_token),
        "TransitEncryptionEnabled": settings["TransitEncryptionEnabled"],
        "TransitEncryptionMode": settings.get("TransitEncryptionMode"),
        "AtRestEncryptionEnabled": settings["AtRestEncryptionEnabled"],
        "ARN": region.arn("cluster", member.id),
        "ReplicationGroupLogDeliveryEnabled": False,
        "LogDeliveryConfigurations": settings.get("LogDeliveryConfigurations", []),
        "NetworkType": settings["NetworkType"],
        "IpDiscovery": settings["IpDiscovery"],
    }
    if settings.get("NotificationTopicArn"):
        document["NotificationConfiguration"] = {
            "TopicArn": settings["NotificationTopicArn"],
            "TopicStatus": settings.get("NotificationTopicStatus", "active"),
        }
    return document


def _cluster_status(group: ReplicationGroup, member: Member) -> str:
    if group.status in ("creating", "modifying", "deleting"):
        return group.status
    return member.status


def cache_nodes(group: ReplicationGroup, member: Member, status: str) -> list[Document]:
    """Render the one node of a member, for ShowCacheNodeInfo."""
    node = {
        "CacheNodeId": _NODE,
        "CacheNodeStatus": _cluster_status(group, member),
        "CacheNodeCreateTime": member.created_at,
        "Endpoint": endpoint(group, member.node_group),
        "ParameterGroupStatus": status,
        "CustomerAvailabilityZone": _zone(group, member),
    }
    return [node]
