"""Desired state for the command line: read the folder, pick the app that was asked for."""

from __future__ import annotations

from reconciler.model.desired import DesiredApp
from reconciler.model.diagnostics import Severity
from reconciler.model.errors import InvalidDesiredState, UsageError
from reconciler.model.names import there_are
from reconciler.settings import Settings
from reconciler.source.folder import Loaded, load_folder


def load(settings: Settings) -> Loaded:
    """Read the whole folder; mistakes are in the result, never raised."""
    return load_folder(settings.directory)


def select(settings: Settings, loaded: Loaded) -> list[DesiredApp]:
    """Return the app that `-a` names, or all of them.

    Raises UsageError for an unknown key or an empty folder, InvalidDesiredState when what was asked
    for is broken.
    """
    errors = [d for d in loaded.diagnostics if d.severity is Severity.ERROR]
    if settings.app is None:
        if errors:
            raise InvalidDesiredState(errors)
        if not loaded.apps:
            raise UsageError(
                f"no app found: no folder below {settings.directory} holds an app.yaml"
            )
        return [loaded.apps[key] for key in sorted(loaded.apps)]
    if settings.app in loaded.apps:
        return [loaded.apps[settings.app]]
    if settings.app in loaded.broken_keys:
        raise InvalidDesiredState(errors)
    there = there_are(sorted(loaded.apps))
    raise UsageError(f"no app '{settings.app}' in {settings.directory}; {there}")
