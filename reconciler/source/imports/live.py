"""What is imported: one live service with everything that its YAML is made of.

Made by `app.importing` from what `resources` read, documents canonical, and by the converters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.observed import ObservedAutoscaling


@dataclass(frozen=True)
class LiveService:
    """One service: its CreateService document, its task definition, the tags of both without AWS's and ours.

    `task_definition` is empty where task sets of another deployer are all there may be.
    `running` tells the digest (`sha256:…`) that a container runs, by the container's name; it is None
    where nothing is live, and images are written as they are named.
    """

    name: str
    service: Mapping[str, Any]
    task_definition: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)
    task_tags: Mapping[str, str] = field(default_factory=dict)
    running: Mapping[str, str] | None = field(default_factory=dict)
    moved: frozenset[str] = frozenset()
    """Containers whose tag names another image now than the one that runs."""
    repeated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Variables that a container has twice, by the container's name: the last one counts."""
    scaling: ObservedAutoscaling | None = None
    """What Application Auto Scaling has of it; None when nothing is registered."""


@dataclass(frozen=True)
class Target:
    """The header of what is written."""

    app: str
    environment: str
    account: str
    region: str
    cluster: str
