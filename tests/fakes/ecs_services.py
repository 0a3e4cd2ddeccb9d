"""Services of the fake ECS: one deployment per changing update, rollouts that take virtual time.

A rollout completes, or fails when its image is in `bad_images`; with the circuit breaker's rollback the
service then returns to its last completed deployment. INACTIVE services stay visible as ghosts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reconciler.aws.translate import from_code
from tests.fakes.timeline import Timeline

ACCOUNT = "123456789012"
REGION = "ap-northeast-1"
ROLLS = (
    "taskDefinition",
    "networkConfiguration",
    "platformVersion",
    "loadBalancers",
    "serviceRegistries",
)


@dataclass
class Service:
    """A service as ECS knows it: the API's document, its deployments, its tags."""

    document: dict[str, Any]
    token: str
    created: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    completed: str = ""


class Services:
    """CreateService, UpdateService, DeleteService, DescribeServices, ListServices."""

    def __init__(
        self, timeline: Timeline, definition: Callable[[str], dict[str, Any] | None]
    ) -> None:
        self.timeline = timeline
        self.rollout_seconds = 40.0
        self.drain_seconds = 20.0
        self.scale_seconds = 10.0
        self.bad_images: set[str] = set()
        self.by_name: dict[tuple[str, str], Service] = {}
        self.on_task_definition: Callable[[str, dict[str, Any]], None] = lambda _name, _definition: (
            None
        )
        """Called with the service's name and the task definition at each change: the S3 check."""
        self._definition = definition
        self._numbers = itertools.count(1)

    # -- API ----------------------------------------------------------------------------------

    def CreateService(self, wanted: dict[str, Any]) -> dict[str, Any]:
        token = wanted.pop("clientToken", "")
        tags = {t["key"]: t["value"] for t in wanted.pop("tags", ())}
        key = (wanted["cluster"], wanted["serviceName"])
        found = self.by_name.get(key)
        if found is not None and found.document["status"] != "INACTIVE":
            if token and token == found.token and wanted == found.created:
                return {"service": self._shape(found, tags=False)}
            raise from_code(
                "ecs:CreateService",
                "InvalidParameterException",
                "Creation of service was not idempotent.",
            )
        definition = self._defined("CreateService", wanted["taskDefinition"])
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{key[0]}/{key[1]}"
        document = {
            **wanted,
            "serviceArn": arn,
            "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{key[0]}",
            "taskDefinition": definition["taskDefinitionArn"],
            "status": "ACTIVE",
            "desiredCount": wanted.get("desiredCount", 1),
            "schedulingStrategy": "REPLICA",
            "propagateTags": wanted.get("propagateTags", "NONE"),
            "enableECSManagedTags": wanted.get("enableECSManagedTags", False),
            "enableExecuteCommand": wanted.get("enableExecuteCommand", False),
            "placementConstraints": wanted.get("placementConstraints", []),
            "placementStrategy": wanted.get("placementStrategy", []),
            "loadBalancers": wanted.get("loadBalancers", []),
            "serviceRegistries": wanted.get("serviceRegistries", []),
        }
        document.pop("cluster")
        service = Service(document, token, dict(wanted), tags)
        self.by_name[key] = service
        self._deploy(service, definition)
        return {"service": self._shape(service, tags=False)}

    def UpdateService(self, wanted: dict[str, Any]) -> dict[str, Any]:
        service = self._active("UpdateService", wanted.pop("cluster"), wanted.pop("service"))
        force = wanted.pop("forceNewDeployment", False)
        before = {name: service.document.get(name) for name in ROLLS}
        if "taskDefinition" in wanted:
            definition = self._defined("UpdateService", wanted["taskDefinition"])
            wanted["taskDefinition"] = definition["taskDefinitionArn"]
        service.document.update(wanted)
        after = {name: service.document.get(name) for name in ROLLS}
        if force or after != before:
            self._deploy(
                service, self._defined("UpdateService", service.document["taskDefinition"])
            )
        elif "desiredCount" in wanted:
            self.timeline.at(self.scale_seconds, lambda: self._scale(service))
        return {"service": self._shape(service, tags=False)}

    def DeleteService(self, wanted: dict[str, Any]) -> dict[str, Any]:
        service = self._active("DeleteService", wanted["cluster"], wanted["service"])
        if service.document["desiredCount"] and not wanted.get("force"):
            raise from_code(
                "ecs:DeleteService",
                "InvalidParameterException",
                "The service cannot be stopped while it is scaled above 0.",
            )
        service.document["status"] = "DRAINING"
        service.deployments = []

        def gone() -> None:
            service.document["status"] = "INACTIVE"

        self.timeline.at(self.drain_seconds, gone)
        return {"service": self._shape(service, tags=False)}

    def DescribeServices(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if not 0 < len(wanted["services"]) <= 10:
            raise from_code(
                "ecs:DescribeServices",
                "InvalidParameterException",
                "Services must have 1 to 10 items.",
            )
        tags = "TAGS" in wanted.get("include", ())
        services, failures = [], []
        for name in wanted["services"]:
            found = self.by_name.get((wanted["cluster"], name.rsplit("/", 1)[-1]))
            if found is None:
                failures.append({"arn": name, "reason": "MISSING"})
            else:
                services.append(self._shape(found, tags=tags))
        return {"services": services, "failures": failures}

    def ListServices(self, wanted: dict[str, Any]) -> dict[str, Any]:
        from tests.fakes.ecs import paged

        arns = [
            s.document["serviceArn"]
            for (cluster, _), s in self.by_name.items()
            if cluster == wanted["cluster"] and s.document["status"] == "ACTIVE"
        ]
        size = wanted.get("maxResults", 10)
        return paged(arns, wanted, "serviceArns", min(100, size))

    # -- rollouts -----------------------------------------------------------------------------

    def tag(self, arn: str, tags: list[dict[str, str]]) -> None:
        """Tag one service."""
        for service in self.by_name.values():
            if service.document["serviceArn"] == arn:
                service.tags.update({t["key"]: t["value"] for t in tags})
                return
        raise from_code("ecs:TagResource", "ResourceNotFoundException", "no such resource")

    def untag(self, arn: str, keys: list[str]) -> None:
        """Take tags off one service; keys that are not there are ignored."""
        for service in self.by_name.values():
            if service.document["serviceArn"] == arn:
                service.tags = {k: v for k, v in service.tags.items() if k not in keys}

    def image_of(self, cluster: str, name: str) -> str:
        """Return the first image of what a service runs now, empty when it does not exist."""
        service = self.by_name.get((cluster, name))
        if service is None or service.document["status"] != "ACTIVE":
            return ""
        definition = self._definition(service.document["taskDefinition"])
        return str(definition["containerDefinitions"][0]["image"]) if definition else ""

    def count(self, resource: str) -> int | None:
        """Return the desired count of `service/<cluster>/<name>`, None when it is not ACTIVE."""
        _, cluster, name = resource.split("/")
        service = self.by_name.get((cluster, name))
        if service is None or service.document["status"] != "ACTIVE":
            return None
        return int(service.document["desiredCount"])

    def scale(self, resource: str, count: int) -> None:
        """Set the desired count of `service/<cluster>/<name>`, as an autoscaler does."""
        _, cluster, name = resource.split("/")
        service = self.by_name[cluster, name]
        service.document["desiredCount"] = count
        self.timeline.at(self.scale_seconds, lambda: self._scale(service))

    def _deploy(self, service: Service, definition: dict[str, Any]) -> None:
        self.on_task_definition(service.document["serviceName"], definition)
        for deployment in service.deployments:
            deployment["status"] = "ACTIVE"
        wanted = service.document["desiredCount"]
        deployment = {
            "id": f"ecs-svc/{next(self._numbers):019d}",
            "status": "PRIMARY",
            "taskDefinition": definition["taskDefinitionArn"],
            "desiredCount": wanted,
            "pendingCount": wanted,
            "runningCount": 0,
            "failedTasks": 0,
            "rolloutState": "IN_PROGRESS",
            "rolloutStateReason": "ECS deployment in progress.",
            "createdAt": self.timeline.now(),
            "updatedAt": self.timeline.now(),
        }
        service.deployments.insert(0, deployment)
        bad = any(c.get("image") in self.bad_images for c in definition["containerDefinitions"])
        self.timeline.at(self.rollout_seconds, lambda: self._finish(service, deployment, bad=bad))

    def _scale(self, service: Service) -> None:
        """Have as many tasks as are wanted now; scaling starts no deployment."""
        for deployment in service.deployments:
            if deployment["rolloutState"] == "COMPLETED":
                count = service.document["desiredCount"]
                deployment.update(runningCount=count, desiredCount=count)

    def _finish(self, service: Service, deployment: dict[str, Any], *, bad: bool) -> None:
        if deployment["status"] != "PRIMARY" or service.document["status"] != "ACTIVE":
            return
        if not bad:
            count = service.document["desiredCount"]
            deployment.update(
                rolloutState="COMPLETED", pendingCount=0, runningCount=count, desiredCount=count
            )
            service.completed = deployment["taskDefinition"]
            service.deployments = [deployment]
            return
        breaker = service.document.get("deploymentConfiguration", {}).get(
            "deploymentCircuitBreaker", {}
        )
        deployment.update(failedTasks=3, pendingCount=0)
        if not breaker.get("enable"):
            return
        deployment.update(rolloutState="FAILED", rolloutStateReason="tasks failed to start")
        if breaker.get("rollback") and service.completed:
            definition = self._definition(service.completed)
            if definition is not None:
                service.document["taskDefinition"] = service.completed
                self._deploy(service, definition)

    def _active(self, operation: str, cluster: str, name: str) -> Service:
        found = self.by_name.get((cluster, name.rsplit("/", 1)[-1]))
        if found is None:
            raise from_code(f"ecs:{operation}", "ServiceNotFoundException", "Service not found.")
        if found.document["status"] != "ACTIVE":
            raise from_code(
                f"ecs:{operation}", "ServiceNotActiveException", "Service was not ACTIVE."
            )
        return found

    def _defined(self, operation: str, name: str) -> dict[str, Any]:
        found = self._definition(name)
        if found is None or found["status"] != "ACTIVE":
            raise from_code(
                f"ecs:{operation}", "ClientException", "TaskDefinition is inactive or missing."
            )
        return found

    def _shape(self, service: Service, *, tags: bool) -> dict[str, Any]:
        running = sum(d["runningCount"] for d in service.deployments)
        pending = sum(d["pendingCount"] for d in service.deployments)
        shape = {
            **service.document,
            "deployments": [dict(d) for d in service.deployments],
            "runningCount": running,
            "pendingCount": pending,
            "events": [],
            "createdAt": self.timeline.now(),
        }
        if service.deployments:
            place = shape["serviceArn"].replace(":service/", ":service-deployment/")
            shape["currentServiceDeployment"] = f"{place}/{service.deployments[0]['id'][8:]}"
        if tags:
            shape["tags"] = [{"key": k, "value": v} for k, v in service.tags.items()]
        return shape
