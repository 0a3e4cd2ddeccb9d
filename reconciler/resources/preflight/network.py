"""Subnets and security groups: they exist, in one VPC, with addresses for the tasks of a rollout.

ec2:DescribeSubnets and ec2:DescribeSecurityGroups, by filter: asked for by id, EC2 answers nothing at
all when one of them is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from reconciler.model.errors import AwsError
from reconciler.model.names import Address
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import (
    Question,
    Scope,
    Verdict,
    Workload,
    failed,
    gathered,
    ok,
    warning,
)

Ids = tuple[str, ...]


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask for each set of subnets, with what all of its workloads need of it, and for each group."""
    for subnets, addresses in gathered(_subnets(scope)).items():
        here = [w for w in scope.workloads if w.address in addresses]
        tasks = sum(w.new_tasks() for w in here)
        yield Question(_title("subnet", subnets), addresses, partial(_room, reader, subnets, tasks))
    for (subnets, groups), addresses in gathered(_groups(scope)).items():
        look = partial(_security_groups, reader, subnets, groups)
        yield Question(_title("security group", groups), addresses, look)


def vpcs_of(reader: Reader, workload: Workload) -> set[str]:
    """Return the VPCs of a workload's subnets; empty when they cannot be told."""
    ids = _ids(workload, "subnets")
    try:
        found = described_subnets(reader, ids) if ids else []
    except AwsError:
        return set()  # said by the question about the subnets themselves
    return {str(subnet["VpcId"]) for subnet in found if subnet.get("VpcId")}


def described_subnets(reader: Reader, ids: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return those of the subnets that exist. Raises AwsError."""
    wanted = [{"Name": "subnet-id", "Values": list(ids)}]
    return list(reader.listed("ec2", "DescribeSubnets", "Subnets", Filters=wanted))


def _subnets(scope: Scope) -> Iterator[tuple[Ids, Address]]:
    for workload in scope.workloads:
        if ids := _ids(workload, "subnets"):
            yield ids, workload.address


def _groups(scope: Scope) -> Iterator[tuple[tuple[Ids, Ids], Address]]:
    for workload in scope.workloads:
        if groups := _ids(workload, "securityGroups"):
            yield (_ids(workload, "subnets"), groups), workload.address


def _ids(workload: Workload, field: str) -> Ids:
    return tuple(sorted({str(i) for i in workload.network.get(field) or ()}))


def _room(reader: Reader, subnets: Ids, tasks: int) -> Verdict:
    found = described_subnets(reader, subnets)
    missing = sorted(set(subnets) - {str(s.get("SubnetId")) for s in found})
    if missing:
        return failed(f"there is no {' nor '.join(missing)} in this account and region")
    vpcs = sorted({str(s.get("VpcId")) for s in found})
    if len(vpcs) > 1:
        return failed(f"they are in different VPCs: {', '.join(vpcs)}")
    free = sum(int(s.get("AvailableIpAddressCount", 0)) for s in found)
    said = f"{free} free addresses, {tasks} for new tasks"
    if tasks and not free:
        return failed("no free address: no task can start")
    if free < tasks:
        return warning(f"{said}: not all of them can start beside the old ones")
    full = [str(s["SubnetId"]) for s in found if not s.get("AvailableIpAddressCount")]
    if full and tasks:
        return warning(f"no free address in {', '.join(full)}: its zone gets no tasks")
    return ok(said)


def _security_groups(reader: Reader, subnets: Ids, groups: Ids) -> Verdict:
    wanted = [{"Name": "group-id", "Values": list(groups)}]
    found = reader.listed("ec2", "DescribeSecurityGroups", "SecurityGroups", Filters=wanted)
    missing = sorted(set(groups) - {str(g.get("GroupId")) for g in found})
    if missing:
        return failed(f"there is no {' nor '.join(missing)} in this account and region")
    vpcs = {str(g.get("VpcId")) for g in found}
    try:
        around = (
            {str(s.get("VpcId")) for s in described_subnets(reader, subnets)} if subnets else vpcs
        )
    except AwsError:
        around = vpcs  # said by the question about the subnets
    if around and vpcs - around:
        other = ", ".join(sorted(vpcs - around))
        return failed(f"of {other}, the subnets are in {', '.join(sorted(around))}")
    return ok("in the VPC of the subnets")


def _title(kind: str, ids: Ids) -> str:
    return f"{kind}{'s' if len(ids) > 1 else ''} {', '.join(ids)}"
