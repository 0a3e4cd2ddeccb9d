"""A tag in a live task definition against the digest that is wanted: what runs decides.

Called by `plan.revision`. Only revisions that others registered name tags; ours name digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.desired import DesiredService
from reconciler.model.observed import ObservedService
from reconciler.model.plan import Suppressed
from reconciler.plan.image_names import taken_apart


def with_running_images(
    service: DesiredService,
    wanted: Mapping[str, Any],
    live: Mapping[str, Any],
    observed: ObservedService,
) -> tuple[dict[str, Any], tuple[Suppressed, ...]]:
    """Return the live content with a tag replaced by the wanted digest, where that is what runs.

    A revision that others registered names a tag. It does what is wanted when ECS resolved it to the
    wanted digest for the running deployment, or, when nobody knows that, when the files name that tag.
    """
    declared = {c["name"]: c.get("image") for c in service.task_definition["containerDefinitions"]}
    images = {c["name"]: str(c.get("image", "")) for c in wanted["containerDefinitions"]}
    containers, settled = [], []
    for container in live.get("containerDefinitions", ()):
        name, image = str(container["name"]), str(container.get("image", ""))
        digest = images.get(name, "")
        rule = ""
        seen, wanted_name = taken_apart(image), taken_apart(digest)
        by_tag = wanted_name.digest and not seen.digest
        if by_tag and seen.repository == wanted_name.repository:
            running = observed.running.get(name)
            if running and digest.endswith(f"@{running}"):
                rule = "it runs the digest that the files name"
            elif not running and declared.get(name) == image:
                rule = "the live task definition names the tag that the files name"
        if rule:
            settled.append(Suppressed(f"containerDefinitions.{name}.image", image, rule))
        containers.append({**container, "image": digest} if rule else container)
    return {**live, "containerDefinitions": containers}, tuple(settled)
