"""ecspresso.yml with its service and task definition → our YAML: the same names, so nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from reconciler.model.errors import UsageError
from reconciler.shapes.botocore_model import Shape, input_of, read_only_members
from reconciler.source.converters.conversion import (
    LEFT_OUT,
    Conversion,
    Converted,
    Wanted,
    account_of,
)
from reconciler.source.converters.templates import bare, control_in, references, sheltered
from reconciler.source.imports.live import LiveService, Target
from reconciler.source.imports.names import as_name, guess_app, guess_environment
from reconciler.source.imports.tree import Keys, Reference
from reconciler.source.nodes import Mapping as Map
from reconciler.source.nodes import Node, Sequence

_OURS = {
    "timeout": "the controller waits by itself; `apply --timeout` is the nearest",
    "required_version": "pin the version of ecs-reconciler where you install it",
    "filter_command": "has no counterpart",
    "codedeploy": "CodeDeploy's application stays CodeDeploy's: the service is compared, not deployed",
    "appspec": "CodeDeploy's application stays CodeDeploy's: the service is compared, not deployed",
    "ignore": "tags that are not declared are never touched",
}
_KNOWN = frozenset(
    {"region", "cluster", "service", "service_definition", "task_definition", "plugins"}
)


def config_files(name: str, text: str) -> tuple[str, str]:
    """Return the names of the service's and the task definition's file, as the config has them.

    Raises UsageError for Jsonnet and for a config that names none: render them first.
    """
    config = _read_templated(Conversion(), name, text, "ecspresso render config")
    files = (config.text("service_definition") or "", config.text("task_definition") or "")
    for file in files:
        if not file or "{{" in file or file.endswith((".jsonnet", ".libsonnet")):
            what = file or "no definition"
            raise UsageError(
                f"{name} names {what}: render it first, as in  ecspresso render servicedef > "
                "ecs-service-def.json  and  ecspresso render taskdef > ecs-task-def.json"
            )
    return files


def convert(config: tuple[str, str], files: Mapping[str, str], wanted: Wanted) -> Converted:
    """Convert one service. `config` is (name, text); `files` the two definitions by name, in this order."""
    return _Converter().run(config, files, wanted)


def _read_templated(conversion: Conversion, name: str, text: str, render: str) -> Map:
    """Read a file as ecspresso does, templates first. Raises UsageError for one that is a program."""
    control = control_in(text)
    if control is not None:
        line, what = control
        raise UsageError(
            f"{name}:{line}: {what} is a condition or a loop: render it first: {render}"
        )
    return cast(Map, bare(conversion.read(name, sheltered(text))))


class _Converter:
    def __init__(self) -> None:
        self.conversion = Conversion()

    def run(self, config: tuple[str, str], files: Mapping[str, str], wanted: Wanted) -> Converted:
        head = _read_templated(self.conversion, *config, "ecspresso render config")
        (service_name, service_text), (task_name, task_text) = files.items()
        service = self._document(service_name, service_text, "Service", "CreateService")
        task = self._document(task_name, task_text, "TaskDefinition", "RegisterTaskDefinition")
        name = self._plain(head, "service", wanted.app or "app")
        environment = wanted.environment or guess_environment(name, head.text("cluster") or "")
        target = Target(
            wanted.app or guess_app([name], (), name),
            environment,
            wanted.account or account_of(task_text, service_text),
            wanted.region or self._plain(head, "region", "us-east-1"),
            wanted.cluster or self._plain(head, "cluster", "default"),
        )
        tags = {str(t["key"]): str(t.get("value", "")) for t in service.pop("tags", ())}
        task_tags = {str(t["key"]): str(t.get("value", "")) for t in task.pop("tags", ())}
        service["serviceName"] = name
        live = LiveService(name, service, task, tags, task_tags, running=None)
        sections = self._plugins(head)
        for key, entry in head.entries.items():
            if key not in _KNOWN:
                self.conversion.say(entry.place, f"{key}: {_OURS.get(key, 'has no counterpart')}")
        return Converted(target, (live,), tuple(self.conversion.remarks), sections)

    def _document(self, name: str, text: str, described: str, operation: str) -> dict[str, Any]:
        render = "ecspresso render servicedef, ecspresso render taskdef"
        root = _read_templated(self.conversion, name, text, render)
        inner = root.mapping("taskDefinition")
        if inner is not None and "containerDefinitions" in inner.entries:
            root = inner
        shape: Shape = input_of(operation)
        left = {"cluster", "clientToken", "taskDefinition"}
        if "taskDefinition" in root.entries:
            place = root.entries["taskDefinition"].place
            self.conversion.say(
                place, f"taskDefinition: the file of task_definition counts{LEFT_OUT}"
            )
        known = root.without(read_only_members(described, operation) | left)
        return dict(self.conversion.spelled(known, shape, "", lambda t: self._read(t, root)))

    def _read(self, text: str, where: Map) -> str:
        place = where.place.find(sheltered(text)) if text else where.place

        def unknown(call: str) -> None:
            self.conversion.say(place, f"{call} has no counterpart: written as it is, replace it")

        found = references(text, unknown)
        if isinstance(found, Reference) and "${env:" in found:
            self.conversion.say(
                place,
                "an environment variable is read by the command line; for the controller write the "
                "value into the files (CI changes `images`) or list it in sync.allowEnv",
            )
        return found

    def _plain(self, head: Map, key: str, default: str) -> str:
        """Return a text of the config that has to be known: a template there is a remark."""
        text = self.conversion.text(head, key) or default
        if "{{" in text:
            place = head.entries[key].place
            self.conversion.say(
                place, f"{key} is {text}: give it on the command line or correct it"
            )
            return as_name(default)
        return text

    def _plugins(self, head: Map) -> Keys:
        sections = Keys()
        node = head.get("plugins")
        for plugin in node.items if isinstance(node, Sequence) else ():
            if isinstance(plugin, Map):
                self._plugin(plugin, sections)
            else:
                self.conversion.say(plugin.place, f"plugins: not a map{LEFT_OUT}")
        return sections

    def _plugin(self, plugin: Map, sections: Keys) -> None:
        name = plugin.text("name")
        config = self.conversion.mapping(plugin, "config")
        place: Node = plugin
        if name == "tfstate":
            where = config.text("url") or config.text("path") or ""
            where = where.removeprefix("file://")
            if "func_prefix" in config.entries or "tfstate" in sections:
                message = "several states: write  tfstate: {NAME: place}  and ${tfstate.NAME:…}"
                self.conversion.say(place.place, message)
            elif "{{" in where or where.startswith("http"):
                self.conversion.say(place.place, f"tfstate is {where}: write s3://… or a path")
            else:
                sections["tfstate"] = where
        elif name not in ("cloudformation", "ssm"):
            self.conversion.say(place.place, f"the plugin {name} has no counterpart")
