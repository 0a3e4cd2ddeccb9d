"""`diff --base`: two revisions of the files compared, from git alone. AWS is not asked."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.app.desired import load
from reconciler.model.desired import DesiredApp
from reconciler.model.diagnostics import Diagnostic, Origin, Severity
from reconciler.model.errors import InvalidDesiredState, UsageError
from reconciler.model.names import AppKey, there_are
from reconciler.model.plan import Plan
from reconciler.plan.between import plan_between
from reconciler.settings import Settings
from reconciler.source import git
from reconciler.source.folder import Loaded, load_folder


@dataclass(frozen=True)
class Between:
    """What changes in one app; `desired` is as the later revision says, None when it is gone there."""

    key: AppKey
    desired: DesiredApp | None
    plan: Plan


def between(settings: Settings, base: str, head: str | None) -> list[Between]:
    """Compare the files at a revision with those at another, or with those that are there now.

    Raises UsageError outside git, for an unknown revision or app, and when the earlier files are broken;
    InvalidDesiredState when the later ones are.
    """
    before = _at(settings, base)
    if before.wrong:
        raise UsageError(f"the files at {base} are broken: {before.wrong[0]}")
    after = _Revision.of(load(settings)) if head is None else _at(settings, head)
    if after.wrong:
        raise InvalidDesiredState(after.wrong)
    keys = sorted(before.apps.keys() | after.apps.keys())
    if settings.app is not None:
        if settings.app not in keys:
            raise UsageError(f"no app '{settings.app}'; {there_are(keys)}")
        keys = [settings.app]
    where = f"{base} → {head or 'the files as they are'}; AWS was not asked"
    found = []
    for key in keys:
        desired = after.apps.get(key)
        plan = after.spelled(plan_between(before.apps.get(key), desired))
        found.append(Between(key, desired, replace(plan, notes=(where, *plan.notes))))
    return found


@dataclass(frozen=True)
class _Revision:
    """The files of a revision. `copy` is where they were read, `folder` what the user calls it."""

    apps: Mapping[AppKey, DesiredApp] = field(default_factory=dict)
    wrong: tuple[Diagnostic, ...] = ()
    copy: str = ""
    folder: str = ""

    @classmethod
    def of(cls, loaded: Loaded, commit: str = "", copy: str = "", folder: str = "") -> _Revision:
        """Take what was read, mistakes spelled as the user would."""
        apps = {k: replace(a, commit=commit or a.commit) for k, a in loaded.apps.items()}
        read = cls(apps, (), copy, folder)
        errors = (d for d in loaded.diagnostics if d.severity is Severity.ERROR)
        return replace(read, wrong=tuple(replace(d, origin=read._place(d.origin)) for d in errors))

    def spelled(self, plan: Plan) -> Plan:
        """Return the plan with its places and notes spelled as the user would."""
        if not self.copy:
            return plan
        steps = tuple(
            replace(
                step,
                changes=tuple(
                    replace(c, origin=self._place(c.origin)) if c.origin else c
                    for c in step.changes
                ),
            )
            for step in plan.steps
        )
        notes = tuple(note.replace(self.copy, self.folder) for note in plan.notes)
        return replace(plan, steps=steps, notes=notes)

    def _place(self, origin: Origin) -> Origin:
        if not self.copy:
            return origin
        return replace(origin, file=origin.file.replace(self.copy, self.folder, 1))


def _at(settings: Settings, revision: str) -> _Revision:
    folder = settings.directory
    commit = git.resolve(folder, revision)
    if not commit:
        raise UsageError(f"git knows no revision '{revision}' in {folder}")
    with tempfile.TemporaryDirectory(prefix="reconciler-") as place:
        copy = Path(place) / "desired"
        copy.mkdir()
        if not git.export(folder, commit, copy):
            raise UsageError(f"git cannot read {folder} at {revision}")
        if not any(copy.iterdir()):
            return _Revision()
        return _Revision.of(load_folder(copy), commit, str(copy), str(folder))
