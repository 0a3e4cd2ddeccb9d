"""Limits of ECS fields that botocore's model states only in its prose: one table, sources beside it.

Read by `source`, `plan.fitting`, `plan.one_off` and `resources.preflight.sizes`. Keys of ranges are (type
of the model, field), values the least and the greatest number. [M] is the documentation text inside
botocore 1.44.5's model.
"""

from __future__ import annotations

import re
from types import MappingProxyType

MAX_INT = 2**31 - 1
"""ECS's `Integer` has 32 bits."""
MAX_LONG = 2**63 - 1

INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?")
"""How a field's number is written, in the files and by a look-up: decimal, and no longer than it can be."""

ECS_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
"""Clusters, families, containers [M Cluster, RegisterTaskDefinition.family, ContainerDefinition.name]."""

MAY_BE_NEGATIVE = frozenset({"softLimit", "hardLimit", "maxSwap", "scalingAdjustment"})
"""-1 stands for unlimited in ulimits [M Ulimit] and swap [M LinuxParameters]; a step scales in by a
negative number [M StepAdjustment]; all others count."""

RANGES = MappingProxyType(
    {
        ("PortMapping", "containerPort"): (1, 65535),  # TCP
        ("PortMapping", "hostPort"): (0, 65535),  # 0 is a dynamic port [M PortMapping]
        ("LoadBalancer", "containerPort"): (0, 65535),
        ("HealthCheck", "interval"): (5, 300),  # [M HealthCheck]
        ("HealthCheck", "timeout"): (2, 60),  # [M HealthCheck]
        ("HealthCheck", "retries"): (1, 10),  # [M HealthCheck]
        ("HealthCheck", "startPeriod"): (0, 300),  # [M HealthCheck]
        ("EphemeralStorage", "sizeInGiB"): (
            20,
            200,
        ),  # 20 is what ECS answers; it takes 21 to 200 [M]
        ("ContainerRestartPolicy", "restartAttemptPeriod"): (60, 1800),  # [M]
        ("LinuxParameters", "swappiness"): (0, 100),  # [M LinuxParameters]
        ("CreateReplicationGroupMessage", "port"): (1, 65535),  # TCP
        ("CreateReplicationGroupMessage", "numCacheClusters"): (1, 6),  # [M]
        ("CreateReplicationGroupMessage", "replicasPerNodeGroup"): (0, 5),  # [M]
        ("CreateReplicationGroupMessage", "numNodeGroups"): (1, 500),  # [D Shards]
        ("CreateReplicationGroupMessage", "snapshotRetentionLimit"): (0, 35),  # [D backups]
    }
)
"""Inclusive ranges."""

MAX_CONTAINERS = 10
"""Containers of a task definition [D general/gr/ecs-service]."""

# cpu units -> MiB of memory that Fargate offers with it [M RegisterTaskDefinition.memory].
FARGATE_SIZES = MappingProxyType(
    {
        256: (512, 1024, 2048),
        512: tuple(range(1024, 4096 + 1, 1024)),
        1024: tuple(range(2048, 8192 + 1, 1024)),
        2048: tuple(range(4096, 16384 + 1, 1024)),
        4096: tuple(range(8192, 30720 + 1, 1024)),
        8192: tuple(range(16384, 61440 + 1, 4096)),
        16384: tuple(range(32768, 122880 + 1, 8192)),
    }
)
