"""Hashes of the desired side: the tag on a task definition and the key of a held rollout.

Called by the planner, by `runs` (tags of migration task definitions) and by `controller.registering`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from reconciler.model.desired import DesiredService
from reconciler.plan.canonical import canonical_json
from reconciler.plan.normal import normal
from reconciler.plan.pin import pin_images
from reconciler.shapes.tables import SERVICE, TASK_DEFINITION

SPEC_TAG = "reconciler:spec"
"""Tag on every task definition we register: `content_hash` of what was registered."""

NOT_A_ROLLOUT = ("desiredCount", "tags")
"""Fields of a service that start no task of a new deployment, however they change."""


def content_hash(task_definition: Mapping[str, Any]) -> str:
    """Return the hash of a task definition's content: 64 hex digits, fit for a tag's value.

    Order that means nothing, pasted defaults and tags do not change it.
    """
    content = {k: v for k, v in task_definition.items() if k != "tags"}
    return _hash(normal(content, TASK_DEFINITION))


def desired_hash(service: DesiredService, images: Mapping[str, str]) -> str:
    """Return the hash of what a service is wanted to be: its declaration and the image digests.

    The desired count and tags are left out: scaling a service is no reason to try a reverted
    rollout again. Images that are not in `images` count as written.
    """
    declared = {k: v for k, v in service.service.items() if k not in NOT_A_ROLLOUT}
    pinned = pin_images(service.task_definition, images)
    pinned.pop("tags", None)
    carried = [sorted(service.carried)] if service.carried else []
    return _hash([normal(declared, SERVICE), normal(pinned, TASK_DEFINITION), *carried])


def _hash(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
