"""Several services → what they share and what is left of each: `images`, `defaults`, `containers`.

Called by `files`. Laying the rest over the shared parts, as `source` does, gives each service again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.names import last_part
from reconciler.plan.image_names import parse_image
from reconciler.source.fields import lifted_container_fields, lifted_task_fields
from reconciler.source.imports.common import common, without, worth_sharing
from reconciler.source.imports.names import as_name
from reconciler.source.imports.order import in_order
from reconciler.source.imports.tree import Keys, Reference, is_empty
from reconciler.source.imports.workload import Part

_SHARED_SERVICE = (
    *("launchType", "capacityProviderStrategy", "platformVersion", "networkConfiguration"),
    *("deploymentConfiguration", "availabilityZoneRebalancing", "placementStrategy"),
    *("enableExecuteCommand", "enableECSManagedTags", "propagateTags", "tags"),
)
_SHARED_TASK = (
    *("cpu", "memory", "networkMode", "requiresCompatibilities", "runtimePlatform"),
    *("executionRoleArn", "taskRoleArn", "ephemeralStorage", "tags"),
)
_WRITTEN = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"]}
_BREAKER = {"enable": True, "rollback": True}


@dataclass
class Shared:
    """The sections of one app."""

    images: Keys
    defaults: Keys
    containers: Keys
    services: Keys
    redis: Keys = field(default_factory=Keys)
    sections: Keys = field(default_factory=Keys)
    """Others of our own."""


def share(parts: Sequence[Part]) -> Shared:
    """Return the sections for services that are complete each; the parts are used up."""
    images = _share_images(parts)
    defaults = _share_defaults(parts) if len(parts) > 1 else Keys()
    containers = _share_containers(parts)
    services = Keys(((p.key, _one_level(p)) for p in parts), apart=True)
    return Shared(images, in_order(defaults), containers, services)


def fits_written_defaults(part: Part) -> bool:
    """Say whether what we write down for silent files is what this service has anyway.

    Then these lines can be left out; otherwise the app says `sync: {defaults: none}`.
    """
    if part.is_bare:
        return True  # nothing is written down for it
    deployment = part.service.get("deploymentConfiguration", {})
    rolls = "strategy" not in deployment and "deploymentController" not in part.service
    breaker = deployment.get("deploymentCircuitBreaker")
    if (
        not rolls
        or breaker != _BREAKER
        or not all("logConfiguration" in c for c in part.containers.values())
    ):
        return False
    if part.service.get("launchType", "") not in ("FARGATE", ""):
        return True
    fargate = "launchType" in part.service or "capacityProviderStrategy" in part.service
    return fargate and all(part.task.get(k) == v for k, v in _WRITTEN.items())


def leave_out_written_defaults(part: Part) -> None:
    """Take out what we write down for silent files; `fits_written_defaults` has said yes."""
    if part.is_bare:
        return
    deployment = part.service["deploymentConfiguration"]
    rest = {k: v for k, v in deployment.items() if k != "deploymentCircuitBreaker"}
    part.service.pop("deploymentConfiguration")
    if rest:
        part.service["deploymentConfiguration"] = rest
    if part.service.get("launchType") == "FARGATE" or "capacityProviderStrategy" in part.service:
        part.service.pop("launchType", None)
        for name in _WRITTEN:
            part.task.pop(name, None)


def _share_images(parts: Sequence[Part]) -> Keys:
    """Move every image to `images`, the only lines that a new version changes."""
    keys: dict[str, str] = {}
    for part in parts:
        for container in part.containers.values():
            text = str(container.get("image", ""))
            image = parse_image(text)
            if image is None:
                continue
            if text not in keys:
                base = last_part(image.repository)
                keys[text] = as_name(base, keys.values(), fallback="image")
            container["image"] = Reference(f"${{images.{keys[text]}}}")
    return Keys(((key, text) for text, key in keys.items()), block=True)


def _share_defaults(parts: Sequence[Part]) -> Keys:
    defaults = common([_only(p.service, _SHARED_SERVICE) for p in parts])
    whole = [p for p in parts if not p.is_bare]
    tasks = common([_only(p.task, _SHARED_TASK) for p in whole]) if whole else Keys()
    for part in parts:
        part.service = without(part.service, defaults)
    for part in whole:
        part.task = without(part.task, tasks)
    for name in [n for n in tasks if n in lifted_task_fields()]:
        defaults[name] = tasks.pop(name)
    if tasks:
        defaults["taskDefinition"] = tasks
    logs = _share_logs(whole) if whole else Keys()
    if logs:
        defaults["logConfiguration"] = logs
    return defaults


def _share_logs(parts: Sequence[Part]) -> Keys:
    """Return what all containers say about their logs; nothing unless they have one driver."""
    containers = [c for p in parts for c in p.containers.values()]
    logs = common([_only(c, ("logConfiguration",)) for c in containers])
    if "logDriver" not in logs.get("logConfiguration", {}):
        return Keys()
    for part in parts:
        part.task["containerDefinitions"] = Keys(
            (name, without(c, logs)) for name, c in part.containers.items()
        )
    found: Keys = logs["logConfiguration"]
    return found


def _share_containers(parts: Sequence[Part]) -> Keys:
    """Make a template of what containers of one image have in common, where that saves lines."""
    templates = Keys(apart=True)
    groups: dict[str, list[tuple[Keys, str]]] = {}
    for part in parts:
        for name, container in part.containers.items():
            if isinstance(container.get("image"), Reference):
                groups.setdefault(container["image"], []).append((part.containers, name))
    for image, members in groups.items():
        chosen = worth_sharing([containers[name] for containers, name in members])
        if not chosen:
            continue
        template = common([members[i][0][members[i][1]] for i in chosen])
        key = image.removeprefix("${images.").removesuffix("}")
        templates[key] = in_order(template)
        for containers, name in (members[i] for i in chosen):
            rest = without(containers[name], template)
            containers[name] = Keys([("from", key), *rest.items()])
            containers[name].comments = rest.comments
    return templates


def _one_level(part: Part) -> Keys:
    """Put the service's, the task's and a single container's fields side by side."""
    result = Keys(part.service)
    under = Keys()
    for name, value in part.task.items():
        if name == "containerDefinitions":
            continue
        if name in lifted_task_fields():
            result[name] = value
        else:
            under[name] = value
    if under:
        result["taskDefinition"] = under
    containers = part.containers
    if part.is_bare:
        return in_order(result)
    if list(containers) == [part.key] and _may_be_lifted(containers[part.key]):
        container = containers[part.key]
        result.update(container)
        result.comments |= container.comments
    else:
        result["containerDefinitions"] = Keys((n, in_order(c)) for n, c in containers.items())
    return in_order(result)


def _may_be_lifted(container: Keys) -> bool:
    return container.keys() <= (lifted_container_fields() | {"from"})


def _only(fields: dict[str, Any], names: Sequence[str]) -> Keys:
    return Keys((n, fields[n]) for n in names if n in fields and not is_empty(fields[n]))
