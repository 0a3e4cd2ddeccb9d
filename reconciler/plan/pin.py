"""Replace image references by the digests they were resolved to, so that every task runs the same bits.

Called by the planner and by `runs` before a task definition is registered or hashed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def pin_images(task_definition: Mapping[str, Any], images: Mapping[str, str]) -> dict[str, Any]:
    """Return the task definition with every image that `images` knows replaced by its digest form.

    `images` maps a reference as declared to `repository@sha256:…`. Unknown ones stay as they are:
    ask `missing_images` first.
    """
    result = dict(task_definition)
    if "containerDefinitions" in result:
        result["containerDefinitions"] = [
            {**c, "image": images.get(c["image"], c["image"])} if "image" in c else dict(c)
            for c in result["containerDefinitions"]
        ]
    return result


def missing_images(
    task_definition: Mapping[str, Any], images: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the images of the task definition that could not be resolved, each once, sorted."""
    found = {c["image"] for c in task_definition.get("containerDefinitions", ()) if "image" in c}
    return tuple(sorted(i for i in found if i not in images))


def pins_of(task_definition: Mapping[str, Any], images: Mapping[str, str]) -> dict[str, str]:
    """Return reference → digest for the images that the task definition runs."""
    found = {c["image"] for c in task_definition.get("containerDefinitions", ()) if "image" in c}
    return {i: images[i] for i in sorted(found) if i in images}
