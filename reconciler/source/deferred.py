"""Where a look-up may stand: in the fields of AWS's documents, in `images:` and `vars:`, in no name.

Called by `document` once references are resolved. What decides how a document is read, whom it is
about or whether something already ran has to be known before AWS is asked.
"""

from __future__ import annotations

from reconciler.source.fields import JOB_OWN, MIGRATION_OWN, SERVICE_OWN
from reconciler.source.nodes import Broken, Entry, Mapping, Node, Scalar, Sequence
from reconciler.source.report import Report, show

_OPEN = frozenset({"vars", "images"})
_WORKLOADS = frozenset({"services", "migrations", "jobs", "containers", "redis"})
_OWN = (SERVICE_OWN | MIGRATION_OWN | JOB_OWN) - {"autoscaling"}
_NAMES = frozenset(
    {
        *("name", "family", "serviceName", "containerName", "sourceContainer", "sourceVolume"),
        *("launchType", "capacityProvider", "networkMode", "requiresCompatibilities"),
        *("schedulingStrategy", "type", "condition", "essential", "key", "protocol"),
        *("replicationGroupId", "cacheParameterGroupName", "engine"),
        *("policyName", "policyType", "scheduledActionName", "predefinedMetricType"),
        *("schedule", "startTime", "endTime"),
    }
)
"""Fields by which documents, the items of lists and live resources are told apart."""
_MAPS = frozenset({"environment", "secrets", "options", "dockerLabels", "tags", "parameters"})
"""Fields whose keys are the user's own: a variable may be called `name`."""


def refuse_look_ups(document: Mapping, report: Report) -> Mapping:
    """Return the document; look-ups that may not stand where they do are reported and broken."""
    entries: dict[str, Entry] = {}
    for section, entry in document.entries.items():
        value = entry.value
        if section in _WORKLOADS and isinstance(value, Mapping):
            items = {
                name: Entry(e.place, _workload(e.value, f"{section}.{name}", report))
                for name, e in value.entries.items()
            }
            value = Mapping(value.place, items)
        elif section == "defaults":
            value = _workload(value, section, report)
        elif section not in _OPEN:
            value = _refused(value, section, report)
        entries[section] = Entry(entry.place, value)
    return Mapping(document.place, entries)


def _workload(node: Node, path: str, report: Report) -> Node:
    """Check a workload: its own words take no look-up."""
    if not isinstance(node, Mapping):
        return _refused(node, path, report)
    own = {
        key: Entry(e.place, _refused(e.value, f"{path}.{key}", report))
        for key, e in node.entries.items()
        if key in _OWN
    }
    return _fields(Mapping(node.place, {**node.entries, **own}), path, report)


def _fields(node: Node, path: str, report: Report, *, free: bool = False) -> Node:
    """Check AWS's fields; `free` when the keys of this map are the user's."""
    match node:
        case Mapping(place=place, entries=entries):
            checked = {}
            for key, entry in entries.items():
                where = f"{path}.{key}"
                if key in _NAMES and not free:
                    value = _refused(entry.value, where, report)
                else:
                    value = _fields(entry.value, where, report, free=key in _MAPS and not free)
                checked[key] = Entry(entry.place, value)
            return Mapping(place, checked)
        case Sequence(place=place, items=items):
            return Sequence(place, [_fields(item, path, report) for item in items])
        case _:
            return node


def _refused(node: Node, path: str, report: Report) -> Node:
    match node:
        case Scalar(parts=parts) if parts:
            message = f"takes no look-up: it has to be known before {show(node.text)} is asked for"
            report.error(node.place, message, "look-up", path=path)
            return Broken(node.place)
        case Mapping(place=place, entries=entries):
            checked = {
                k: Entry(e.place, _refused(e.value, f"{path}.{k}", report))
                for k, e in entries.items()
            }
            return Mapping(place, checked)
        case Sequence(place=place, items=items):
            return Sequence(place, [_refused(item, path, report) for item in items])
        case _:
            return node
