"""parameter_group: one ElastiCache parameter group. Made, tagged, changed and reset in parts by name.

Called by `resources.redis` and `controller.calls`; which parameters to set is the planner's business.
Nothing here deletes a group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import NotFound
from reconciler.model.observed import ObservedParameter, ObservedParameterGroup
from reconciler.resources.elasticache import made, tags_of
from reconciler.resources.kind import Answer, Kind
from reconciler.shapes.redis_tables import ELASTICACHE

ALREADY = frozenset({"CacheParameterGroupAlreadyExists", "CacheParameterGroupAlreadyExistsFault"})
"""What AWS answers to making a group that exists: a creation has no token, its name makes it one."""

REBOOT = "requires-reboot"
"""The ChangeType of what a node uses only once it is rebooted."""

parameter_group: Kind[ObservedParameterGroup] = Kind(
    name="parameter_group",
    permissions={
        "observe": (
            "elasticache:DescribeCacheParameters",
            "elasticache:DescribeCacheParameterGroups",
            "elasticache:ListTagsForResource",
        ),
        "create": ("elasticache:CreateCacheParameterGroup", "elasticache:AddTagsToResource"),
        "update": (
            "elasticache:ModifyCacheParameterGroup",
            "elasticache:ResetCacheParameterGroup",
            "elasticache:AddTagsToResource",
        ),
    },
)


@parameter_group.on_observe
def observe(aws: Aws, _: str, names: Sequence[str]) -> dict[str, ObservedParameterGroup]:
    """Read groups by name, with the parameters that somebody set; absent ones are left out."""
    found = {}
    for name in names:
        try:
            set_by_somebody = list(_parameters(aws, name, Source="user"))
        except NotFound:
            continue
        values = {
            str(p["ParameterName"]): str(p.get("ParameterValue", "")) for p in set_by_somebody
        }
        reboot = {str(p["ParameterName"]) for p in set_by_somebody if p.get("ChangeType") == REBOOT}
        found[name] = ObservedParameterGroup(name, values, reboot=frozenset(reboot))
    return found


def identity(aws: Aws, name: str) -> tuple[str, str, dict[str, str]]:
    """Return a group's family, ARN and tags: what does not change by itself and costs two more calls."""
    response = aws.call(ELASTICACHE, "DescribeCacheParameterGroups", CacheParameterGroupName=name)
    group: Mapping[str, Any] = next(iter(response.get("CacheParameterGroups", ())), {})
    arn = str(group.get("ARN", ""))
    return str(group.get("CacheParameterGroupFamily", "")), arn, tags_of(aws, arn) if arn else {}


def family(aws: Aws, name: str) -> dict[str, ObservedParameter]:
    """Return every parameter of a family with its default, by name; of its own group `default.<name>`."""
    return {
        str(p["ParameterName"]): ObservedParameter(
            name=str(p["ParameterName"]),
            value=str(p.get("ParameterValue", "")),
            change_type=str(p.get("ChangeType", "")),
            allowed_values=str(p.get("AllowedValues", "")),
            data_type=str(p.get("DataType", "")),
            modifiable=bool(p.get("IsModifiable", True)),
        )
        for p in _parameters(aws, f"default.{name}")
    }


@parameter_group.on_call(
    "CreateCacheParameterGroup",
    "ModifyCacheParameterGroup",
    "ResetCacheParameterGroup",
    "AddTagsToResource",
)
def call(aws: Aws, operation: str, parameters: Mapping[str, Any]) -> Answer:
    """Make one call. A group that exists already is a success: the next observation judges it."""
    return made(aws, operation, parameters, ALREADY)


def _parameters(aws: Aws, name: str, **more: str) -> Iterator[Mapping[str, Any]]:
    for page in aws.pages(
        ELASTICACHE, "DescribeCacheParameters", CacheParameterGroupName=name, **more
    ):
        yield from page.get("Parameters", ())
