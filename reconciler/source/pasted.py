"""Answers of ECS that were pasted → what the inputs call it. Called by `lift`.

What nobody can set is left out, with a warning. What only a deployment or a task set tells is read there,
as `resources.ecs_service` does when it observes (`shapes.observable`).
"""

from __future__ import annotations

from reconciler.shapes.observable import in_task_sets, only_in_deployments
from reconciler.shapes.spellings import SERVICE_LINKED
from reconciler.source.fields import read_only_task
from reconciler.source.nodes import Mapping, Null, Sequence
from reconciler.source.report import Report


def service_of(answer: Mapping) -> Mapping:
    """Return an element of DescribeServices' `services` with everything that is said of the service.

    A field of the primary task set stands before the service's own; anything else is only added. What
    was read from is gone afterwards, so that a second time changes nothing.
    """
    own = answer
    deployment, task_set = _primary(answer, "deployments"), _primary(answer, "taskSets")
    told = deployment.only(only_in_deployments() - own.entries.keys())
    chosen = task_set.only(in_task_sets())
    for source, found in (("deployments", told), ("taskSets", chosen)):
        entries = {n: e for n, e in found.entries.items() if not isinstance(e.value, Null)}
        if entries:
            own = Mapping(own.place, {**own.without({source}).entries, **entries})
    role = own.text("roleArn")
    if role and SERVICE_LINKED not in role and "role" not in own.entries:
        own = own.without({"roleArn"}).plus("role", own.entries["roleArn"])
    return own


def task_definition_of(answer: Mapping, path: str, report: Report) -> Mapping:
    """Return a task definition out of the whole answer, `{taskDefinition: {…}, tags: […]}`, or as it is."""
    inner = answer.mapping("taskDefinition")
    if inner is not None and not (answer.entries.keys() - {"taskDefinition", "tags"}):
        tags = answer.entries.get("tags")
        answer = inner.plus("tags", tags) if tags and "tags" not in inner.entries else inner
    return without_read_only(answer, read_only_task(), path, report)


def without_read_only(node: Mapping, names: frozenset[str], path: str, report: Report) -> Mapping:
    """Return the map without what nobody can set; that is said."""
    found = [name for name in node.entries if name in names]
    if not found:
        return node
    message = f"read-only in AWS, ignored: {', '.join(found)}"
    report.warning(node.entries[found[0]].place, message, "read-only-field", path=path)
    return node.without(set(found))


def _primary(answer: Mapping, name: str) -> Mapping:
    listed = answer.get(name)
    items = listed.items if isinstance(listed, Sequence) else []
    primary = (i for i in items if isinstance(i, Mapping) and i.text("status") == "PRIMARY")
    return next(primary, Mapping(answer.place))
