"""One sample for each kind of AWS resource: what the contract suite needs to exercise its verbs.

A new kind is covered by writing one `Sample` for it and adding it to `SAMPLES`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Protocol

from reconciler.aws.door import Aws, Transport
from reconciler.plan.canonical import canonical_service, canonical_task_definition
from reconciler.resources import ecs_service as service_verbs
from reconciler.resources import parameter_group as parameter_verbs
from reconciler.resources import replication_group as group_verbs
from reconciler.resources import task_definition as definition_verbs
from reconciler.resources.autoscaling import ALARMS, autoscaling, with_tags
from reconciler.resources.ecs_service import ecs_service
from reconciler.resources.kind import Answer, Kind
from reconciler.resources.parameter_group import parameter_group
from reconciler.resources.replication_group import replication_group
from reconciler.resources.task_definition import task_definition
from reconciler.shapes.botocore_model import input_of
from reconciler.shapes.casing import from_wire

CLUSTER = "production"
_NUMBERS = itertools.count(1)


class Recorder:
    """A transport that notes what passes to another one."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.sent: list[tuple[str, str]] = []

    def in_region(self, _: str) -> Recorder:
        return self

    def send(self, service, operation, params, before_send) -> dict[str, Any]:
        self.sent.append((service, operation))
        return self.transport.send(service, operation, params, before_send)

    def take(self) -> set[str]:
        """Return the IAM actions of what was sent since the last time."""
        taken = {f"{service}:{operation}" for service, operation in self.sent}
        self.sent.clear()
        return taken


@dataclass
class Sandbox:
    """An AWS with a cluster `production`, and what was sent to it."""

    aws: Aws
    recorder: Recorder


class Sample(Protocol):
    """One resource of a kind, under a name that nothing else has."""

    kind: Kind[Any]
    absent: str
    implied: Mapping[str, frozenset[str]]
    """Actions that AWS checks for an operation of another name, by verb; with its source."""

    def prepare(self, sandbox: Sandbox) -> None:
        """Make what the resource needs and is not part of it."""

    def create(self, aws: Aws) -> Answer: ...

    def reads(self, aws: Aws) -> Any:
        """Observe it, by everything the kind's module offers for that."""

    def seen(self, aws: Aws) -> dict[str, Any]:
        """Return the observed content, canonical."""

    def sent(self) -> dict[str, Any]:
        """Return what `create` sent, canonical."""

    def identity(self, answer: Answer) -> str: ...


@dataclass
class ServiceSample:
    """One ECS service on two revisions of a simulated image."""

    number: int = field(default_factory=lambda: next(_NUMBERS))
    kind = ecs_service
    absent = "nobody-made-this"
    # RegisterTaskDefinition and CreateService with tags need ecs:TagResource; a task definition with
    # roles needs iam:PassRole (Amazon ECS developer guide: tag-on-create; IAM roles).
    implied: ClassVar = {
        "create": frozenset({"ecs:TagResource", "iam:PassRole"}),
        "update": frozenset({"iam:PassRole"}),
    }

    @property
    def name(self) -> str:
        return f"shop-{self.number}"

    def prepare(self, sandbox: Sandbox) -> None:
        self.revisions = [
            task_definition.create(sandbox.aws, definition(f"web-{self.number}", tag)).result[
                "taskDefinitionArn"
            ]
            for tag in ("1", "2")
        ]

    @property
    def request(self) -> dict[str, Any]:
        return {
            "cluster": CLUSTER,
            "serviceName": self.name,
            "taskDefinition": self.revisions[0],
            "desiredCount": 1,
            "clientToken": f"token-{self.number}",
            "deploymentConfiguration": {"minimumHealthyPercent": 50, "maximumPercent": 150},
            "enableExecuteCommand": True,
            "tags": [{"key": "team", "value": "shop"}],
        }

    def create(self, aws: Aws) -> Answer:
        return ecs_service.create(aws, self.request)

    def update(self, aws: Aws, **fields: Any) -> Answer:
        return ecs_service.update(aws, {"cluster": CLUSTER, "service": self.name, **fields})

    def updates(self, aws: Aws) -> None:
        """Change it by everything the kind's module offers for that."""
        self.update(aws, desiredCount=1)
        arn = ecs_service.observe(aws, CLUSTER, [self.name])[self.name].arn
        service_verbs.tag(aws, arn, {"a": "b"})
        service_verbs.untag(aws, arn, ["a"])

    def delete(self, aws: Aws) -> Answer:
        return ecs_service.delete(aws, {"cluster": CLUSTER, "service": self.name})

    def reads(self, aws: Aws) -> Any:
        return ecs_service.observe(aws, CLUSTER, [self.name])

    def seen(self, aws: Aws) -> dict[str, Any]:
        live = self.reads(aws)[self.name]
        tags = [{"key": k, "value": v} for k, v in live.tags.items()]
        return {**live.service, "taskDefinition": live.task_definition_arn, "tags": tags}

    def sent(self) -> dict[str, Any]:
        declared = {k: v for k, v in self.request.items() if k not in ("cluster", "clientToken")}
        return {
            **canonical_service(declared),
            "tags": self.request["tags"],
            "taskDefinition": self.revisions[0],
        }

    def identity(self, answer: Answer) -> str:
        return str(answer.result["serviceArn"])


@dataclass
class DefinitionSample:
    """One family of task definitions."""

    number: int = field(default_factory=lambda: next(_NUMBERS))
    kind = task_definition
    absent = "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/nobody-made-this:1"
    implied: ClassVar = {"create": frozenset({"ecs:TagResource", "iam:PassRole"})}
    arn: str = ""

    def prepare(self, sandbox: Sandbox) -> None:
        del sandbox

    @property
    def request(self) -> dict[str, Any]:
        wanted = definition(f"job-{self.number}", "1")
        return {**wanted, "tags": [{"key": "team", "value": "shop"}]}

    def create(self, aws: Aws) -> Answer:
        answer = task_definition.create(aws, self.request)
        self.arn = self.arn or str(answer.result["taskDefinitionArn"])
        return answer

    def reads(self, aws: Aws) -> Any:
        definition_verbs.newest_active(aws, self.request["family"])
        return task_definition.observe(aws, CLUSTER, [self.arn])

    def seen(self, aws: Aws) -> dict[str, Any]:
        found = self.reads(aws)[self.arn]
        return {**found.content, "tags": [{"key": k, "value": v} for k, v in found.tags.items()]}

    def sent(self) -> dict[str, Any]:
        content = {k: v for k, v in self.request.items() if k != "tags"}
        return {**canonical_task_definition(content), "tags": self.request["tags"]}

    def identity(self, answer: Answer) -> str:
        return str(answer.result["taskDefinitionArn"]).rpartition(":")[0]


@dataclass
class CacheSample:
    """What a parameter group and a replication group have in common."""

    number: int = field(default_factory=lambda: next(_NUMBERS))
    absent = "nobody-made-this"
    # Creating with tags needs AddTagsToResource (service authorization reference, ElastiCache).
    implied: ClassVar = {"create": frozenset({"elasticache:AddTagsToResource"})}

    @property
    def name(self) -> str:
        return f"shop-{self.number}"

    def prepare(self, sandbox: Sandbox) -> None:
        del sandbox

    def identity(self, answer: Answer) -> str:
        del answer
        return self.name

    def _call(self, aws: Aws, operation: str, request: dict[str, Any]) -> Answer:
        return self.kind.calls[operation](aws, operation, request)


@dataclass
class ParameterGroupSample(CacheSample):
    """One ElastiCache parameter group."""

    kind = parameter_group

    def create(self, aws: Aws) -> Answer:
        request = {
            "CacheParameterGroupName": self.name,
            "CacheParameterGroupFamily": "redis7",
            "Description": "shop",
            "Tags": [{"Key": "team", "Value": "shop"}],
        }
        return self._call(aws, "CreateCacheParameterGroup", request)

    def updates(self, aws: Aws) -> None:
        """Change it by everything the kind's module offers for that."""
        pairs = [{"ParameterName": "timeout", "ParameterValue": "60"}]
        request = {"CacheParameterGroupName": self.name, "ParameterNameValues": pairs}
        self._call(aws, "ModifyCacheParameterGroup", request)
        assert self.reads(aws)[self.name].parameters == {"timeout": "60"}
        self._call(aws, "ResetCacheParameterGroup", request)
        assert self.reads(aws)[self.name].parameters == {}
        _, arn, _ = parameter_verbs.identity(aws, self.name)
        tags = [{"Key": "a", "Value": "b"}]
        self._call(aws, "AddTagsToResource", {"ResourceName": arn, "Tags": tags})

    def reads(self, aws: Aws) -> Any:
        parameter_verbs.identity(aws, self.name)
        parameter_verbs.family(aws, "redis7")
        return parameter_group.observe(aws, "", [self.name])

    def seen(self, aws: Aws) -> dict[str, Any]:
        family, _, tags = parameter_verbs.identity(aws, self.name)
        return {"family": family, "tags": tags}

    def sent(self) -> dict[str, Any]:
        return {"family": "redis7", "tags": {"team": "shop"}}


@dataclass
class ReplicationGroupSample(CacheSample):
    """One Redis of two nodes."""

    kind = replication_group

    @property
    def request(self) -> dict[str, Any]:
        return {
            "ReplicationGroupId": self.name,
            "ReplicationGroupDescription": "shop",
            "Engine": "redis",
            "EngineVersion": "7.1",
            "CacheNodeType": "cache.t4g.micro",
            "ReplicasPerNodeGroup": 1,
            "AutomaticFailoverEnabled": True,
            "PreferredMaintenanceWindow": "mon:03:00-mon:04:00",
            "SecurityGroupIds": ["sg-1", "sg-2"],
            "Tags": [{"Key": "team", "Value": "shop"}],
        }

    def create(self, aws: Aws) -> Answer:
        answer = self._call(aws, "CreateReplicationGroup", self.request)
        self._settled(aws)
        return answer

    def updates(self, aws: Aws) -> None:
        """Change it by everything the kind's module offers for that."""
        who = {"ReplicationGroupId": self.name, "ApplyImmediately": True}
        self._call(aws, "ModifyReplicationGroup", {**who, "SnapshotRetentionLimit": 3})
        for operation, count in (("IncreaseReplicaCount", 2), ("DecreaseReplicaCount", 1)):
            self._settled(aws)
            self._call(aws, operation, {**who, "NewReplicaCount": count})
            again = self._call(aws, operation, {**who, "NewReplicaCount": count}, settle=True)
            assert again.result == {"already": "NoOperationFault"}
        live = self._settled(aws)
        assert live.group["snapshotRetentionLimit"] == 3
        tags = [{"Key": "a", "Value": "b"}]
        self._call(aws, "AddTagsToResource", {"ResourceName": live.arn, "Tags": tags})
        keys = ["a", "team"]
        self._call(aws, "RemoveTagsFromResource", {"ResourceName": live.arn, "TagKeys": keys})
        assert group_verbs.tags(aws, live) == {}

    def reads(self, aws: Aws) -> Any:
        found = replication_group.observe(aws, "", [self.name])
        if found[self.name].status == "available":
            group_verbs.tags(aws, found[self.name])
        return found

    def seen(self, aws: Aws) -> dict[str, Any]:
        live = self._settled(aws)
        return {**live.group, "tags": group_verbs.tags(aws, live)}

    def sent(self) -> dict[str, Any]:
        shape = input_of("CreateReplicationGroup", "elasticache")
        return {
            **from_wire(shape, self.request),
            "tags": {"team": "shop"},
            "engineVersion": "7.1.0",
        }

    def _settled(self, aws: Aws) -> Any:
        pause = timedelta(seconds=0.05)  # enough on the wire; AWS's minutes on the fake's clock
        for _ in range(20):
            live = self.reads(aws)[self.name]
            if live.status == "available":
                return live
            aws.clock.sleep(pause)
            pause *= 2
        raise AssertionError(f"{self.name} stays {live.status}")

    def _call(
        self, aws: Aws, operation: str, request: dict[str, Any], *, settle: bool = False
    ) -> Answer:
        if settle:
            self._settled(aws)
        return super()._call(aws, operation, request)


@dataclass
class AutoscalingSample:
    """The autoscaling of one service."""

    number: int = field(default_factory=lambda: next(_NUMBERS))
    kind = autoscaling
    absent = "nobody-made-this"
    # Registering reads and scales the service for the caller, makes the service-linked role, and tags
    # what is given tags with it; policies of target tracking make alarms (Application Auto Scaling user guide: identity-based policies).
    implied: ClassVar = {
        "create": frozenset(
            {
                "ecs:DescribeServices",
                "ecs:UpdateService",
                "iam:CreateServiceLinkedRole",
                "application-autoscaling:TagResource",
            }
        ),
        "update": frozenset(ALARMS),
    }

    @property
    def name(self) -> str:
        return f"shop-{self.number}"

    @property
    def scope(self) -> dict[str, Any]:
        return {
            "ServiceNamespace": "ecs",
            "ResourceId": f"service/{CLUSTER}/{self.name}",
            "ScalableDimension": "ecs:service:DesiredCount",
        }

    def prepare(self, sandbox: Sandbox) -> None:
        service = ServiceSample(self.number)
        service.prepare(sandbox)
        service.create(sandbox.aws)

    def create(self, aws: Aws) -> Answer:
        return self._call(aws, "RegisterScalableTarget", MinCapacity=1, MaxCapacity=4)

    def updates(self, aws: Aws) -> None:
        """Change it by everything the kind's module offers for that; each twice, which is safe."""
        metric = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
        tracking = {"TargetValue": 60.0, "PredefinedMetricSpecification": metric}
        policy = {
            "PolicyName": "cpu",
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": tracking,
        }
        action = {
            "ScheduledActionName": "night",
            "Schedule": "rate(1 day)",
            "StartTime": "2026-12-24T18:00:00Z",
            "ScalableTargetAction": {"MinCapacity": 1},
        }
        for _ in range(2):
            self._call(
                aws, "RegisterScalableTarget", SuspendedState={"ScheduledScalingSuspended": True}
            )
            self._call(aws, "PutScalingPolicy", **policy)
            self._call(aws, "PutScheduledAction", **action)
        live = self.reads(aws)[self.name]
        assert live.target is not None
        assert live.target["suspendedState"]["scheduledScalingSuspended"] is True
        assert set(live.policies) == {"cpu"}
        assert live.scheduled["night"]["startTime"] == "2026-12-24T18:00:00Z"
        self._tag(aws, live.arn)
        for _ in range(2):
            self._call(aws, "DeleteScalingPolicy", PolicyName="cpu")
            self._call(aws, "DeleteScheduledAction", ScheduledActionName="night")
        self._call(aws, "PutScalingPolicy", **policy)
        for _ in range(2):
            self._call(aws, "DeregisterScalableTarget")
        assert self.reads(aws) == {}

    def _tag(self, aws: Aws, arn: str) -> None:
        """Tag and untag twice each: what is set already, or gone, changes nothing."""
        for _ in range(2):
            tags = {"ResourceARN": arn, "Tags": {"team": "shop", "tier": "web"}}
            autoscaling.calls["TagResource"](aws, "TagResource", tags)
        for _ in range(2):
            keys = {"ResourceARN": arn, "TagKeys": ["tier"]}
            autoscaling.calls["UntagResource"](aws, "UntagResource", keys)
        assert self.reads(aws)[self.name].tags == {"team": "shop"}

    def reads(self, aws: Aws) -> Any:
        found = autoscaling.observe(aws, CLUSTER, [self.name])
        return {name: with_tags(aws, live) for name, live in found.items()}

    def seen(self, aws: Aws) -> dict[str, Any]:
        return dict(self.reads(aws)[self.name].target)

    def sent(self) -> dict[str, Any]:
        return {"minCapacity": 1, "maxCapacity": 4}

    def identity(self, answer: Answer) -> str:
        del answer
        return self.name

    def _call(self, aws: Aws, operation: str, **fields: Any) -> Answer:
        return autoscaling.calls[operation](aws, operation, {**self.scope, **fields})


def definition(family: str, tag: str) -> dict[str, Any]:
    """Return a small RegisterTaskDefinition input."""
    return {
        "family": family,
        "cpu": "256",
        "memory": "512",
        "networkMode": "bridge",
        "containerDefinitions": [
            {
                "name": "app",
                "image": f"shop:{tag}",
                "essential": True,
                "environment": [{"name": "A", "value": "1"}],
            }
        ],
    }


SAMPLES: tuple[type[Any], ...] = (
    ServiceSample,
    DefinitionSample,
    ParameterGroupSample,
    ReplicationGroupSample,
    AutoscalingSample,
)
