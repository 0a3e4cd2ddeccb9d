"""The tasks of a service: which there are, which are healthy, starting and stopping them.

Called by `scheduler` and `stages` under the world's lock.
"""

from __future__ import annotations

from reconciler.local.ecs.deployments import add_event
from reconciler.local.ecs.new_task import TaskOrder, new_task
from reconciler.local.ecs.state import Deployment, Service, Task, World
from reconciler.local.ecs.task_definitions import find as find_definition

BY_SCHEDULER = "ServiceSchedulerInitiated"
_SETTINGS = (
    "launchType",
    "capacityProviderStrategy",
    "networkConfiguration",
    "enableExecuteCommand",
)


def tasks_of(service: Service) -> list[Task]:
    """Return the service's tasks that are not STOPPED."""
    return [t for t in service.cluster.tasks.values() if t.group == service.group and not t.stopped]


def live(tasks: list[Task]) -> list[Task]:
    """Return those that are not on their way out."""
    return [t for t in tasks if t.desired_status == "RUNNING"]


def healthy(world: World, task: Task) -> bool:
    """Whether a task counts: its health checks say so, or it has run long enough without any."""
    if task.last_status != "RUNNING" or task.desired_status != "RUNNING":
        return False
    checked = [c for c in task.containers if c.essential and c.definition.get("healthCheck")]
    if checked:
        return all(c.health == "HEALTHY" for c in checked)
    return task.started_at is not None and (
        world.now() >= task.started_at + world.times.healthy_after
    )


def may_start(world: World, deployment: Deployment) -> bool:
    """Whether a deployment may start tasks now: it has not failed, and no pause is on."""
    pause = deployment.next_start_at
    return deployment.rollout_state != "FAILED" and (pause is None or world.now() >= pause)


def start_tasks(world: World, service: Service, deployment: Deployment, count: int) -> None:
    """Start `count` tasks of a deployment; none when it is not positive."""
    started = [_start_one(world, service, deployment) for _ in range(max(0, count))]
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


def keep(
    world: World, service: Service, deployment: Deployment, count: int, tasks: list[Task]
) -> None:
    """Bring a deployment to `count` tasks, whatever the others have."""
    own = [t for t in live(tasks) if t.started_by == deployment.id]
    if may_start(world, deployment):
        start_tasks(world, service, deployment, count - len(own))
    surplus = sorted(own, key=lambda t: (t.was_healthy, t.created_at))
    reason = f"Scaling activity initiated by (deployment {deployment.id})"
    for task in surplus[: max(0, len(own) - count)]:
        task.request_stop(BY_SCHEDULER, reason)
