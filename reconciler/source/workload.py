"""One workload, service or migration, from its long-form tree to typed documents.

Called by `services` and `migrations`, which add what only they have. The steps, in order: unknown
words, `defaults` below, containers, short forms, types, what we write down, canonical form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reconciler.model.diagnostics import Origin
from reconciler.model.names import Path
from reconciler.plan.canonical import canonical_service, canonical_task_definition
from reconciler.shapes.botocore_model import Shape, input_of, suggest
from reconciler.shapes.controllers import UPDATABLE
from reconciler.shapes.tables import SERVICE, TASK_DEFINITION
from reconciler.source.containers import Templates, containers_of
from reconciler.source.fields import lifted_container_fields, lifted_task_fields, task_fields
from reconciler.source.merge import overlay_maps, prune_nulls
from reconciler.source.nodes import Entry, Mapping, Node, Place, Sequence, describe
from reconciler.source.report import Report
from reconciler.source.short import Shorts
from reconciler.source.typed import Typing

_CHOICE = ("launchType", "capacityProviderStrategy")


@dataclass(frozen=True)
class AppContext:
    """What a workload needs to know of its app."""

    app: str
    environment: str
    account: str
    region: str
    written_defaults: bool
    defaults: Mapping
    templates: Templates
    report: Report
    refused_images: frozenset[str] = frozenset()
    """Images of the `images:` section that are reported already."""

    def full_name(self, name: str) -> str:
        """Return the name that AWS knows: `<app>-<environment>-<name>`."""
        return f"{self.app}-{self.environment}-{name}"


@dataclass(frozen=True)
class Rules:
    """How services and migrations differ in their fields."""

    section: str
    prefix: str
    operation: str
    fields: frozenset[str]
    own: frozenset[str]
    managed: frozenset[str]
    elsewhere: frozenset[str] = frozenset()
    """Known to services only."""


@dataclass
class Assembled:
    """A workload's documents while they are completed; `api` is the service's or the launch's."""

    name: str
    label: str
    place: Place
    task_tree: Mapping
    api_tree: Mapping
    """What the documents were made of, for places."""
    rules: Rules
    api: dict[str, Any]
    task: dict[str, Any]
    origins: dict[Path, Origin] = field(default_factory=dict)
    nulled: frozenset[Path] = frozenset()
    carried: frozenset[Path] = frozenset()
    written: set[Path] = field(default_factory=set)
    complete: bool = True
    """Whether no mistake was found in it so far."""

    def write(self, path: Path, value: Any) -> None:
        """Write a value down where the files are silent; null in the files says no to it."""
        if path in self.nulled:
            return
        document = self.task if path[0] == "taskDefinition" else self.api
        *parents, last = path[1:]
        for step in parents:
            document = _child(document, step)
        if last not in document:
            document[last] = value
            self.written.add(path)

    def canonical(self) -> None:
        """Bring both documents into the one form that everybody compares."""
        self.api = canonical_service(self.api)
        self.task = canonical_task_definition(self.task)


def _child(document: Any, step: str) -> Any:
    if isinstance(document, list):
        return next(item for item in document if item.get("name") == step)
    return document.setdefault(step, {})


def assemble(name: str, entry: Entry, rules: Rules, context: AppContext) -> Assembled | None:
    """Return a workload's typed documents; None when it is not even a map. Mistakes are reported."""
    report, label = context.report, f"{rules.section}.{name}"
    workload = entry.value
    if not isinstance(workload, Mapping):
        message = f"must be a map, not {describe(workload)}"
        report.error(entry.place, message, "wrong-type", path=label)
        return None
    errors = len(report.errors)
    side_fields = (lifted_container_fields() - rules.own) | {"from"}
    _unknown_words(workload, rules, label, report)
    api, task = _layers(workload, rules, context)
    side = workload.only(side_fields)
    _two_forms(workload, side, label, report)
    below = context.defaults.only(lifted_container_fields())
    containers = containers_of(task, side, name, below, context.templates, report, label)
    if not containers.entries and not _is_deployed_elsewhere(api):
        report.error(
            entry.place, "has no container: give it an image, or 'from'", "required", path=label
        )
    shorts = Shorts(label, report)
    items: list[Node] = [
        shorts.container(e.value, ("containerDefinitions", key))
        for key, e in containers.entries.items()
        if isinstance(e.value, Mapping)
    ]
    task = shorts.task(task).plus(
        "containerDefinitions", Entry(task.place, Sequence(task.place, items))
    )
    typing = Typing(label, rules.prefix, SERVICE, report)
    api_document = typing.convert(shorts.service(api), _shape(rules.operation))
    task_typing = Typing(label, "taskDefinition", TASK_DEFINITION, report)
    task_typing.may_carry = rules.prefix == SERVICE
    task_document = task_typing.convert(task, _shape("RegisterTaskDefinition"))
    nulled = {(rules.prefix, *p) for p in typing.nulled}
    nulled |= {("taskDefinition", *p) for p in task_typing.nulled}
    return Assembled(
        name=name,
        label=label,
        place=entry.place,
        task_tree=task,
        api_tree=api,
        rules=rules,
        api=api_document,
        task=task_document,
        origins={**typing.origins, **task_typing.origins},
        nulled=frozenset(nulled),
        carried=frozenset(("taskDefinition", *p) for p in task_typing.carried),
        complete=len(report.errors) == errors,
    )


def _is_deployed_elsewhere(api: Mapping) -> bool:
    """Whether another deployer may keep the task definition to itself."""
    controller = api.mapping("deploymentController")
    return controller is not None and controller.text("type") in UPDATABLE


def _shape(operation: str) -> Shape:
    return input_of(operation)


def _layers(workload: Mapping, rules: Rules, context: AppContext) -> tuple[Mapping, Mapping]:
    """Return the service's (or launch's) side and the task's side, each over its defaults."""
    below = context.defaults.only(rules.fields)
    own = workload.only(rules.fields)
    # Declaring the one means not the other: a default must not stand against it.
    if any(choice in own.entries for choice in _CHOICE):
        below = below.without(set(_CHOICE))
    empty = Mapping(workload.place)
    task = workload.mapping("taskDefinition") or empty
    default_task = context.defaults.mapping("taskDefinition") or empty
    api = overlay_maps(below, Mapping(workload.place, own.entries))
    return api, Mapping(workload.place, overlay_maps(default_task, task).entries)


def _two_forms(workload: Mapping, side: Mapping, label: str, report: Report) -> None:
    task = workload.mapping("taskDefinition")
    listed = task.entries.get("containerDefinitions") if task else None
    if listed is None or not side.entries:
        return
    name, first = next(iter(side.entries.items()))
    message = (
        f"'{name}' is a container's field beside containerDefinitions (line {listed.place.line}): "
        "write it inside one of the containers"
    )
    report.error(first.place, message, "two-forms", path=label)


def _unknown_words(workload: Mapping, rules: Rules, label: str, report: Report) -> None:
    known = rules.fields | rules.own | lifted_container_fields() | {"taskDefinition"}
    for word, entry in workload.entries.items():
        if word == "taskDefinition" and not isinstance(entry.value, Mapping):
            message = "is a map of RegisterTaskDefinition's fields here, not the name of one"
            report.error(entry.place, message, "wrong-type", path=f"{label}.taskDefinition")
        elif word in rules.managed:
            report.error(
                entry.place, f"'{word}' is filled in by the reconciler", "managed-field", path=label
            )
        elif word not in known:
            hint = suggest(word, known | task_fields())
            if word in rules.elsewhere:
                hint = ": only services have it"
            report.error(entry.place, f"unknown field '{word}'{hint}", "unknown-field", path=label)


def check_unused(document: Mapping, context: AppContext) -> None:
    """Check `defaults` and every container template, used or not."""
    report, defaults = context.report, context.defaults
    known = default_words()
    for word, entry in defaults.entries.items():
        if word not in known:
            hint = suggest(word, known | lifted_task_fields())
            report.error(
                entry.place, f"unknown field '{word}'{hint}", "unknown-field", path="defaults"
            )
    shape = _shape("RegisterTaskDefinition")
    members = shape.members["containerDefinitions"].element
    section = document.mapping("containers")
    for name in context.templates.names:
        assert section is not None and members is not None  # noqa: S101, PT018 - it has names
        template = context.templates.get(name, section.entries[name].place, f"containers.{name}")
        if template is None:
            continue
        label = f"containers.{name}"
        typing = Typing(label, "container", TASK_DEFINITION, report, partial=True)
        full = Shorts(label, report).container(template, ())
        typing.convert(prune_nulls(full), members)


def default_words() -> frozenset[str]:
    """Return what may stand in `defaults`."""
    creation = frozenset(input_of("CreateService").members) | frozenset(input_of("RunTask").members)
    managed = {
        "cluster",
        "clientToken",
        "serviceName",
        "startedBy",
        "count",
        "referenceId",
        "overrides",
        "group",
    }
    return (creation - managed) | lifted_container_fields() - {"name"} | {"taskDefinition"}
