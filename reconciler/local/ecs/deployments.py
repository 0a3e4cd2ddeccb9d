"""Starting, failing and rolling back deployments. Called by the service operations and the scheduler."""

from __future__ import annotations

import copy
import math

from reconciler.local.ecs.service_documents import ROLLOUT_FIELDS, revision_arn
from reconciler.local.ecs.state import Deployment, Service, ServiceDeployment, World

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


def start_deployment(world: World, service: Service) -> Deployment:
    """Deploy the service's present document; a service deployment under way is asked to stop."""
    sources = list(service.deployments)
    current = current_deployment(service)
    if current is not None:
        current.status, current.updated_at = "STOP_REQUESTED", world.now()
    target = _new_deployment(world, service)
    now = world.now()
    service.service_deployments.insert(
        0,
        ServiceDeployment(
            id=world.new_hex()[:21],
            target=target,
            sources=sources,
            configuration=copy.deepcopy(service.document["deploymentConfiguration"]),
            created_at=now,
            updated_at=now,
        ),
    )
    return target


def _new_deployment(world: World, service: Service, reason: str = "") -> Deployment:
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


def current_deployment(service: Service) -> ServiceDeployment | None:
    """Return the service deployment under way, if any."""
    newest = service.service_deployments[0] if service.service_deployments else None
    return newest if newest is not None and not newest.ended else None


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
    """Fail the PRIMARY deployment because its tasks failed to start."""
    current = current_deployment(service)
    if current is not None:
        current.breaker_tripped = True
    breaker = service.document["deploymentConfiguration"]["deploymentCircuitBreaker"]
    fail(
        world,
        service,
        "ECS deployment circuit breaker: tasks failed to start.",
        rollback=bool(breaker.get("rollback")),
    )


def fail(world: World, service: Service, reason: str, *, rollback: bool) -> None:
    """Fail the PRIMARY deployment; with `rollback` go back to the newest COMPLETED one.

    Without a COMPLETED deployment, and when a rollback itself fails, it stalls: no new tasks.
    """
    failed = service.deployments[0]
    failed.rollout_state, failed.updated_at = "FAILED", world.now()
    failed.rollout_reason = reason
    what = reason.partition(": ")[2] or reason
    add_event(world, service, f"(deployment {failed.id}) deployment failed: {what}")
    current, good = current_deployment(service), last_completed(service)
    if rollback and not failed.is_rollback and good is not None:
        _roll_back(world, service, good, reason)
    elif current is not None:  # "the rollback option is not in use" (ServiceDeployment.stoppedAt)
        tried = rollback or current.rollback is not None
        current.status = "ROLLBACK_FAILED" if tried else "STOPPED"
        current.reason = reason
        current.stopped_at = current.updated_at = world.now()


def last_completed(service: Service) -> Deployment | None:
    """Return the newest deployment that completed."""
    return next((d for d in service.history if d.rollout_state == "COMPLETED"), None)


def _roll_back(world: World, service: Service, good: Deployment, reason: str) -> None:
    """Restore the document of a revision and deploy it; blue tasks that still run become PRIMARY."""
    add_event(world, service, f"rolling back to deployment {good.id}.")
    current = current_deployment(service)
    for key in ROLLOUT_FIELDS:
        service.document.pop(key, None)
    service.document |= copy.deepcopy(good.revision)
    if current is not None and current.stage and good in service.deployments:
        service.deployments.remove(good)
        for deployment in service.deployments:
            deployment.status = "ACTIVE"
        service.deployments.insert(0, good)
        good.status, restored = "PRIMARY", good
    else:
        source = reason.partition(": ")[0]
        text = f"{source}: rolling back to deploymentId {good.id}."
        restored = _new_deployment(world, service, text)
        restored.is_rollback, restored.revision_of = True, good.revision_of or good.id
    if current is not None:
        current.status, current.reason, current.updated_at = (
            "ROLLBACK_REQUESTED",
            reason,
            world.now(),
        )
        current.weight = current.test_weight = 0.0
        current.restored = restored
        current.rollback = {
            "reason": reason,
            "startedAt": world.now(),
            "serviceRevisionArn": revision_arn(service, good),
        }


def settle(world: World, service: Service) -> None:
    """Bring the statuses of the service deployments to what became of their deployments."""
    for superseded in service.service_deployments[1:]:
        if not superseded.ended:
            superseded.status = "STOPPED"
            superseded.reason = "A newer service deployment replaced it."
            superseded.stopped_at = superseded.updated_at = world.now()
    current = current_deployment(service)
    if current is None:
        return
    before = current.status
    if current.rollback is None:
        _settle_forward(world, current)
    else:
        _settle_rollback(world, service, current)
    if current.status != before:
        current.updated_at = world.now()


def _settle_forward(world: World, current: ServiceDeployment) -> None:
    if current.status == "PENDING":
        current.status, current.started_at = "IN_PROGRESS", world.now()
    elif current.target.rollout_state == "COMPLETED":
        current.status, current.finished_at = "SUCCESSFUL", world.now()


def _settle_rollback(world: World, service: Service, current: ServiceDeployment) -> None:
    restored = current.restored
    if current.status == "ROLLBACK_REQUESTED":
        current.status = "ROLLBACK_IN_PROGRESS"
        return
    back = restored is not None and restored.rollout_state == "COMPLETED"
    if back and current.target not in service.deployments:
        current.status, current.finished_at = "ROLLBACK_SUCCESSFUL", world.now()
