"""Every kind whose steps are nothing but calls, by name. Read by `controller.calls`.

A new kind is added here and in the planner; services, task definitions and runs have steps of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.resources.autoscaling import autoscaling
from reconciler.resources.kind import Kind
from reconciler.resources.parameter_group import parameter_group
from reconciler.resources.replication_group import replication_group

KINDS: Mapping[str, Kind[Any]] = {
    kind.name: kind for kind in (autoscaling, parameter_group, replication_group)
}


def kind_named(name: str) -> Kind[Any]:
    """Return the kind that a plan's call names; KeyError when nobody made it."""
    return KINDS[name]
