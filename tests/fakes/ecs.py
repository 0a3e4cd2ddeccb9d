"""A fake ECS at the Transport seam with AWS's real rules on a virtual clock.

Sources of the rules: ECS_Idempotency (clientToken), the ECS API reference (retention, filters,
eventual consistency). Tasks live in `ecs_tasks`, services in `ecs_services`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.aws.translate import from_code
from tests.fakes.documents import copied
from tests.fakes.ecs_services import Services
from tests.fakes.ecs_tasks import Nature, Tasks
from tests.fakes.timeline import Timeline

ACCOUNT = "123456789012"
REGION = "ap-northeast-1"


class FakeEcs:
    """ECS's API: `handle(operation, params)` answers one request that reached AWS."""

    def __init__(self, timeline: Timeline, nature: Nature | None = None) -> None:
        self.timeline = timeline
        self.definitions: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[float, str, dict[str, Any]]] = []
        self.clusters = {"production"}
        self.tasks = Tasks(timeline, nature or Nature(), self.definition)
        self.services = Services(timeline, self.definition)
        self.denied: set[str] = set()
        """Operations that the credentials may not do."""

    def handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one request. Raises the AwsError that AWS's error code becomes."""
        wanted = copied(dict(params))
        self.calls.append((self.timeline.seconds, operation, wanted))
        if operation in self.denied:
            raise from_code(
                f"ecs:{operation}",
                "AccessDeniedException",
                "User: u is not authorized to perform: ecs:" + operation,
            )
        if "cluster" in wanted:
            wanted["cluster"] = self._cluster(operation, wanted["cluster"])
        answer = self._route(operation, wanted)
        return copied(answer)

    def _cluster(self, operation: str, name: str) -> str:
        short = name.rsplit("/", 1)[-1]
        if short not in self.clusters:
            raise from_code(f"ecs:{operation}", "ClusterNotFoundException", "Cluster not found.")
        return short

    def _route(self, operation: str, wanted: dict[str, Any]) -> dict[str, Any]:
        for part in (self, self.tasks, self.services):
            method = getattr(part, operation, None)
            if method is not None:
                return method(wanted)
        raise AssertionError(f"the fake has no {operation}")

    def definition(self, name: str) -> dict[str, Any] | None:
        """Return the revision an ARN, `family:rev` or `family` (its latest ACTIVE) stands for."""
        short = name.rsplit("/", 1)[-1]
        if ":" in short:
            return self.definitions.get(short)
        active = [
            d for d in self.definitions.values() if d["family"] == short and d["status"] == "ACTIVE"
        ]
        return max(active, key=lambda d: d["revision"], default=None)

    # The API's names: `_route` finds the methods by them.

    def RegisterTaskDefinition(self, wanted: dict[str, Any]) -> dict[str, Any]:
        family = wanted["family"]
        revision = 1 + sum(d["family"] == family for d in self.definitions.values())
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{family}:{revision}"
        tags = wanted.pop("tags", [])
        definition = {**wanted, "taskDefinitionArn": arn, "revision": revision, "status": "ACTIVE"}
        self.definitions[f"{family}:{revision}"] = {**definition, "tags": tags}
        return {"taskDefinition": definition, "tags": tags}

    def DescribeTaskDefinition(self, wanted: dict[str, Any]) -> dict[str, Any]:
        found = self.definition(wanted["taskDefinition"])
        if found is None:
            raise from_code(
                "ecs:DescribeTaskDefinition",
                "ClientException",
                "Unable to describe task definition.",
            )
        tags = found["tags"] if "TAGS" in wanted.get("include", ()) else []
        return {"taskDefinition": {k: v for k, v in found.items() if k != "tags"}, "tags": tags}

    def ListTaskDefinitions(self, wanted: dict[str, Any]) -> dict[str, Any]:
        status = wanted.get("status", "ACTIVE")
        found = [
            d
            for d in self.definitions.values()
            if d["family"] == wanted.get("familyPrefix", d["family"]) and d["status"] == status
        ]
        found.sort(key=lambda d: (d["family"], d["revision"]), reverse=wanted.get("sort") == "DESC")
        return paged([d["taskDefinitionArn"] for d in found], wanted, "taskDefinitionArns", 100)

    def TagResource(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self.services.tag(wanted["resourceArn"], wanted["tags"])
        return {}

    def UntagResource(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self.services.untag(wanted["resourceArn"], wanted["tagKeys"])
        return {}

    def DescribeServiceRevisions(self, wanted: dict[str, Any]) -> dict[str, Any]:
        arns = wanted["serviceRevisionArns"]
        return {
            "serviceRevisions": [],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns],
        }

    def DescribeServiceDeployments(self, wanted: dict[str, Any]) -> dict[str, Any]:
        arns = wanted["serviceDeploymentArns"]
        return {"serviceDeployments": [{"serviceDeploymentArn": arn} for arn in arns]}

    def DescribeClusters(self, wanted: dict[str, Any]) -> dict[str, Any]:
        names = [c.rsplit("/", 1)[-1] for c in wanted.get("clusters", ["default"])]
        known = [n for n in names if n in self.clusters]
        return {
            "clusters": [
                {
                    "clusterName": n,
                    "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{n}",
                    "status": "ACTIVE",
                    "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
                }
                for n in known
            ],
            "failures": [{"arn": n, "reason": "MISSING"} for n in names if n not in known],
        }


def paged(items: list[Any], wanted: Mapping[str, Any], name: str, size: int) -> dict[str, Any]:
    """One page of a listing, with AWS's page size and a token for the next one."""
    first = int(wanted.get("nextToken") or 0)
    size = min(size, wanted.get("maxResults", size))
    answer: dict[str, Any] = {name: items[first : first + size]}
    if first + size < len(items):
        answer["nextToken"] = str(first + size)
    return answer
