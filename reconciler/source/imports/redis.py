"""A live replication group → `redis:`. Called by `files`; documents are those of `DesiredRedis`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from reconciler.model.observed import ObservedRedis
from reconciler.shapes.default_values import ABSENT, NO_DEFAULT
from reconciler.shapes.redis_tables import DEFAULT_GROUPS, Way, row_of
from reconciler.source.imports.live import Target
from reconciler.source.imports.names import as_name
from reconciler.source.imports.tree import Keys, is_empty

_ORDER = (
    *("replicationGroupId", "replicationGroupDescription", "engine", "engineVersion"),
    *("cacheNodeType", "numNodeGroups", "replicasPerNodeGroup", "automaticFailoverEnabled"),
    *("multiAZEnabled", "port", "cacheSubnetGroupName", "securityGroupIds"),
)
_PARAMETERS = "cacheParameterGroupName"
_REDIS_6 = 6


def redis_key(name: str, target: Target, taken: Collection[str]) -> str:
    """Return the key of a group: its id without the app's and the environment's name, else `main`."""
    rest = name
    for prefix in (f"{target.app}-{target.environment}", target.app, target.environment):
        rest = rest.removeprefix(prefix).strip("-")
    return as_name(rest, taken, fallback="main")


def short_redis(live: ObservedRedis) -> Keys:
    """Return what has to be declared of a group; AWS's defaults are left out."""
    group = {n: v for n, v in live.group.items() if not _is_default(n, v)}
    group.pop("numCacheClusters", None)  # the replicas say the same
    if group.get("numNodeGroups") == 1:
        del group["numNodeGroups"]
    attached = group.pop(_PARAMETERS, None)
    ranked = sorted(group, key=lambda n: (_ORDER.index(n) if n in _ORDER else len(_ORDER), n))
    section = Keys((n, group[n]) for n in ranked)
    if "engineVersion" in section:
        section["engineVersion"] = _version(str(section["engineVersion"]))
    if attached is not None:
        section["parameterGroup"] = _parameter_group(str(attached), live)
    tags = {k: v for k, v in (live.tags or {}).items() if not k.startswith(("aws:", "reconciler:"))}
    if tags:
        section["tags"] = Keys(sorted(tags.items()))
    return section


def _parameter_group(name: str, live: ObservedRedis) -> Any:
    group = live.parameter_group
    if name.startswith(DEFAULT_GROUPS) or group is None:
        return name
    section = Keys([(_PARAMETERS, name)])
    if group.family:
        section["cacheParameterGroupFamily"] = group.family
    if group.parameters:
        section["parameters"] = Keys(sorted(group.parameters.items()))
    return section


def _version(text: str) -> str:
    """Return the version as it is asked for: from 6 on AWS chooses the patch [D engine versions]."""
    parts = text.split(".")
    return ".".join(parts[:2]) if parts[0].isdigit() and int(parts[0]) >= _REDIS_6 else text


def _is_default(name: str, value: Any) -> bool:
    row = row_of(name)
    if row.way is Way.SEED or is_empty(value):
        return True
    return row.default not in (NO_DEFAULT, ABSENT) and bool(value == row.default)
