"""Minimal SSM, CloudFormation and S3 at the Transport seam: what look-ups read, with AWS's refusals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reconciler.aws.translate import from_code
from reconciler.model.clock import Clock


class FakeSsm:
    """Parameters by name: (type, value). Names in `denied` may not be read."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock
        self.modified: dict[str, datetime] = {}
        self.parameters: dict[str, tuple[str, str]] = {}
        self.versions: dict[str, list[str]] = {}
        self.denied: set[str] = set()

    def put(self, name: str, value: str, kind: str = "String") -> None:
        """Write a parameter; each time it gets another version."""
        self.parameters[name] = (kind, value)
        self.versions.setdefault(name, []).append(value)
        if self.clock is not None:
            self.modified[name] = self.clock.now()

    def handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetParameters, and DescribeParameters as where every parameter of a secret exists."""
        if operation == "DescribeParameters":
            (wanted,) = params["ParameterFilters"]
            assert len(wanted["Values"]) <= 50, "SSM takes fifty names"
            return {"Parameters": [self._described(name) for name in wanted["Values"]]}
        assert operation == "GetParameters", operation
        names = params["Names"]
        assert len(names) <= 10, "SSM takes ten names"
        assert not params["WithDecryption"], "nothing is ever decrypted"
        if denied := self.denied & set(names):
            text = f"User: me is not authorized to perform: ssm:GetParameters on resource: {min(denied)}"
            raise from_code("ssm:GetParameters", "AccessDeniedException", text)
        found = [self._parameter(name) for name in names]
        return {
            "Parameters": [p for p in found if p],
            "InvalidParameters": [n for n, p in zip(names, found, strict=True) if not p],
        }

    def _described(self, name: str) -> dict[str, Any]:
        if name not in self.parameters:
            return {"Name": name}
        kind, _ = self.parameters[name]
        at = {"LastModifiedDate": self.modified[name]} if name in self.modified else {}
        return {"Name": name, "Type": kind, "Version": len(self.versions[name]), **at}

    def _parameter(self, asked: str) -> dict[str, Any] | None:
        name, colon, version = asked.partition(":")
        if name not in self.parameters:
            return None
        kind, value = self.parameters[name]
        if kind == "SecureString":
            value = "AQICAHi-encrypted"
        if colon:
            value = self.versions[name][int(version) - 1]
        return {"Name": name, "Type": kind, "Value": value, "Selector": colon + version or None}


class FakeCloudFormation:
    """Outputs by stack."""

    def __init__(self) -> None:
        self.stacks: dict[str, dict[str, str]] = {}
        self.denied = False

    def handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer DescribeStacks for one stack."""
        assert operation == "DescribeStacks", operation
        name = params["StackName"]
        if self.denied:
            text = f"User: me is not authorized to perform: cloudformation:DescribeStacks on resource: {name}"
            raise from_code("cloudformation:DescribeStacks", "AccessDenied", text, status=403)
        if name not in self.stacks:
            text = f"Stack with id {name} does not exist"
            raise from_code("cloudformation:DescribeStacks", "ValidationError", text)
        outputs = [{"OutputKey": k, "OutputValue": v} for k, v in self.stacks[name].items()]
        return {"Stacks": [{"StackName": name, "Outputs": outputs}]}


class FakeS3:
    """Objects by bucket and key."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetObject; without ListBucket a missing object is a refusal, as in S3."""
        assert operation == "GetObject", operation
        bucket, key = params["Bucket"], params["Key"]
        if not any(b == bucket for b, _ in self.objects):
            raise from_code("s3:GetObject", "NoSuchBucket", "no such bucket", status=404)
        if (bucket, key) not in self.objects:
            raise from_code("s3:GetObject", "NoSuchKey", "no such key", status=404)
        return {"Body": self.objects[bucket, key]}


class FakeSecretsManager:
    """Secrets by ARN: version ids in order, the last one current."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.secrets: dict[str, list[str]] = {}
        self.changed: dict[str, datetime] = {}

    def put(self, arn: str, version: str) -> None:
        """Give a secret a new current version."""
        self.secrets.setdefault(arn, []).append(version)
        self.changed[arn] = self.clock.now()

    def handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer DescribeSecret."""
        assert operation == "DescribeSecret", operation
        arn = params["SecretId"]
        if arn not in self.secrets:
            code = "ResourceNotFoundException"
            raise from_code("secretsmanager:DescribeSecret", code, "no such secret")
        *old, current = self.secrets[arn]
        stages = {current: ["AWSCURRENT"]} | {v: ["AWSPREVIOUS"] for v in old[-1:]}
        return {"ARN": arn, "VersionIdsToStages": stages, "LastChangedDate": self.changed[arn]}
