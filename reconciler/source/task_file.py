"""A task definition in a file of its own, JSON or YAML, for `task run`. Called by `app.one_off`.

Fields as in RegisterTaskDefinition, in any of AWS's spellings; a whole `describe-task-definition` answer
will do, and what AWS adds to one is left out. Mistakes are said as of the desired files.
"""

from __future__ import annotations

from typing import Any

from reconciler.model.errors import InvalidDesiredState
from reconciler.shapes.botocore_model import Shape, input_of, read_only_members
from reconciler.shapes.tables import TASK_DEFINITION
from reconciler.source.converters.conversion import Conversion, by_spelling, squashed
from reconciler.source.nodes import Entry, Mapping, Node, Sequence
from reconciler.source.report import Report
from reconciler.source.typed import Typing

_LABEL = "taskDefinition"


def read_task_definition(name: str, text: str) -> dict[str, Any]:
    """Return the RegisterTaskDefinition input that a file holds.

    Raises InvalidDesiredState with every mistake: what is no YAML or JSON, fields that AWS does not have,
    values of another type than its own.
    """
    operation, report = "RegisterTaskDefinition", Report()
    root = Conversion().read(name, text)
    inner = root.mapping(_LABEL)
    if inner is not None and "containerDefinitions" in inner.entries:
        root = inner
    known = root.without(read_only_members("TaskDefinition", operation))
    shape = input_of(operation)
    typing = Typing(_LABEL, _LABEL, TASK_DEFINITION, report)
    found = typing.convert(_respelled(known, shape, report), shape)
    if report.errors:
        raise InvalidDesiredState(report.errors)
    return dict(found)


def _respelled(node: Node, shape: Shape, report: Report) -> Node:
    """Return the tree with AWS's names of the fields, whatever their spelling; unknown ones stay."""
    match node:
        case Mapping() if shape.kind == "structure" and not shape.is_document:
            names, entries = by_spelling(shape), dict[str, Entry]()
            for key, entry in node.entries.items():
                member = names.get(squashed(key))
                if member is None:
                    entries[key] = entry
                elif member in entries:
                    message = f"'{key}' is there twice, the other time in another spelling"
                    report.error(entry.place, message, "duplicate-key", path=_LABEL)
                else:
                    value = _respelled(entry.value, shape.members[member], report)
                    entries[member] = Entry(entry.place, value)
            return Mapping(node.place, entries)
        case Sequence(items=items) if shape.element is not None:
            element = shape.element
            return Sequence(node.place, [_respelled(item, element, report) for item in items])
        case _:
            return node
