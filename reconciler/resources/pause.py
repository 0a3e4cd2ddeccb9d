"""Pauses: where a deployment waits at a lifecycle hook of the type PAUSE. Seen, never ended by us.

Called by `resources.observe`. Costs nothing but while a service with such a hook deploys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.batches import batches
from reconciler.model.errors import AccessDenied
from reconciler.model.observed import ObservedService
from reconciler.model.pause import Pause

BATCH = 20
"""Deployments in one call (botocore: DescribeServiceDeployments, "a maximum of 20 ARNs")."""


def with_pauses(aws: Aws, services: Mapping[str, ObservedService]) -> dict[str, ObservedService]:
    """Return the services, those whose deployment waits for a person with where and until when.

    Without the permission the service says so: a pass does not fail for a word about it.
    """
    arns = {name: live.deployment_arn for name, live in services.items() if _may_wait(live)}
    pauses: dict[str, Pause] = {}
    for batch in batches(sorted(set(arns.values())), BATCH):
        try:
            answer = aws.call("ecs", "DescribeServiceDeployments", serviceDeploymentArns=batch)
        except AccessDenied:
            pauses |= {arn: Pause(arn) for arn in batch}
        else:
            found = map(_pause, answer.get("serviceDeployments", ()))
            pauses |= {pause.deployment_arn: pause for pause in found if pause is not None}
    waiting = {name: pauses[arn] for name, arn in arns.items() if arn in pauses}
    return {
        name: replace(live, pause=waiting[name]) if name in waiting else live
        for name, live in services.items()
    }


def _may_wait(live: ObservedService) -> bool:
    hooks = live.service.get("deploymentConfiguration", {}).get("lifecycleHooks") or ()
    primary = live.primary
    if primary is None or not live.deployment_arn:
        return False
    if not any(hook.get("targetType") == "PAUSE" for hook in hooks):
        return False
    # The state "is only returned for services that use a rolling update" [M Deployment.rolloutState].
    several = not primary.rollout_state and len(live.deployments) > 1
    return several or primary.rollout_state == "IN_PROGRESS"


def _pause(deployment: Mapping[str, Any]) -> Pause | None:
    """Return the first hook of a described deployment that awaits an action."""
    for hook in deployment.get("lifecycleHookDetails", ()):
        if hook.get("status") == "AWAITING_ACTION":
            return Pause(
                deployment_arn=str(deployment.get("serviceDeploymentArn", "")),
                stage=str(deployment.get("lifecycleStage", "")),
                hook_id=str(hook.get("hookId", "")),
                expires_at=hook.get("expiresAt"),
                then=str(hook.get("timeoutAction", "")),
            )
    return None
