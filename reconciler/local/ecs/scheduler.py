"""How a service keeps its tasks: rollouts within bounds, replacement, breaker, draining.

Called by the agent on every tick, under the world's lock, after the tasks have moved. Sources: the
developer guide on rolling updates (maximum rounded down, minimum rounded up), on the deployment
circuit breaker, and DeploymentConfiguration in botocore's ECS model.
"""

from __future__ import annotations

from datetime import timedelta

from reconciler.local.ecs.deployments import add_event, breaker_threshold, trip_breaker
from reconciler.local.ecs.new_task import TaskOrder, new_task
from reconciler.local.ecs.state import Deployment, Service, Task, World
from reconciler.local.ecs.task_definitions import find as find_definition

_BY_SCHEDULER = "ServiceSchedulerInitiated"
_WAITING = ("PROVISIONING", "PENDING", "ACTIVATING")
_SETTINGS = (
    "launchType",
    "capacityProviderStrategy",
    "networkConfiguration",
    "enableExecuteCommand",
)


def step(world: World, service: Service) -> None:
    """Move `service` as far as it can go now."""
    _count_failures(world, service)
    tasks = _tasks(service)
    if service.status == "DRAINING":
        _drain(world, service, tasks)
    elif service.status == "ACTIVE" and service.deployments:
        _judge_health(world, service, tasks)
        if _breaker_trips(service):
            trip_breaker(world, service)
        _start_missing(world, service, tasks)
        _stop_surplus(world, service, tasks)
        _complete(world, service, _tasks(service))
    _refresh(service, _tasks(service))


def _tasks(service: Service) -> list[Task]:
    return [t for t in service.cluster.tasks.values() if t.group == service.group and not t.stopped]


def _drain(world: World, service: Service, tasks: list[Task]) -> None:
    for task in tasks:
        task.request_stop(_BY_SCHEDULER, "Service deleted")
    if not tasks:
        service.status, service.inactive_at = "INACTIVE", world.now()
        service.deployments.clear()


# --- health and failures -------------------------------------------------------------------------


def _healthy(world: World, task: Task) -> bool:
    if task.last_status != "RUNNING" or task.desired_status != "RUNNING":
        return False
    checked = [c for c in task.containers if c.essential and c.definition.get("healthCheck")]
    if checked:
        return all(c.health == "HEALTHY" for c in checked)
    return task.started_at is not None and (
        world.now() >= task.started_at + world.times.healthy_after
    )


def _judge_health(world: World, service: Service, tasks: list[Task]) -> None:
    primary = service.deployments[0]
    for task in tasks:
        if _healthy(world, task) and not task.was_healthy:
            task.was_healthy = True
            if task.started_by == primary.id and primary.rollout_state == "IN_PROGRESS":
                primary.failed_tasks, primary.next_start_at = 0, None
        elif task.unhealthy and task.desired_status == "RUNNING":
            task.was_healthy = False  # a failed health check counts against the deployment
            task.request_stop(_BY_SCHEDULER, "Task failed container health checks")
            add_event(world, service, f"(task {task.id}) failed container health checks.")


def _count_failures(world: World, service: Service) -> None:
    """Count once each task that ended before it was healthy, and space out the next start."""
    for task in service.cluster.tasks.values():
        if task.group != service.group or not task.stopped or task.counted:
            continue
        task.counted = True
        wanted = task.stop_code in (_BY_SCHEDULER, "UserInitiated") and not task.unhealthy
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


# --- numbers -------------------------------------------------------------------------------------


def _bounds(service: Service) -> tuple[int, int]:
    """Return how many tasks may exist at most and must be healthy at least, during a rollout."""
    configuration = service.document["deploymentConfiguration"]
    wanted = service.desired_count
    most = wanted * int(configuration["maximumPercent"]) // 100
    least = -(-wanted * int(configuration["minimumHealthyPercent"]) // 100)
    return most, least


def _live(tasks: list[Task]) -> list[Task]:
    return [t for t in tasks if t.desired_status == "RUNNING"]


def _start_missing(world: World, service: Service, tasks: list[Task]) -> None:
    primary = service.deployments[0]
    if primary.rollout_state == "FAILED":
        return  # stalled: the circuit breaker starts no more tasks
    if primary.next_start_at is not None and world.now() < primary.next_start_at:
        return
    most, _ = _bounds(service)
    new = [t for t in _live(tasks) if t.started_by == primary.id]
    missing = min(service.desired_count - len(new), most - len(tasks))
    started = [_start_one(world, service, primary) for _ in range(max(0, missing))]
    if started:
        names = " ".join(f"(task {task.id})" for task in started)
        add_event(world, service, f"has started {len(started)} tasks: {names}.")


def _start_one(world: World, service: Service, deployment: Deployment) -> Task:
    definition = find_definition(
        world, service.cluster.scope, deployment.revision["taskDefinition"]
    )
    propagate = service.document.get("propagateTags")
    tags = {"SERVICE": service.tags, "TASK_DEFINITION": definition.tags}.get(str(propagate), [])
    settings = {k: service.document[k] for k in _SETTINGS if k in service.document}
    order = TaskOrder(
        definition=definition,
        group=service.group,
        started_by=deployment.id,
        settings=settings,
        tags=[dict(tag) for tag in tags],
    )
    return new_task(world, service.cluster, order)


def _stop_surplus(world: World, service: Service, tasks: list[Task]) -> None:
    primary, live = service.deployments[0], _live(tasks)
    new = [t for t in live if t.started_by == primary.id]
    old = [t for t in live if t.started_by != primary.id]
    wanted = service.desired_count
    for task in sorted(new, key=lambda t: (t.was_healthy, t.created_at))[
        : max(0, len(new) - wanted)
    ]:
        task.request_stop(_BY_SCHEDULER, f"Scaling activity initiated by (service {service.name})")
    if primary.rollout_state == "FAILED":
        return  # what ran before the failed deployment goes on running
    _, least = _bounds(service)
    healthy = sum(_healthy(world, t) for t in live)
    reason = f"Scaling activity initiated by (deployment {primary.id})"
    for task in sorted(old, key=lambda t: _healthy(world, t)):
        counts = _healthy(world, task)
        if counts and healthy - 1 < least:
            break
        task.request_stop(_BY_SCHEDULER, reason)
        healthy -= counts


def _complete(world: World, service: Service, tasks: list[Task]) -> None:
    primary = service.deployments[0]
    if primary.rollout_state == "IN_PROGRESS":
        healthy = [t for t in tasks if t.started_by == primary.id and _healthy(world, t)]
        if len(healthy) == len(tasks) == service.desired_count:
            primary.rollout_state, primary.updated_at = "COMPLETED", world.now()
            primary.rollout_reason = f"ECS deployment {primary.id} completed."
            add_event(world, service, f"(deployment {primary.id}) deployment completed.")
            add_event(world, service, "has reached a steady state.")
    remaining = {t.started_by for t in tasks}
    service.deployments = [d for d in service.deployments if d is primary or d.id in remaining]


def _refresh(service: Service, tasks: list[Task]) -> None:
    for deployment in service.deployments:
        own = [t for t in tasks if t.started_by == deployment.id]
        deployment.running_count = sum(t.last_status == "RUNNING" for t in own)
        deployment.pending_count = sum(t.last_status in _WAITING for t in own)
