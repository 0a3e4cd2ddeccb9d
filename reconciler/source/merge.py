"""Merging of trees: sections over the files of a folder, `extends`, `defaults` and `from`.

Pure. Maps merge by key, everything else is replaced by what stands nearer, and `null` stays as the
mark of what was removed until `prune_nulls`.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.source.nodes import Entry, Mapping, Node, Null, Place, Sequence
from reconciler.source.report import Report


def overlay(base: Node, nearer: Node) -> Node:
    """Return `nearer` laid over `base`: deep for two maps, else `nearer`."""
    if not (isinstance(base, Mapping) and isinstance(nearer, Mapping)):
        return nearer
    return overlay_maps(base, nearer)


def overlay_maps(base: Mapping, nearer: Mapping) -> Mapping:
    """Return the map `nearer` laid over the map `base`; the base's keys come first."""
    entries = dict(base.entries)
    for key, entry in nearer.entries.items():
        below = entries.get(key)
        value = overlay(below.value, entry.value) if below else entry.value
        entries[key] = Entry(entry.place, value)
    return Mapping(nearer.place, entries)


def join_files(documents: Iterable[Mapping], report: Report) -> Mapping:
    """Return the sections of several files of one folder as one document.

    Maps of one section are joined one level deep; the same key twice is an error naming both places.
    """
    joined: Mapping | None = None
    for document in documents:
        if joined is None:
            joined = Mapping(document.place, dict(document.entries))
            continue
        for key, entry in document.entries.items():
            _join(joined, key, entry, report)
    assert joined is not None  # noqa: S101 - folders without a readable file never come here
    return joined


def _join(joined: Mapping, key: str, entry: Entry, report: Report) -> None:
    first = joined.entries.get(key)
    if first is None:
        joined.entries[key] = entry
    elif isinstance(first.value, Mapping) and isinstance(entry.value, Mapping):
        section = Mapping(first.value.place, dict(first.value.entries))
        for name, inner in entry.value.entries.items():
            if name in section.entries:
                _twice(f"{key}.{name}", section.entries[name].place, inner.place, report)
            else:
                section.entries[name] = inner
        joined.entries[key] = Entry(first.place, section)
    else:
        _twice(key, first.place, entry.place, report)


def _twice(path: str, first: Place, second: Place, report: Report) -> None:
    report.error(second, f"'{path}' is already set at {first.origin}", "duplicate-key")


def prune_nulls(node: Node) -> Node:
    """Return the tree without nulls."""
    match node:
        case Mapping(place=place, entries=entries):
            kept = {
                k: Entry(e.place, prune_nulls(e.value))
                for k, e in entries.items()
                if not isinstance(e.value, Null)
            }
            return Mapping(place, kept)
        case Sequence(place=place, items=items):
            return Sequence(place, [prune_nulls(i) for i in items if not isinstance(i, Null)])
        case _:
            return node
