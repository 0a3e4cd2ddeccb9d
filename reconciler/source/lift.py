"""Brings a workload as written into its long form: one level becomes service, task definition, container.

Called by `extends` on each folder's own text, so that layers merge whichever form they use, and
again once references are resolved. Structure only: values are typed later. Doing it twice changes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.source.fields import lifted_task_fields, read_only_service
from reconciler.source.nodes import Entry, Mapping, Node, Null, Place, Scalar, Sequence
from reconciler.source.pasted import service_of, task_definition_of, without_read_only
from reconciler.source.redis_lift import lift_redis
from reconciler.source.report import Report

_KEYED = {"environment": ("name", "value"), "secrets": ("name", "valueFrom")}
_TAGS = ("key", "value")
_LAST_COUNTS = "environment"
"""What ECS takes twice in one list (`shapes.tables`)."""
OWNED_TAGS = ("reconciler:", "aws:")
"""Tags that begin so are not the user's."""


def lift_document(document: Mapping, report: Report) -> Mapping:
    """Return an app's document with every workload and container in long form."""
    document = _each(document, "services", lambda p, n: lift_workload(service_of(n), p, report))
    for section in ("migrations", "jobs"):
        document = _each(document, section, lambda path, n: lift_workload(n, path, report))
    document = _each(document, "containers", lambda path, n: lift_container(n, path, report))
    document = _each(document, "redis", lambda path, n: _redis(n, path, report))
    defaults = document.mapping("defaults")
    if defaults is not None:
        place = document.entries["defaults"].place
        lifted = lift_workload(defaults, "defaults", report)
        document = document.plus("defaults", Entry(place, lifted))
    return document


def _each(document: Mapping, section: str, change: Callable[[str, Mapping], Node]) -> Mapping:
    items = document.mapping(section)
    if items is None:
        return document
    changed = {
        name: Entry(e.place, change(f"{section}.{name}", e.value))
        if isinstance(e.value, Mapping)
        else e
        for name, e in items.entries.items()
    }
    return document.plus(
        section, Entry(document.entries[section].place, Mapping(items.place, changed))
    )


def _redis(group: Mapping, path: str, report: Report) -> Mapping:
    return _keyed_field(lift_redis(group, path, report), "tags", _TAGS, path, report)


def lift_workload(workload: Mapping, path: str, report: Report) -> Mapping:
    """Return the workload with its task's fields under `taskDefinition`, containers as a map by name."""
    read_only = read_only_service() - lifted_task_fields() - {"taskDefinition"}
    workload = without_read_only(workload, read_only, path, report)
    moved = (lifted_task_fields() & workload.entries.keys()) | (
        {"containerDefinitions"} & workload.entries.keys()
    )
    task = workload.entries.get("taskDefinition")
    if task is None and not moved:
        return _service_side(workload, path, report)
    under = task.value if task else Mapping(workload.place)
    if not isinstance(under, Mapping):
        if not isinstance(under, Scalar | Sequence):
            return workload
        message = "is a map of RegisterTaskDefinition's fields here, not the name of one"
        report.error(under.place, message, "wrong-type", path=f"{path}.taskDefinition")
        under = Mapping(under.place)
    under = task_definition_of(under, f"{path}.taskDefinition", report)
    for name in [n for n in workload.entries if n in moved]:
        entry = workload.entries[name]
        twice = under.entries.get(name)
        if twice is not None:
            message = f"'{name}' is also set under taskDefinition, at line {twice.place.line}"
            report.error(entry.place, message, "two-forms", path=path)
            continue
        under = under.plus(name, entry)
    place = task.place if task else workload.place
    lifted = workload.without(moved).plus(
        "taskDefinition", Entry(place, _task_side(under, path, report))
    )
    return _service_side(lifted, path, report)


def lift_container(container: Mapping, path: str, report: Report) -> Mapping:
    """Return the container with `environment` and `secrets` as maps by name."""
    for field, keys in _KEYED.items():
        container = _keyed_field(container, field, keys, path, report)
    return container


def _task_side(task: Mapping, path: str, report: Report) -> Mapping:
    task = _keyed_field(task, "tags", _TAGS, f"{path}.taskDefinition", report)
    entry = task.entries.get("containerDefinitions")
    if entry is None:
        return task
    where = f"{path}.containerDefinitions"
    containers = _by_name(entry.value, where, report)
    if isinstance(containers, Mapping):
        lifted = {
            name: Entry(e.place, lift_container(e.value, f"{where}.{name}", report))
            if isinstance(e.value, Mapping)
            else e
            for name, e in containers.entries.items()
        }
        containers = Mapping(containers.place, lifted)
    return task.plus("containerDefinitions", Entry(entry.place, containers))


def _service_side(workload: Mapping, path: str, report: Report) -> Mapping:
    workload = _keyed_field(workload, "tags", _TAGS, path, report)
    workload = lift_container(workload, path, report)
    return _network(workload, path, report)


def _network(workload: Mapping, path: str, report: Report) -> Mapping:
    entry = workload.entries.get("networkConfiguration")
    if entry is None or not isinstance(entry.value, Mapping):
        return workload
    inside = entry.value
    others = [name for name in inside.entries if name != "awsvpcConfiguration"]
    if "awsvpcConfiguration" not in inside.entries:
        wrapped = Mapping(inside.place, {"awsvpcConfiguration": entry})
        return workload.plus("networkConfiguration", Entry(entry.place, wrapped))
    if others:
        message = f"'{others[0]}' stands beside awsvpcConfiguration: write it inside"
        place = inside.entries[others[0]].place
        report.error(place, message, "two-forms", path=f"{path}.networkConfiguration")
        kept = Entry(entry.place, inside.without(set(others)))
        return workload.plus("networkConfiguration", kept)
    return workload


def _keyed_field(
    node: Mapping, field: str, keys: tuple[str, str], path: str, report: Report
) -> Mapping:
    entry = node.entries.get(field)
    if entry is None or not isinstance(entry.value, Sequence):
        return node
    name_key, value_key = keys
    items: dict[str, Entry] = {}
    ours: list[str] = []
    for item in entry.value.items:
        # What is not the long form stays: the schema will say what is wrong with it.
        if not isinstance(item, Mapping) or item.entries.keys() - {*keys}:
            return node
        name = item.text(name_key)
        if name is None or (field == "secrets" and value_key not in item.entries):
            return node
        value = item.entries.get(value_key)
        if field == "tags" and name.startswith(OWNED_TAGS):
            ours.append(name)
            continue
        if name in items:
            place = item.entries[name_key].place
            if field != _LAST_COUNTS:
                _name_twice(place, name, f"{path}.{field}", report)
                continue
            message = f"'{name}' is there twice: the last one counts, as in ECS"
            report.warning(place, message, "duplicate-name", path=f"{path}.{field}")
        empty = Scalar("", item.place, plain=False)
        place = item.entries[name_key].place
        value_node = value.value if value and not isinstance(value.value, Null) else empty
        items[name] = Entry(place, value_node)
    if ours:  # a list is what AWS writes: these came with a pasted answer
        message = f"filled in by the reconciler or AWS, ignored: {', '.join(ours)}"
        report.warning(entry.place, message, "read-only-field", path=f"{path}.{field}")
    return node.plus(field, Entry(entry.place, Mapping(entry.value.place, items)))


def _by_name(node: Node, path: str, report: Report) -> Node:
    if not isinstance(node, Sequence):
        return node
    items: dict[str, Entry] = {}
    for index, item in enumerate(node.items):
        if not isinstance(item, Mapping):
            return node
        name = item.text("name")
        if name is None:
            report.error(item.place, "a container in a list needs 'name'", "required", path=path)
            name = f"#{index}"
        elif name in items:
            _name_twice(item.entries["name"].place, name, path, report)
            continue
        items[name] = Entry(item.place, item)
    return Mapping(node.place, items)


def _name_twice(place: Place, name: str, path: str, report: Report) -> None:
    report.error(place, f"'{name}' is there twice", "duplicate-key", path=path)
