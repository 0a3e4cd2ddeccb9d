"""What migrations and jobs have in common: one container decides, and its command runs once in a task.

Called by `migrations` and `jobs`.
"""

from __future__ import annotations

from reconciler.model.run import GUARD_CONTAINER
from reconciler.shapes.botocore_model import suggest
from reconciler.source.checks import Checks
from reconciler.source.nodes import Mapping
from reconciler.source.report import show
from reconciler.source.workload import AppContext, Assembled


def deciding_container(
    workload: Assembled, declared: str | None, written: Mapping, context: AppContext
) -> str | None:
    """Return the container whose exit code decides: named, the only one, or called like the workload."""
    names = [c["name"] for c in workload.task.get("containerDefinitions", ())]
    if declared is not None:
        if declared not in names:
            place = written.entries["container"].value.place
            message = f"there is no container {show(declared)}{suggest(declared, names)}"
            context.report.error(
                place, message, "unknown-container", path=f"{workload.label}.container"
            )
            return None
        return declared
    if len(names) == 1:
        return str(names[0])
    if workload.name in names:
        return workload.name
    if names:
        message = f"say whose exit code decides, container: one of {', '.join(names)}"
        context.report.error(workload.place, message, "required", path=workload.label)
    return None


def once_only(workload: Assembled, decides: str | None, checks: Checks) -> None:
    """Refuse what would run the command again inside a task, or hide how it ended."""
    noun = workload.rules.section.removesuffix("s")
    for container in workload.task.get("containerDefinitions", ()):
        name = container["name"]
        path = ("taskDefinition", "containerDefinitions", name)
        if container.get("restartPolicy", {}).get("enabled"):
            message = f"a {noun} must not restart by itself: it would run twice"
            checks.error((*path, "restartPolicy"), message, "restart-policy")
        if name == decides and container.get("essential") is False:
            message = "the container whose exit code decides must be essential"
            checks.error((*path, "essential"), message, "invalid-value")
        if name == GUARD_CONTAINER:
            checks.error(
                path,
                "the name is taken by the container that claims a run",
                "managed-field",
            )
    if workload.api.get("propagateTags") == "SERVICE":
        message = f"a {noun} has no service to take tags from: TASK_DEFINITION or NONE"
        checks.error(("launch", "propagateTags"), message, "enum")
    providers = {
        i.get("capacityProvider") for i in workload.api.get("capacityProviderStrategy", ())
    }
    if "FARGATE_SPOT" in providers:
        checks.warning(
            ("launch", "capacityProviderStrategy"),
            f"FARGATE_SPOT may stop a {noun} half-way with two minutes' notice",
            f"spot-{noun}",
        )
