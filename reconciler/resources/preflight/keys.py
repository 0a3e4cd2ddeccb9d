"""KMS keys that volumes and Service Connect encrypt with: there, enabled, and symmetric (kms:DescribeKey).

A volume with a bad key fails after the task was accepted: EC2 looks at it asynchronously (botocore,
TaskManagedEBSVolumeConfiguration.kmsKeyId).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from reconciler.model.errors import NotFound
from reconciler.model.names import Address
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import (
    Question,
    Scope,
    Verdict,
    Workload,
    elsewhere,
    failed,
    gathered,
    ok,
)

_SYMMETRIC = "SYMMETRIC_DEFAULT"
"""The only kind that EBS and Secrets Manager, which keeps Service Connect's keys, encrypt with."""


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask for each key that a workload names."""
    for key, addresses in gathered(keys(scope)).items():
        name = f"KMS key {key.rpartition(':')[2].removeprefix('key/')}"
        yield Question(name, addresses, partial(_key, reader, scope, key))


def keys(scope: Scope) -> Iterator[tuple[str, Address]]:
    """Yield the keys as they are named: an id, an alias, or an ARN of either."""
    for workload in scope.workloads:
        for key in _named(workload):
            if key:
                yield str(key), workload.address


def _named(workload: Workload) -> Iterator[Any]:
    for volume in workload.fields.get("volumeConfigurations") or ():
        yield (volume.get("managedEBSVolume") or {}).get("kmsKeyId")
    connect = workload.fields.get("serviceConnectConfiguration") or {}
    for service in connect.get("services") or ():
        yield (service.get("tls") or {}).get("kmsKey")


def is_here(scope: Scope, key: str) -> bool:
    """Say whether a key is in the app's account and region; one without an ARN is."""
    here = [scope.app.region, scope.app.account]
    return not key.startswith("arn:") or key.split(":")[3:5] == here


def _key(reader: Reader, scope: Scope, key: str) -> Verdict:
    if not is_here(scope, key):
        region, account = key.split(":")[3:5]
        return elsewhere(account, region)
    try:
        answer = reader.ask("kms", "DescribeKey", KeyId=key)
    except NotFound:
        return failed(f"there is no key {key}: no task can start")
    found: dict[str, Any] = answer.get("KeyMetadata") or {}
    state, spec = str(found.get("KeyState", "missing")), str(found.get("KeySpec", _SYMMETRIC))
    if state != "Enabled":
        return failed(f"it is {state}: nothing can be encrypted with it")
    if spec != _SYMMETRIC:
        return failed(f"it is of kind {spec}: volumes and certificates need a symmetric key")
    return ok("enabled")
