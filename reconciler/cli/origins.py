"""`render --origin`: a document as YAML, each line with the place in the files that it came from.

Called by `render`. Written here, since a YAML library writes no comments of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from reconciler.model.desired import DesiredApp
    from reconciler.model.diagnostics import Origin

    Places = tuple[Mapping[tuple[str, ...], Origin], frozenset[tuple[str, ...]]]

Path = tuple[str, ...]

_COLUMN = 60
"""Where the comments stand, unless the line is longer: a place to find them, no width of a terminal."""

_SIDES = {
    "createService": "service",
    "runTask": "launch",
    "registerTaskDefinition": "taskDefinition",
    "createReplicationGroup": "group",
    "parameterGroup": "parameterGroup",
    "registerScalableTarget": "target",
    "putScalingPolicy": "policies",
    "putScheduledAction": "scheduled",
}
"""A document of `render` → the word with which the paths of its origins begin."""
_INSIDE = 4
"""A document begins behind apps, the app's index, resources and the address."""
_WRITTEN = "written down: the files say nothing"


class Guide(Protocol):
    """Knows the names of list items, and where a path comes from."""

    def step(self, path: Path, item: Any, index: int) -> str:
        """Name the item of the list at `path` as the paths of origins do."""

    def origin(self, path: Path) -> str:
        """Say where the value at `path` comes from; empty for nothing to say."""


class FileGuide:
    """The guide of `render`'s document: paths are `apps.0.resources.service/web.createService.…`."""

    def __init__(self, apps: Sequence[DesiredApp]) -> None:
        self._places = [_places(app) for app in apps]

    def step(self, path: Path, item: Any, index: int) -> str:
        """Name a container by its name, a port by number and protocol; other items by their index."""
        from reconciler.plan.canonical import item_key  # noqa: PLC0415 - only when asked for
        from reconciler.shapes import tables  # noqa: PLC0415 - as above

        if len(path) <= _INSIDE or not isinstance(item, Mapping):
            return str(index)
        is_task = path[_INSIDE] == "registerTaskDefinition"
        kind = tables.TASK_DEFINITION if is_task else tables.SERVICE
        rule = tables.list_rule(kind, path[_INSIDE + 1 :])
        return (item_key(rule, item) if rule else "") or str(index)

    def origin(self, path: Path) -> str:
        """Name file and line, or say that we wrote the value down."""
        from reconciler.plan.changes import origin_of  # noqa: PLC0415 - only when asked for

        side = _SIDES.get(path[_INSIDE]) if len(path) > _INSIDE + 1 else None
        places = self._places[int(path[1])].get(path[3]) if side else None
        if side is None or places is None:
            return ""
        origins, written = places
        inside = (side, *path[_INSIDE + 1 :])
        if any(inside[: end + 1] in written for end in range(len(inside))):
            return _WRITTEN
        found = origin_of(origins, inside)
        return f"{found.file}:{found.line}" if found else ""


def _places(app: DesiredApp) -> dict[str, Places]:
    """Return by address where each value stands, and which ones we wrote down."""
    found: dict[str, Places] = {
        str(run.address): (run.origins, run.written) for run in app.launched
    }
    found |= {str(r.address): (r.origins, frozenset()) for r in app.redis}
    for service in app.services:
        found[str(service.address)] = (service.origins, service.written)
        if service.autoscaling is not None:
            scaling = service.autoscaling
            found[str(scaling.address)] = (scaling.origins, frozenset())
    return found


def with_origins(value: Any, guide: Guide) -> str:
    """Return a document as YAML whose lines end with `# file:line`, as far as the guide knows."""
    return "\n".join(
        f"{text:<{_COLUMN}}  # {said}" if said else text
        for text, said in _lines(value, (), "", guide)
    )


def _lines(value: Any, path: Path, indent: str, guide: Guide) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            below = (*path, str(name))
            head = f"{indent}{_scalar(name)}:"
            if not _has(inner):
                yield f"{head} {_scalar(inner)}", guide.origin(below)
                continue
            yield head, guide.origin(below)
            deeper = f"{indent}  " if isinstance(inner, Mapping) else indent
            yield from _lines(inner, below, deeper, guide)
        return
    for index, inner in enumerate(value):
        below = (*path, guide.step(path, inner, index))
        if not _has(inner):
            yield f"{indent}- {_scalar(inner)}", guide.origin(below)
            continue
        (first, said), *rest = _lines(inner, below, f"{indent}  ", guide)
        yield f"{indent}- {first.strip()}", said
        yield from rest


def _has(value: Any) -> bool:
    """Say whether there is something to write below."""
    return bool(value) and isinstance(value, Mapping | list | tuple)


def _scalar(value: Any) -> str:
    import yaml  # noqa: PLC0415 - only here

    text: str = yaml.safe_dump(value, allow_unicode=True, width=10_000, default_flow_style=True)
    return text.removesuffix("\n").removesuffix("\n...")
