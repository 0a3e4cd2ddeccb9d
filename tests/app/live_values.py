"""Live services at random: every field of botocore's model, and names that hang together as ECS wants them.

Plain Python on a seeded `Random`: strategies of this size take seconds to draw from.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from random import Random
from typing import Any

from reconciler.model.names import Path
from reconciler.model.observed import (
    ObservedAutoscaling,
    ObservedService,
    ObservedTaskDefinition,
    ServicePresence,
)
from reconciler.plan.canonical import canonical_service, canonical_task_definition, item_key
from reconciler.resources.inventory import Found
from reconciler.shapes.botocore_model import Shape, container_shape, input_of
from reconciler.shapes.limits import FARGATE_SIZES, RANGES
from reconciler.shapes.tables import SERVICE, TASK_DEFINITION, Kind, list_rule

REPOSITORY = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/shop"
DIGEST = "sha256:" + "ab" * 32
IMAGES = (
    f"{REPOSITORY}:v1",
    f"{REPOSITORY}:latest",
    f"{REPOSITORY}@{DIGEST}",
    "nginx",
    "docker.io/library/redis:7.2",
)
TRICKY = (
    "", " ", "no", "yes", "on", "y", "~", "null", "true", "3.10", "1e5", "0123", "0x1f", "22:22", "1_000",
    "2026-11-22", ".inf", "-", "- a", "a: b", "a #b", "#x", "%x", "@x", "`x`", "!x", "&x", "*x", "|", ">",
    "{a}", "[a]", "${HOME}", "$${x}", "$", "${", "}", "a\nb", "a\nb\n", "\n", " lead", "trail ", "tab\tx",
    "a\n  b\n\n c", "\n\nx", "quote's", 'quote"s', "back\\slash", "日本語", "😀", "é", "\x07", "\x85", "\u2028",
    "\ufeff", "\x00", "x" * 300, "a\r\nb", "---", "...", "<<", "=", "?", "? x", "key: [1, 2", "$(date)", "a && b",
    "${live}", "\n lead", "a\n\n", " \n", "\t",
)  # fmt: skip
"""Texts that some YAML writer or reader has got wrong, and some that must not be written."""
SECRET = "hunter2"
SECRETS = (f"postgres://shop:{SECRET}@db/shop", f"--password={SECRET}")
_VARIABLES = (
    "RAILS_ENV",
    "no",
    "1",
    "a.b",
    "DATABASE_PASSWORD",
    "API_TOKEN",
    "x y",
    "~",
    "<<",
    "k" * 200,
    "PORT",
)


class Maker:
    """Makes live services from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def cluster(self) -> list[Found]:
        """Return the services of one cluster."""
        return [self.service(i) for i in range(self.random.randint(1, 3))]

    # --- by botocore's model ---------------------------------------------------------------------

    def value(  # noqa: PLR0911 - one answer per kind
        self, shape: Shape, kind: Kind, path: Path
    ) -> Any:
        """Return a value of a type of botocore's model, within its limits."""
        match shape.kind:
            case "structure":
                return self.structure(shape, kind, path)
            case "list":
                return self.items(shape, kind, path)
            case "map":
                keys = {self.text(1, 12) for _ in range(self.random.randint(0, 3))}
                secrets = SECRETS if kind == TASK_DEFINITION else ()
                texts = (*secrets, *(self.value(shape.element, kind, (*path, "*")) for _ in keys))
                return {k: self.random.choice(texts) for k in sorted(keys)}
            case "string":
                return self.string(shape, path)
            case "boolean":
                return self.random.random() < 0.5
            case "integer" | "long":
                return self.random.randint(shape.minimum or 0, shape.maximum or 1000)
            case _:
                return self.random.randint(0, 10_000) / 100

    def structure(
        self,
        shape: Shape,
        kind: Kind,
        path: Path,
        skip: frozenset[str] = frozenset(),
        share: float = 0.5,
    ) -> dict[str, Any]:
        """Return a structure with its required fields and a share of the others."""
        if shape.is_document:
            return {self.name(): self.random.choice([True, 7, *TRICKY]) for _ in range(2)}
        if getattr(shape.raw, "is_tagged_union", False):
            share = 0.0
            skip = frozenset(self.random.sample(sorted(shape.members), len(shape.members) - 1))
        chosen = [
            n
            for n in shape.members
            if n not in skip and (n in shape.required or not share or self.random.random() < share)
        ]
        return {n: self.field(shape, n, kind, (*path, n)) for n in chosen}

    def field(self, shape: Shape, name: str, kind: Kind, path: Path) -> Any:
        limits = RANGES.get((shape.name, name))
        if limits:
            return self.random.randint(*limits)
        return self.value(shape.members[name], kind, path)

    def items(self, shape: Shape, kind: Kind, path: Path) -> list[Any]:
        least = shape.minimum or 0
        count = self.random.randint(least, max(least, min(shape.maximum or 3, 3)))
        found = [self.value(shape.element, kind, (*path, "*")) for _ in range(count)]
        rule = list_rule(kind, path)
        for part in rule.key if rule else ():  # ECS answers no item without its name
            first = shape.element.members[part.names[0]]
            for item in found if first.kind == "string" else ():
                if not part.default and not item.keys() & set(part.names):
                    item[part.names[0]] = self.name()
        return found if rule is None else list({_identity(rule, i): i for i in found}.values())

    def string(self, shape: Shape, path: Path) -> str:
        if shape.choices:
            return self.random.choice(shape.choices)
        if path[-1].endswith(("Arn", "valueFrom")):
            return self.arn()
        return self.text(shape.minimum or 0, shape.maximum or 300)

    def text(self, least: int = 0, most: int = 300) -> str:
        text = self.random.choice(TRICKY) if self.random.random() < 0.7 else self.noise()
        return (text + self.name() * (least > len(text)) * least)[:most]

    def noise(self) -> str:
        points = [
            self.random.choice((self.random.randrange(0xD7FF), self.random.randrange(127)))
            for _ in range(9)
        ]
        return "".join(map(chr, points))

    def name(self) -> str:
        letters = string.ascii_letters + string.digits
        return "".join(self.random.choice(letters) for _ in range(self.random.randint(1, 10)))

    def arn(self) -> str:
        return f"arn:aws:x:us-east-1:123456789012:thing/{self.name()}"

    def maybe(self, share: float = 0.5) -> bool:
        return self.random.random() < share

    # --- what the model does not say -------------------------------------------------------------

    def container(self, name: str, others: list[str], volumes: list[str]) -> dict[str, Any]:
        """Return one container whose names fit its task."""
        skip = frozenset(
            [
                "name",
                "image",
                "environment",
                "secrets",
                "dependsOn",
                "mountPoints",
                "essential",
                "portMappings",
                "stopTimeout",
                "memory",
            ]
        )
        path = ("containerDefinitions", "*")
        value = self.structure(
            container_shape(), TASK_DEFINITION, path, skip, self.random.choice([0.1, 0.8])
        )
        variables = {
            self.random.choice([*_VARIABLES, self.name()]): self.random.choice(
                [self.text(), *SECRETS]
            )
            for _ in range(4)
        }
        secrets = {self.random.choice([*_VARIABLES, self.name()]): self.arn() for _ in range(2)}
        ports = {self.random.randint(1, 65535) for _ in range(self.random.randint(0, 2))}
        conditions = ["START", "HEALTHY", "COMPLETE"]
        value |= {
            "name": name,
            "image": self.random.choice(IMAGES),
            "memory": self.random.randint(6, 4096),
            "environment": [{"name": n, "value": v} for n, v in variables.items()],
            "secrets": [
                {"name": n, "valueFrom": v} for n, v in secrets.items() if n not in variables
            ],
            "dependsOn": [
                {"containerName": o, "condition": self.random.choice(conditions)}
                for o in others
                if self.maybe()
            ],
            "mountPoints": [
                {"sourceVolume": v, "containerPath": f"/{v}", "readOnly": self.maybe()}
                for v in volumes
                if self.maybe()
            ],
            "portMappings": [
                {"containerPort": p, "hostPort": p, "protocol": self.random.choice(["tcp", "udp"])}
                for p in sorted(ports)
            ],
            "essential": True,
        }
        if self.maybe(0.2):
            value["command"] = ["redis-server", "--requirepass", SECRET, SECRETS[1]]
        return value

    def task_definition(self, family: str, *, fargate: bool) -> dict[str, Any]:
        """Return the content of a revision that ECS would have taken."""
        skip = frozenset(
            [
                "family",
                "containerDefinitions",
                "tags",
                "cpu",
                "memory",
                "networkMode",
                "volumes",
                "requiresCompatibilities",
            ]
        )
        value = self.structure(input_of("RegisterTaskDefinition"), TASK_DEFINITION, (), skip, 0.3)
        names = list({self.name().lower(): 0 for _ in range(self.random.randint(1, 3))})
        volumes = [v for v in ("data", "tmp", "a-b") if self.maybe(0.3)]
        cpu = self.random.choice(sorted(FARGATE_SIZES))
        value |= {
            "family": family,
            "cpu": str(cpu),
            "memory": str(self.random.choice(FARGATE_SIZES[cpu])),
            "networkMode": "awsvpc" if fargate else self.random.choice(["bridge", "host", "none"]),
            "requiresCompatibilities": ["FARGATE"] if fargate else ["EC2"],
            "volumes": [{"name": v, "host": {}} for v in volumes],
            "containerDefinitions": [
                self.container(n, names[:i], volumes) for i, n in enumerate(names)
            ],
        }
        return canonical_task_definition(value)

    def service(self, index: int) -> Found:
        """Return one live service as `resources` reads it."""
        name = f"{self.name()}{index}"
        family = name if self.maybe() else f"family-{index}"
        fargate = self.maybe()
        content = self.task_definition(family, fargate=fargate)
        value = self._service_document(name, content, fargate=fargate)
        arn = f"arn:aws:ecs:ap-northeast-1:123456789012:task-definition/{family}:{index + 1}"
        tags = {key: self.text(0, 256) for key in ("team", "cost center", "no") if self.maybe(0.3)}
        return Found(
            ObservedService(
                ServicePresence.ACTIVE,
                canonical_service(value),
                arn=f"arn:aws:ecs:ap-northeast-1:123456789012:service/production/{name}",
                task_definition_arn=arn,
                tags=tags,
            ),
            ObservedTaskDefinition(arn, family, index + 1, active=True, content=content, tags=tags),
            {c["name"]: DIGEST for c in content["containerDefinitions"]},
            self.scaling()
            if value.get("schedulingStrategy") != "DAEMON" and self.maybe()
            else None,
        )

    def scaling(self) -> ObservedAutoscaling:
        """Return what Application Auto Scaling may have: our short words, and what others make."""
        target = {
            "minCapacity": self.random.randint(0, 2),
            "maxCapacity": self.random.randint(2, 9),
        }
        if self.maybe():
            target["suspendedState"] = {"scheduledScalingSuspended": self.maybe()}
        metrics = {
            "cpu": "ECSServiceAverageCPUUtilization",
            "memory": "ECSServiceAverageMemoryUtilization",
        }
        policies: dict[str, Any] = {
            self.random.choice([name, f"{name}-target"]): {
                "policyType": "TargetTrackingScaling",
                "targetTrackingScalingPolicyConfiguration": {
                    "targetValue": self.random.randint(1, 200) / 2,
                    "predefinedMetricSpecification": {"predefinedMetricType": metric},
                    "disableScaleIn": self.maybe(),
                    **({"scaleInCooldown": self.random.randint(0, 99)} if self.maybe() else {}),
                },
            }
            for name, metric in metrics.items()
            if self.maybe()
        }
        if self.maybe(0.3):
            steps = [
                {"metricIntervalLowerBound": 0.0, "scalingAdjustment": self.random.randint(1, 5)}
            ]
            policies["steps"] = {
                "policyType": "StepScaling",
                "stepScalingPolicyConfiguration": {
                    "adjustmentType": "ChangeInCapacity",
                    "stepAdjustments": steps,
                    "cooldown": 60,
                },
            }
        action = {
            "schedule": "cron(0 18 * * ? *)",
            "timezone": "Asia/Tokyo",
            "scalableTargetAction": {"minCapacity": 1},
        }
        tags = {"team": "shop", "reconciler:app": "old"} if self.maybe() else None
        scheduled = {"night": action} if self.maybe(0.3) else {}
        return ObservedAutoscaling(target, policies, scheduled, tags=tags)

    def _service_document(
        self, name: str, content: Mapping[str, Any], *, fargate: bool
    ) -> dict[str, Any]:
        skip = frozenset(
            [
                "cluster",
                "taskDefinition",
                "clientToken",
                "role",
                "tags",
                "monitoring",
                "gatewayConnectors",
                "serviceName",
                "loadBalancers",
                "networkConfiguration",
                "launchType",
                "capacityProviderStrategy",
                "deploymentController",
                "platformVersion",
            ]
        )
        value = self.structure(input_of("CreateService"), SERVICE, (), skip, 0.4)
        value |= {
            "serviceName": name,
            "deploymentController": {"type": "ECS"},
            "platformVersion": "LATEST",
        }
        if fargate:
            value["networkConfiguration"] = {
                "awsvpcConfiguration": {
                    "subnets": sorted({f"subnet-{self.name()}" for _ in range(2)}),
                    "securityGroups": sorted({f"sg-{self.name()}" for _ in range(2)}),
                    "assignPublicIp": self.random.choice(["ENABLED", "DISABLED"]),
                }
            }
        if self.maybe():
            value["launchType"] = "FARGATE" if fargate else "EC2"
        else:
            provider = (
                self.random.choice(["FARGATE", "FARGATE_SPOT"]) if fargate else "ec2-provider"
            )
            value["capacityProviderStrategy"] = [
                {"capacityProvider": provider, "weight": 1, "base": 0}
            ]
        value["loadBalancers"] = [
            {
                "targetGroupArn": self.arn(),
                "containerName": c["name"],
                "containerPort": p["containerPort"],
            }
            for c in content["containerDefinitions"]
            for p in c.get("portMappings", ())[:1]
        ][:1]
        return value


def _identity(rule: Any, item: Any) -> str:
    return item_key(rule, item) if rule.key and isinstance(item, Mapping) else repr(item)
