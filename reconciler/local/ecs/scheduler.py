"""How a service keeps its tasks: rollouts within bounds, replacement, breaker, alarms, draining.

Called by the agent on every tick, under the world's lock, after the tasks have moved; strategies with
lifecycle stages are left to `stages`. Sources: the developer guide on rolling updates (maximum rounded
down, minimum rounded up), on the deployment circuit breaker and on alarms, and DeploymentConfiguration
in botocore's ECS model.
"""

from __future__ import annotations

from datetime import timedelta

from reconciler.local.ecs import stages
from reconciler.local.ecs.deployments import (
    add_event,
    breaker_threshold,
    current_deployment,
    fail,
    settle,
    trip_breaker,
)
from reconciler.local.ecs.service_tasks import (
    BY_SCHEDULER,
    healthy,
    live,
    may_start,
    start_tasks,
    tasks_of,
)
from reconciler.local.ecs.state import Deployment, Service, Task, World

_WAITING = ("PROVISIONING", "PENDING", "ACTIVATING")


def step(world: World, service: Service) -> None:
    """Move `service` as far as it can go now."""
    _count_failures(world, service)
    tasks = tasks_of(service)
    if service.status == "DRAINING":
        _drain(world, service, tasks)
    elif service.status == "ACTIVE" and service.deployments:
        _judge_health(world, service, tasks)
        if _breaker_trips(service):
            trip_breaker(world, service)
        _judge_alarms(world, service)
        staged = stages.staged(service)
        if staged is not None:
            stages.step(world, service, staged, tasks)
        else:
            _start_missing(world, service, tasks)
            _stop_surplus(world, service, tasks)
            _complete(world, service, tasks_of(service))
        _forget_empty(service, tasks_of(service))
        settle(world, service)
    _refresh(service, tasks_of(service))


def _drain(world: World, service: Service, tasks: list[Task]) -> None:
    for task in tasks:
        task.request_stop(BY_SCHEDULER, "Service deleted")
    if not tasks:
        service.status, service.inactive_at = "INACTIVE", world.now()
        service.deployments.clear()
        service.service_deployments.clear()


# --- health and failures -------------------------------------------------------------------------


def _judge_health(world: World, service: Service, tasks: list[Task]) -> None:
    primary = service.deployments[0]
    for task in tasks:
        if healthy(world, task) and not task.was_healthy:
            task.was_healthy = True
            if task.started_by == primary.id and primary.rollout_state == "IN_PROGRESS":
                primary.failed_tasks, primary.next_start_at = 0, None
        elif task.unhealthy and task.desired_status == "RUNNING":
            task.was_healthy = False  # a failed health check counts against the deployment
            task.request_stop(BY_SCHEDULER, "Task failed container health checks")
            add_event(world, service, f"(task {task.id}) failed container health checks.")


def _count_failures(world: World, service: Service) -> None:
    """Count once each task that ended before it was healthy, and space out the next start."""
    for task in service.cluster.tasks.values():
        if task.group != service.group or not task.stopped or task.counted:
            continue
        task.counted = True
        wanted = task.stop_code in (BY_SCHEDULER, "UserInitiated") and not task.unhealthy
        if wanted or (task.was_healthy and not task.unhealthy):
            continue
        for deployment in service.deployments:
            if deployment.id == task.started_by:
                _note_failure(world, deployment)


def _note_failure(world: World, deployment: Deployment) -> None:
    deployment.failed_tasks += 1
    times = world.times
    doubled = times.restart_backoff.total_seconds() * 2 ** min(deployment.failed_tasks - 1, 20)
    pause = min(timedelta(seconds=doubled), times.restart_backoff_limit)
    deployment.next_start_at = world.now() + pause


def _breaker_trips(service: Service) -> bool:
    primary = service.deployments[0]
    breaker = service.document["deploymentConfiguration"]["deploymentCircuitBreaker"]
    return bool(
        breaker.get("enable")
        and primary.rollout_state == "IN_PROGRESS"
        and primary.failed_tasks >= breaker_threshold(service)
    )


def _judge_alarms(world: World, service: Service) -> None:
    """Fail the deployment under way when one of its alarms is in ALARM."""
    current = current_deployment(service)
    if current is None or current.rollback is not None:
        return
    alarms = current.configuration.get("alarms") or {}
    if not alarms.get("enable") or current.target.rollout_state != "IN_PROGRESS":
        return
    triggered = world.alarms_in_alarm(service.cluster.scope, alarms.get("alarmNames") or [])
    if triggered:
        current.triggered_alarms = list(triggered)
        reason = f"ECS deployment alarms: {', '.join(triggered)} in ALARM."
        fail(world, service, reason, rollback=bool(alarms.get("rollback")))


# --- numbers -------------------------------------------------------------------------------------


def _bounds(service: Service) -> tuple[int, int]:
    """Return how many tasks may exist at most and must be healthy at least, during a rollout."""
    configuration = service.document["deploymentConfiguration"]
    wanted = service.desired_count
    most = wanted * int(configuration["maximumPercent"]) // 100
    least = -(-wanted * int(configuration["minimumHealthyPercent"]) // 100)
    return most, least


def _start_missing(world: World, service: Service, tasks: list[Task]) -> None:
    primary = service.deployments[0]
    if not may_start(world, primary):
        return  # failed: the circuit breaker starts no more tasks; or a pause after a failure
    most, _ = _bounds(service)
    new = [t for t in live(tasks) if t.started_by == primary.id]
    start_tasks(world, service, primary, min(service.desired_count - len(new), most - len(tasks)))


def _stop_surplus(world: World, service: Service, tasks: list[Task]) -> None:
    primary, present = service.deployments[0], live(tasks)
    new = [t for t in present if t.started_by == primary.id]
    old = [t for t in present if t.started_by != primary.id]
    surplus = sorted(new, key=lambda t: (t.was_healthy, t.created_at))
    for task in surplus[: max(0, len(new) - service.desired_count)]:
        task.request_stop(BY_SCHEDULER, f"Scaling activity initiated by (service {service.name})")
    if primary.rollout_state == "FAILED":
        return  # what ran before the failed deployment goes on running
    _, least = _bounds(service)
    count = sum(healthy(world, t) for t in present)
    reason = f"Scaling activity initiated by (deployment {primary.id})"
    for task in sorted(old, key=lambda t: healthy(world, t)):
        counts = healthy(world, task)
        if counts and count - 1 < least:
            break
        task.request_stop(BY_SCHEDULER, reason)
        count -= counts


def _complete(world: World, service: Service, tasks: list[Task]) -> None:
    primary = service.deployments[0]
    if primary.rollout_state != "IN_PROGRESS":
        return
    own = [t for t in tasks if t.started_by == primary.id and healthy(world, t)]
    if len(own) == len(tasks) == service.desired_count and _baked(world, service):
        primary.rollout_state, primary.updated_at = "COMPLETED", world.now()
        primary.rollout_reason = f"ECS deployment {primary.id} completed."
        add_event(world, service, f"(deployment {primary.id}) deployment completed.")
        add_event(world, service, "has reached a steady state.")


def _baked(world: World, service: Service) -> bool:
    """Whether the bake time is over, during which the alarms of a rolling update are watched."""
    current = current_deployment(service)
    if current is None or current.rollback is not None:
        return True
    minutes = current.configuration.get("bakeTimeInMinutes") or 0
    if not (current.configuration.get("alarms") or {}).get("enable") or not minutes:
        return True
    current.bake_since = current.bake_since or world.now()
    return world.now() >= current.bake_since + world.times.bake(minutes)


def _forget_empty(service: Service, tasks: list[Task]) -> None:
    """Forget deployments without tasks, but never the PRIMARY one."""
    primary, remaining = service.deployments[0], {t.started_by for t in tasks}
    service.deployments = [d for d in service.deployments if d is primary or d.id in remaining]


def _refresh(service: Service, tasks: list[Task]) -> None:
    for deployment in service.deployments:
        own = [t for t in tasks if t.started_by == deployment.id]
        deployment.running_count = sum(t.last_status == "RUNNING" for t in own)
        deployment.pending_count = sum(t.last_status in _WAITING for t in own)
