"""What ECS fills in on a task definition: data only, read through `shapes.default_values`.

Sources as in `shapes.tables`; "absent" means that ECS answers nothing for a field never set. Rows are
leaves: when AWS adds a sub-key nothing flips.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.names import Path
from reconciler.shapes.default_row import (
    NO_DEFAULT,
    DefaultRow,
    UnknownRow,
    empty,
    rows,
    unset,
)


def _host_port(whole: Mapping[str, Any], mapping: Mapping[str, Any]) -> Any:
    if whole.get("networkMode") in ("awsvpc", "host"):
        return mapping.get("containerPort", NO_DEFAULT)
    return 0


_C: Path = ("containerDefinitions", "*")

TASK_DEFINITION_ROWS: tuple[DefaultRow, ...] = (
    *empty("OBS", (), "volumes placementConstraints"),
    *empty("M RegisterTaskDefinition", (), "requiresCompatibilities inferenceAccelerators"),
    *rows(
        "OBS; networkMode, runtimePlatform, trustedExecutionConfiguration: M RegisterTaskDefinition",
        (),
        {
            "enableFaultInjection": False,
            "networkMode": "bridge",
            "runtimePlatform.cpuArchitecture": "X86_64",
            "runtimePlatform.operatingSystemFamily": "LINUX",
            "trustedExecutionConfiguration.isolationMode": "SHARED",
        },
    ),
    *unset(
        "M TaskDefinition",
        (),
        "cpu memory taskRoleArn executionRoleArn pidMode ipcMode proxyConfiguration "
        "ephemeralStorage trustedExecutionConfiguration.attestationPolicy",
    ),
    *empty("M ProxyConfiguration", (), "proxyConfiguration.properties"),
    *rows(
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
    *rows(
        "M HealthCheck",
        _C,
        {
            "healthCheck.interval": 30,
            "healthCheck.timeout": 5,
            "healthCheck.retries": 3,
            "healthCheck.startPeriod": 0,
        },
    ),
    *rows(
        "M ContainerDefinition: false until set",
        _C,
        {
            "privileged": False,
            "readonlyRootFilesystem": False,
            "interactive": False,
            "pseudoTerminal": False,
            "disableNetworking": False,
            "linuxParameters.initProcessEnabled": False,
        },
    ),
    *rows(
        "M ContainerDefinition, ContainerRestartPolicy, Device, LinuxParameters",
        _C,
        {
            "versionConsistency": "enabled",
            "restartPolicy.restartAttemptPeriod": 300,
            "linuxParameters.swappiness": 60,
            "linuxParameters.devices.*.permissions": ["mknod", "read", "write"],
        },
    ),
    *empty(
        "OBS",
        _C,
        "portMappings environment mountPoints volumesFrom systemControls environmentFiles ulimits "
        "logConfiguration.secretOptions",
    ),
    *empty(
        "M ContainerDefinition: absent or empty until set",
        _C,
        "secrets links dnsServers dnsSearchDomains extraHosts dockerSecurityOptions "
        "credentialSpecs resourceRequirements dependsOn command entryPoint dockerLabels "
        "linuxParameters.devices linuxParameters.tmpfs linuxParameters.tmpfs.*.mountOptions "
        "linuxParameters.capabilities.add linuxParameters.capabilities.drop "
        "restartPolicy.ignoredExitCodes logConfiguration.options firelensConfiguration.options",
    ),
    *unset(
        "M ContainerDefinition",
        _C,
        "user workingDirectory hostname stopTimeout startTimeout memory memoryReservation "
        "healthCheck logConfiguration firelensConfiguration linuxParameters "
        "repositoryCredentials restartPolicy portMappings.*.name portMappings.*.appProtocol "
        "portMappings.*.containerPortRange linuxParameters.sharedMemorySize "
        "linuxParameters.maxSwap linuxParameters.devices.*.containerPath "
        "resourceRequirements.*.sharingStrategy",
    ),
    *rows(
        "OBS; EFS: M EFSVolumeConfiguration; S3 Files: M S3FilesVolumeConfiguration; docker: "
        "M DockerVolumeConfiguration",
        ("volumes", "*"),
        {
            "host": {},
            "configuredAtLaunch": False,
            "dockerVolumeConfiguration.scope": "task",
            "dockerVolumeConfiguration.autoprovision": False,
            "efsVolumeConfiguration.transitEncryption": "DISABLED",
            "efsVolumeConfiguration.rootDirectory": "/",
            "efsVolumeConfiguration.authorizationConfig.iam": "DISABLED",
            "s3filesVolumeConfiguration.rootDirectory": "/",
        },
    ),
    *empty(
        "M DockerVolumeConfiguration: absent or empty until set",
        ("volumes", "*", "dockerVolumeConfiguration"),
        "driverOpts labels",
    ),
    *unset(
        "M Volume: set by hand only",
        ("volumes", "*"),
        "host.sourcePath dockerVolumeConfiguration.driver efsVolumeConfiguration.transitEncryptionPort "
        "efsVolumeConfiguration.authorizationConfig.accessPointId "
        "s3filesVolumeConfiguration.transitEncryptionPort "
        "s3filesVolumeConfiguration.accessPointArn efsVolumeConfiguration "
        "s3filesVolumeConfiguration fsxWindowsFileServerVolumeConfiguration "
        "dockerVolumeConfiguration",
    ),
)

TASK_DEFINITION_UNKNOWN: tuple[UnknownRow, ...] = (
    UnknownRow(
        (*_C, "resourceRequirements", "*", "sharingStrategy", "nvidiaMps", "maxComputePercent"),
        "the MPS server's own percentage applies [M NvidiaMpsAllocation]",
    ),
)
