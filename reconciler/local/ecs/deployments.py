"""Starting, failing and rolling back deployments. Called by the service operations and the scheduler."""

from __future__ import annotations

import copy
import math

from reconciler.local.ecs.service_documents import ROLLOUT_FIELDS
from reconciler.local.ecs.state import Deployment, Service, World

_MAX_EVENTS = 100
_BREAKER_MIN, _BREAKER_MAX = 3, 200


def add_event(world: World, service: Service, message: str) -> None:
    """Put an event first in the service's list, which holds the newest hundred."""
    event = {
        "id": world.new_uuid(),
        "createdAt": world.now(),
        "message": f"(service {service.name}) {message}",
    }
    service.events.insert(0, event)
    del service.events[_MAX_EVENTS:]


def start_deployment(world: World, service: Service, reason: str = "") -> Deployment:
    """Make a deployment of the service's present document PRIMARY; the others become ACTIVE."""
    for deployment in service.deployments:
        deployment.status = "ACTIVE"
    identifier = f"ecs-svc/{world.new_number()}"
    revision = {k: service.document[k] for k in ROLLOUT_FIELDS if k in service.document}
    deployment = Deployment(
        id=identifier,
        revision=copy.deepcopy(revision),
        desired_count=service.desired_count,
        created_at=world.now(),
        updated_at=world.now(),
        rollout_reason=reason or f"ECS deployment {identifier} in progress.",
    )
    service.deployments.insert(0, deployment)
    service.history.insert(0, deployment)
    return deployment


def breaker_threshold(service: Service) -> int:
    """Return after how many consecutive failed tasks the circuit breaker trips.

    Source: deployment-circuit-breaker in the developer guide: by default half of the desired count,
    rounded up, at least 3, at most 200; a COUNT, or an UNBOUNDED_PERCENT, is taken as it is.
    """
    breaker = service.document["deploymentConfiguration"]["deploymentCircuitBreaker"]
    rule = breaker.get("thresholdConfiguration") or {}
    value = int(rule.get("value", 50))
    if rule.get("type") == "COUNT":
        return max(1, value)
    wanted = math.ceil(service.desired_count * value / 100)
    if rule.get("type") == "UNBOUNDED_PERCENT":
        return max(1, wanted)
    return min(_BREAKER_MAX, max(_BREAKER_MIN, wanted))


def trip_breaker(world: World, service: Service) -> None:
    """Fail the PRIMARY deployment; roll back to the newest COMPLETED one when told to.

    Without a COMPLETED deployment, and when a rollback itself fails, it stalls: no new tasks.
    """
    failed = service.deployments[0]
    failed.rollout_state, failed.updated_at = "FAILED", world.now()
    failed.rollout_reason = "ECS deployment circuit breaker: tasks failed to start."
    add_event(world, service, f"(deployment {failed.id}) deployment failed: tasks failed to start.")
    breaker = service.document["deploymentConfiguration"]["deploymentCircuitBreaker"]
    good = next((d for d in service.history if d.rollout_state == "COMPLETED"), None)
    if not breaker.get("rollback") or failed.is_rollback or good is None:
        return
    add_event(world, service, f"rolling back to deployment {good.id}.")
    for key in ROLLOUT_FIELDS:
        service.document.pop(key, None)
    service.document |= copy.deepcopy(good.revision)
    reason = f"ECS deployment circuit breaker: rolling back to deploymentId {good.id}."
    start_deployment(world, service, reason).is_rollback = True
