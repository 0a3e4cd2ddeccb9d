"""Raw scaling policies or scheduled actions, typed by AWS's model. Called by `source.autoscaling`.

They may be pasted from describe-scaling-policies and describe-scheduled-actions, as a list or as a map by
name. What the model does not say is checked by `scaling_policies` and `scheduled_actions`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reconciler.model.diagnostics import Origin
from reconciler.model.names import Path
from reconciler.plan.autoscaling.document import ACTIONS, API, POLICIES, READ_ONLY
from reconciler.shapes.botocore_model import input_of
from reconciler.shapes.tables import AUTOSCALING
from reconciler.source.api_names import as_written, by_name, with_written_names
from reconciler.source.nodes import Entry, Mapping, Null, describe, node_at
from reconciler.source.report import Report, show
from reconciler.source.typed import OMIT, Typing

_NAMES = {
    POLICIES: ("policyName", "PutScalingPolicy"),
    ACTIONS: ("scheduledActionName", "PutScheduledAction"),
}


@dataclass
class Part:
    """One section while it is read: documents by name, the trees they came from, and places."""

    label: str
    section: str
    report: Report
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    trees: dict[str, Mapping] = field(default_factory=dict)
    origins: dict[Path, Origin] = field(default_factory=dict)

    def read(self, entry: Entry) -> Part:
        """Read the whole section; what is wrong is reported and left out."""
        name_field, operation = _NAMES[self.section]
        path = f"{self.label}.{self.section}"
        node = by_name(entry.value, name_field, self.report, path)
        if not isinstance(node, Mapping):
            message = f"must be a map by name, or a list, not {describe(node)}"
            self.report.error(node.place, message, "wrong-type", path=path)
            return self
        shape = input_of(operation, API)
        for name, item in node.entries.items():
            where = f"{path}.{name}"
            if isinstance(item.value, Null):
                continue
            tree = as_written(item.value, shape, self.report, where)
            if isinstance(tree, Mapping):
                tree = self._named(
                    name, drop_read_only(tree, self.report, where), name_field, where
                )
            typing = Typing(where, self.section, AUTOSCALING, self.report)
            document = typing.convert(tree, shape)
            if document is OMIT or not isinstance(tree, Mapping):
                continue
            self.documents[name], self.trees[name] = document, tree
            self._places(name, item, typing.origins)
        return self

    def error(self, name: str, path: Path, message: str, rule: str) -> None:
        """Report a mistake in one of the documents."""
        where = ".".join((self.label, self.section, name, *path))
        self.report.error(node_at(self.trees[name], path), message, rule, path=where)

    def _named(self, name: str, tree: Mapping, name_field: str, where: str) -> Mapping:
        said = tree.text(name_field)
        if said is not None and said != name:
            place = tree.entries[name_field].value.place
            self.report.error(
                place, f"is {show(said)}, but the key is {show(name)}", "two-forms", path=where
            )
        return tree.without({name_field})

    def _places(self, name: str, item: Entry, origins: dict[Path, Origin]) -> None:
        head = "scheduled" if self.section == ACTIONS else self.section
        self.origins[head, name] = item.place.origin
        self.origins.update({(head, name, *p[1:]): origin for p, origin in origins.items()})


def drop_read_only(tree: Mapping, report: Report, path: str) -> Mapping:
    """Leave out what AWS answers and nobody can declare, with a warning."""
    tree = with_written_names(tree, READ_ONLY, report, path)
    found = [name for name in tree.entries if name in READ_ONLY]
    if not found:
        return tree
    message = f"read-only in AWS, ignored: {', '.join(found)}"
    report.warning(tree.entries[found[0]].place, message, "read-only-field", path=path)
    return tree.without(set(found))
