"""Registering the tasks of services with their target groups, as ECS does. Called on the engine's ticks.

A target is where a container really listens on this machine; a simulated container gets an address that
nobody answers at. moto keeps the targets and calls each of them healthy.
"""

from __future__ import annotations

from reconciler.local.ecs.service_tasks import live, tasks_of
from reconciler.local.ecs.state import Document, Service, Task, World
from reconciler.local.moto_backend import MotoBackend, MotoError

Target = tuple[str, int]
"""Address and port."""
_HERE = "127.0.0.1"


class Targets:
    """What is registered, so that moto is asked only when something changes."""

    def __init__(self, world: World, moto: MotoBackend) -> None:
        self._world, self._moto = world, moto
        self._registered: dict[tuple[str, str], frozenset[Target]] = {}

    def tick(self) -> None:
        """Register what runs now and deregister the rest. Called under the world's lock."""
        wanted: dict[tuple[str, str], set[Target]] = {key: set() for key in self._registered}
        for cluster in self._world.every_cluster():
            for service in cluster.services.values():
                for group, targets in _targets_of(service).items():
                    wanted.setdefault((cluster.scope[1], group), set()).update(targets)
        for (region, group), targets in wanted.items():
            self._bring(region, group, frozenset(targets))

    def _bring(self, region: str, group: str, targets: frozenset[Target]) -> None:
        before = self._registered.get((region, group), frozenset())
        if targets == before:
            return
        self._call("RegisterTargets", region, group, targets - before)
        self._call("DeregisterTargets", region, group, before - targets)
        self._registered[region, group] = targets

    def _call(self, operation: str, region: str, group: str, targets: frozenset[Target]) -> None:
        members = {}
        for number, (address, port) in enumerate(sorted(targets), 1):
            members[f"Targets.member.{number}.Id"] = address
            members[f"Targets.member.{number}.Port"] = str(port)
        if not members:
            return
        try:
            self._moto.submit(
                "elasticloadbalancing", operation, region, TargetGroupArn=group, **members
            )
        except MotoError:
            return  # a target group that nobody made: ECS accepts here what is only named


def _targets_of(service: Service) -> dict[str, set[Target]]:
    found: dict[str, set[Target]] = {}
    for balancer in service.document.get("loadBalancers") or []:
        group = str(balancer.get("targetGroupArn") or "")
        if group.startswith("arn:"):
            running = [t for t in live(tasks_of(service)) if t.last_status == "RUNNING"]
            found.setdefault(group, set()).update(_target(t, balancer) for t in running)
    return found


def _target(task: Task, balancer: Document) -> Target:
    container = next(c for c in task.containers if c.name == balancer["containerName"])
    if container.port:
        return _HERE, container.port
    number = int(task.id[:6], 16)
    address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    return address, int(balancer["containerPort"])
