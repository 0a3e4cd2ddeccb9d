"""Cache parameter groups: create, describe, modify, reset, delete."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.local.elasticache.errors import CacheError, combination, invalid
from reconciler.local.elasticache.families import (
    FAMILIES,
    IMMEDIATE,
    Parameter,
    parameters_of,
)
from reconciler.local.elasticache.pages import found, one_or_all, page
from reconciler.local.elasticache.state import (
    CacheWorld,
    Document,
    ParameterGroup,
    Region,
    ReplicationGroup,
    Scope,
)

_NAME = re.compile(r"[a-z](?:-?[a-z0-9])*")
_LONGEST_NAME = 255
_MAX_PER_CALL = 20
_ABSENT = "CacheParameterGroupNotFound"
_SOURCES = ("user", "system", "engine-default")


def find(region: Region, name: Any) -> ParameterGroup:
    """Return a group by name in any case; raises CacheParameterGroupNotFound."""
    return found(region.parameter_groups, name, _ABSENT)


def users(region: Region, group: ParameterGroup) -> list[ReplicationGroup]:
    """Return the replication groups that use a group, or will once their changes are applied."""
    using = []
    for replication_group in region.replication_groups.values():
        pending = replication_group.pending.values if replication_group.pending else {}
        places = (replication_group.settings, pending, replication_group.applying)
        if group.name in {place.get("CacheParameterGroupName") for place in places}:
            using.append(replication_group)
    return using


def create(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """CreateCacheParameterGroup: a copy of the family's defaults, its name in lower case."""
    region = world.region(scope)
    name = str(params.get("CacheParameterGroupName") or "").lower()
    family = str(params.get("CacheParameterGroupFamily") or "")
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise invalid(f"The parameter CacheParameterGroupName is not a valid identifier: {name!r}.")
    if family not in FAMILIES:
        raise invalid(f"CacheParameterGroupFamily {family} is not a valid parameter group family.")
    if not params.get("Description"):
        raise invalid("The parameter Description must be provided.")
    if name in region.parameter_groups:
        message = f"CacheParameterGroup {name} already exists."
        raise CacheError("CacheParameterGroupAlreadyExists", message)
    group = ParameterGroup(
        arn=region.arn("parametergroup", name),
        name=name,
        family=family,
        description=str(params["Description"]),
        tags=[dict(tag) for tag in params.get("Tags") or []],
    )
    region.parameter_groups[name] = group
    return {"CacheParameterGroup": _document(group)}


def _document(group: ParameterGroup) -> Document:
    return {
        "CacheParameterGroupName": group.name,
        "CacheParameterGroupFamily": group.family,
        "Description": group.description,
        "IsGlobal": False,
        "ARN": group.arn,
    }


def describe(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DescribeCacheParameterGroups: one by name, or all in pages."""
    region = world.region(scope)
    groups = one_or_all(region.parameter_groups, params.get("CacheParameterGroupName"), _ABSENT)
    return page(params, "CacheParameterGroups", [_document(g) for g in groups])


def describe_parameters(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DescribeCacheParameters: `Source=user` gives only those that differ from the family."""
    group = find(world.region(scope), params.get("CacheParameterGroupName"))
    wanted = params.get("Source")
    if wanted and wanted not in _SOURCES:
        raise invalid(f"Source must be one of {', '.join(_SOURCES)}.")
    documents = [_parameter(group, p) for p in parameters_of(group.family).values()]
    return page(params, "Parameters", [d for d in documents if wanted in (None, d["Source"])])


def describe_defaults(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DescribeEngineDefaultParameters of a family."""
    family = str(params.get("CacheParameterGroupFamily") or "")
    if family not in FAMILIES:
        raise invalid(f"CacheParameterGroupFamily {family} is not a valid parameter group family.")
    group = world.region(scope).parameter_groups[f"default.{family}"]
    documents = [_parameter(group, p) for p in parameters_of(family).values()]
    answer = page(params, "Parameters", documents)
    return {"EngineDefaults": {"CacheParameterGroupFamily": family, **answer}}


def _parameter(group: ParameterGroup, parameter: Parameter) -> Document:
    """Render a parameter. What was never set has the source `system`, as in AWS's examples."""
    return {
        "ParameterName": parameter.name,
        "ParameterValue": group.effective()[parameter.name],
        "Description": f"The engine's {parameter.name}.",
        "Source": "user" if parameter.name in group.values else "system",
        "DataType": parameter.data_type,
        "AllowedValues": parameter.allowed or None,
        "IsModifiable": parameter.modifiable,
        "MinimumEngineVersion": parameter.minimum_version,
        "ChangeType": parameter.change_type,
    }


def modify(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """ModifyCacheParameterGroup: all of the request or nothing; every cluster of the group follows."""
    region = world.region(scope)
    group = _own(region, params)
    pairs = _pairs(params)
    values = {}
    for pair in pairs:
        parameter = _settable(group, pair)
        if "ParameterValue" not in pair:
            raise invalid(f"The parameter {parameter.name} has no value.")
        values[parameter.name] = str(pair["ParameterValue"])
        if not parameter.accepts(values[parameter.name]):
            raise invalid(
                f"The value {values[parameter.name]!r} of parameter {parameter.name} is not "
                f"allowed; allowed values: {parameter.allowed or parameter.data_type}."
            )
    _put(world, region, group, group.values | values)
    return {"CacheParameterGroupName": group.name}


def reset(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """ResetCacheParameterGroup: named parameters or all go back to the family's values."""
    region = world.region(scope)
    group = _own(region, params)
    if params.get("ResetAllParameters"):
        if params.get("ParameterNameValues"):
            raise combination("ResetAllParameters cannot be given together with parameter names.")
        gone = set(group.values)
    else:
        gone = {_settable(group, pair).name for pair in _pairs(params)}
    _put(world, region, group, {n: v for n, v in group.values.items() if n not in gone})
    return {"CacheParameterGroupName": group.name}


def _own(region: Region, params: Mapping[str, Any]) -> ParameterGroup:
    group = find(region, params.get("CacheParameterGroupName"))
    if group.is_default:
        raise invalid(f"The default parameter group {group.name} cannot be modified.")
    return group


def _pairs(params: Mapping[str, Any]) -> list[Document]:
    pairs = list(params.get("ParameterNameValues") or [])
    if not 1 <= len(pairs) <= _MAX_PER_CALL:
        raise invalid(
            f"ParameterNameValues must hold 1 to {_MAX_PER_CALL} parameters per request, "
            f"not {len(pairs)}."
        )
    return pairs


def _settable(group: ParameterGroup, pair: Document) -> Parameter:
    name = str(pair.get("ParameterName") or "")
    parameter = parameters_of(group.family).get(name)
    if parameter is None:
        raise invalid(f"The parameter {name} does not exist in family {group.family}.")
    if not parameter.modifiable:
        raise invalid(f"The parameter {name} cannot be modified.")
    return parameter


def _put(world: CacheWorld, region: Region, group: ParameterGroup, values: dict[str, str]) -> None:
    """Set a group's values; the clusters that use it now apply what needs no reboot."""
    before, known = group.effective(), parameters_of(group.family)
    group.values = values
    after = group.effective()
    changed = {name for name in after if after[name] != before[name]}
    if not any(known[name].change_type == IMMEDIATE for name in changed):
        return
    for replication_group in region.replication_groups.values():
        if replication_group.settings["CacheParameterGroupName"] == group.name:
            start_applying(world, replication_group)


def start_applying(world: CacheWorld, group: ReplicationGroup) -> None:
    """Let every member say `applying` for a while."""
    for member in group.members:
        member.applying_until = world.now() + world.times.cache_applying


def delete(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DeleteCacheParameterGroup: refused for defaults and while a replication group uses it."""
    region = world.region(scope)
    group = _own(region, params)
    used_by = users(region, group)
    if used_by:
        raise CacheError(
            "InvalidCacheParameterGroupState",
            f"One or more cache clusters are still using the parameter group {group.name}: "
            f"{', '.join(sorted(g.id for g in used_by))}.",
        )
    del region.parameter_groups[group.name]
    return {}
