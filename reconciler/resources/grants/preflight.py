"""The reads of preflight: metadata alone, and only of what the files name.

Where AWS's service authorization reference knows no resource for a listing (EC2, Elastic Load Balancing,
ssm:DescribeParameters, Service Quotas, ListNamespaces), the resource is `*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reconciler.model.names import Address
from reconciler.resources.grants.statement import Names, Statement, allow, starred
from reconciler.resources.preflight import (
    alarms,
    classic,
    discovery,
    environment_files,
    keys,
    listeners,
    roles,
    secrets,
    target_groups,
    volumes,
)
from reconciler.resources.preflight.scope import Scope, Workload, whole

_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")


def reads(names: Names) -> Iterator[Statement]:
    """Grant every check of preflight that the files give a reason for."""
    scope = whole(names.app)
    yield from _roles(names, scope)
    yield from _secrets(scope)
    yield from _files(names, scope)
    yield from _network(scope)
    yield from _balancers(scope)
    yield from _deployments(names, scope)
    yield from _discovery(scope)
    yield from _stores(names, scope)
    yield from _keys(names, scope)


def _roles(names: Names, scope: Scope) -> Iterator[Statement]:
    ours = f":iam::{names.app.account}:"
    wanted = {role for (role, _), _ in roles.named(scope) if ours in role}
    if wanted:
        yield allow("ReadRoles", ["iam:GetRole"], wanted)
    asked = set(_simulated(names, scope))
    if asked:
        yield allow("SimulateRoles", ["iam:SimulatePrincipalPolicy"], asked)


def _simulated(names: Names, scope: Scope) -> Iterator[str]:
    """Yield the execution roles that read secrets or files, and the task roles that a guard claims with."""
    yield from _things(secrets.readers_of(scope))
    yield from _things(environment_files.readers_of(scope))
    for run in names.app.launched:
        if names.app.guard and (role := run.task_definition.get("taskRoleArn")):
            yield names.role(str(role))


def _secrets(scope: Scope) -> Iterator[Statement]:
    found = [r for w in scope.workloads for r in secrets.references(w, scope.names)]
    if any(r.service == "ssm" for r in found):
        yield allow("FindParameters", ["ssm:DescribeParameters"], ["*"])
    arns = {r.arn for r in found if r.service == "secretsmanager"}
    if arns:
        # A secret's ARN ends in six characters of AWS's, which the files may leave out; a name may
        # look as if it had them.
        spelled = [f"{arn}-??????" for arn in arns]
        spelled += [arn for arn in arns if _SUFFIX.search(arn)]
        yield allow("DescribeSecrets", ["secretsmanager:DescribeSecret"], spelled)


def _files(names: Names, scope: Scope) -> Iterator[Statement]:
    """Grant a listing of each bucket for the keys of the files alone: metadata of these, nothing else."""
    wanted: dict[str, set[str]] = {}
    for workload in scope.workloads:
        for bucket, key in map(environment_files.place, environment_files.files(workload)):
            wanted.setdefault(starred(bucket), set()).add(starred(key))
    for bucket, found in sorted(wanted.items()):
        condition = {"StringLike": {"s3:prefix": sorted(found)}}
        arn = f"arn:{names.partition}:s3:::{bucket}"
        yield allow("FindEnvironmentFiles", ["s3:ListBucket"], [arn], condition)


def _network(scope: Scope) -> Iterator[Statement]:
    networks = [w.network for w in scope.workloads]
    actions = []
    if any(n.get("subnets") for n in networks):
        actions.append("ec2:DescribeSubnets")
    if any(n.get("securityGroups") for n in networks):
        actions.append("ec2:DescribeSecurityGroups")
    if actions:
        yield allow("ReadNetwork", actions, ["*"])


def _balancers(scope: Scope) -> Iterator[Statement]:
    """Grant what Elastic Load Balancing describes, which knows no resource."""
    actions = set()
    for workload in scope.services:
        if any(target_groups.target_groups(workload)):
            actions.add("elasticloadbalancing:DescribeTargetGroups")
        if any(classic.balancers(workload)):
            actions.add("elasticloadbalancing:DescribeLoadBalancers")
        for balancer in workload.fields.get("loadBalancers") or ():
            for _, arn in listeners.rules(balancer):
                kind = "Listeners" if listeners.is_listener(arn) else "Rules"
                actions.add(f"elasticloadbalancing:Describe{kind}")
    if actions:
        yield allow("ReadLoadBalancers", sorted(actions), ["*"])


def _deployments(names: Names, scope: Scope) -> Iterator[Statement]:
    if any(alarms.alarms_of(scope)):
        yield allow(
            "ReadAlarms", ["cloudwatch:DescribeAlarms"], [names.arn("cloudwatch", "alarm:*")]
        )
    if any(_counts_vcpus(w) for w in scope.workloads):
        yield allow("ReadQuotas", ["servicequotas:GetServiceQuota"], ["*"])


def _counts_vcpus(workload: Workload) -> bool:
    return workload.wants_fargate and "cpu" in workload.task_definition


def _discovery(scope: Scope) -> Iterator[Statement]:
    if arns := _things(discovery.registries(scope)):
        yield allow("ReadRegistries", ["servicediscovery:GetService"], arns)
    namespaces = _things(discovery.namespaces(scope))
    if arns := {n for n in namespaces if n.startswith("arn:")}:
        yield allow("ReadNamespaces", ["servicediscovery:GetNamespace"], arns)
    if namespaces - arns:
        yield allow("FindNamespaces", ["servicediscovery:ListNamespaces"], ["*"])


def _stores(names: Names, scope: Scope) -> Iterator[Statement]:
    if systems := _things(volumes.file_systems(scope)):
        arns = [names.arn("elasticfilesystem", f"file-system/{system}") for system in systems]
        yield allow("ReadFileSystems", ["elasticfilesystem:DescribeFileSystems"], arns)
    groups = {str(r.group.get("cacheSubnetGroupName", "")) for r in scope.redis} - {""}
    if groups:
        arns = [names.arn("elasticache", f"subnetgroup:{group}") for group in groups]
        yield allow("ReadCacheSubnets", ["elasticache:DescribeCacheSubnetGroups"], arns)


def _keys(names: Names, scope: Scope) -> Iterator[Statement]:
    """Grant describing each key; an alias says nothing of its key, so IAM is told the alias."""
    arns, aliases = set(), set()
    for key in _things(keys.keys(scope)):
        resource = key.rpartition(":")[2]
        if not keys.is_here(scope, key):
            continue
        if resource.startswith("alias/"):
            aliases.add(starred(resource))
        else:
            arns.add(names.arn("kms", f"key/{resource.removeprefix('key/')}"))
    if arns:
        yield allow("DescribeKeys", ["kms:DescribeKey"], arns)
    if aliases:
        condition = {"StringLike": {"kms:RequestAlias": sorted(aliases)}}
        yield allow("DescribeAliases", ["kms:DescribeKey"], [names.arn("kms", "key/*")], condition)


def _things(named: Iterable[tuple[str, Address]]) -> set[str]:
    return {thing for thing, _ in named}
