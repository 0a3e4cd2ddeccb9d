"""Containers: `from`, and the one-container form of a workload. Called by `workload`.

Nearest wins: the container itself, then what it is `from`, then the container fields of `defaults`.
"""

from __future__ import annotations

from reconciler.shapes.botocore_model import suggest
from reconciler.source.merge import overlay_maps
from reconciler.source.nodes import Broken, Entry, Mapping, Null, Place, Scalar, describe
from reconciler.source.report import Report, show

MAX_NESTING = 32


class Templates:
    """The `containers:` section, each with its own `from` worked out."""

    def __init__(self, section: Mapping | None, report: Report) -> None:
        self._section = section.entries if section else {}
        self._report = report
        self._done: dict[str, Mapping | None] = {}
        self._active: list[str] = []

    @property
    def names(self) -> list[str]:
        """The names, in the order written."""
        return [n for n, e in self._section.items() if isinstance(e.value, Mapping)]

    def get(self, name: str, place: Place, path: str) -> Mapping | None:
        """Return a template by name; None when there is none, which is reported at `place`."""
        if name in self._done:
            return self._done[name]
        entry = self._section.get(name)
        if entry is None or isinstance(entry.value, Null):
            hint = suggest(name, self._section)
            message = f"there is no container {show(name)} under containers{hint}"
            self._report.error(place, message, "unknown-container", path=path)
            return None
        if not isinstance(entry.value, Mapping):
            if not isinstance(entry.value, Broken):
                message = f"must be a map, not {describe(entry.value)}"
                self._report.error(entry.place, message, "wrong-type", path=f"containers.{name}")
            return None
        if name in self._active:
            loop = " → ".join([*self._active[self._active.index(name) :], name])
            self._report.error(place, f"'from' goes in a circle: {loop}", "cycle", path=path)
            return None
        if len(self._active) >= MAX_NESTING:
            message = f"'from' nested deeper than {MAX_NESTING} levels"
            self._report.error(place, message, "too-deep", path=path)
            return None
        self._active.append(name)
        done = self.complete(entry.value, f"containers.{name}").without({"name"})
        self._active.pop()
        self._done[name] = done
        return done

    def complete(self, container: Mapping, path: str) -> Mapping:
        """Return the container laid over what it is `from`; without that word."""
        source = container.get("from")
        own = container.without({"from"})
        if source is None or isinstance(source, Broken):
            return own
        if not isinstance(source, Scalar):
            self._report.error(
                source.place, "takes one name of containers", "wrong-type", path=f"{path}.from"
            )
            return own
        base = self.get(source.text, source.place, f"{path}.from")
        if base is None:
            # Whatever it would have brought is not missed a second time.
            broken = Entry(source.place, Broken(source.place))
            return own if "image" in own.entries else own.plus("image", broken)
        return overlay_maps(base, own)


def containers_of(  # noqa: PLR0913, PLR0917 - what a workload is made of
    task: Mapping,
    side: Mapping,
    name: str,
    below: Mapping,
    templates: Templates,
    report: Report,
    path: str,
) -> Mapping:
    """Return a workload's containers by name, complete.

    `side` holds the container fields written on the workload itself, `below` those of `defaults`.
    """
    section = task.get("containerDefinitions")
    entries: dict[str, Entry] = {}
    if isinstance(section, Mapping):
        entries = dict(section.entries)
    if side.entries:
        single = side.text("name") or name
        entries = {single: Entry(side.place, side), **entries} if single not in entries else entries
    complete: dict[str, Entry] = {}
    for key, entry in entries.items():
        if isinstance(entry.value, Null | Broken):
            continue
        where = f"{path}.containerDefinitions.{key}"
        if not isinstance(entry.value, Mapping):
            message = f"must be a map, not {describe(entry.value)}"
            report.error(entry.place, message, "wrong-type", path=where)
            continue
        _same_name(key, entry.value, where, report)
        container = overlay_maps(below, templates.complete(entry.value, where))
        named = Entry(entry.place, Scalar(key, entry.place, plain=False))
        complete[key] = Entry(
            entry.place,
            Mapping(entry.value.place, {"name": named, **container.without({"name"}).entries}),
        )
    return Mapping(task.place, complete)


def _same_name(key: str, container: Mapping, path: str, report: Report) -> None:
    name = container.text("name")
    if name is not None and name != key and not key.startswith("#"):
        place = container.entries["name"].place
        message = f"the container is called {show(key)} by its key and {show(name)} inside"
        report.error(place, message, "two-forms", path=path)
