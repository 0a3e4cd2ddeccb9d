"""Cache subnet groups; their subnets are taken as they are named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.local.elasticache.errors import CacheError, invalid
from reconciler.local.elasticache.pages import found, one_or_all, page
from reconciler.local.elasticache.state import CacheWorld, Document, Region, Scope, SubnetGroup

_ABSENT = "CacheSubnetGroupNotFoundFault"


def find(region: Region, name: Any) -> SubnetGroup:
    """Return a subnet group by name in any case; raises CacheSubnetGroupNotFoundFault."""
    return found(region.subnet_groups, name, _ABSENT)


def create(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """CreateCacheSubnetGroup; the subnets are taken as they are named."""
    region = world.region(scope)
    name = str(params.get("CacheSubnetGroupName") or "").lower()
    if not name or not params.get("SubnetIds"):
        raise invalid("CacheSubnetGroupName and SubnetIds must be provided.")
    if name in region.subnet_groups:
        message = f"Cache subnet group {name} already exists."
        raise CacheError("CacheSubnetGroupAlreadyExists", message)
    region.subnet_groups[name] = SubnetGroup(
        arn=region.arn("subnetgroup", name),
        name=name,
        description=str(params.get("CacheSubnetGroupDescription") or ""),
        subnets=[str(subnet) for subnet in params["SubnetIds"]],
        tags=[dict(tag) for tag in params.get("Tags") or []],
    )
    return {"CacheSubnetGroup": _document(region.subnet_groups[name])}


def _document(group: SubnetGroup) -> Document:
    return {
        "CacheSubnetGroupName": group.name,
        "CacheSubnetGroupDescription": group.description,
        "Subnets": [
            {"SubnetIdentifier": subnet, "SupportedNetworkTypes": ["ipv4"]}
            for subnet in group.subnets
        ],
        "ARN": group.arn,
        "SupportedNetworkTypes": ["ipv4"],
    }


def describe(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DescribeCacheSubnetGroups: one by name, or all in pages."""
    region = world.region(scope)
    groups = one_or_all(region.subnet_groups, params.get("CacheSubnetGroupName"), _ABSENT)
    return page(params, "CacheSubnetGroups", [_document(group) for group in groups])


def delete(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DeleteCacheSubnetGroup: refused while a replication group is in it."""
    region = world.region(scope)
    group = find(region, params.get("CacheSubnetGroupName"))
    for replication_group in region.replication_groups.values():
        if replication_group.settings.get("CacheSubnetGroupName") == group.name:
            message = f"Cache subnet group {group.name} is currently in use by a cache cluster."
            raise CacheError("CacheSubnetGroupInUse", message)
    del region.subnet_groups[group.name]
    return {}
