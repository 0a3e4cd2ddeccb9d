"""A hako application (YAML, or evaluated Jsonnet) → our YAML. Its fields are AWS's in snake case."""

from __future__ import annotations

from typing import Any

from reconciler.shapes.botocore_model import container_shape, input_of
from reconciler.source.converters.conversion import (
    Conversion,
    Converted,
    Wanted,
    account_of,
    by_spelling,
    squashed,
)
from reconciler.source.imports.live import LiveService, Target
from reconciler.source.imports.names import as_name, guess_environment
from reconciler.source.nodes import Entry, Mapping, Place, Sequence

_SCHEDULER = {
    "type": "",
    "region": "",
    "cluster": "",
    "desired_count": "",
    "elb": "hako made the load balancer: declare loadBalancers with its name, container front, port 80",
    "elb_v2": "hako made the load balancer: declare loadBalancers with the ARN of its target group",
    "dynamic_port_mapping": "write hostPort in portMappings where it is not 0",
    "autoscaling": "write autoscaling: {min, max, targetCpu} or let `init` write what is live",
    "service_discovery": "write serviceRegistries with the ARN of hako's service, or let `init` do it",
    "autoscaling_group_for_oneshot": "one-off tasks are not converted",
    "autoscaling_topic_for_oneshot": "one-off tasks are not converted",
    "oneshot_notification_prefix": "one-off tasks are not converted",
}
_CONTAINER = {
    "env": "",
    "tag": "",
    "image_tag": "",
    "secrets": "",
    "cap_add": "write linuxParameters: {capabilities: {add: […]}}",
    "cap_drop": "write linuxParameters: {capabilities: {drop: […]}}",
}
_TOP = frozenset({"scheduler", "app", "sidecars", "additional_containers", "volumes"})


def convert(name: str, text: str, wanted: Wanted) -> Converted:
    """Convert one application; its id, as hako has it, is the file's name without its ending."""
    return _Converter(name, text).run(wanted)


class _Converter:
    def __init__(self, name: str, text: str) -> None:
        self.conversion = Conversion()
        self.name, self.text = name, text
        self.root = self.conversion.read(name, text)

    def run(self, wanted: Wanted) -> Converted:
        identity = self.name.rpartition("/")[2].split(".")[0]
        scheduler = self.conversion.mapping(self.root, "scheduler")
        service, task = self._scheduler(scheduler)
        task |= {"family": identity, "containerDefinitions": self._containers()}
        volumes = self._volumes()
        if volumes:
            task["volumes"] = volumes
        for key, entry in self.root.entries.items():
            if key == "scripts":
                self._scripts(entry)
            elif key not in _TOP:
                self.conversion.say(entry.place, f"{key} has no counterpart")
        breaker = service.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker")
        if breaker is not None:
            breaker.setdefault("rollback", False)  # hako never lets ECS roll back
        tags = service.pop("tags", {})
        service["serviceName"] = identity
        target = Target(
            wanted.app or as_name(identity),
            wanted.environment or guess_environment(identity),
            wanted.account or account_of(self.text),
            wanted.region or self.conversion.text(scheduler, "region") or "us-east-1",
            wanted.cluster or self.conversion.text(scheduler, "cluster") or "default",
        )
        live = LiveService(identity, service, task, tags, running=None)
        return Converted(target, (live,), tuple(self.conversion.remarks))

    def _scheduler(self, scheduler: Mapping) -> tuple[dict[str, Any], dict[str, Any]]:
        service: dict[str, Any] = {}
        task: dict[str, Any] = {}
        shapes = [(service, input_of("CreateService")), (task, input_of("RegisterTaskDefinition"))]
        for key, entry in scheduler.entries.items():
            if key == "tags":
                tags = self.conversion.mapping(scheduler, key)
                service["tags"] = {k: self.conversion.text(tags, k) for k in tags.entries}
                continue
            if key in _SCHEDULER and key != "desired_count":
                if _SCHEDULER[key]:
                    self.conversion.say(entry.place, f"scheduler.{key}: {_SCHEDULER[key]}")
                continue
            for document, shape in shapes:
                member = by_spelling(shape).get(squashed(key))
                if member is not None:
                    path = f"scheduler.{key}."
                    document[member] = self.conversion.spelled(
                        entry.value, shape.members[member], path
                    )
                    break
            else:
                self.conversion.say(entry.place, f"scheduler.{key} has no counterpart")
        return service, task

    def _containers(self) -> list[dict[str, Any]]:
        found = [self._container("app", self.conversion.mapping(self.root, "app"))]
        for section in ("sidecars", "additional_containers"):
            others = self.conversion.mapping(self.root, section)
            found += [
                self._container(n, self.conversion.mapping(others, n)) for n in others.entries
            ]
        return found

    def _container(self, name: str, node: Mapping) -> dict[str, Any]:
        known = node.without(frozenset(_CONTAINER))
        container: dict[str, Any] = {"name": name}
        container |= self.conversion.spelled(known, container_shape(), f"{name}.")
        image = container.get("image") or self.conversion.text(node, "image_tag")
        tag = self.conversion.text(node, "tag")
        if image:
            container["image"] = f"{image}:{tag}" if tag else image
        self._environment(name, node, container)
        for key in ("cap_add", "cap_drop"):
            if key in node.entries:
                self.conversion.say(node.entries[key].place, f"{name}.{key}: {_CONTAINER[key]}")
        secrets = node.get("secrets")
        if secrets is not None:
            shape = container_shape().members["secrets"]
            container["secrets"] = self.conversion.spelled(secrets, shape, f"{name}.secrets.")
        return container

    def _environment(self, name: str, node: Mapping, container: dict[str, Any]) -> None:
        variables = self.conversion.mapping(node, "env")
        found = []
        for key, entry in variables.entries.items():
            if key == "$providers":
                message = "env providers are not read: write the values, or secrets"
                self.conversion.say(entry.place, f"{name}.env.{key}: {message}")
                continue
            text = self.conversion.text(variables, key)
            if "#{" in text:
                message = "holds a value of a provider: write it, or a reference"
                self.conversion.say(entry.place, f"{name}.env.{key} {message}")
            found.append({"name": key, "value": text})
        if found:
            container["environment"] = found

    def _volumes(self) -> list[dict[str, Any]]:
        section = self.conversion.mapping(self.root, "volumes")
        shape = input_of("RegisterTaskDefinition").members["volumes"].element
        assert shape is not None  # noqa: S101 - a list of structures in botocore's model
        found = []
        for name in section.entries:
            volume: dict[str, Any] = {"name": name}
            node = self.conversion.mapping(section, name)
            source = self.conversion.text(node, "source_path")
            if source:
                volume["host"] = {"sourcePath": source}
            rest = node.without({"source_path"})
            found.append(volume | self.conversion.spelled(rest, shape, f"volumes.{name}."))
        return found

    def _scripts(self, scripts: Entry) -> None:
        items = scripts.value.items if isinstance(scripts.value, Sequence) else [scripts.value]
        for item in items:
            what = item.text("type") if isinstance(item, Mapping) else None
            place: Place = item.place
            self.conversion.say(place, f"the script {what or 'here'} has no counterpart")
