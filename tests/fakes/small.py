"""Minimal ECR, STS and CloudWatch Logs at the Transport seam."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.aws.translate import from_code

ACCOUNT = "123456789012"


class FakeEcr:
    """Image digests by repository and tag, and manifests by digest where a test gives them."""

    def __init__(self) -> None:
        self.digests: dict[tuple[str, str], str] = {}
        self.manifests: dict[str, str] = {}

    def handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer DescribeImages for tags, BatchGetImage for one digest."""
        if operation == "BatchGetImage":
            (image,) = params["imageIds"]
            manifest = self.manifests.get(image["imageDigest"])
            if manifest is None:
                return {"images": [], "failures": [{"imageId": image, "failureCode": "x"}]}
            return {"images": [{"imageId": image, "imageManifest": manifest}], "failures": []}
        if operation == "GetDownloadUrlForLayer":
            digest = params["layerDigest"]
            return {"downloadUrl": f"https://blobs.example/{digest}", "layerDigest": digest}
        if operation != "DescribeImages":
            raise AssertionError(f"the fake has no ecr:{operation}")
        wanted = params["imageIds"]
        assert 0 < len(wanted) <= 100, "ECR takes a hundred images"
        found = self._tagged(params["repositoryName"])
        missing = [w["imageTag"] for w in wanted if w["imageTag"] not in found]
        if missing:
            text = f"The image with imageId {{imageTag:'{missing[0]}'}} does not exist."
            raise from_code("ecr:DescribeImages", "ImageNotFoundException", text)
        digests = dict.fromkeys(found[w["imageTag"]] for w in wanted)
        tags = {digest: [t for t, d in found.items() if d == digest] for digest in digests}
        return {"imageDetails": [{"imageDigest": d, "imageTags": tags[d]} for d in digests]}

    def _tagged(self, repository: str) -> dict[str, str]:
        return {tag: digest for (name, tag), digest in self.digests.items() if name == repository}


class FakeSts:
    """Who we are."""

    def __init__(self, account: str = ACCOUNT) -> None:
        self.account = account

    def handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetCallerIdentity."""
        if operation != "GetCallerIdentity":
            raise AssertionError(f"the fake has no sts:{operation}")
        arn = f"arn:aws:sts::{self.account}:assumed-role/deployer/session"
        return {
            "Account": self.account,
            "Arn": arn,
            "UserId": "U",
        }


class FakeLogs:
    """Log lines by group and stream."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str], list[str]] = {}

    def handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetLogEvents with the newest lines."""
        if operation != "GetLogEvents":
            raise AssertionError(f"the fake has no logs:{operation}")
        found = self.lines.get((params["logGroupName"], params["logStreamName"]))
        if found is None:
            raise from_code(
                "logs:GetLogEvents",
                "ResourceNotFoundException",
                "The specified log stream does not exist.",
            )
        newest = found[-params.get("limit", 10_000) :]
        events = [{"timestamp": 1_000 * n, "message": line} for n, line in enumerate(newest)]
        return {
            "events": events,
            "nextForwardToken": "f/0",
        }
