"""An ECS that answers what it was sent, in the shapes and places of its answers, with its defaults added.

What no answer of botocore's model has room for is lost here, as it would be on the wire.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from botocore.validate import ParamValidator

from reconciler.aws.door import Aws
from reconciler.model.desired import DesiredApp
from reconciler.model.observed import LedgerView, ObservedApp, RolloutState, ServiceRecord
from reconciler.model.plan import ServiceRequest
from reconciler.plan.image_names import taken_apart
from reconciler.resources.image import UNTAGGED
from reconciler.resources.observe import Observer
from reconciler.shapes.botocore_model import Shape, input_of, shape_named
from tests.fakes.surroundings import FakeSurroundings
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport

ACCOUNT = "123456789012"
PREFIX = f"arn:aws:ecs:ap-northeast-1:{ACCOUNT}"
NUMBER = "1234567890123456789"
DIGEST = "sha256:" + "0" * 64

# What DescribeServices answers though nobody sent it [OBS].
SERVICE_DEFAULTS: dict[str, Any] = {
    "status": "ACTIVE",
    "deploymentController": {"type": "ECS"},
    "schedulingStrategy": "REPLICA",
    "propagateTags": "NONE",
    "enableECSManagedTags": False,
    "enableExecuteCommand": False,
    "healthCheckGracePeriodSeconds": 0,
    "placementConstraints": [],
    "placementStrategy": [],
    "loadBalancers": [],
    "serviceRegistries": [],
    "availabilityZoneRebalancing": "ENABLED",
    "resourceManagementType": "CUSTOMER",
    "runningCount": 1,
    "pendingCount": 0,
    "platformFamily": "Linux",
    "events": [],
    "deploymentConfiguration": {
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
        "deploymentCircuitBreaker": {
            "enable": False,
            "rollback": False,
            "resetOnHealthyTask": True,
            "thresholdConfiguration": {"type": "BOUNDED_PERCENT", "value": 50},
        },
        "alarms": {"alarmNames": [], "enable": False, "rollback": False},
    },
}
DEFINITION_DEFAULTS: dict[str, Any] = {
    "status": "ACTIVE",
    "volumes": [],
    "placementConstraints": [],
    "enableFaultInjection": False,
    "compatibilities": ["EC2"],
    "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"}],
}
CONTAINER_DEFAULTS: dict[str, Any] = {
    "cpu": 0,
    "essential": True,
    "portMappings": [],
    "environment": [],
    "environmentFiles": [],
    "mountPoints": [],
    "volumesFrom": [],
    "systemControls": [],
    "ulimits": [],
}


def validated(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request; fails with what botocore would say of it."""
    report = ParamValidator().validate(dict(request), input_of(operation).raw)
    assert not report.has_errors(), report.generate_report()
    return copy.deepcopy(dict(request))


def told(value: Any, shape: Shape) -> Any:
    """Return of a value what an answer of this type can carry."""
    match shape.kind:
        case "structure" if not shape.is_document:
            members = shape.members
            return {k: told(v, members[k]) for k, v in value.items() if k in members}
        case "list":
            return [told(v, shape.element) for v in value]
        case "map":
            return {k: told(v, shape.element) for k, v in value.items()}
        case _:
            return value


def filled(value: Any, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Add what is missing, in nested structures too."""
    result = {**copy.deepcopy(dict(defaults)), **value}
    for name, inner in defaults.items():
        if isinstance(inner, Mapping) and isinstance(result[name], Mapping):
            result[name] = filled(result[name], inner)
    return result


class Mirror:
    """One live service and its task definition, made from the plan's own requests."""

    def __init__(self, desired: DesiredApp, request: ServiceRequest) -> None:
        assert request.create is not None
        self.desired = desired
        self.request = request
        self.create = validated(
            "CreateService",
            {**request.create, "cluster": desired.cluster, "taskDefinition": self.arn},
        )
        self.register = validated("RegisterTaskDefinition", request.register or {})
        self.overrides: dict[str, Any] = {}
        self.definition_overrides: dict[str, Any] = {}
        timeline = Timeline()
        handlers = {**FakeSurroundings().handlers, "ecs": self.handle, "ecr": self.images}
        self.aws = Aws(FakeTransport(timeline, handlers), timeline)

    arn = f"{PREFIX}:task-definition/shop:1"
    revision_arn = f"{PREFIX}:service-revision/production/shop/{NUMBER}"

    def handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        match operation:
            case "DescribeServices":
                return {"services": [self.service()]}
            case "DescribeServiceRevisions":
                return {"serviceRevisions": [self.revision()]}
            case "DescribeTaskDefinition":
                return self.definition()
            case "ListTaskDefinitions":
                return {"taskDefinitionArns": [self.arn]}
            case "ListTasks":  # nothing runs that could tell a digest
                return {"taskArns": []}
        raise AssertionError(operation)

    def images(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer for ECR: our tags have not moved, and of one that the console has put in nobody knows."""
        assert operation == "DescribeImages"
        ours = {taken_apart(i).tag or UNTAGGED for i in self.desired.image_references()}
        tags = [i["imageTag"] for i in params["imageIds"] if i["imageTag"] in ours]
        return {"imageDetails": [{"imageDigest": DIGEST, "imageTags": tags}] if tags else []}

    @property
    def sent(self) -> dict[str, Any]:
        return {**self.create, **self.overrides}

    def service(self) -> dict[str, Any]:
        """Answer as DescribeServices does."""
        sent = self.sent
        daemon = sent.get("schedulingStrategy") == "DAEMON"
        service = filled(told(sent, shape_named("Service")), SERVICE_DEFAULTS)
        percents = {
            "maximumPercent": 100 if daemon else 200,
            "minimumHealthyPercent": 0 if daemon else 100,
        }
        service["deploymentConfiguration"] = percents | service["deploymentConfiguration"]
        service |= {
            "serviceArn": f"{PREFIX}:service/production/shop",
            "clusterArn": f"{PREFIX}:cluster/production",
            "desiredCount": sent.get("desiredCount", 1),
            "roleArn": sent.get("role", f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x/Y"),
            "currentServiceRevisions": [{"arn": self.revision_arn}],
        }
        service |= self._running()
        return service

    def _running(self) -> dict[str, Any]:
        sent = self.sent
        deployment = {
            "id": f"ecs-svc/{NUMBER}",
            "status": "PRIMARY",
            "taskDefinition": self.arn,
            "platformVersion": "1.4.0",
            "desiredCount": 1,
            "runningCount": 1,
            "pendingCount": 0,
        }
        if sent.get("deploymentController", {}).get("type", "ECS") == "ECS":
            own = told(sent, shape_named("Deployment"))
            rollout = {"rolloutState": "COMPLETED"}
            return {"deployments": [{**own, **deployment, **rollout}], "taskDefinition": self.arn}
        own = told(sent, shape_named("TaskSet"))
        del deployment["platformVersion"]
        return {"taskSets": [{**own, **deployment, "computedDesiredCount": 1}], "deployments": []}

    def revision(self) -> dict[str, Any]:
        """Answer as DescribeServiceRevisions does."""
        return {
            **told(self.sent, shape_named("ServiceRevision")),
            "serviceRevisionArn": self.revision_arn,
        }

    def definition(self) -> dict[str, Any]:
        """Answer as DescribeTaskDefinition does: containers, variables and secrets in another order."""
        sent = {**self.register, **self.definition_overrides}
        content = filled(told(sent, shape_named("TaskDefinition")), DEFINITION_DEFAULTS)
        containers = [filled(c, CONTAINER_DEFAULTS) for c in content["containerDefinitions"]]
        for container in containers:
            for name in ("environment", "secrets", "portMappings"):
                if name in container:
                    container[name] = list(reversed(container[name]))
            for mapping in container["portMappings"]:
                mapping.setdefault("protocol", "tcp")
                awsvpc = content.get("networkMode") in ("awsvpc", "host")
                port = mapping.get("containerPort", 0) if awsvpc else 0
                mapping.setdefault("hostPort", port)
        content["containerDefinitions"] = list(reversed(containers))
        for volume in content["volumes"]:
            if not volume.keys() - {"name"}:
                volume["host"] = {}
        content |= {"taskDefinitionArn": self.arn, "revision": 1}
        return {"taskDefinition": content, "tags": sent.get("tags", [])}

    def observe(self, *, remembered: bool = True) -> ObservedApp:
        """Read it as a pass does, with a ledger that remembers the creation, or with none."""
        ledger = LedgerView(key=self.desired.key, pins=_pins(self.desired))
        if remembered:
            record = ServiceRecord(
                name=self.desired.services[0].name,
                applied=self.request.applied,
                desired_hash=self.request.desired_hash,
                task_definition_arn="",  # so that the task definition is described and compared
                deployment_id=f"ecs-svc/{NUMBER}",
                state=RolloutState.STEADY,
            )
            ledger = LedgerView(key=ledger.key, pins=ledger.pins, services={record.name: record})
        return Observer().observe(self.aws, self.desired, ledger)


def _pins(desired: DesiredApp) -> dict[str, str]:
    return {i: f"{i.partition(':')[0]}@{DIGEST}" for i in desired.image_references()}
