"""A task definition in a file of its own, JSON or YAML, for `task run`. Called by `app.one_off`.

Fields as in RegisterTaskDefinition, in any of AWS's spellings; a whole `describe-task-definition` answer
will do, and what AWS adds to one is left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.model.errors import UsageError
from reconciler.shapes.botocore_model import input_of, read_only_members
from reconciler.source.converters.conversion import LEFT_OUT, Conversion


def read_task_definition(name: str, text: str) -> dict[str, Any]:
    """Return the RegisterTaskDefinition input that a file holds.

    Raises InvalidDesiredState for what is no YAML or JSON, UsageError for fields that AWS does not
    have; both with file and line.
    """
    conversion, operation = Conversion(), "RegisterTaskDefinition"
    root = conversion.read(name, text)
    inner = root.mapping("taskDefinition")
    if inner is not None and "containerDefinitions" in inner.entries:
        root = inner
    known = root.without(read_only_members("TaskDefinition", operation))
    found = conversion.spelled(known, input_of(operation), "")
    if conversion.remarks:
        wrong = (replace(r, message=r.message.removesuffix(LEFT_OUT)) for r in conversion.remarks)
        raise UsageError("\n".join(map(str, wrong)))
    return dict(found)
