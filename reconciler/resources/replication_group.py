"""replication_group: one ElastiCache replication group, Redis or Valkey, with its first member's facts.

Called by `resources.redis` and `controller.calls`; what to send is the planner's business. Nothing here
deletes a group or reboots a node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import InvalidRequest, NotFound
from reconciler.model.observed import Endpoint, ObservedRedis
from reconciler.resources.elasticache import made, tags_of
from reconciler.resources.kind import Answer, Kind
from reconciler.shapes.botocore_model import shape_named
from reconciler.shapes.casing import from_wire
from reconciler.shapes.redis_tables import (
    ELASTICACHE,
    LOG_ANSWERS,
    RENAMED,
    SWITCHES,
    declared_fields,
)

ALREADY = frozenset(
    {"ReplicationGroupAlreadyExists", "ReplicationGroupAlreadyExistsFault", "NoOperationFault"}
)
"""Answers to what is so already: a repeated creation, a number of replicas that is there."""

BUSY = frozenset({"InvalidReplicationGroupState", "InvalidReplicationGroupStateFault"})
"""What AWS answers while it works on a group."""

_ON = frozenset({"enabled", "enabling"})

replication_group: Kind[ObservedRedis] = Kind(
    name="replication_group",
    permissions={
        "observe": (
            "elasticache:DescribeReplicationGroups",
            "elasticache:DescribeCacheClusters",
            "elasticache:ListTagsForResource",
        ),
        "create": ("elasticache:CreateReplicationGroup", "elasticache:AddTagsToResource"),
        "update": (
            "elasticache:ModifyReplicationGroup",
            "elasticache:IncreaseReplicaCount",
            "elasticache:DecreaseReplicaCount",
            "elasticache:AddTagsToResource",
            "elasticache:RemoveTagsFromResource",
        ),
    },
)


@replication_group.on_observe
def observe(aws: Aws, _: str, names: Sequence[str]) -> dict[str, ObservedRedis]:
    """Read groups by id, each with the settings that AWS tells of a member only; absent ones are left out."""
    found = {}
    for name in names:
        group = described(aws, name)
        if group is not None:
            born = group.get("Status") != "creating"
            found[name] = observed_redis(group, _first_member(aws, group) if born else None)
    return found


def described(aws: Aws, name: str) -> Mapping[str, Any] | None:
    """Return one element of DescribeReplicationGroups, None when there is no such group."""
    try:
        response = aws.call(ELASTICACHE, "DescribeReplicationGroups", ReplicationGroupId=name)
    except NotFound:
        return None
    groups: Sequence[Mapping[str, Any]] = response.get("ReplicationGroups", ())
    return groups[0] if groups else None


def _first_member(aws: Aws, group: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the cluster whose settings are those of all members; it may be gone since."""
    for member in sorted(group.get("MemberClusters", ()))[:1]:
        try:
            response = aws.call(ELASTICACHE, "DescribeCacheClusters", CacheClusterId=member)
        except NotFound:
            return None
        clusters: Sequence[Mapping[str, Any]] = response.get("CacheClusters", ())
        return clusters[0] if clusters else None
    return None


def tags(aws: Aws, live: ObservedRedis) -> dict[str, str] | None:
    """Return a group's tags, None while AWS does not tell them: it refuses some states."""
    try:
        return tags_of(aws, live.arn)
    except InvalidRequest as error:
        if error.code not in BUSY:
            raise
        return None


def users_of(aws: Aws, name: str) -> frozenset[str]:
    """Return the replication groups, and the clusters outside of one, that use a parameter group."""
    return frozenset(
        str(cluster.get("ReplicationGroupId") or cluster.get("CacheClusterId", ""))
        for page in aws.pages(ELASTICACHE, "DescribeCacheClusters")
        for cluster in page.get("CacheClusters", ())
        if (cluster.get("CacheParameterGroup") or {}).get("CacheParameterGroupName") == name
    )


@replication_group.on_call(
    "CreateReplicationGroup",
    "ModifyReplicationGroup",
    "IncreaseReplicaCount",
    "DecreaseReplicaCount",
    "AddTagsToResource",
    "RemoveTagsFromResource",
)
def call(aws: Aws, operation: str, parameters: Mapping[str, Any]) -> Answer:
    """Make one call. What is so already is a success: the next observation judges it."""
    return made(aws, operation, parameters, ALREADY)


def observed_redis(group: Mapping[str, Any], member: Mapping[str, Any] | None) -> ObservedRedis:
    """Translate an element of DescribeReplicationGroups and one of DescribeCacheClusters."""
    told = from_wire(shape_named("ReplicationGroup", ELASTICACHE), group)
    cluster = from_wire(shape_named("CacheCluster", ELASTICACHE), member or {})
    shards: Sequence[Mapping[str, Any]] = told.get("nodeGroups", ())
    primary = next((_endpoint(s.get("primaryEndpoint")) for s in shards), None)
    reader = next((_endpoint(s.get("readerEndpoint")) for s in shards), None)
    configuration = _endpoint(told.get("configurationEndpoint"))
    parameters: Mapping[str, Any] = cluster.get("cacheParameterGroup", {})
    settings = {**_of_member(cluster), **_of_group(told)}
    listens = configuration or primary
    if listens is not None:
        settings["port"] = listens.port
    return ObservedRedis(
        status=str(told.get("status", "")),
        group={name: settings[name] for name in sorted(settings.keys() & declared_fields())},
        pending=_pending(told, cluster, settings),
        arn=str(told.get("aRN", "")),
        members=tuple(told.get("memberClusters", ())),
        configuration=configuration,
        primary=primary,
        reader=reader,
        parameter_status=str(parameters.get("parameterApplyStatus", "")),
    )


def _of_group(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the group says, in the words of the inputs."""
    found = {name: told[name] for name in declared_fields() & told.keys()}
    shards, members = len(told.get("nodeGroups", ())), len(told.get("memberClusters", ()))
    if shards and members:
        found |= {
            "numNodeGroups": shards,
            "numCacheClusters": members,
            "replicasPerNodeGroup": max(members // shards - 1, 0),
        }
    found |= {name: told[word] in _ON for word, name in SWITCHES.items() if word in told}
    found |= {name: told[word] for word, name in RENAMED.items() if word in told}
    if "logDeliveryConfigurations" in told:
        found["logDeliveryConfigurations"] = _logs(told["logDeliveryConfigurations"])
    if "userGroupIds" in told:
        found["userGroupIds"] = sorted(told["userGroupIds"])
    elsewhere = told.get("globalReplicationGroupInfo", {}).get("globalReplicationGroupId")
    return {**found, "globalReplicationGroupId": elsewhere} if elsewhere else found


def _of_member(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """Return what AWS tells of a member and not of its group (botocore: shape ReplicationGroup)."""
    names = ("engine", "engineVersion", "cacheSubnetGroupName", "preferredMaintenanceWindow")
    found = {name: cluster[name] for name in names if name in cluster}
    groups = [str(g.get("securityGroupId", "")) for g in cluster.get("securityGroups", ())]
    if groups:
        found["securityGroupIds"] = sorted(groups)
    parameters = cluster.get("cacheParameterGroup", {}).get("cacheParameterGroupName")
    if parameters:
        found["cacheParameterGroupName"] = parameters
    topic: Mapping[str, Any] = cluster.get("notificationConfiguration") or {}
    if topic.get("topicArn"):
        found["notificationTopicStatus"] = topic.get("topicStatus", "active")
        if found["notificationTopicStatus"] == "active":  # else nothing is sent to it
            found["notificationTopicArn"] = topic["topicArn"]
    return found


def _pending(
    told: Mapping[str, Any], cluster: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what AWS has accepted and not applied, by the inputs' names; other things by AWS's."""
    found = {
        name: value
        for name, value in (cluster.get("pendingModifiedValues") or {}).items()
        if name in ("engineVersion", "cacheNodeType")
    }
    ours: dict[str, Any] = dict(told.get("pendingModifiedValues") or {})
    failover = ours.pop("automaticFailoverStatus", None)
    if failover:
        found["automaticFailoverEnabled"] = failover in _ON
    users: Mapping[str, Any] | None = ours.pop("userGroups", None)
    if users:
        now = set(settings.get("userGroupIds", ())) | set(users.get("userGroupIdsToAdd", ()))
        found["userGroupIds"] = sorted(now - set(users.get("userGroupIdsToRemove", ())))
    logs = ours.pop("logDeliveryConfigurations", None)
    if logs:
        found["logDeliveryConfigurations"] = _logs(logs)
    return found | {name: value for name, value in ours.items() if value not in ({}, [])}


def _logs(configurations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    kept = [{k: v for k, v in c.items() if k not in LOG_ANSWERS} for c in configurations]
    return sorted(kept, key=lambda item: str(item.get("logType")))


def _endpoint(told: Mapping[str, Any] | None) -> Endpoint | None:
    if not told or not told.get("address"):
        return None
    return Endpoint(str(told["address"]), int(told.get("port", 6379)))
