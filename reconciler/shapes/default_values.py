"""What ECS fills in when nobody said anything: the known defaults, each with its source.

Read by `plan` to tell "somebody changed this" from "AWS wrote this". A field without a row has no
known default and is never reported. Rows are leaves: when AWS adds a sub-key nothing flips.
Sources as in `shapes.tables`; "absent" means that ECS answers nothing for a field never set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from reconciler.model.names import Path
from reconciler.shapes.tables import SERVICE, TASK_DEFINITION, Kind, matches

Derive = Callable[[Mapping[str, Any], Mapping[str, Any]], Any]
"""Computes a default from the whole document and from the map that holds the field."""


class Absent:
    """The default of a field that ECS leaves out until somebody sets it."""

    def __repr__(self) -> str:
        """Spell it as it is explained to people."""
        return "absent"


ABSENT: Final = Absent()


class NoDefault:
    """What `default_of` says of a field whose default is unknown."""


NO_DEFAULT: Final = NoDefault()


@dataclass(frozen=True)
class DefaultRow:
    """One known default. `value` may be a `Derive`; `source` says who told us."""

    pattern: Path
    value: Any
    source: str


def _maximum_percent(whole: Mapping[str, Any], _: Mapping[str, Any]) -> int:
    return 100 if whole.get("schedulingStrategy") == "DAEMON" else 200


def _minimum_percent(whole: Mapping[str, Any], _: Mapping[str, Any]) -> int:
    return 0 if whole.get("schedulingStrategy") == "DAEMON" else 100


def _host_port(whole: Mapping[str, Any], mapping: Mapping[str, Any]) -> Any:
    if whole.get("networkMode") in ("awsvpc", "host"):
        return mapping.get("containerPort", NO_DEFAULT)
    return 0


def _rows(source: str, base: Path, values: Mapping[str, Any]) -> tuple[DefaultRow, ...]:
    return tuple(DefaultRow((*base, *k.split(".")), v, source) for k, v in values.items())


def _unset(source: str, base: Path, names: str) -> tuple[DefaultRow, ...]:
    return tuple(DefaultRow((*base, *n.split(".")), ABSENT, source) for n in names.split())


def _empty(source: str, base: Path, names: str) -> tuple[DefaultRow, ...]:
    return tuple(DefaultRow((*base, *n.split(".")), [], source) for n in names.split())


_C: Path = ("containerDefinitions", "*")

_SERVICE_ROWS: tuple[DefaultRow, ...] = (
    *_rows(
        "OBS",
        (),
        {
            "schedulingStrategy": "REPLICA",
            "deploymentController.type": "ECS",
            "platformVersion": "LATEST",
            "propagateTags": "NONE",
            "enableECSManagedTags": False,
            "enableExecuteCommand": False,
            "healthCheckGracePeriodSeconds": 0,
            "networkConfiguration.awsvpcConfiguration.assignPublicIp": "DISABLED",
            "capacityProviderStrategy.*.base": 0,
            "capacityProviderStrategy.*.weight": 0,
        },
    ),
    *_rows(
        "OBS; DAEMON: D service_definition_parameters",
        ("deploymentConfiguration",),
        {"maximumPercent": _maximum_percent, "minimumHealthyPercent": _minimum_percent},
    ),
    *_rows(
        "OBS",
        ("deploymentConfiguration",),
        {
            "strategy": "ROLLING",
            "bakeTimeInMinutes": 0,
            "alarms.enable": False,
            "deploymentCircuitBreaker.enable": False,
            "deploymentCircuitBreaker.rollback": False,
            "deploymentCircuitBreaker.resetOnHealthyTask": True,
            "deploymentCircuitBreaker.thresholdConfiguration.type": "BOUNDED_PERCENT",
            "deploymentCircuitBreaker.thresholdConfiguration.value": 50,
        },
    ),
    *_empty(
        "OBS",
        (),
        "placementConstraints placementStrategy loadBalancers serviceRegistries "
        "deploymentConfiguration.alarms.alarmNames",
    ),
    *_empty(
        "M Deployment: absent or empty until set",
        (),
        "volumeConfigurations vpcLatticeConfigurations deploymentConfiguration.lifecycleHooks",
    ),
    *_rows("M Deployment", ("serviceConnectConfiguration",), {"enabled": False}),
)

_TASK_DEFINITION_ROWS: tuple[DefaultRow, ...] = (
    *_empty("OBS", (), "volumes placementConstraints"),
    *_empty("M RegisterTaskDefinition", (), "requiresCompatibilities inferenceAccelerators"),
    *_rows(
        "OBS; networkMode, runtimePlatform: M RegisterTaskDefinition",
        (),
        {
            "enableFaultInjection": False,
            "networkMode": "bridge",
            "runtimePlatform.cpuArchitecture": "X86_64",
            "runtimePlatform.operatingSystemFamily": "LINUX",
        },
    ),
    *_unset(
        "M TaskDefinition",
        (),
        "taskRoleArn executionRoleArn pidMode ipcMode proxyConfiguration ephemeralStorage",
    ),
    *_rows(
        "OBS",
        _C,
        {
            "cpu": 0,
            "essential": True,
            "portMappings.*.protocol": "tcp",
            "portMappings.*.hostPort": _host_port,
            "mountPoints.*.readOnly": False,
            "volumesFrom.*.readOnly": False,
        },
    ),
    *_rows(
        "M HealthCheck",
        _C,
        {
            "healthCheck.interval": 30,
            "healthCheck.timeout": 5,
            "healthCheck.retries": 3,
            "healthCheck.startPeriod": 0,
        },
    ),
    *_rows(
        "M ContainerDefinition: false until set",
        _C,
        {
            "privileged": False,
            "readonlyRootFilesystem": False,
            "interactive": False,
            "pseudoTerminal": False,
            "disableNetworking": False,
        },
    ),
    *_empty(
        "OBS",
        _C,
        "portMappings environment mountPoints volumesFrom systemControls environmentFiles ulimits "
        "logConfiguration.secretOptions",
    ),
    *_empty(
        "M ContainerDefinition: absent or empty until set",
        _C,
        "secrets links dnsServers dnsSearchDomains extraHosts dockerSecurityOptions "
        "credentialSpecs resourceRequirements dependsOn command entryPoint dockerLabels "
        "linuxParameters.devices linuxParameters.tmpfs linuxParameters.capabilities.add "
        "linuxParameters.capabilities.drop",
    ),
    *_unset(
        "M ContainerDefinition",
        _C,
        "user workingDirectory hostname stopTimeout startTimeout memory memoryReservation "
        "healthCheck logConfiguration firelensConfiguration linuxParameters "
        "repositoryCredentials restartPolicy portMappings.*.name portMappings.*.appProtocol",
    ),
    *_rows(
        "OBS; EFS: M EFSVolumeConfiguration; docker: M DockerVolumeConfiguration",
        ("volumes", "*"),
        {
            "host": {},
            "configuredAtLaunch": False,
            "dockerVolumeConfiguration.scope": "task",
            "dockerVolumeConfiguration.autoprovision": False,
            "efsVolumeConfiguration.transitEncryption": "DISABLED",
            "efsVolumeConfiguration.rootDirectory": "/",
            "efsVolumeConfiguration.authorizationConfig.iam": "DISABLED",
        },
    ),
)

DEFAULT_ROWS: dict[Kind, tuple[DefaultRow, ...]] = {
    SERVICE: _SERVICE_ROWS,
    TASK_DEFINITION: _TASK_DEFINITION_ROWS,
}

UNPREDICTABLE: dict[str, str] = {
    # Undeclared service fields for which no default can be told; the text is what --explain says.
    "desiredCount": "not declared: whoever scales the service owns it",
    "availabilityZoneRebalancing": "its default depends on when the service was created "
    "(ENABLED since September 2025, DISABLED before) [M UpdateService]",
    "launchType": "follows the cluster's default capacity provider strategy",
    "capacityProviderStrategy": "filled in from the cluster's default strategy",
    "role": "the service-linked role is filled in",
}


@lru_cache(maxsize=8192)  # every leaf of every comparison asks; the rows never change
def default_row(kind: Kind, path: Path) -> DefaultRow | None:
    """Return the row for the field at a comparable path, None when its default is not known."""
    return next((row for row in DEFAULT_ROWS[kind] if matches(row.pattern, path)), None)


def default_of(
    kind: Kind, path: Path, whole: Mapping[str, Any], parent: Mapping[str, Any]
) -> Any | NoDefault | Absent:
    """Return the value ECS gives the field at `path` when nobody sets it.

    `whole` is the document and `parent` the map that holds the field: some defaults follow from
    others (`hostPort`, the percentages of a daemon service). NO_DEFAULT when it is not known.
    """
    row = default_row(kind, path)
    if row is None:
        return NO_DEFAULT
    return row.value(whole, parent) if callable(row.value) else row.value
