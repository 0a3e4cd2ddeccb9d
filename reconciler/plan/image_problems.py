"""Images that a plan cannot go on without: not in the registry, or made for another platform.

Called by `plan.subject`, `plan.migration_steps`, `resources.preflight.images` and, for what that means to
all other steps, by `plan.planner`. Only images that the ledger has not pinned yet are looked at closer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.model.observed import ObservedApp
from reconciler.model.plan import Step, Verb
from reconciler.plan.pin import missing_images

NOT_FOUND = "image not found"
OTHER_PLATFORM = "image for another platform"
_STOPS = (NOT_FOUND, OTHER_PLATFORM)

_ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64"}
"""runtimePlatform.cpuArchitecture [M CPUArchitecture] → the word of the OCI image specification."""


def image_problem(task_definition: Mapping[str, Any], observed: ObservedApp, *others: str) -> str:
    """Name the images that are not there or run elsewhere, empty when all will do.

    `others` are images that run beside the task definition's: the guard.
    """
    known = set(observed.images.values())
    wanted = (*missing_images(task_definition, observed.images), *others)
    missing = sorted({i for i in wanted if i not in observed.images and i not in known})
    if missing:
        return f"{NOT_FOUND}: {', '.join(missing)}"
    wrong = sorted(set(_misfits(task_definition, observed)))
    return f"{OTHER_PLATFORM}: {'; '.join(wrong)}" if wrong else ""


def stopped(steps: Sequence[Step]) -> list[Step]:
    """Block every step that would change AWS while one of them lacks an image.

    A release begins when all of it can: no migration runs for services that cannot follow it.
    """
    reasons = tuple(dict.fromkeys(_reasons(steps)))
    return [_blocked(step, reasons) for step in steps] if reasons else list(steps)


def _reasons(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        for said in (step.summary if step.verb is Verb.HOLD else "", *step.blocked_by):
            if said.startswith(_STOPS):
                yield said


def _blocked(step: Step, reasons: tuple[str, ...]) -> Step:
    if step.verb in (Verb.NONE, Verb.WAIT, Verb.HOLD):
        return step
    rest = tuple(b for b in step.blocked_by if b not in reasons)
    return replace(step, blocked_by=(*reasons, *rest))


def _misfits(task_definition: Mapping[str, Any], observed: ObservedApp) -> Iterator[str]:
    wanted = platform_of(task_definition)
    if not wanted:
        return
    for container in task_definition.get("containerDefinitions", ()):
        image = container.get("image", "")
        offered = observed.platforms.get(image, frozenset())
        if offered and wanted not in offered:
            yield f"{image} is for {', '.join(sorted(offered))}, the task runs on {wanted}"


def platform_of(task_definition: Mapping[str, Any]) -> str:
    """Return what a task runs on, as `linux/arm64`; empty where only the instance would tell."""
    declared = task_definition.get("runtimePlatform", {})
    if not declared and "FARGATE" not in task_definition.get("requiresCompatibilities", ()):
        return ""
    family = str(declared.get("operatingSystemFamily", "LINUX"))
    architecture = str(declared.get("cpuArchitecture", "X86_64"))
    system = "windows" if family.startswith("WINDOWS") else family.lower()
    return f"{system}/{_ARCHITECTURES.get(architecture, architecture.lower())}"
