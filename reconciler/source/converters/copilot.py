"""A Copilot manifest → our YAML. What CloudFormation made for Copilot is named, not guessed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from reconciler.model.errors import UsageError
from reconciler.source.converters.conversion import (
    LEFT_OUT,
    UNKNOWN_ACCOUNT,
    Conversion,
    Converted,
    Wanted,
)
from reconciler.source.converters.copilot_count import count_of
from reconciler.source.converters.copilot_job import JOB, WORDS, times_of
from reconciler.source.imports.live import LiveService, Target
from reconciler.source.imports.names import as_name
from reconciler.source.imports.shorten import short_task
from reconciler.source.imports.tree import Keys, Reference
from reconciler.source.merge import overlay_maps
from reconciler.source.nodes import Mapping, Node, Scalar, Sequence, plain

_SERVICES = ("Load Balanced Web Service", "Backend Service", "Worker Service")
_NOTES = {
    "http": "the load balancer stays: declare loadBalancers with the ARN of Copilot's target group",
    "nlb": "the load balancer stays: declare loadBalancers with the ARN of Copilot's target group",
    "network": "declare networkConfiguration with the subnets and security groups of the environment",
    "observability": "has no counterpart: write the sidecar as a container",
    "publish": "topics stay in CloudFormation; write the variable that Copilot sets",
    "subscribe": "queues stay in CloudFormation; write COPILOT_QUEUE_URI",
    "taskdef_overrides": "write the fields themselves: every field of ECS has its API name here",
    "deployment": "write deploymentConfiguration; the circuit breaker is on unless it is declared",
}
_COPILOT = re.compile(r"\$\{COPILOT_(APPLICATION|ENVIRONMENT)_NAME\}")
_NAMES = {"APPLICATION": "${app}", "ENVIRONMENT": "${environment}"}
_PLATFORM = {"x86_64": "X86_64", "amd64": "X86_64", "arm64": "ARM64", "arm": "ARM64"}
_IMAGE = frozenset({"build", "location", "port", "healthcheck", "depends_on"})
_SIDECAR = frozenset(
    {
        *("port", "image", "essential", "variables", "secrets", "depends_on", "healthcheck"),
        *("entrypoint", "command"),
    }
)
_CHECK = frozenset({"command", "interval", "retries", "timeout", "start_period"})
_DONE = frozenset(
    {
        *("name", "type", "image", "cpu", "memory", "platform", "count", "exec", "entrypoint"),
        *("command", "variables", "env_file", "secrets", "sidecars", "storage", "environments"),
        *("logging",),
    }
)


def convert(name: str, text: str, wanted: Wanted) -> Converted:
    """Convert the manifest of a service or job for one environment. Raises UsageError for other workloads."""
    return _Converter(name, text, wanted).run()


class _Converter:
    def __init__(self, name: str, text: str, wanted: Wanted) -> None:
        self.conversion = Conversion()
        self.wanted = wanted
        self.name = "service"
        self.environment = wanted.environment or "production"
        self.root = self._for_environment(self.conversion.read(name, text))
        self.account = wanted.account or UNKNOWN_ACCOUNT
        self.region = wanted.region or "us-east-1"

    def run(self) -> Converted:
        kind = self._text("type")
        if kind not in (*_SERVICES, JOB):
            known = ", ".join((*_SERVICES, JOB))
            raise UsageError(
                f"a {kind or 'manifest without type'} is not converted yet; there are: {known}"
            )
        name = self.name = self._text("name") or self.name
        target = Target(
            self.wanted.app or as_name(name),
            self.environment,
            self.account,
            self.region,
            self.wanted.cluster or "default",
        )
        if kind == JOB:
            return self._job(target)
        service, scaling = count_of(self.root.get("count"), self.conversion)
        service |= {
            "serviceName": f"{target.app}-{target.environment}-{name}",
            "deploymentConfiguration": {
                "deploymentCircuitBreaker": {"enable": True, "rollback": True}
            },
        }
        if "capacityProviderStrategy" not in service:
            service["launchType"] = "FARGATE"
        self._say(
            "name", "CloudFormation gave the service a name of its own: write it as serviceName"
        )
        if self._text("exec") == "true":
            service["enableExecuteCommand"] = True
        task = self._task(name)
        self._unread(_DONE)
        live = LiveService(name, service, task, running=None, scaling=scaling)
        return Converted(target, (live,), tuple(self.conversion.remarks))

    def _job(self, target: Target) -> Converted:
        """Return the manifest as a section of our own: nothing of a job is live in ECS between its runs."""
        job = times_of(self.root, self.conversion) | short_task(self._task(self.name))
        del job["family"]  # as we would call it ourselves
        job["launchType"] = "FARGATE"
        self._say("name", "its rule and state machine go on until the workload's stack is deleted")
        self._unread(_DONE - {"count", "exec"} | WORDS)
        sections = Keys([("jobs", Keys([(self.name, Keys(job))]))])
        return Converted(target, (), tuple(self.conversion.remarks), sections)

    def _unread(self, known: frozenset[str]) -> None:
        """Say every key of the manifest that was not read."""
        for key, entry in self.root.entries.items():
            if key not in known:
                note = _NOTES.get(key, "has no counterpart")
                self.conversion.say(entry.place, f"{key}: {note}")

    def _for_environment(self, root: Mapping) -> Mapping:
        """Return the manifest with the environment's own part laid over it, as Copilot does."""
        environments = self.conversion.mapping(root, "environments")
        mine = self.conversion.mapping(environments, self.environment)
        for name, entry in environments.entries.items():
            if name != self.environment:
                message = f"the environment {name} is another folder: convert it with --env {name}"
                self.conversion.say(entry.place, message)
        return overlay_maps(root, mine)

    def _text(self, key: str) -> str:
        return self.conversion.text(self.root, key)

    def _say(self, key: str, message: str) -> None:
        entry = self.root.entries.get(key)
        self.conversion.say(entry.place if entry else self.root.place, f"{key}: {message}")

    # --- what runs -------------------------------------------------------------------------------

    def _task(self, name: str) -> dict[str, Any]:
        task: dict[str, Any] = {
            "family": f"{self.wanted.app or as_name(name)}-{self.environment}-{name}",
            "cpu": self._text("cpu") or "256",
            "memory": self._text("memory") or "512",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
        }
        platform = self.root.get("platform")
        system, _, architecture = (platform.text if isinstance(platform, Scalar) else "").partition(
            "/"
        )
        if system == "linux" and architecture in _PLATFORM:
            if _PLATFORM[architecture] != "X86_64":
                task["runtimePlatform"] = {"cpuArchitecture": _PLATFORM[architecture]}
        elif platform is not None:
            self._say("platform", "write runtimePlatform")
        storage = self.conversion.mapping(self.root, "storage")
        if size := storage.get("ephemeral"):
            task["ephemeralStorage"] = {"sizeInGiB": self.conversion.number(size, 21)}
        self._others(storage, frozenset({"ephemeral", "volumes"}), "storage.")
        volumes = self._volumes(storage)
        main = self._container(name, self.root, self.conversion.mapping(self.root, "image"))
        main["mountPoints"] = [
            {"sourceVolume": v["name"], "containerPath": v.pop("path"), "readOnly": v.pop("read")}
            for v in volumes
        ]
        self._logging()
        sidecars = self.conversion.mapping(self.root, "sidecars")
        nodes = {n: self.conversion.mapping(sidecars, n) for n in sidecars.entries}
        others = [self._container(n, node, node.mapping("image")) for n, node in nodes.items()]
        return task | {"volumes": volumes, "containerDefinitions": [main, *others]}

    def _container(self, name: str, node: Mapping, image: Mapping | None) -> dict[str, Any]:
        source = image or Mapping(node.place)
        container: dict[str, Any] = {"name": name, "image": self._image(name, node, source)}
        port = source.get("port") or node.get("port")
        if port is not None:
            container["portMappings"] = [self._port(port)]
        for key, field in (("entrypoint", "entryPoint"), ("command", "command")):
            if words := self._words(node, key):
                container[field] = words
        container["logConfiguration"] = {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": Reference(f"/copilot/${{app}}-${{environment}}-{self.name}"),
                "awslogs-region": Reference("${region}"),
                "awslogs-stream-prefix": "copilot",
            },
        }
        container["environment"] = list(self._variables(node, name))
        container["secrets"] = list(self._secrets(node, name))
        own = source if node is self.root else node
        depends = self.conversion.mapping(own, "depends_on")
        container["dependsOn"] = [
            {"containerName": n, "condition": self.conversion.text(depends, n).upper()}
            for n in depends.entries
        ]
        if node is not self.root and self.conversion.text(node, "essential") == "false":
            container["essential"] = False
        if "healthcheck" in own.entries:
            container["healthCheck"] = self._health_check(
                self.conversion.mapping(own, "healthcheck")
            )
        if node is not self.root:
            self._others(node, _SIDECAR, f"sidecars.{name}.")
        elif "env_file" in node.entries:
            self._say("env_file", "write environmentFiles")
        self._others(source, _IMAGE, f"{name}.image.")
        return container

    def _port(self, node: Node) -> dict[str, Any]:
        """Return a port with its protocol: `2000/udp`."""
        protocol = node.text.partition("/")[2] if isinstance(node, Scalar) else ""
        told = {"protocol": protocol} if protocol and protocol != "tcp" else {}
        return {"containerPort": self.conversion.number(node, 80), **told}

    def _words(self, node: Mapping, key: str) -> list[str]:
        """Return a command's words: a text is taken apart as a shell would."""
        value = node.get(key)
        if isinstance(value, Sequence):
            return [self._read(str(plain(i))) for i in value.items]
        text = self.conversion.text(node, key)
        try:
            return [self._read(word) for word in shlex.split(text)]
        except ValueError as error:
            self.conversion.say(node.entries[key].place, f"{key}: {error}{LEFT_OUT}")
            return []

    def _others(self, node: Mapping, known: frozenset[str], path: str) -> None:
        """Say every key of a map that was not read."""
        for key, entry in node.entries.items():
            if key not in known:
                self.conversion.say(entry.place, f"{path}{key}: write it with ECS's own field")

    def _image(self, name: str, node: Mapping, source: Mapping) -> str:
        location = self.conversion.text(source, "location")
        if not location and node is not self.root and isinstance(node.get("image"), Scalar):
            location = self.conversion.text(node, "image")
        if location:
            return self._read(location)
        place = node.entries["image"].place if "image" in node.entries else node.place
        message = (
            "Copilot built and pushed the image: CI does it now, and writes the tag under images"
        )
        self.conversion.say(place, f"{name}: {message}")
        return Reference(
            f"${{account}}.dkr.ecr.${{region}}.amazonaws.com/${{app}}/{name}:CHANGE-ME"
        )

    def _variables(self, node: Mapping, name: str) -> Iterator[dict[str, str]]:
        for key, entry in self.conversion.mapping(node, "variables").entries.items():
            if isinstance(entry.value, Scalar):
                yield {"name": key, "value": self._read(entry.value.text)}
            else:
                message = "from_cfn: write ${cfn:Stack.Output} with the stack that exports it"
                self.conversion.say(entry.place, f"{name}.variables.{key}: {message}")

    def _secrets(self, node: Mapping, name: str) -> Iterator[dict[str, str]]:
        for key, entry in self.conversion.mapping(node, "secrets").entries.items():
            if isinstance(entry.value, Scalar):
                yield {"name": key, "valueFrom": self._read(entry.value.text)}
                continue
            manager = (
                entry.value.text("secretsmanager") if isinstance(entry.value, Mapping) else None
            )
            if manager is None:
                self.conversion.say(entry.place, f"{name}.secrets.{key}: write the name or the ARN")
                continue
            arn = "arn:aws:secretsmanager:${region}:${account}:secret:"
            yield {"name": key, "valueFrom": Reference(f"{arn}{self._read(manager)}")}

    def _volumes(self, storage: Mapping) -> list[dict[str, Any]]:
        section = self.conversion.mapping(storage, "volumes")
        found = []
        for name, entry in section.entries.items():
            node = self.conversion.mapping(section, name)
            efs = node.get("efs")
            identity = efs.text("id") if isinstance(efs, Mapping) else None
            volume: dict[str, Any] = {"name": name}
            if identity:
                volume["efsVolumeConfiguration"] = {
                    "fileSystemId": identity,
                    "transitEncryption": "ENABLED",
                }
            elif efs is not None:
                message = "Copilot made the file system: write efsVolumeConfiguration with its id"
                self.conversion.say(entry.place, f"storage.volumes.{name}: {message}")
            self._others(node, frozenset({"path", "read_only", "efs"}), f"storage.volumes.{name}.")
            if isinstance(efs, Mapping):
                self._others(efs, frozenset({"id"}), f"storage.volumes.{name}.efs.")
            read = self.conversion.text(node, "read_only") != "false"
            path = self.conversion.text(node, "path") or f"/{name}"
            found.append(volume | {"path": path, "read": read})
        return found

    def _logging(self) -> None:
        for key, entry in self.conversion.mapping(self.root, "logging").entries.items():
            why = (
                "set it on the log group"
                if key == "retention"
                else "write the log router's container"
            )
            self.conversion.say(entry.place, f"logging.{key}: {why}")

    def _health_check(self, node: Mapping) -> dict[str, Any]:
        self._others(node, _CHECK, "healthcheck.")
        command = node.get("command")
        check: dict[str, Any] = {}
        if isinstance(command, Sequence):
            check["command"] = [str(plain(i)) for i in command.items]
        elif isinstance(command, Scalar):
            check["command"] = ["CMD-SHELL", command.text]
        if "retries" in node.entries:
            check["retries"] = self.conversion.number(node.get("retries"), 2)
        for key, field in (
            ("interval", "interval"),
            ("timeout", "timeout"),
            ("start_period", "startPeriod"),
        ):
            seconds = self.conversion.seconds(node, key)
            if seconds is not None:
                check[field] = seconds
        return check

    def _read(self, text: str) -> str:
        """Return a text with Copilot's names as ours."""
        if not _COPILOT.search(text):
            return text
        parts = _COPILOT.split(text)
        read = [
            _NAMES[part] if i % 2 else part.replace("${", "$${") for i, part in enumerate(parts)
        ]
        return Reference("".join(read))
