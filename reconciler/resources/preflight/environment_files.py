"""Environment files: they exist on S3, and the execution role may read them. Never their content.

A listing that is limited to the one key (s3:ListBucket) says whether it is there; HeadObject would need
s3:GetObject, which gives the content, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from reconciler.model.errors import NotFound
from reconciler.model.names import Address
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import (
    Question,
    Scope,
    Verdict,
    Workload,
    execution_roles,
    failed,
    gathered,
    ok,
    warning,
)
from reconciler.resources.preflight.simulator import Wanted, may_read


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask whether each file exists, and whether each execution role may read its own."""
    named = [(arn, w.address) for w in scope.workloads for arn in files(w)]
    for arn, addresses in gathered(named).items():
        name = f"environment file {arn.split(':', 5)[-1]}"
        yield Question(name, addresses, partial(_exists, reader, arn))
    for role, readers in gathered(readers_of(scope)).items():
        mine = sorted({arn for arn, address in named if address in readers and "${" not in arn})
        name = f"environment files for {role.rpartition('/')[2]}"
        yield Question(name, readers, partial(_readable, reader, role, mine))
    for workload in scope.workloads:
        if any(files(workload)) and not workload.task_definition.get("executionRoleArn"):
            name = f"environment files of {workload.address}"
            text = "there is no executionRoleArn to read them with: no task can start"
            yield Question(name, (workload.address,), partial(failed, text))


def files(workload: Workload) -> Iterator[str]:
    """Yield the ARNs of a workload's files."""
    for container in workload.containers:
        for file in container.get("environmentFiles") or ():
            if file.get("value"):
                yield str(file["value"])


def readers_of(scope: Scope) -> Iterator[tuple[str, Address]]:
    """Yield the execution role of each workload that has files."""
    return execution_roles(scope, files)


def place(arn: str) -> tuple[str, str]:
    """Return bucket and key of an object's ARN."""
    bucket, _, key = arn.split(":", 5)[-1].partition("/")
    return bucket, key


def _exists(reader: Reader, arn: str) -> Verdict:
    bucket, key = place(arn)
    if not (arn.startswith("arn:") and bucket and key):
        return failed(f"{arn} is not the ARN of an object: ECS wants arn:aws:s3:::BUCKET/KEY")
    try:
        # Keys come in their order, and no key that begins with this one comes before it.
        answer = reader.ask("s3", "ListObjectsV2", Bucket=bucket, Prefix=key, MaxKeys=1)
    except NotFound:
        return failed(f"there is no bucket {bucket}: no task can start")
    if key not in {str(found.get("Key")) for found in answer.get("Contents") or ()}:
        return failed(f"there is no {key} in the bucket {bucket}: no task can start")
    if not key.endswith(".env"):  # botocore: EnvironmentFile
        return warning("its name does not end in .env, as ECS wants it")
    return ok("exists")


def _readable(reader: Reader, role: str, arns: Sequence[str]) -> Verdict:
    """Ask for both actions that ECS names for the role (developer guide, use-environment-file)."""
    buckets = [arn.partition("/")[0] for arn in arns]
    return may_read(
        reader,
        role,
        [
            Wanted("s3:GetObject", arns, shared=True),
            Wanted("s3:GetBucketLocation", buckets, shared=True),
        ],
    )
