"""What ECS fills in on a service: data only, read through `shapes.default_values`.

Sources as in `shapes.tables`. Rows are leaves: when AWS adds a sub-key nothing flips. Fields for which
no default can be told are in `SERVICE_UNKNOWN`, with what `diff --explain` says of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.shapes.default_row import (
    ABSENT,
    NO_DEFAULT,
    DefaultRow,
    UnknownRow,
    empty,
    rows,
    unset,
)


def _maximum_percent(whole: Mapping[str, Any], _: Mapping[str, Any]) -> int:
    return 100 if whole.get("schedulingStrategy") == "DAEMON" else 200


def _minimum_percent(whole: Mapping[str, Any], _: Mapping[str, Any]) -> int:
    return 0 if whole.get("schedulingStrategy") == "DAEMON" else 100


def _discovery_name(_: Mapping[str, Any], service: Mapping[str, Any]) -> Any:
    return service.get("portName", NO_DEFAULT)


def _iops(_: Mapping[str, Any], volume: Mapping[str, Any]) -> Any:
    return 3000 if volume.get("volumeType") == "gp3" else ABSENT


_SCALARS = {
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
}

_DEPLOYMENT = {
    "strategy": "ROLLING",
    "bakeTimeInMinutes": 0,
    "alarms.enable": False,
    "alarms.rollback": False,
    "deploymentCircuitBreaker.enable": False,
    "deploymentCircuitBreaker.rollback": False,
    "deploymentCircuitBreaker.resetOnHealthyTask": True,
    "deploymentCircuitBreaker.thresholdConfiguration.type": "BOUNDED_PERCENT",
    "deploymentCircuitBreaker.thresholdConfiguration.value": 50,
}

_STRATEGIES = {
    "linearConfiguration.stepPercent": 10.0,
    "linearConfiguration.stepBakeTimeInMinutes": 6,
    "canaryConfiguration.canaryPercent": 5.0,
    "canaryConfiguration.canaryBakeTimeInMinutes": 10,
    "earlySuccessCriteria.enable": False,
    "lifecycleHooks.*.targetType": "AWS_LAMBDA",
    "lifecycleHooks.*.timeoutConfiguration.timeoutInMinutes": 1440,
    "lifecycleHooks.*.timeoutConfiguration.action": "ROLLBACK",
}

SERVICE_ROWS: tuple[DefaultRow, ...] = (
    *rows("OBS", (), _SCALARS),
    *rows(
        "OBS; DAEMON: D service_definition_parameters",
        ("deploymentConfiguration",),
        {"maximumPercent": _maximum_percent, "minimumHealthyPercent": _minimum_percent},
    ),
    *rows("OBS", ("deploymentConfiguration",), _DEPLOYMENT),
    *rows(
        "M LinearConfiguration, CanaryConfiguration, DeploymentEarlySuccessCriteria, "
        "DeploymentLifecycleHook",
        ("deploymentConfiguration",),
        _STRATEGIES,
    ),
    *empty(
        "OBS",
        (),
        "placementConstraints placementStrategy loadBalancers serviceRegistries "
        "deploymentConfiguration.alarms.alarmNames",
    ),
    *empty(
        "M Deployment, ServiceRevision: absent or empty until set",
        (),
        "volumeConfigurations vpcLatticeConfigurations gatewayConnectors "
        "monitoring.metricConfigurations deploymentConfiguration.lifecycleHooks "
        "deploymentConfiguration.lifecycleHooks.*.hookDetails",
    ),
    *unset(
        "M: set by hand only",
        (),
        "loadBalancers.*.advancedConfiguration vpcLatticeConfigurations.*.advancedConfiguration "
        "serviceRegistries.*.port serviceRegistries.*.containerName "
        "serviceRegistries.*.containerPort",
    ),
    *rows("M Deployment", ("serviceConnectConfiguration",), {"enabled": False}),
    *empty(
        "M ServiceConnectConfiguration: absent or empty until set",
        ("serviceConnectConfiguration",),
        "services services.*.clientAliases logConfiguration.secretOptions containerConfigurations",
    ),
    *rows(
        "M ServiceConnectService, ServiceConnectAccessLogConfiguration, "
        "ServiceConnectContainerConfiguration",
        ("serviceConnectConfiguration",),
        {
            "services.*.discoveryName": _discovery_name,
            "accessLogConfiguration.includeQueryParameters": "DISABLED",
            "containerConfigurations.*.logLevel": "info",
        },
    ),
    *rows(
        "M ServiceManagedEBSVolumeConfiguration, EBSTagSpecification",
        ("volumeConfigurations", "*", "managedEBSVolume"),
        {
            "filesystemType": "xfs",
            "iops": _iops,
            "tagSpecifications.*.propagateTags": "NONE",
        },
    ),
    *empty(
        "M EBSTagSpecification",
        ("volumeConfigurations", "*", "managedEBSVolume"),
        "tagSpecifications",
    ),
    *rows(
        "M GatewayConnectorDeregistrationDelay, MetricConfiguration",
        (),
        {
            "gatewayConnectors.*.deregistrationDelay.timeoutSeconds": 300,
            "monitoring.metricConfigurations.*.resolutionSeconds": 60,
        },
    ),
)

_SERVICE: tuple[str, ...] = ("serviceConnectConfiguration", "services", "*")
_VOLUME: tuple[str, ...] = ("volumeConfigurations", "*", "managedEBSVolume")

SERVICE_UNKNOWN: tuple[UnknownRow, ...] = (
    UnknownRow(("desiredCount",), "not declared: whoever scales the service owns it"),
    UnknownRow(
        ("availabilityZoneRebalancing",),
        "its default depends on when the service was created (ENABLED since September 2025, "
        "DISABLED before) [M UpdateService]",
    ),
    UnknownRow(("launchType",), "follows the cluster's default capacity provider strategy"),
    UnknownRow(("capacityProviderStrategy",), "filled in from the cluster's default strategy"),
    UnknownRow(("role",), "the service-linked role is filled in"),
    UnknownRow(
        ("networkConfiguration", "awsvpcConfiguration", "securityGroups"),
        "the VPC's default security group is filled in [M AwsVpcConfiguration]",
    ),
    UnknownRow(
        ("serviceConnectConfiguration", "namespace"),
        "the cluster's default namespace is filled in [D service-connect-concepts]",
    ),
    UnknownRow(
        (*_SERVICE, "clientAliases", "*", "dnsName"),
        "made of the discovery name and the namespace [M ServiceConnectClientAlias]",
    ),
    UnknownRow(
        (*_SERVICE, "ingressPortOverride"), "the container's port [M ServiceConnectService]"
    ),
    UnknownRow((*_SERVICE, "timeout"), "depends on the protocol [M TimeoutConfiguration]"),
    UnknownRow((*_VOLUME, "encrypted"), "follows the account's EBS encryption by default [M]"),
    UnknownRow((*_VOLUME, "kmsKeyId"), "follows the account's EBS encryption by default [M]"),
    UnknownRow((*_VOLUME, "sizeInGiB"), "the snapshot's size [M]"),
    UnknownRow((*_VOLUME, "volumeType"), "EBS's own default"),
    UnknownRow((*_VOLUME, "throughput"), "EBS's own default"),
    UnknownRow((*_VOLUME, "volumeInitializationRate"), "EBS's own default"),
    UnknownRow(
        ("gatewayConnectors", "*", "healthCheck"), "the gateway's own defaults are filled in"
    ),
)
