"""What we know about ECS's fields and botocore's model does not say: one table, each row with its source.

Read by `plan` and `source`. Sources in brackets: [M] the documentation text inside botocore 1.44.5's
models, [D …] a page of AWS's documentation, [OBS] published `describe-*` output of 2026, [TF] the
Terraform provider's `task_definition_equivalency.go`. Pure data and look-ups: nothing is imported but
values. Defaults live in `shapes.default_values`, effects and resets in `shapes.effects`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from reconciler.model.names import Path

Kind = Literal["service", "taskDefinition", "autoscaling"]

SERVICE: Kind = "service"
TASK_DEFINITION: Kind = "taskDefinition"
AUTOSCALING: Kind = "autoscaling"


@dataclass(frozen=True)
class KeyPart:
    """One part of a list item's natural key: the first of `names` that the item has, else `default`."""

    names: tuple[str, ...]
    default: str = ""


@dataclass(frozen=True)
class ListRule:
    """How the order of one list is to be read.

    `pattern` is the path of the list, `*` standing for any list item's key. Without `key` the list
    is a set of scalars. `value` names the one field that remains when the key is known, as in
    `environment`, so that the path is `environment.RAILS_ENV`. Where `last` is set, AWS takes a key
    twice, and the last item of that key is the one that counts.
    """

    pattern: Path
    key: tuple[KeyPart, ...] = ()
    value: str = ""
    last: bool = False


def _by(*names: str) -> tuple[KeyPart, ...]:
    return (KeyPart(names),)


_CONTAINER: Path = ("containerDefinitions", "*")
_LINUX: Path = (*_CONTAINER, "linuxParameters")
_HOOKS: Path = ("deploymentConfiguration", "lifecycleHooks")
_CONNECT: Path = ("serviceConnectConfiguration", "services")
_EBS_TAGS: Path = ("volumeConfigurations", "*", "managedEBSVolume", "tagSpecifications")
_METRICS: Path = ("monitoring", "metricConfigurations")
_TRACKED: Path = ("policies", "*", "targetTrackingScalingPolicyConfiguration")
_CUSTOM: Path = (*_TRACKED, "customizedMetricSpecification")

LIST_RULES: dict[Kind, tuple[ListRule, ...]] = {
    # Lists whose order ECS does not keep or does not read [TF sorts containers, environment, secrets;
    # OBS]. Everything that is not named here is ordered: command, entryPoint, dependsOn, mountPoints,
    # systemControls, extraHosts, dnsServers, environmentFiles, placementConstraints, placementStrategy.
    # Capabilities, permissions, exit codes, stages and metric names are sets by their meaning [M].
    TASK_DEFINITION: (
        ListRule(("containerDefinitions",), _by("name")),
        # A variable may be registered twice, and "the value added later becomes valid" (metaps/genova
        # issue 295); the agent is told a map (amazon-ecs-agent, Container.Environment). Of secrets ECS
        # refuses it: "the secret name must be unique".
        ListRule((*_CONTAINER, "environment"), _by("name"), "value", last=True),
        ListRule((*_CONTAINER, "secrets"), _by("name"), "valueFrom"),
        ListRule(
            (*_CONTAINER, "portMappings"),
            (KeyPart(("containerPort", "containerPortRange")), KeyPart(("protocol",), "tcp")),
        ),
        ListRule((*_CONTAINER, "volumesFrom"), _by("sourceContainer")),
        ListRule((*_CONTAINER, "ulimits"), _by("name")),
        ListRule((*_CONTAINER, "resourceRequirements"), _by("type")),
        ListRule((*_CONTAINER, "links")),
        ListRule((*_CONTAINER, "logConfiguration", "secretOptions"), _by("name"), "valueFrom"),
        ListRule((*_CONTAINER, "restartPolicy", "ignoredExitCodes")),
        ListRule((*_LINUX, "capabilities", "add")),
        ListRule((*_LINUX, "capabilities", "drop")),
        ListRule((*_LINUX, "devices"), _by("hostPath")),
        ListRule((*_LINUX, "devices", "*", "permissions")),
        ListRule((*_LINUX, "tmpfs"), _by("containerPath")),
        ListRule(("volumes",), _by("name")),
        ListRule(("tags",), _by("key"), "value"),
        ListRule(("inferenceAccelerators",), _by("deviceName")),
        ListRule(("proxyConfiguration", "properties"), _by("name"), "value"),
        ListRule(("requiresCompatibilities",)),
    ),
    SERVICE: (
        ListRule(("networkConfiguration", "awsvpcConfiguration", "subnets")),
        ListRule(("networkConfiguration", "awsvpcConfiguration", "securityGroups")),
        ListRule(("loadBalancers",), _by("targetGroupArn", "loadBalancerName")),
        ListRule(("serviceRegistries",), _by("registryArn")),
        ListRule(("capacityProviderStrategy",), _by("capacityProvider")),
        ListRule(("volumeConfigurations",), _by("name")),
        ListRule(("vpcLatticeConfigurations",), _by("targetGroupArn")),
        ListRule(("deploymentConfiguration", "alarms", "alarmNames")),
        ListRule(_HOOKS, (KeyPart(("hookTargetArn",), "PAUSE"), KeyPart(("lifecycleStages",)))),
        ListRule((*_HOOKS, "*", "lifecycleStages")),
        ListRule(_CONNECT, _by("portName")),
        ListRule((*_CONNECT, "*", "clientAliases"), _by("port")),
        ListRule(_EBS_TAGS, _by("resourceType")),
        ListRule((*_EBS_TAGS, "*", "tags"), _by("key"), "value"),
        ListRule(("gatewayConnectors",), _by("portName")),
        ListRule(("gatewayConnectors", "*", "filters", "accessTypes")),
        ListRule(_METRICS, _by("metricNames")),
        ListRule((*_METRICS, "*", "metricNames")),
        ListRule(
            ("serviceConnectConfiguration", "logConfiguration", "secretOptions"),
            _by("name"),
            "valueFrom",
        ),
        ListRule(("tags",), _by("key"), "value"),
    ),
    AUTOSCALING: (
        ListRule(
            ("policies", "*", "stepScalingPolicyConfiguration", "stepAdjustments"),
            (
                KeyPart(("metricIntervalLowerBound",), "-inf"),
                KeyPart(("metricIntervalUpperBound",), "+inf"),
            ),
        ),
        ListRule((*_CUSTOM, "dimensions"), _by("name"), "value"),
        ListRule((*_CUSTOM, "metrics"), _by("id")),
        ListRule(
            (*_CUSTOM, "metrics", "*", "metricStat", "metric", "dimensions"), _by("name"), "value"
        ),
    ),
}

MAPS: dict[Kind, tuple[Path, ...]] = {
    # Maps with the user's own keys [M: type map]. Like lists they are declared as a whole: a key that
    # is only live is a difference, not an undeclared field.
    TASK_DEFINITION: (
        (*_CONTAINER, "logConfiguration", "options"),
        (*_CONTAINER, "firelensConfiguration", "options"),
        (*_CONTAINER, "dockerLabels"),
        ("volumes", "*", "dockerVolumeConfiguration", "driverOpts"),
        ("volumes", "*", "dockerVolumeConfiguration", "labels"),
    ),
    SERVICE: (
        ("serviceConnectConfiguration", "logConfiguration", "options"),
        (*_HOOKS, "*", "hookDetails"),  # any JSON [M: document type]
    ),
    AUTOSCALING: (),
}

READ_ONLY: dict[Kind, frozenset[str]] = {
    # What DescribeServices answers and CreateService has no input for, or that is ours to fill in [M].
    # platformFamily comes back as "Linux" and follows the task definition [OBS].
    SERVICE: frozenset(
        {
            "serviceArn",
            "clusterArn",
            "cluster",
            "clientToken",
            "taskDefinition",
            "status",
            "runningCount",
            "pendingCount",
            "deployments",
            "taskSets",
            "roleArn",
            "events",
            "createdAt",
            "createdBy",
            "currentServiceDeployment",
            "currentServiceRevisions",
            "resourceManagementType",
            "platformFamily",
        }
    ),
    # DescribeTaskDefinition's own keys [M, OBS].
    TASK_DEFINITION: frozenset(
        {
            "taskDefinitionArn",
            "revision",
            "status",
            "requiresAttributes",
            "compatibilities",
            "registeredAt",
            "registeredBy",
            "deregisteredAt",
            "deleteRequestedAt",
        }
    ),
    AUTOSCALING: frozenset(),
}


def matches(pattern: Path, path: Path) -> bool:
    """Say whether `path` is exactly the place that `pattern` names; `*` stands for any one segment."""
    return len(pattern) == len(path) and all(
        p in ("*", s) for p, s in zip(pattern, path, strict=True)
    )


@lru_cache(maxsize=8192)  # every list of every comparison asks; the rules never change
def list_rule(kind: Kind, path: Path) -> ListRule | None:
    """Return how the list at `path` is to be read, None when its order counts."""
    return next((rule for rule in LIST_RULES[kind] if matches(rule.pattern, path)), None)


def is_map(kind: Kind, path: Path) -> bool:
    """Say whether the value at `path` is a map with the user's own keys, or lies in one."""
    return any(matches(pattern, path[: len(pattern)]) for pattern in MAPS[kind])
