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


MOST_PINS = 500
"""References whose digest is remembered: one item of DynamoDB holds all of them, 400 KB at most."""


def kept_pins(
    remembered: Mapping[str, str], resolved: Mapping[str, str], most: int = MOST_PINS
) -> dict[str, str]:
    """Return the pins to remember: all that are used now, and of the others the greatest names.

    Tags that begin with a date or a number are so forgotten oldest first. A forgotten reference that
    comes back is asked of ECR again.
    """
    others = sorted(reference for reference in remembered if reference not in resolved)
    room = max(0, most - len(resolved))
    kept = {reference: remembered[reference] for reference in others[len(others) - room :]}
    return {**(kept if room else {}), **resolved}
