"""What UpdateService takes of a service that ECS does not deploy itself: data with its sources.

Read by `plan` and `source`. [M UpdateService] is the text of that operation in botocore's model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ECS = "ECS"
CODE_DEPLOY = "CODE_DEPLOY"
EXTERNAL = "EXTERNAL"

UPDATABLE: dict[str, frozenset[str]] = {
    # "For services using the blue/green (CODE_DEPLOY) deployment controller, only …" [M UpdateService]
    CODE_DEPLOY: frozenset(
        {
            "desiredCount",
            "deploymentConfiguration",
            "healthCheckGracePeriodSeconds",
            "placementConstraints",
            "placementStrategy",
            "enableECSManagedTags",
            "propagateTags",
        }
    ),
    # "For services using an external deployment controller, you can update only …" [M UpdateService]
    EXTERNAL: frozenset(
        {
            "desiredCount",
            "placementConstraints",
            "placementStrategy",
            "healthCheckGracePeriodSeconds",
            "enableECSManagedTags",
            "propagateTags",
        }
    ),
}

TRANSITIONS = frozenset({(CODE_DEPLOY, ECS)})
"""Changes of the controller that UpdateService carries out [D migrate-code-deploy-to-ecs-blue-green]."""

IN_TASK_SETS = (
    "capacityProviderStrategy",
    "launchType",
    "loadBalancers",
    "networkConfiguration",
    "platformVersion",
    "serviceRegistries",
)
"""CreateService fields that belong to each task set: "you can specify only parameters that aren't
controlled at the task set level" under EXTERNAL [M CreateService, CreateTaskSet]."""


def controller_of(service: Mapping[str, Any]) -> str:
    """Return who deploys a service, by its CreateService document."""
    return str(service.get("deploymentController", {}).get("type", ECS))
