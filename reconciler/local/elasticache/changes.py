"""Modifying replication groups, and what the clock does to them.

ModifyReplicationGroup, replica counts and reboots start a change; `step` ends it. It is called before
each operation and on each tick of the engine, under the world's lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.local.elasticache import documents, parameter_groups, replication_groups
from reconciler.local.elasticache.errors import CacheError, combination, invalid
from reconciler.local.elasticache.families import (
    CLUSTER_SUFFIX,
    family_of,
    full_version,
    version_key,
)
from reconciler.local.elasticache.state import (
    CacheWorld,
    Document,
    Member,
    ParameterGroup,
    Pending,
    Region,
    ReplicationGroup,
    Scope,
    group_of,
)
from reconciler.local.elasticache.windows import checked_window, next_opening

_AT_ONCE = (
    "ReplicationGroupDescription",
    "SecurityGroupIds",
    "PreferredMaintenanceWindow",
    "NotificationTopicArn",
    "NotificationTopicStatus",
    "AutoMinorVersionUpgrade",
    "SnapshotRetentionLimit",
    "SnapshotWindow",
    "LogDeliveryConfigurations",
    "IpDiscovery",
)
"""In force without a window and without `modifying`. Inference: they do not change the nodes."""
_BY_WINDOW = (
    "AutomaticFailoverEnabled",
    "MultiAZEnabled",
    "CacheParameterGroupName",
    "Engine",
    "EngineVersion",
    "CacheNodeType",
    "TransitEncryptionEnabled",
    "TransitEncryptionMode",
)
"""These wait for the maintenance window unless ApplyImmediately is set (botocore's model)."""
_REBOOTING = "rebooting cache cluster nodes"


def modify(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """ModifyReplicationGroup: refused unless `available`.

    With ApplyImmediately this and every other pending modification is applied, else it waits.
    """
    region = world.region(scope)
    group = replication_groups.find(region, params.get("ReplicationGroupId"))
    _require_available(group)
    now = params.get("ApplyImmediately", False)
    changed = _wanted(region, group, params)
    if params.get("AuthToken") and not now:
        raise combination("Changing AuthToken needs ApplyImmediately.")
    at_once = {name: params[name] for name in _AT_ONCE if params.get(name) is not None}
    if "PreferredMaintenanceWindow" in at_once:
        at_once["PreferredMaintenanceWindow"] = checked_window(
            str(at_once["PreferredMaintenanceWindow"])
        )
    group.settings |= at_once
    if params.get("AuthToken"):
        group.auth_token = str(params["AuthToken"])
        group.generation += 1
    waiting = {**(group.pending.values if group.pending else {}), **changed}
    waiting = {n: v for n, v in waiting.items() if group.settings.get(n) != v}
    if now:
        group.pending = None
        _start(world, region, group, waiting)
    elif waiting:
        window = group.settings["PreferredMaintenanceWindow"]
        group.pending = Pending(waiting, next_opening(window, world.now()))
    else:
        group.pending = None
    return {"ReplicationGroup": documents.replication_group(group)}


def _require_available(group: ReplicationGroup) -> None:
    if not group.available or any(m.status == _REBOOTING for m in group.members):
        raise CacheError(
            "InvalidReplicationGroupState",
            f"Replication group {group.id} must be available to be modified; it is {group.status}.",
        )


def _wanted(region: Region, group: ReplicationGroup, params: Mapping[str, Any]) -> Document:
    """Return the node changes of a request, checked, over those that wait already."""
    changed = {n: params[n] for n in _BY_WINDOW if params.get(n) is not None}
    target = {**group.settings, **(group.pending.values if group.pending else {})}
    if "Engine" in changed or "EngineVersion" in changed:
        engine = str(changed.get("Engine", target["Engine"])).lower()
        wanted = str(changed.get("EngineVersion") or "")
        changed |= {"Engine": engine, "EngineVersion": _version(group, engine, wanted)}
    target |= changed
    family = family_of(target["Engine"], target["EngineVersion"])
    current = parameter_groups.find(region, target["CacheParameterGroupName"])
    if current.family != family and current.is_default:
        suffix = CLUSTER_SUFFIX if current.cluster_mode else ""
        current = parameter_groups.find(region, f"default.{family}{suffix}")
    replication_groups.check_family(current, family)
    if target["Engine"] != group.settings["Engine"]:
        _check_static(group_of(region, group.settings), current)
    if changed.get("CacheParameterGroupName") or current.name != target["CacheParameterGroupName"]:
        changed["CacheParameterGroupName"] = current.name
    if current.cluster_mode != group.settings["ClusterEnabled"]:
        raise combination("A parameter group of the other cluster mode cannot be attached.")
    _check_failover(group, target)
    return changed


def _check_static(before: ParameterGroup, after: ParameterGroup) -> None:
    """Refuse another engine with other static parameters.

    Source: the user guide on cross-engine upgrades, for groups with a custom parameter group.
    """
    old, new = before.static(), after.static()
    other = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    if other:
        raise combination(
            f"The parameter group {after.name} must have the same static parameter values as "
            f"{before.name}: {', '.join(other)}."
        )


def _version(group: ReplicationGroup, engine: str, wanted: str) -> str:
    """Return the full version asked for. Refused: an unknown one, a downgrade, Valkey to Redis.

    Source: the user guide on engine versions: no downgrade, but Valkey 7.2 may go back to Redis 7.1.
    """
    version = full_version(engine, wanted)
    if not version:
        raise invalid(f"Cannot find version {wanted} for {engine}")
    before = (group.settings["Engine"], group.settings["EngineVersion"])
    back = before[0] == "valkey" and engine == "redis"
    if back and before[1].startswith("7.2") and version.startswith("7.1"):
        return version
    if back or version_key(version) < version_key(before[1]):
        raise invalid(
            f"Downgrading from {before[0]} {before[1]} to {engine} {version} is not supported."
        )
    return version


def _check_failover(group: ReplicationGroup, target: Document) -> None:
    alone = not group.settings["ReplicasPerNodeGroup"] and not group.settings["ClusterEnabled"]
    if target["AutomaticFailoverEnabled"] and alone:
        raise combination("Automatic failover needs at least one replica.")
    if target["MultiAZEnabled"] and not target["AutomaticFailoverEnabled"]:
        raise combination("Must enable automatic failover if Multi-AZ is enabled.")


def _start(world: CacheWorld, region: Region, group: ReplicationGroup, values: Document) -> None:
    if values:
        group.applying = values
        _modifying(world, group)
        names = ", ".join(sorted(values))
        world.note(region, group.id, "replication-group", f"Applying modifications: {names}")


def _modifying(world: CacheWorld, group: ReplicationGroup) -> None:
    group.status, group.ready_at = "modifying", world.now() + world.times.cache_modifying


# --- replicas and reboots ------------------------------------------------------------------------


def increase(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """IncreaseReplicaCount: only at once, up to five replicas."""
    return _resize(world, scope, params, grow=True)


def decrease(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DecreaseReplicaCount: only at once; with Multi-AZ or failover one replica stays."""
    return _resize(world, scope, params, grow=False)


def _resize(world: CacheWorld, scope: Scope, params: Mapping[str, Any], *, grow: bool) -> Document:
    region = world.region(scope)
    group = replication_groups.find(region, params.get("ReplicationGroupId"))
    if not params.get("ApplyImmediately"):
        raise combination("ApplyImmediately=false is not supported for replica counts.")
    _require_available(group)
    present, wanted = group.settings["ReplicasPerNodeGroup"], _replicas(params)
    if wanted == present or (wanted > present) != grow:
        raise CacheError("NoOperationFault", f"The group has {present} replicas already.")
    least = 1 if group.settings["AutomaticFailoverEnabled"] else 0
    if not least <= wanted <= replication_groups.MOST_REPLICAS:
        raise invalid(f"The number of replicas must be between {least} and 5.")
    for number in range(1, group.settings["NumNodeGroups"] + 1):
        _resize_node_group(world, group, number, wanted)
    group.settings["ReplicasPerNodeGroup"] = wanted
    _modifying(world, group)
    return {"ReplicationGroup": documents.replication_group(group)}


def _replicas(params: Mapping[str, Any]) -> int:
    if params.get("NewReplicaCount") is not None:
        return int(params["NewReplicaCount"])
    counts = {int(part["NewReplicaCount"]) for part in params.get("ReplicaConfiguration") or []}
    if len(counts) != 1:
        raise combination("Give NewReplicaCount, or one count for all node groups.")
    return counts.pop()


def _resize_node_group(
    world: CacheWorld, group: ReplicationGroup, number: int, replicas: int
) -> None:
    members = [m for m in group.members if m.node_group == number]
    for surplus in members[replicas + 1 :]:
        group.members.remove(surplus)
    for _ in range(replicas + 1 - len(members)):
        group.members.append(replication_groups.next_member(world, group, number))
    group.members.sort(key=lambda member: member.id)


def reboot(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """RebootCacheCluster: static parameters come into force, the contents of the node are lost."""
    region = world.region(scope)
    group, member = replication_groups.find_member(region, params.get("CacheClusterId"))
    if group.settings["ClusterEnabled"]:
        raise CacheError(
            "InvalidCacheClusterState", "A cluster with cluster mode enabled cannot be rebooted."
        )
    if not group.available or member.status != "available":
        raise CacheError("InvalidCacheClusterState", f"Cache cluster {member.id} is not available.")
    if params.get("CacheNodeIdsToReboot") != ["0001"]:
        raise invalid("CacheNodeIdsToReboot must be the node of the cluster: 0001.")
    member.status, member.ready_at = _REBOOTING, world.now() + world.times.cache_rebooting
    return {"CacheCluster": documents.cache_cluster(world, region, group, member)}


# --- the clock -----------------------------------------------------------------------------------


def step(world: CacheWorld) -> None:
    """Move every group as far as it can go now."""
    for region, group in world.every_group():
        _step_members(world, region, group)
        if group.ready_at is not None and world.now() >= group.ready_at:
            _arrive(world, region, group)
        pending = group.pending
        if pending is not None and group.available and world.now() >= pending.due:
            group.pending = None
            _start(world, region, group, pending.values)


def open_window(world: CacheWorld, group_id: str) -> None:
    """Let the maintenance window of a replication group open now; for tests and `reconciler local`."""
    for _, group in world.every_group():
        if group.id == group_id and group.pending is not None:
            group.pending.due = world.now()
    step(world)


def _step_members(world: CacheWorld, region: Region, group: ReplicationGroup) -> None:
    for member in group.members:
        if member.status != _REBOOTING or member.ready_at is None:
            continue
        if world.now() >= member.ready_at:
            member.status, member.ready_at = "available", None
            member.running = group_of(region, group.settings).static()
            if _is_primary(group, member):
                group.generation += 1
            world.note(region, member.id, "cache-cluster", "Finished node reboot")


def _is_primary(group: ReplicationGroup, member: Member) -> bool:
    return next(m for m in group.members if m.node_group == member.node_group) is member


def _arrive(world: CacheWorld, region: Region, group: ReplicationGroup) -> None:
    """End creating, modifying or deleting."""
    group.ready_at = None
    if group.status == "deleting":
        del region.replication_groups[group.id]
        world.note(region, group.id, "replication-group", "Replication group deleted")
        return
    created = group.status == "creating"
    group.status = "available"
    for member in group.members:
        member.status = "available" if member.status == "creating" else member.status
    values, group.applying = group.applying, {}
    upgraded = "EngineVersion" in values or "Engine" in values
    group.settings |= values
    if values.get("TransitEncryptionEnabled"):
        group.settings.setdefault("TransitEncryptionMode", "preferred")
    if upgraded:  # an upgrade starts the engine anew, and with it every static parameter
        for member in group.members:
            member.running = group_of(region, group.settings).static()
    elif "CacheParameterGroupName" in values:
        parameter_groups.start_applying(world, group)
    message = "created" if created else "modified"
    world.note(region, group.id, "replication-group", f"Replication group {message}")
