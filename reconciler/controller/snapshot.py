"""What the controller believes the files say: the last good state of each app, and what is wrong now. Pure.

Made by `watch` from what `source` loads. The one rule here: reading less than before never takes
anything away. A broken, vanished, empty or unreadable folder leaves the last good state in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.model.desired import DesiredApp
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.names import AppKey
from reconciler.source.folder import Loaded


@dataclass(frozen=True)
class Snapshot:
    """The last good state of every app ever seen, and how the newest reading differs from it."""

    apps: Mapping[AppKey, DesiredApp] = field(default_factory=dict)
    broken: Mapping[AppKey, tuple[Diagnostic, ...]] = field(default_factory=dict)
    """Why the newest files of an app are not what `apps` holds (or why `apps` has nothing)."""
    unplaced: tuple[Diagnostic, ...] = ()
    """Mistakes in folders of which not even the app can be told."""
    vanished: frozenset[AppKey] = frozenset()
    """Apps whose folder is gone while others are there: reported, left alone, nothing pruned."""
    problem: str = ""
    """Why the folder as a whole could not be used, empty when it could."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """All of the newest reading, warnings too."""

    def keys(self) -> frozenset[AppKey]:
        """Return every app that something is known of."""
        return frozenset(self.apps) | frozenset(self.broken)


def merge(last: Snapshot, loaded: Loaded | None, problem: str = "") -> Snapshot:
    """Take a settled reading in. `loaded` None means that there is none, and `problem` why."""
    if loaded is None:
        return replace(last, problem=problem or "the folder cannot be read")
    if not loaded.apps and not loaded.broken:
        return replace(last, problem=problem or "the folder holds no app.yaml")
    broken, unplaced = _broken(last, loaded)
    gone = frozenset(last.apps) - frozenset(loaded.apps) - frozenset(broken)
    return Snapshot(
        apps={**last.apps, **loaded.apps},
        broken=broken,
        unplaced=unplaced,
        vanished=gone,
        problem="",
        diagnostics=loaded.diagnostics,
    )


def changed(before: Snapshot, after: Snapshot) -> frozenset[AppKey]:
    """Return the apps that have to be looked at because of what the files say now."""
    keys = before.keys() | after.keys()
    return frozenset(key for key in keys if _facts(before, key) != _facts(after, key))


def _facts(snapshot: Snapshot, key: AppKey) -> tuple[object, ...]:
    app = snapshot.apps.get(key)
    content = (app.content_hash, app.commit, app.folder) if app else None
    return content, snapshot.broken.get(key), key in snapshot.vanished


def _broken(
    last: Snapshot, loaded: Loaded
) -> tuple[dict[AppKey, tuple[Diagnostic, ...]], tuple[Diagnostic, ...]]:
    """Return the mistakes of each app, and those that belong to none."""
    # An app that we know and that the loader calls broken is not gone, even without a mistake of its own.
    found: dict[AppKey, tuple[Diagnostic, ...]] = {
        key: () for key in loaded.broken_keys if key in last.apps
    }
    unplaced: tuple[Diagnostic, ...] = ()
    for folder, diagnostics in loaded.broken.items():
        keys = _keys_of(folder, last, loaded)
        for key in keys:
            found[key] = (*found.get(key, ()), *diagnostics)
        if not keys:
            unplaced += diagnostics
    return found, unplaced


def _keys_of(folder: str, last: Snapshot, loaded: Loaded) -> list[AppKey]:
    """Return the apps that a broken folder was last (it, or what lies below), else claims to be."""
    place = folder.rstrip("/")
    below = [
        key
        for key, app in last.apps.items()
        if key not in loaded.apps and f"{app.folder}/".startswith(f"{place}/")
    ]
    if below:
        return sorted(below)
    claims = sorted(loaded.broken_keys)
    return [key for key in claims if f"/{place}".endswith(f"/{key}")][:1]
