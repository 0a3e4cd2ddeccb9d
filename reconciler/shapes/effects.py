"""What changing a service field does to what runs, and how ECS is told to take a field back.

Read by `plan`. Sources as in `shapes.tables`; computed from botocore's UpdateService documentation,
where each parameter says whether it triggers a new deployment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.model.plan import Effect


@dataclass(frozen=True)
class EffectRow:
    """The effect of one CreateService field; `source` says who told us."""

    effect: Effect
    source: str


_TRIGGERS = EffectRow(Effect.ROLLOUT, "M UpdateService: triggers a new deployment")
_QUIET = EffectRow(Effect.NO_ROLLOUT, "M UpdateService: does not trigger a new deployment")
_NEW_TASKS = EffectRow(
    Effect.NEW_TASKS, "M UpdateService: no deployment; only tasks started later have it"
)
_CREATE_ONLY = EffectRow(Effect.REPLACE, "M: in CreateServiceRequest, not in UpdateServiceRequest")
_REVISION = EffectRow(
    Effect.ROLLOUT, "D service-revision: part of the immutable revision, so a change makes another"
)
_UNKNOWN = EffectRow(Effect.ROLLOUT, "undocumented either way: the careful reading")

SERVICE_EFFECTS: dict[str, EffectRow] = {
    "networkConfiguration": _TRIGGERS,
    "platformVersion": _TRIGGERS,
    "loadBalancers": _TRIGGERS,
    "serviceRegistries": _TRIGGERS,
    "serviceConnectConfiguration": _TRIGGERS,
    "volumeConfigurations": _TRIGGERS,
    "vpcLatticeConfigurations": _TRIGGERS,
    "capacityProviderStrategy": EffectRow(
        Effect.ROLLOUT,
        "D asg-capacity-providers: running tasks stay, so forceNewDeployment goes with it",
    ),
    "monitoring": _REVISION,
    "gatewayConnectors": _REVISION,
    "deploymentController": _UNKNOWN,
    "desiredCount": _QUIET,
    "deploymentConfiguration": _QUIET,
    "availabilityZoneRebalancing": _QUIET,
    "placementConstraints": _QUIET,
    "placementStrategy": _QUIET,
    "healthCheckGracePeriodSeconds": _QUIET,
    "tags": EffectRow(Effect.NO_ROLLOUT, "M TagResource: not part of UpdateService"),
    "enableExecuteCommand": _NEW_TASKS,
    "enableECSManagedTags": _NEW_TASKS,
    "propagateTags": _NEW_TASKS,
    "serviceName": _CREATE_ONLY,
    "launchType": _CREATE_ONLY,
    "schedulingStrategy": _CREATE_ONLY,
    "role": _CREATE_ONLY,
}

RESETS: dict[str, Any] = {
    # How UpdateService is told to take back what was set; null would mean "leave as it is" [M].
    "loadBalancers": [],
    "serviceRegistries": [],
    "placementConstraints": [],
    "placementStrategy": [],
    "capacityProviderStrategy": [],
    "volumeConfigurations": [],
    "vpcLatticeConfigurations": [],
    "gatewayConnectors": [],
    "serviceConnectConfiguration": {"enabled": False},
    # Also in the call that takes the load balancers away: it counts for containers' health checks, too [M];
    # where ECS insisted on load balancers it looked at those before the call
    # (cloudformation-coverage-roadmap#1313).
    "healthCheckGracePeriodSeconds": 0,
    "enableExecuteCommand": False,
    "enableECSManagedTags": False,
    "propagateTags": "NONE",
    "platformVersion": "LATEST",
}

ONLY_WITH_STRATEGY = {"linearConfiguration": "LINEAR", "canaryConfiguration": "CANARY"}
"""Parts of deploymentConfiguration that are only valid with one strategy [M DeploymentConfiguration]."""

SENT_WITH_NEW_REVISION = ("volumeConfigurations",)
"""Must be in the call whenever its task definition has volumes configured at launch [M]."""


def service_effect(field: str) -> EffectRow:
    """Return what changing this top-level service field does; unlisted fields count as a rollout."""
    return SERVICE_EFFECTS.get(field, _UNKNOWN)
