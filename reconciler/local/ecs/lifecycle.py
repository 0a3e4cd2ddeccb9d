"""How a task moves: PROVISIONING → PENDING → RUNNING → STOPPING → DEPROVISIONING → STOPPED.

Called by the agent on every tick, under the world's lock. Processes are started and signalled
through `Runtime`; what happened to them arrives through `on_started`, `on_failed` and `on_exit`.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from reconciler.local.ecs.state import ContainerRun, Document, Task, World


class Runtime(Protocol):
    """What the engine does for a task."""

    def prepare(self, task: Task) -> str:
        """Give ports to a task's containers; returns why the task cannot start, or nothing."""

    def start_container(self, task: Task, container: ContainerRun) -> str:
        """Start a container's process; returns why it cannot be, or nothing."""

    def signal_process(self, process: str, number: int) -> None:
        """Signal a process group."""

    def check_health(self, task: Task, container: ContainerRun) -> None:
        """Run the container's health check once; the result arrives at `on_check`."""


def step(world: World, runtime: Runtime, task: Task) -> None:
    """Move `task` as far as it can go now."""
    if task.desired_status == "STOPPED":
        _step_down(world, runtime, task)
    elif task.last_status == "PROVISIONING":
        if world.now() >= task.created_at + world.times.provisioning:
            task.move("PENDING")
            reason = runtime.prepare(task)
            if reason:
                fail_to_start(task, reason)
    else:
        _start_ready(world, runtime, task)
        _finish_simulated(world, task)
        _check_running(world, task)
        _check_health(world, runtime, task)


def fail_to_start(task: Task, reason: str) -> None:
    """Decide that the task ends without having started."""
    task.request_stop("TaskFailedToStart", reason)


# --- going up ------------------------------------------------------------------------------------


def _start_ready(world: World, runtime: Runtime, task: Task) -> None:
    by_name = {c.name: c for c in task.containers}
    for container in task.containers:
        if container.status != "PENDING" or container.process or task.desired_status == "STOPPED":
            continue
        states = [
            _dependency(world, by_name[d["containerName"]], d)
            for d in container.definition.get("dependsOn") or []
        ]
        refused = next((s for s in states if s not in ("met", "waiting")), "")
        if refused:
            _refuse(task, container, refused)
        elif all(state == "met" for state in states):
            _start(world, runtime, task, container)


def _start(world: World, runtime: Runtime, task: Task, container: ContainerRun) -> None:
    if container.simulated:
        on_started(world, task, container)
        return
    reason = runtime.start_container(task, container)
    if reason:
        on_failed(task, container, reason)


def _refuse(task: Task, container: ContainerRun, why: str) -> None:
    """Give up a container whose dependency failed; an essential one ends the task."""
    container.status, container.reason = "STOPPED", why
    if container.essential:
        fail_to_start(task, f"Task failed to start: {why}")


def _dependency(world: World, target: ContainerRun, rule: Document) -> str:
    """Return `met`, `waiting`, or why the condition can never be met."""
    condition = rule["condition"]
    if condition == "START":
        met, failed = target.started, target.status == "STOPPED" and not target.started
    elif condition == "HEALTHY":
        met, failed = target.health == "HEALTHY", target.status == "STOPPED"
        failed = failed or target.health == "UNHEALTHY"
    else:
        done = target.status == "STOPPED"
        met = done and target.started and (condition == "COMPLETE" or target.exit_code == 0)
        failed = done and not met
    if met:
        return "met"
    if failed:
        return _unmet(target, condition)
    return _timed_out(world, target, condition)


def _unmet(target: ContainerRun, condition: str) -> str:
    code = "without an exit code" if target.exit_code is None else f"with code {target.exit_code}"
    return (
        f"dependency graph: container ordering dependency [{target.name}] ended {code} "
        f"and cannot reach the condition {condition}"
    )


def _timed_out(world: World, target: ContainerRun, condition: str) -> str:
    seconds = target.definition.get("startTimeout")
    if not seconds or condition == "START" or target.started_at is None:
        return "waiting"
    if world.now() < target.started_at + timedelta(seconds=int(seconds)):
        return "waiting"
    return (
        f"dependency graph: container ordering timed out: [{target.name}] did not reach the "
        f"condition {condition} within {seconds} seconds"
    )


def _finish_simulated(world: World, task: Task) -> None:
    """End a simulated one-off with 0 at once; a simulated service container stays up."""
    service = task.group.startswith("service:")
    for container in task.containers:
        if not container.simulated or container.status != "RUNNING":
            continue
        if not service or _awaited(task, container):
            on_exit(world, task, container, 0)
        elif container.definition.get("healthCheck"):
            container.health = "HEALTHY"


def _awaited(task: Task, container: ContainerRun) -> bool:
    return any(
        d["containerName"] == container.name and d["condition"] in ("COMPLETE", "SUCCESS")
        for c in task.containers
        for d in c.definition.get("dependsOn") or []
    )


def _check_running(world: World, task: Task) -> None:
    essential = [c for c in task.containers if c.essential]
    if task.last_status == "PENDING" and all(c.started for c in essential):
        task.started_at = world.now()
        task.move("RUNNING")


def _check_health(world: World, runtime: Runtime, task: Task) -> None:
    for container in task.containers:
        check = container.definition.get("healthCheck")
        if not check or container.simulated or container.status != "RUNNING" or container.check:
            continue
        if container.next_check_at is None or world.now() >= container.next_check_at:
            scaled = check["interval"] * world.times.health_scale
            container.next_check_at = world.now() + timedelta(seconds=scaled)
            runtime.check_health(task, container)


# --- what happened -------------------------------------------------------------------------------


def on_started(world: World, task: Task, container: ContainerRun) -> None:
    """Note that the container's process exists."""
    container.status, container.started_at = "RUNNING", world.now()
    container.runtime_id = f"{task.id}-{world.new_number()[:10]}"


def on_failed(task: Task, container: ContainerRun, reason: str) -> None:
    """Note that the process could not be made; `reason` begins with ECS's error name."""
    container.status, container.reason, container.process = "STOPPED", reason, ""
    if container.essential:
        fail_to_start(task, reason)


def on_exit(world: World, task: Task, container: ContainerRun, code: int) -> None:
    """Note that the container's process ended."""
    container.status, container.exit_code, container.process = "STOPPED", code, ""
    if container.essential and task.desired_status != "STOPPED":
        if task.started_at is None and all(c.started for c in task.containers if c.essential):
            task.started_at = world.now()  # it ran, if only between two ticks
        task.request_stop("EssentialContainerExited", "Essential container in task exited")


def on_check(world: World, task: Task, container: ContainerRun, code: int) -> None:
    """Note that a health check ended.

    Failures inside the start period do not count (HealthCheck in botocore's ECS model).
    """
    container.check = ""
    check: Mapping[str, int] = container.definition["healthCheck"]
    if code == 0:
        container.health, container.failed_checks = "HEALTHY", 0
        return
    grace = timedelta(seconds=check.get("startPeriod", 0) * world.times.health_scale)
    if container.started_at and world.now() < container.started_at + grace:
        return
    container.failed_checks += 1
    if container.failed_checks >= check["retries"]:
        container.health = "UNHEALTHY"
        task.unhealthy = task.unhealthy or container.essential


# --- going down ----------------------------------------------------------------------------------


def _step_down(world: World, runtime: Runtime, task: Task) -> None:
    if task.last_status == "DEPROVISIONING":
        assert task.execution_stopped_at is not None  # noqa: S101 - set with that status
        if world.now() >= task.execution_stopped_at + world.times.deprovisioning:
            task.stopped_at = world.now()
            task.move("STOPPED")
        return
    if task.stopping_at is None:
        task.stopping_at = world.now()
        if task.last_status == "RUNNING":
            task.move("STOPPING")
    if _stop_containers(world, runtime, task):
        task.execution_stopped_at = world.now()
        task.move("DEPROVISIONING")


def _stop_containers(world: World, runtime: Runtime, task: Task) -> bool:
    """Stop what nothing alive depends on first; returns whether all are stopped."""
    for container in task.containers:
        if container.status == "PENDING" and not container.process:
            container.status = "STOPPED"
        elif container.simulated and container.status == "RUNNING":
            on_exit(world, task, container, 143)
    alive = [c for c in task.containers if c.status != "STOPPED"]
    needed = {d["containerName"] for c in alive for d in c.definition.get("dependsOn") or []}
    for container in alive:
        if container.kill_at is None and container.name not in needed:
            seconds = container.definition.get("stopTimeout")
            limit = timedelta(seconds=seconds) if seconds else world.times.stop_timeout
            container.kill_at = world.now() + limit
            runtime.signal_process(container.process, signal.SIGTERM)
        elif container.kill_at and world.now() >= container.kill_at and not container.killed:
            container.killed = True
            runtime.signal_process(container.process, signal.SIGKILL)
    return not alive
