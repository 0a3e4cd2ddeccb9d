"""Secrets: they exist, and the execution role may read them. Metadata only, never a value.

`ssm:DescribeParameters` and `secretsmanager:DescribeSecret` answer without values, so that neither these
checks nor the policy made for them can reveal one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from reconciler.model.errors import AwsError, NotFound
from reconciler.model.names import Address, last_part
from reconciler.resources.grants.statement import Names
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import (
    Question,
    Scope,
    Verdict,
    Workload,
    elsewhere,
    execution_roles,
    failed,
    gathered,
    ok,
)
from reconciler.resources.preflight.simulator import Wanted, may_read
from reconciler.resources.secret_reference import (
    Reference,
    named_parameters,
    parameter_name,
    reference,
)


def references(workload: Workload, names: Names) -> Iterator[Reference]:
    """Find every secret of a workload's containers: environment, log options, registry credentials."""
    for container in workload.containers:
        logs = container.get("logConfiguration") or {}
        texts = [s.get("valueFrom") for s in container.get("secrets") or ()]
        texts += [s.get("valueFrom") for s in logs.get("secretOptions") or ()]
        texts.append((container.get("repositoryCredentials") or {}).get("credentialsParameter"))
        for text in texts:
            found = reference(str(text), names) if text else None
            if found is not None:
                yield found


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask whether each secret exists, and whether each execution role may read its own."""
    named = [(r, w.address) for w in scope.workloads for r in references(w, scope.names)]
    wanted = gathered(named)
    parameters = [
        parameter_name(r.name) for r in wanted if r.service == "ssm" and _is_here(scope, r)
    ]
    for found, addresses in wanted.items():
        look = partial(_exists, reader, scope, found, parameters)
        yield Question(f"secret {found.name}", addresses, look)
    for role, readers in gathered(readers_of(scope)).items():
        mine = sorted({r for r, address in named if address in readers}, key=str)
        name = f"secrets for {last_part(role)}"
        yield Question(name, readers, partial(_readable, reader, role, mine))


def readers_of(scope: Scope) -> Iterator[tuple[str, Address]]:
    """Yield the execution role of each workload that has secrets."""
    return execution_roles(scope, lambda workload: references(workload, scope.names))


def _is_here(scope: Scope, found: Reference) -> bool:
    return found.is_in(scope.app.region, scope.app.account)


def _exists(reader: Reader, scope: Scope, found: Reference, parameters: Sequence[str]) -> Verdict:
    if not _is_here(scope, found):
        region, account = found.place
        return elsewhere(account, region)
    if found.service == "ssm":
        name = parameter_name(found.name)
        there = name in _parameters(reader, parameters)
        return ok("exists") if there else failed(f"there is no parameter {name}: no task can start")
    return _secret(reader, found)


def _parameters(reader: Reader, names: Sequence[str]) -> set[str]:
    """Return those of the names that exist."""
    return {
        parameter_name(str(parameter.get("Name", "")))
        for asked in named_parameters(names)
        for parameter in reader.listed("ssm", "DescribeParameters", "Parameters", **asked)
    }


def _secret(reader: Reader, found: Reference) -> Verdict:
    try:
        answer = reader.ask("secretsmanager", "DescribeSecret", SecretId=found.arn)
    except NotFound:
        return failed(f"there is no secret {found.name}: no task can start")
    if answer.get("DeletedDate"):
        return failed("it is being deleted: no task can read it")
    versions = answer.get("VersionIdsToStages") or {}
    stages = {stage for staged in versions.values() for stage in staged}
    if found.version and found.version not in versions:
        return failed(f"it has no version {found.version}")
    if found.stage and found.stage not in stages:
        return failed(f"it has no version with stage {found.stage}")
    return ok("exists")


def _readable(reader: Reader, role: str, wanted: Sequence[Reference]) -> Verdict:
    """Ask whether the role may read them; a secret may have a policy of its own, a parameter not."""
    parameters = [r.arn for r in wanted if r.service == "ssm"]
    secrets = [_full_arn(reader, r) for r in wanted if r.service == "secretsmanager"]
    return may_read(
        reader,
        role,
        [
            Wanted("ssm:GetParameters", parameters, shared=False),
            Wanted("secretsmanager:GetSecretValue", secrets, shared=True),
        ],
    )


def _full_arn(reader: Reader, found: Reference) -> str:
    """Return the ARN with the six characters that Secrets Manager adds, which policies name."""
    try:
        return str(reader.ask("secretsmanager", "DescribeSecret", SecretId=found.arn)["ARN"])
    except (AwsError, KeyError):
        return found.arn
