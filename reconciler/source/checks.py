"""Checks of a finished workload that no schema knows: what AWS would refuse later, or would not do.

Called by `services` and `migrations`. Each check names its place by the path in the document.
"""

from __future__ import annotations

from typing import Any

from reconciler.model.lookups import Deferred
from reconciler.model.names import Path
from reconciler.plan.mask import looks_secret
from reconciler.shapes.botocore_model import suggest
from reconciler.shapes.limits import ECS_NAME, FARGATE_SIZES, MAX_CONTAINERS
from reconciler.source.images import check_image
from reconciler.source.lift import OWNED_TAGS
from reconciler.source.links import (
    circles,
    name_problem,
    port_problem,
    role_problems,
    secret_problems,
)
from reconciler.source.nodes import Broken, Mapping, Node, Place, Scalar, Sequence
from reconciler.source.report import Report, show
from reconciler.source.workload import AppContext, Assembled
from reconciler.source.written import wants_fargate

_STOP_TIMEOUT = 120  # Fargate's longest [M ContainerDefinition.stopTimeout]


class Checks:
    """All checks of one workload; `run` reports what it finds."""

    def __init__(self, workload: Assembled, context: AppContext) -> None:
        self._workload = workload
        self._context = context
        self._report: Report = context.report
        self._task = workload.task
        self._containers: list[dict[str, Any]] = workload.task.get("containerDefinitions", [])

    def run(self) -> None:
        """Check names, images, sizes, network, references between containers, and secrets."""
        self._names()
        if not self._containers:  # reported already, or another deployer's
            self._tags()
            return
        self._capacity()
        self._network()
        self._roles()
        if wants_fargate(self._workload, self._context):
            self._fargate()
        elif "memory" not in self._task:
            self._container_memory()
        for container in self._containers:
            self._container(container)
        for name, way in circles(self._containers):
            path = ("taskDefinition", "containerDefinitions", name, "dependsOn")
            self.error(path, f"goes in a circle: {way}", "cycle")
        self._tags()

    def error(self, path: Path, message: str, rule: str) -> None:
        """Report an error at the value of `path`, or at the nearest parent that stands in a file."""
        self._report.error(self.place(path), message, rule, path=self._label(path))

    def warning(self, path: Path, message: str, rule: str) -> None:
        """Report a warning likewise."""
        self._report.warning(self.place(path), message, rule, path=self._label(path))

    def place(self, path: Path) -> Place:
        """Return the place of a path of the documents; the workload's own when none is known."""
        for end in range(len(path), 1, -1):
            found = self._find(path[:end])
            if found is not None:
                return found
        return self._workload.place

    def _find(self, path: Path) -> Place | None:
        workload = self._workload
        node: Node = workload.task_tree if path[0] == "taskDefinition" else workload.api_tree
        place = None
        for step in path[1:]:
            if isinstance(node, Sequence):
                item = _item(node, step)
                if item is None:
                    return None
                node, place = item, item.place
            elif isinstance(node, Mapping) and step in node.entries:
                entry = node.entries[step]
                node = entry.value
                place = node.place if isinstance(node, Scalar) else entry.place
            else:
                return None
        return place

    def _label(self, path: Path) -> str:
        return ".".join((self._workload.label, *path[1:]))

    def _names(self) -> None:
        # What was written for the files is made of names that are checked themselves.
        written = self._workload.written
        family = self._task.get("family", "")
        if ("taskDefinition", "family") not in written and not ECS_NAME.fullmatch(family):
            message = f"{show(family)} is not a family: at most 255 letters, digits, '-' and '_'"
            self.error(("taskDefinition", "family"), message, "invalid-value")
        path = (self._workload.rules.prefix, "serviceName")
        name = self._workload.api.get("serviceName")
        if name is not None and path not in written and not ECS_NAME.fullmatch(name):
            message = (
                f"{show(name)} is not a service name: at most 255 letters, digits, '-' and '_'"
            )
            self.error(path, message, "invalid-value")
        if len(self._containers) > MAX_CONTAINERS:
            message = f"a task has at most {MAX_CONTAINERS} containers, not {len(self._containers)}"
            self.error(("taskDefinition", "containerDefinitions"), message, "out-of-range")
        if self._containers and not any(c.get("essential", True) for c in self._containers):
            message = "at least one container must be essential"
            self.error(("taskDefinition", "containerDefinitions"), message, "invalid-value")

    def _capacity(self) -> None:
        api, prefix = self._workload.api, self._workload.rules.prefix
        if "launchType" in api and api.get("capacityProviderStrategy"):
            message = "launchType and capacityProviderStrategy exclude each other"
            self.error((prefix, "launchType"), message, "two-forms")
        if api.get("launchType") == "MANAGED_INSTANCES":
            message = "AWS takes MANAGED_INSTANCES only as a capacityProviderStrategy"
            self.error((prefix, "launchType"), message, "enum")
        for index, load_balancer in enumerate(api.get("loadBalancers", ())):
            path = (prefix, "loadBalancers", str(index))
            name = load_balancer.get("containerName")
            if name is not None:
                self._known_container(name, path, "containerName")
            wrong = port_problem(load_balancer, self._containers)
            if wrong and self._workload.complete:
                self.error((*path, "containerPort"), wrong, "unknown-port")

    def _network(self) -> None:
        api, prefix = self._workload.api, self._workload.rules.prefix
        if self._task.get("networkMode") == "awsvpc" and "networkConfiguration" not in api:
            message = (
                "networkMode awsvpc needs networkConfiguration: {subnets: […], securityGroups: […]}"
            )
            self.error((prefix, "networkConfiguration"), message, "required")

    def _roles(self) -> None:
        for field, wrong in role_problems(self._task, self._context.account):
            self.warning(("taskDefinition", field), wrong, "foreign-role")

    def _fargate(self) -> None:
        mode = self._task.get("networkMode")
        if mode not in (None, "awsvpc"):
            message = (
                f"Fargate needs networkMode awsvpc, not {mode}; for EC2 declare launchType: EC2"
            )
            self.error(("taskDefinition", "networkMode"), message, "fargate")
        cpu, memory = self._task.get("cpu"), self._task.get("memory")
        if cpu is None or memory is None:
            if self._workload.complete:
                missing = " and ".join(n for n in ("cpu", "memory") if n not in self._task)
                message = f"Fargate needs {missing} (as in cpu: 512, memory: 1GB)"
                self._report.error(
                    self._workload.place, message, "required", path=self._workload.label
                )
            return
        if not (cpu.isdigit() and memory.isdigit()):
            return
        sizes = FARGATE_SIZES.get(int(cpu))
        if sizes is None:
            listed = ", ".join(str(c) for c in FARGATE_SIZES)
            self.error(("taskDefinition", "cpu"), f"Fargate has cpu {listed}, not {cpu}", "fargate")
        elif int(memory) not in sizes:
            listed = _listed(sizes)
            message = f"with cpu {cpu} Fargate offers memory {listed}, not {memory}"
            self.error(("taskDefinition", "memory"), message, "fargate")

    def _container_memory(self) -> None:
        """Off Fargate a task may have no size, and then each container needs one [M ContainerDefinition]."""
        for container in self._containers:
            if "memory" not in container and "memoryReservation" not in container:
                path = ("taskDefinition", "containerDefinitions", container["name"])
                message = "needs 'memory' or 'memoryReservation', or the task 'memory'"
                self.error(path, message, "required")

    def _container(self, container: dict[str, Any]) -> None:
        path: Path = ("taskDefinition", "containerDefinitions", container["name"])
        wrong_name = name_problem(container["name"])
        if wrong_name and container["name"] != self._workload.name:
            self.error(path, f"{show(container['name'])} {wrong_name}", "invalid-name")
        image = container.get("image")
        if image is None:
            if not self._image_is_broken(container["name"]):
                self.error((*path, "image"), "'image' is required", "required")
        elif not isinstance(image, Deferred) and image not in self._context.refused_images:
            check_image(
                image, self.place((*path, "image")), self._label((*path, "image")), self._report
            )
        for dependency in container.get("dependsOn", ()):
            self._known_container(dependency.get("containerName", ""), path, "dependsOn")
        volumes = {v.get("name") for v in self._task.get("volumes", ())}
        for mount in container.get("mountPoints", ()):
            source = mount.get("sourceVolume")
            if source is not None and source not in volumes:
                message = f"there is no volume {show(source)}"
                self.error((*path, "mountPoints"), message, "unknown-name")
        stop = container.get("stopTimeout", 0)
        if (
            wants_fargate(self._workload, self._context)
            and isinstance(stop, int)
            and stop > _STOP_TIMEOUT
        ):
            message = f"Fargate waits at most {_STOP_TIMEOUT} seconds"
            self.error((*path, "stopTimeout"), message, "fargate")
        self._secrets(container, path)

    def _image_is_broken(self, name: str) -> bool:
        found = self._workload.task_tree.get("containerDefinitions")
        items = found.items if isinstance(found, Sequence) else []
        own = next((i for i in items if isinstance(i, Mapping) and _named(i) == name), None)
        entry = own.entries.get("image") if own is not None else None
        return entry is not None and (
            isinstance(entry.value, Broken) or not self._workload.complete
        )

    def _known_container(self, name: str, path: Path, field: str) -> None:
        names = [c["name"] for c in self._containers]
        if name not in names:
            message = f"there is no container {show(name)}{suggest(name, names)}"
            self.error((*path, field), message, "unknown-container")

    def _secrets(self, container: dict[str, Any], path: Path) -> None:
        for name in secret_problems(container):
            where = (*path, "secrets", name)
            message = (
                "must be the name of a parameter or an ARN: secrets are references, not values"
            )
            place = self.place(where).without_text()
            self._report.error(place, message, "invalid-value", path=self._label(where))
        names = {s.get("name") for s in container.get("secrets", ())}
        for pair in container.get("environment", ()):
            name, value = pair.get("name", ""), pair.get("value", "")
            where = (*path, "environment", name)
            if name in names:
                self.error(where, "is also under secrets: AWS takes one of them", "two-forms")
            elif looks_secret(name, value):
                hint = f"/{self._context.app}/{self._context.environment}/{name}"
                message = (
                    f"looks like a secret in plain text; write it as  secrets: {{{name}: {hint}}}"
                )
                place = self.place(where)
                self._report.warning(
                    place, message, "secret-in-environment", path=self._label(where)
                )

    def _tags(self) -> None:
        for prefix, document in (
            (self._workload.rules.prefix, self._workload.api),
            ("taskDefinition", self._task),
        ):
            for tag in document.get("tags", ()):
                key = tag.get("key", "")
                if key.startswith(OWNED_TAGS):
                    message = f"tags that begin with '{key.partition(':')[0]}:' are reserved"
                    self.error((prefix, "tags", key), message, "managed-field")


def _named(container: Mapping) -> str | None:
    return container.text("name")


def _item(node: Sequence, step: str) -> Mapping | None:
    """Return the item of a list that a step of a path means: by its name, else by its number."""
    items = [i for i in node.items if isinstance(i, Mapping)]
    found = next((i for i in items if _named(i) == step), None)
    if found is None and step.isdigit() and len(items) == len(node.items):
        found = items[int(step)] if int(step) < len(items) else None
    return found


def _listed(sizes: tuple[int, ...]) -> str:
    if len(sizes) <= 4:  # noqa: PLR2004 - short enough to read
        return ", ".join(str(s) for s in sizes)
    return f"{sizes[0]} to {sizes[-1]} in steps of {sizes[1] - sizes[0]}"
