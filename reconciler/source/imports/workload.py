"""One live service → the parts of its YAML, before anything is shared with its neighbours.

Called by `files`. Images that move become the digest that runs; what looks like a secret becomes
`${live}`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reconciler.model.names import last_part
from reconciler.plan.image_names import parse_image, tag_problem
from reconciler.plan.mask import is_sensitive, looks_secret
from reconciler.shapes.controllers import IN_TASK_SETS
from reconciler.source.imports.live import LiveService, Target
from reconciler.source.imports.scaling import short_autoscaling
from reconciler.source.imports.shorten import short_service, short_task
from reconciler.source.imports.tree import Keys, Reference

LIVE = Reference("${live}")
_REFERENCES = ("environment", "secrets", "image")


@dataclass
class Part:
    """One service while its YAML is made. `task` holds the containers by name."""

    key: str
    live: LiveService
    service: Keys
    task: Keys
    notes: list[str] = field(default_factory=list)
    """What a person should know, each a sentence."""
    problems: list[str] = field(default_factory=list)
    """Why it cannot be written at all."""

    @property
    def containers(self) -> Keys:
        """The containers by name."""
        found: Keys = self.task["containerDefinitions"]
        return found

    @property
    def is_bare(self) -> bool:
        """Whether nothing is said of its tasks: task sets of another deployer are all there may be."""
        return not self.live.task_definition


def part_of(key: str, live: LiveService, target: Target) -> Part:
    """Return a service's own part."""
    part = Part(key, live, short_service(live.service), short_task(live.task_definition))
    full = f"{target.app}-{target.environment}-{key}"
    for fields, name in ((part.service, "serviceName"), (part.task, "family")):
        if fields.get(name) == full:
            del fields[name]
    if live.scaling is not None and live.scaling.target is not None:
        part.service["autoscaling"] = short_autoscaling(live.scaling)
        part.service.pop("desiredCount", None)  # the autoscaler's
    for fields, tags in ((part.service, live.tags), (part.task, live.task_tags)):
        fields.pop("tags", None)
        if tags:
            fields["tags"] = Keys(sorted(tags.items()))
    if part.is_bare:
        for name in IN_TASK_SETS:
            part.service.pop(name, None)
        part.notes.append("its task sets are another deployer's: written without containers")
    for name, container in part.containers.items():
        _fix_image(part, name, container)
        part.notes += [
            f"environment.{variable} of container {name} is there twice; wrote the last, which counts"
            for variable in live.repeated.get(name, ())
        ]
    _hide_secrets(part, target)
    return part


def _fix_image(part: Part, name: str, container: Keys) -> None:
    text = str(container.get("image", ""))
    image = parse_image(text)
    if image is None or image.digest or part.live.running is None:
        return
    moves = bool(tag_problem(image))
    if not moves and name not in part.live.moved:
        return
    digest = part.live.running.get(name)
    if digest is None:
        part.problems.append(
            f"image {text} of container {name} is a mutable tag, and nothing tells the digest it "
            "runs: start a task, or deploy it once with a fixed tag"
        )
        return
    container["image"] = f"{image.repository}@{digest}"
    why = "is a mutable tag" if moves else "names another image by now"
    short = last_part(text)
    part.notes.append(f"image {short} {why}; wrote the digest it runs now")


def _hide_secrets(part: Part, target: Target) -> None:
    """Replace what looks like a secret by `${live}`, at the nearest place that has a name."""
    for name, container in part.containers.items():
        environment = container.get("environment", Keys())
        for key in [k for k, v in environment.items() if _is_plain_secret(k, v)]:
            where = f"/{target.app}/{target.environment}/{key}"
            better = f"; better  secrets: {{{key}: {where}}}" if key.isidentifier() else ""
            _hide(part, environment, key, f"environment.{key} of container {name}", better)
        for place in [p for p in container if p not in _REFERENCES]:
            _hide_inside(part, container, place, (name, place))
    for volume in part.task.get("volumes", ()):
        for place in list(volume):
            _hide_inside(part, volume, place, (f"volume {volume.get('name')}", place))
    for place, value in part.service.items():
        if place != "tags" and is_sensitive((place,), value):
            part.problems.append(
                f"{place} holds what looks like a secret, and only a task definition's may stay as "
                "it is live: move it to secretOptions first"
            )


def _is_plain_secret(name: str, value: Any) -> bool:
    return not isinstance(value, Reference) and looks_secret(name, str(value))


def _hide_inside(part: Part, fields: dict[str, Any], key: str, path: tuple[str, ...]) -> None:
    value = fields[key]
    if not is_sensitive(path[1:], value):
        return
    if not isinstance(value, dict):
        _hide(part, fields, key, f"{'.'.join(path[1:])} of {path[0]}", "")
        return
    fields[key] = inside = Keys(value)
    for name in list(inside):
        _hide_inside(part, inside, name, (*path, name))


def _hide(part: Part, fields: dict[str, Any], key: str, what: str, better: str) -> None:
    fields[key] = LIVE
    if isinstance(fields, Keys):
        fields.say(key, f"looks like a secret: kept as it is live{better}")
    part.notes.append(f"{what} looks like a secret: not written, it stays as it is live")
