"""Quotas of ECS and Fargate: the numbers that hold unless AWS raised them for the account.

Read by `resources.preflight`. Sources: general/gr/ecs-service (quotas of ECS and of Fargate) and
botocore's text of the fields [M].
"""

from __future__ import annotations

TASK_DEFINITION_BYTES = 64 * 1024
"""Task definition size limit, not adjustable."""
CONTAINERS = 10
TARGET_GROUPS_PER_SERVICE = 5
SECURITY_GROUPS_PER_TASK = 5
SUBNETS_PER_TASK = 16
SERVICES_PER_CLUSTER = 5000
TASKS_PER_SERVICE = 5000
TAGS = 50
CAPACITY_PROVIDERS_PER_STRATEGY = 20

FARGATE_VCPU = "L-3032A538"
"""Service Quotas' code of "Fargate On-Demand vCPU resource count", service code `fargate`."""
FARGATE_SPOT_VCPU = "L-36FBB829"
CPU_UNITS = 1024
"""CPU units of one vCPU [M RegisterTaskDefinition.cpu]."""
