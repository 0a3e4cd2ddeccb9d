"""Pasted names, `MinCapacity`, as they are written here, `minCapacity`: tree to tree, guided by AWS's model.

Called for the parts whose API has names with a capital first letter. A name that the model does not know
stays as it is: typing says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Collection

from reconciler.shapes.botocore_model import Shape, written_name
from reconciler.source.nodes import Entry, Mapping, Node, Sequence
from reconciler.source.report import Report


def as_written(node: Node, shape: Shape, report: Report, path: str) -> Node:
    """Return the tree of a value of type `shape` with its structures' names as they are written."""
    match node:
        case Mapping() if shape.kind == "structure" and not shape.is_document:
            known = with_written_names(node, shape.members, report, path)
            entries = {
                name: Entry(e.place, as_written(e.value, shape.members[name], report, path))
                if name in shape.members
                else e
                for name, e in known.entries.items()
            }
            return Mapping(node.place, entries)
        case Mapping() if shape.element is not None:
            entries = {
                key: Entry(e.place, as_written(e.value, shape.element, report, path))
                for key, e in node.entries.items()
            }
            return Mapping(node.place, entries)
        case Sequence() if shape.element is not None:
            return Sequence(
                node.place, [as_written(i, shape.element, report, path) for i in node.items]
            )
        case _:
            return node


def with_written_names(node: Mapping, known: Collection[str], report: Report, path: str) -> Mapping:
    """Return the map with the names of `known` as they are written; the values stay as they are."""
    entries: dict[str, Entry] = {}
    for name, entry in node.entries.items():
        written = written_name(name)
        ours = written if name not in known and written in known else name
        if ours in entries:
            message = f"'{name}' and '{ours}' are the same field"
            report.error(entry.place, message, "two-forms", path=path)
        else:
            entries[ours] = entry
    return Mapping(node.place, entries)


def by_name(node: Node, name: str, report: Report, path: str) -> Node:
    """Return a list of maps as a map by the field `name` of each; anything else as it is."""
    if not isinstance(node, Sequence):
        return node
    entries: dict[str, Entry] = {}
    for pasted in node.items:
        if not isinstance(pasted, Mapping):
            return node
        item = with_written_names(pasted, (name,), report, path)
        key = item.text(name)
        if key is None:
            report.error(item.place, f"an item of a list needs '{name}'", "required", path=path)
        elif key in entries:
            report.error(
                item.entries[name].place, f"'{key}' is there twice", "duplicate-key", path=path
            )
        else:
            entries[key] = Entry(item.place, item)
    return Mapping(node.place, entries)
