"""AddTagsToResource, RemoveTagsFromResource, ListTagsForResource for every kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.local.elasticache.errors import CacheError
from reconciler.local.elasticache.state import CacheWorld, Document, Region, Scope


def _tags_of(region: Region, arn: str) -> list[Document]:
    """Return the list itself, so that changing it changes the resource."""
    *_, kind, name = ["", "", *arn.split(":", 6)]
    if kind == "parametergroup" and name in region.parameter_groups:
        return region.parameter_groups[name].tags
    if kind == "replicationgroup" and name in region.replication_groups:
        return region.replication_groups[name].tags
    if kind == "subnetgroup" and name in region.subnet_groups:
        return region.subnet_groups[name].tags
    if kind == "cluster":
        for group in region.replication_groups.values():
            if name in {member.id for member in group.members}:
                return group.tags
    raise CacheError(*_MISSING.get(kind, ("InvalidARN", f"{arn} is not a valid ARN.")))


_MISSING = {
    "parametergroup": ("CacheParameterGroupNotFound", "The parameter group does not exist."),
    "replicationgroup": ("ReplicationGroupNotFoundFault", "The replication group does not exist."),
    "subnetgroup": ("CacheSubnetGroupNotFoundFault", "The subnet group does not exist."),
    "cluster": ("CacheClusterNotFound", "The cache cluster does not exist."),
}


def add_tags(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """AddTagsToResource: a tag of the same key is replaced."""
    tags = _tags_of(world.region(scope), str(params.get("ResourceName") or ""))
    merged = {t["Key"]: t for t in [*tags, *(params.get("Tags") or [])]}
    tags[:] = [dict(tag) for tag in merged.values()]
    return {"TagList": tags}


def remove_tags(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """RemoveTagsFromResource: a key that is not there is an error."""
    tags = _tags_of(world.region(scope), str(params.get("ResourceName") or ""))
    gone = set(params.get("TagKeys") or [])
    if not gone <= {tag["Key"] for tag in tags}:
        raise CacheError("TagNotFound", "The requested tag was not found on this resource.")
    tags[:] = [tag for tag in tags if tag["Key"] not in gone]
    return {"TagList": tags}


def list_tags(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """ListTagsForResource."""
    return {"TagList": _tags_of(world.region(scope), str(params.get("ResourceName") or ""))}
