"""The agent: one thread that moves tasks and services, starts processes and ships their output.

Made by `server`. What a task or a service does next is decided in `ecs.lifecycle` and
`ecs.scheduler`; this file connects them to processes, logs and secrets.
"""

from __future__ import annotations

import logging
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from reconciler.local import launch
from reconciler.local.awslogs import AwsLogs
from reconciler.local.ecs import lifecycle, scheduler
from reconciler.local.ecs.state import Cluster, ContainerRun, PlacementFailure, Task, World
from reconciler.local.processes import Processes

_LOG = logging.getLogger(__name__)
_GRACE_SECONDS = 2.0


class Engine:
    """Runs the world. Everything it started is gone when `stop` returns, or the program ends."""

    def __init__(self, world: World, machine: launch.World, logs: AwsLogs) -> None:
        self.world = world
        self._machine = machine
        self._logs = logs
        self._events: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        self._owners: dict[str, tuple[Task, ContainerRun, str]] = {}
        self._halt = threading.Event()
        self._processes = Processes(self._events.put)
        self._thread = threading.Thread(target=self._run, name="ecs-agent", daemon=True)

    def start(self) -> None:
        """Begin to move the world."""
        self._thread.start()

    def stop(self) -> None:
        """Stop moving it and end every process: SIGTERM, two seconds, SIGKILL."""
        self._halt.set()
        if self._thread.is_alive():
            self._thread.join()
        with self.world.lock:
            running = list(self._owners)
        for process in running:
            self._processes.signal(process, signal.SIGTERM)
        waiting, deadline = set(running), threading.Event()
        timer = threading.Timer(_GRACE_SECONDS, deadline.set)
        timer.start()
        while waiting and not deadline.is_set():
            for event in self._next_events(0.05):
                if event["event"] in ("exit", "failed"):
                    waiting.discard(event["id"])
        timer.cancel()
        self._processes.close()

    # --- the loop --------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._halt.is_set():
            for event in self._next_events(self.world.times.tick.total_seconds()):
                self._alone(f"the process {event['id']}", partial(self._take, event))
            with self.world.lock:
                self._tick()

    @staticmethod
    def _alone(what: str, part: Callable[[], None]) -> None:
        """Do one part of the loop: a bug in it is logged, and keeps no other part from being done."""
        try:
            part()
        except Exception:  # noqa: BLE001 - nobody else would hear of it, and the world would stand still
            _LOG.exception("the embedded ECS stumbled over %s; everything else goes on", what)

    def _next_events(self, seconds: float) -> Iterator[Mapping[str, Any]]:
        try:
            yield self._events.get(timeout=seconds)
            while True:
                yield self._events.get_nowait()
        except queue.Empty:
            return

    def _tick(self) -> None:
        now, times = self.world.now(), self.world.times
        for cluster in self.world.every_cluster():
            for task in list(cluster.tasks.values()):
                if not task.stopped:
                    step = partial(lifecycle.step, self.world, self, task)
                    self._alone(f"task {task.id}", step)
                elif task.stopped_at and now >= task.stopped_at + times.forget_stopped:
                    del cluster.tasks[task.id]
            for service in list(cluster.services.values()):
                schedule = partial(scheduler.step, self.world, service)
                self._alone(f"service {service.name}", schedule)
                gone = service.inactive_at
                if gone and now >= gone + times.forget_inactive_service:
                    del cluster.services[service.name]
        for move in self.world.other_ticks:
            self._alone("what moves beside it", move)

    def _take(self, event: Mapping[str, Any]) -> None:
        """Understand one event of a process. Output is shipped without holding the world's lock."""
        with self.world.lock:
            owner = self._owners.get(event["id"])
        if owner is None:
            return
        task, container, purpose = owner
        kind = event["event"]
        if kind == "output":
            if purpose == "container":
                self._logs.write(container, event["data"].encode("latin-1"))
            return
        if kind in ("exit", "failed") and purpose == "container":
            self._logs.finish(container)
        with self.world.lock:
            if kind in ("exit", "failed"):
                del self._owners[event["id"]]
            if purpose == "check":
                if kind != "started":
                    lifecycle.on_check(self.world, task, container, event.get("code", 1))
            else:
                self._on_container(task, container, event)

    def _on_container(self, task: Task, container: ContainerRun, event: Mapping[str, Any]) -> None:
        if event["event"] == "started":
            lifecycle.on_started(self.world, task, container)
        elif event["event"] == "failed":
            reason = f"CannotStartContainerError: {event['reason']}"
            lifecycle.on_failed(task, container, reason)
        else:
            lifecycle.on_exit(self.world, task, container, event["code"])

    # --- what lifecycle asks for (Runtime) -------------------------------------------------------

    def prepare(self, task: Task) -> str:
        """Pull images, open logs, read secrets and choose ports, as ECS does before any container."""
        for container in task.containers:
            reason = self._machine.pull_problem(str(container.definition["image"]))
            if reason:
                return reason
            container.image_digest = self.world.digest_of(str(container.definition["image"]))
        reason = self._logs.open(task)
        if reason:
            return reason
        launch.assign_ports(task, self._machine.images)
        return launch.missing_secret(self._machine, task)

    def start_container(self, task: Task, container: ContainerRun) -> str:
        """Start a container's process; returns why it cannot be, or nothing."""
        try:
            spec = launch.process_spec(self._machine, task, container)
        except launch.CannotStart as error:
            return str(error)
        container.process = f"{task.id}/{container.name}"
        self._owners[container.process] = (task, container, "container")
        self._processes.spawn(container.process, spec)
        return ""

    def signal_process(self, process: str, number: int) -> None:
        """Signal a process group."""
        self._processes.signal(process, number)

    def check_health(self, task: Task, container: ContainerRun) -> None:
        """Run the container's health check once."""
        spec = launch.health_command(container, launch.process_spec(self._machine, task, container))
        container.check = f"{task.id}/{container.name}/check/{self.world.new_hex()[:8]}"
        self._owners[container.check] = (task, container, "check")
        self._processes.spawn(container.check, spec)

    # --- for tests: what a hostile world does ----------------------------------------------------

    def kill_task(self, arn: str, number: int = signal.SIGKILL) -> None:
        """Kill a task's processes from outside; ECS then sees them end."""
        with self.world.lock:
            names = [c.process for c in self.find_task(arn).containers if c.process]
        for name in names:
            self._processes.signal(name, number)

    def lose_task(self, arn: str) -> None:
        """Let the host of a task terminate: STOPPED without any exit code; its processes die."""
        with self.world.lock:
            task = self.find_task(arn)
            for container in task.containers:
                self._owners.pop(container.process, None)
                if container.process:
                    self._processes.signal(container.process, signal.SIGKILL)
                container.status, container.process = "STOPPED", ""
            task.request_stop("TerminationNotice", "Host EC2 (instance i-0embedded) terminated.")

    def fail_placement(self, reason: str, *, times: int = 1) -> None:
        """Let the next RunTask calls answer `failures[]` with `reason`, such as RESOURCE:MEMORY."""
        with self.world.lock:
            self.world.placement_failures.append(PlacementFailure(reason, times))

    def refuse_image(self, text: str, reason: str) -> None:
        """Let pulls of an image (reference, NAME:TAG or tag) fail with `reason`."""
        self._machine.images.refuse(text, reason)

    def stop_all_tasks(self) -> None:
        """Stop every task as StopTask does; services will replace theirs."""
        with self.world.lock:
            for task in self.tasks(lambda t: not t.stopped):
                task.request_stop("UserInitiated", "Task stopped by user")

    def tasks(self, wanted: Callable[[Task], bool] = lambda _: True) -> list[Task]:
        """Return the tasks of all clusters that are `wanted`."""
        with self.world.lock:
            clusters: list[Cluster] = self.world.every_cluster()
            return [t for c in clusters for t in c.tasks.values() if wanted(t)]

    def find_task(self, arn: str) -> Task:
        """Return a task by ARN or id; raises KeyError."""
        found = self.tasks(lambda t: arn in (t.arn, t.id))
        if not found:
            raise KeyError(arn)
        return found[0]

    def supervisor_pid(self) -> int:
        """Return the process id of the supervisor."""
        return self._processes.supervisor_pid

    def pids(self) -> list[int]:
        """Return the process ids of the containers that run now."""
        with self.world.lock:
            names = [n for n, (_, _, purpose) in self._owners.items() if purpose == "container"]
        return [pid for name in names if (pid := self._processes.pid(name)) is not None]
