"""What we know about a replication group's fields and botocore's model does not say: one table.

Read by `source`, `plan` and `resources`. Sources: [M] the documentation text inside botocore 1.44.8's
ElastiCache model, [D …] a page of the ElastiCache user guide. A field that is not here (AWS added it
since) can be changed if ModifyReplicationGroup takes it, at once, and has no known default.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from reconciler.shapes.botocore_model import input_of
from reconciler.shapes.default_values import ABSENT, NO_DEFAULT

ELASTICACHE = "elasticache"

SWITCHES = {
    "automaticFailover": "automaticFailoverEnabled",
    "multiAZ": "multiAZEnabled",
    "dataTiering": "dataTieringEnabled",
}
"""What an answer tells as `enabled` or `disabled` → the input's field, true or false [M ReplicationGroup]."""
RENAMED = {"description": "replicationGroupDescription"}
"""What an answer merely calls otherwise → the input's name."""
LOG_ANSWERS = frozenset({"status", "message"})
"""Members of a log delivery configuration that are only answered [M LogDeliveryConfiguration]."""


class Way(Enum):
    """How a field of a live group is changed."""

    MODIFY = "ModifyReplicationGroup"
    REPLICAS = "IncreaseReplicaCount or DecreaseReplicaCount"
    TAGS = "AddTagsToResource"
    NEVER = "only when the group is created"
    SEED = "read once, when the group is created"
    IDENTITY = "the group's name"


@dataclass(frozen=True)
class FieldRow:
    """One field. `deferred` fields wait for the maintenance window unless `applyImmediately` is true.

    `default` is what AWS gives when nobody says anything; `reset` what takes the field back when the
    files no longer name it, NO_DEFAULT where it is left as it is.
    """

    way: Way
    deferred: bool = False
    default: Any = NO_DEFAULT
    reset: Any = NO_DEFAULT
    source: str = "M ModifyReplicationGroup"


_AT_ONCE = FieldRow(Way.MODIFY)
_SEED = FieldRow(Way.SEED, source="M CreateReplicationGroup")
_NEVER = FieldRow(Way.NEVER, source="M: in CreateReplicationGroup, not in ModifyReplicationGroup")
_PENDING = "M ReplicationGroupPendingModifiedValues, PendingModifiedValues: it can be pending"

FIELDS: Final = MappingProxyType(
    {
        "replicationGroupId": FieldRow(Way.IDENTITY),
        "replicationGroupDescription": _AT_ONCE,
        "automaticFailoverEnabled": FieldRow(Way.MODIFY, True, False, source=_PENDING),
        "multiAZEnabled": FieldRow(
            Way.MODIFY, True, False, source="D AutoFailover: enabled with apply-immediately"
        ),
        "cacheNodeType": FieldRow(Way.MODIFY, True, source=_PENDING),
        "engine": FieldRow(Way.MODIFY, True, source=_PENDING),
        "engineVersion": FieldRow(Way.MODIFY, True, source=_PENDING),
        "cacheParameterGroupName": FieldRow(Way.MODIFY, True),
        "securityGroupIds": _AT_ONCE,
        "preferredMaintenanceWindow": _AT_ONCE,
        "notificationTopicArn": FieldRow(Way.MODIFY, default=ABSENT, reset=""),
        "notificationTopicStatus": _AT_ONCE,
        "autoMinorVersionUpgrade": FieldRow(Way.MODIFY, reset=True),
        "snapshotRetentionLimit": FieldRow(Way.MODIFY, default=0),
        "snapshotWindow": _AT_ONCE,
        "snapshottingClusterId": _AT_ONCE,
        "userGroupIds": FieldRow(Way.MODIFY, True, [], source=_PENDING),
        "logDeliveryConfigurations": FieldRow(Way.MODIFY, True, [], reset=[], source=_PENDING),
        "transitEncryptionEnabled": FieldRow(Way.MODIFY, True, False, source=_PENDING),
        "transitEncryptionMode": FieldRow(Way.MODIFY, True, source=_PENDING),
        "clusterMode": FieldRow(Way.MODIFY, True, "disabled", source=_PENDING),
        "ipDiscovery": FieldRow(Way.MODIFY, default="ipv4"),
        "durability": _AT_ONCE,
        "numCacheClusters": FieldRow(Way.REPLICAS, source="M IncreaseReplicaCount"),
        "replicasPerNodeGroup": FieldRow(Way.REPLICAS, source="M IncreaseReplicaCount"),
        "numNodeGroups": FieldRow(
            Way.NEVER, source="resharding moves data between nodes: a person does it"
        ),
        "port": FieldRow(Way.NEVER, default=6379, source=_NEVER.source),
        "cacheSubnetGroupName": _NEVER,
        "atRestEncryptionEnabled": _NEVER,
        "kmsKeyId": _NEVER,
        "networkType": FieldRow(Way.NEVER, default="ipv4", source=_NEVER.source),
        "dataTieringEnabled": FieldRow(Way.NEVER, default=False, source=_NEVER.source),
        "globalReplicationGroupId": _NEVER,
        "primaryClusterId": _SEED,
        "preferredCacheClusterAZs": _SEED,
        "nodeGroupConfiguration": _SEED,
        "snapshotArns": _SEED,
        "snapshotName": _SEED,
        "serverlessCacheSnapshotName": _SEED,
        "cacheSecurityGroupNames": _SEED,
        "tags": FieldRow(Way.TAGS, source="M AddTagsToResource"),
    }
)

REFUSED: Final = MappingProxyType(
    {
        # Fields of the two inputs that no file may hold, and why.
        "authToken": "is a password and must not stand in a file: set it by hand and leave it "
        "undeclared, or use userGroupIds",
        "authTokenUpdateStrategy": "belongs to a password, which must not stand in a file",
        "userGroupIdsToAdd": "is worked out: declare userGroupIds",
        "userGroupIdsToRemove": "is worked out: declare userGroupIds",
        "removeUserGroups": "is worked out: declare userGroupIds: []",
        "nodeGroupId": "is not used by AWS any more",
    }
)

ONLY_IN_MODIFY: Final = frozenset({"snapshottingClusterId", "notificationTopicStatus"})
"""Lasting settings that CreateReplicationGroup does not take: they are set once the group is there."""

SETS: Final = frozenset({"securityGroupIds", "userGroupIds"})
"""Lists whose order AWS does not keep."""

TWO_STEPS: Final = MappingProxyType(
    {
        # Field → the value that must be reached before the last one [M ModifyReplicationGroup].
        "transitEncryptionMode": "preferred",
        "clusterMode": "compatible",
    }
)

DEFAULT_GROUPS: Final = "default."
"""How the names of AWS's own parameter groups begin; they cannot be changed [M]."""

DEFAULT_POLICY: Final = "volatile-lru"
"""`maxmemory-policy` when nobody sets it [D ParameterGroups.Engine]."""

MAX_PARAMETERS: Final = 20
"""Parameters in one ModifyCacheParameterGroup [M]."""

_CREATE_ONLY = FieldRow(Way.NEVER, source="AWS: not in ModifyReplicationGroup")
_VERSION = re.compile(r"\d+(\.\d+)*")
_REDIS_6 = 6


def row_of(name: str) -> FieldRow:
    """Return what is known of a field; for one that AWS has added since, what its operations tell."""
    known = FIELDS.get(name)
    if known is not None:
        return known
    return _AT_ONCE if name in modify_fields() else _CREATE_ONLY


@cache
def create_fields() -> frozenset[str]:
    """Return CreateReplicationGroup's fields, as the files spell them."""
    return frozenset(input_of("CreateReplicationGroup", ELASTICACHE).members)


@cache
def modify_fields() -> frozenset[str]:
    """Return ModifyReplicationGroup's fields, as the files spell them."""
    return frozenset(input_of("ModifyReplicationGroup", ELASTICACHE).members)


@cache
def declared_fields() -> frozenset[str]:
    """Return the fields that a file may hold."""
    new = modify_fields() - FIELDS.keys() - {"applyImmediately"}
    return (create_fields() | ONLY_IN_MODIFY | new) - REFUSED.keys()


def family_of(engine: str, version: str) -> str:
    """Return the parameter group family of an engine version, `redis6.x`; empty when it cannot be told.

    Redis before 6 has a family for each minor version, 6 is `redis6.x`, later ones and Valkey have one
    for each major version [D ParameterGroups.Engine].
    """
    major, _, rest = version.partition(".")
    if engine not in ("redis", "valkey") or not major.isdigit():
        return ""
    if engine == "valkey" or int(major) > _REDIS_6:
        return f"{engine}{major}"
    if int(major) == _REDIS_6:
        return "redis6.x"
    minor = rest.split(".")[0]
    return f"redis{major}.{minor}" if minor.isdigit() else ""


def version_parts(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, `6.x` being `(6,)`; empty when it is none."""
    found = _VERSION.match(version.strip())
    return tuple(int(part) for part in found[0].split(".")) if found else ()
