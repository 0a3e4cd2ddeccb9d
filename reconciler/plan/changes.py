"""Turn differences into changes: why, with what effect, from which line, masked.

Called for each kind of document: `plan.service_side`, `plan.revision`, `plan.autoscaling.compare` …
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.diagnostics import Origin
from reconciler.model.names import Path
from reconciler.model.plan import Change, Effect, Why
from reconciler.plan.canonical import comparable
from reconciler.plan.compare import Difference, same, shown_path
from reconciler.plan.mask import is_sensitive, mask_value
from reconciler.plan.paths import MISSING
from reconciler.shapes.tables import Kind


@dataclass(frozen=True)
class Background:
    """What is needed to explain a difference of one document.

    What we applied, the files' lines, and the paths that are defaults of ours: those have no line.
    """

    kind: Kind
    applied: Mapping[str, Any] | None
    origins: Mapping[Path, Origin]
    written: frozenset[Path] = frozenset()
    moved: frozenset[Path] = frozenset()
    """Paths whose value is from a look-up that has changed; they begin with the kind."""

    def has_moved(self, path: Path) -> bool:
        """Say whether what stands at the path, or a part of it, is from a look-up that has changed."""
        full = (self.kind, *path)
        return any(m[: len(full)] == full[: len(m)] for m in self.moved)

    def origin_of(self, path: Path) -> Origin | None:
        """Return the place in the files that says so, None for what we wrote down ourselves."""
        full = (self.kind, *path)
        if any(full[: end + 1] in self.written for end in range(len(full))):
            return None
        return origin_of(self.origins, full)


def change_of(
    difference: Difference, effect: Effect, background: Background, why: Why | None = None
) -> Change:
    """Return the difference as a change of the plan; why is found out unless it is given."""
    path, kind = difference.path, background.kind
    hidden = any(is_sensitive(path, v) for v in (difference.observed, difference.desired))
    return Change(
        path=shown_path(kind, path),
        observed=_shown(path, difference.observed),
        desired=_shown(path, difference.desired),
        why=why or _why(difference, background),
        effect=effect,
        origin=background.origin_of(path),
        sensitive=hidden,
    )


def origin_of(origins: Mapping[Path, Origin], path: Path) -> Origin | None:
    """Return the place of the longest known prefix of `path`, None when nothing of it is known."""
    for end in range(len(path), 0, -1):
        if path[:end] in origins:
            return origins[path[:end]]
    return None


def _why(difference: Difference, background: Background) -> Why:
    if background.applied is None:
        return Why.GIT
    before = _at(comparable(background.applied, background.kind), difference.path)
    if difference.desired is MISSING:
        return Why.DRIFT if before is MISSING else Why.REMOVED
    same_as_applied = before is not MISSING and same(before, difference.desired)
    if same_as_applied:
        return Why.DRIFT
    return Why.LOOKUP if background.has_moved(difference.path) else Why.GIT


def _at(document: Any, path: Path) -> Any:
    for name in path:
        if not isinstance(document, Mapping) or name not in document:
            return MISSING
        document = document[name]
    return document


def _shown(path: Path, value: Any) -> Any:
    return None if value is MISSING else mask_value(path, value)
