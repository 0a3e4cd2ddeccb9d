"""The desired folder → apps. Called by `app` for every command and by the controller's watcher.

Every mistake of every file is found in one pass, and an app with a mistake never touches another.
Keeping the last good state of a broken app is the controller's work (`broken_keys`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.model.desired import DesiredApp
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.names import NAME_PATTERN, AppKey
from reconciler.plan.redis.subject import is_managed
from reconciler.source.document import Where, build_app, is_base
from reconciler.source.extends import Layer, Layers, merged
from reconciler.source.files import APP_FILE, Root, discover
from reconciler.source.git import WorkTree, work_tree
from reconciler.source.nodes import Place, SourceFile
from reconciler.source.report import Report

_HEADER_LINE = re.compile(
    rb"^(app|environment)[ \t]*:[ \t]*[\"']?([a-z0-9][a-z0-9_-]{0,62})[\"']?[ \t\r]*(?:#.*)?$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Loaded:
    """What a folder of desired state says.

    `apps` are the valid ones; `diagnostics` all errors and warnings, sorted by place. `broken` tells
    for each folder (as the user would type it) why it gave no app, `broken_keys` which apps those
    are, where the path or the text still tells.
    """

    apps: Mapping[AppKey, DesiredApp]
    diagnostics: tuple[Diagnostic, ...]
    broken: Mapping[str, tuple[Diagnostic, ...]]
    broken_keys: frozenset[AppKey]


@dataclass
class _Candidate:
    """A folder that holds an `app.yaml`, with what became of it."""

    folder: Path
    name: str
    chain: list[Layer]
    report: Report
    app: DesiredApp | None = None


def load_folder(root: Path) -> Loaded:
    """Read every app below `root`.

    Never raises for what is in the folder: a missing root, unreadable files and every kind of wrong
    content become diagnostics. `root` may be a symbolic link; nothing outside of it is read.
    """
    try:
        real = root.resolve(strict=True)
        is_folder = real.is_dir()
    except (OSError, RuntimeError, ValueError):
        return _nothing(root, f"there is no folder {root}")
    if not is_folder:
        return _nothing(root, f"{root} is not a folder")
    return _Loading(Root(root, real)).load()


def _nothing(root: Path, message: str) -> Loaded:
    report = Report()
    report.error(Place(SourceFile(str(root))), message, "no-apps")
    found = report.diagnostics
    return Loaded({}, found, {str(root): found}, frozenset())


class _Loading:
    """One pass over one root."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._layers = Layers(root)
        self._general = Report()
        self._broken: dict[str, tuple[Diagnostic, ...]] = {}

    def load(self) -> Loaded:
        found = discover(self._root)
        candidates = [self._read(folder) for folder in found.folders]
        bases = self._layers.bases()
        apps = [c for c in candidates if not (c.folder in bases and is_base(merged(c.chain)))]
        tree = work_tree(self._root.real)
        for candidate in apps:
            self._build(candidate, tree)
        _refuse_twins(apps)
        self._unreadable(found.unreadable)
        self._misnamed(found.misnamed, bases)
        for link in found.outside:
            message = f"the symbolic link leads out of {self._root.typed}: it is not followed"
            place = Place(SourceFile(self._root.name(link)))
            self._general.warning(place, message, "symlink-outside")
        good = {c.app.key: c.app for c in apps if c.app is not None and not c.report.errors}
        broken = {c.name: c.report.errors for c in apps if c.report.errors}
        if not apps and not self._broken:
            message = f"no {APP_FILE} below {self._root.typed}: nothing to do"
            self._general.error(Place(SourceFile(str(self._root.typed))), message, "no-apps")
            broken[str(self._root.typed)] = self._general.errors
        everything = Report()
        for report in (*(c.report for c in candidates), self._general):
            everything.extend(report.diagnostics)
        keys = {k for c in apps if c.report.errors for k in self._keys(c)} - good.keys()
        return Loaded(good, everything.diagnostics, {**broken, **self._broken}, frozenset(keys))

    def _read(self, folder: Path) -> _Candidate:
        report = Report()
        return _Candidate(
            folder, self._root.name(folder), self._layers.chain(folder, report), report
        )

    def _build(self, candidate: _Candidate, tree: WorkTree) -> None:
        document = merged(candidate.chain)
        if document is None:
            return
        where = Where(
            folder=candidate.name,
            parts=candidate.folder.relative_to(self._root.real).parts,
            commit=tree.commit_of(layer.folder for layer in candidate.chain),
        )
        candidate.app = build_app(document, where, candidate.report)

    def _unreadable(self, folders: Mapping[Path, str]) -> None:
        for folder, reason in folders.items():
            report, name = Report(), self._root.name(folder)
            report.error(Place(SourceFile(name)), f"cannot be read: {reason}", "unreadable")
            self._general.extend(report.diagnostics)
            self._broken[name] = report.errors

    def _misnamed(self, files: Iterable[Path], bases: set[Path]) -> None:
        for path in files:
            if path.parent in bases:
                continue
            report = Report()
            message = f"an app's first file is called {APP_FILE}: rename it"
            report.error(Place(SourceFile(self._root.name(path))), message, "misnamed")
            self._general.extend(report.diagnostics)
            self._broken[self._root.name(path.parent)] = report.errors

    def _keys(self, candidate: _Candidate) -> set[AppKey]:
        """Return the keys that a broken folder may stand for: from its text, else what is left of it."""
        document = merged(candidate.chain)
        names: dict[str, str] = {}
        for word, text in _HEADER_LINE.findall(_raw(candidate.folder / APP_FILE)):
            names.setdefault(word.decode(), text.decode())
        for word in ("app", "environment"):
            written = document.text(word) if document else None
            if written is not None and NAME_PATTERN.fullmatch(written):
                names[word] = written
        keys = set()
        if len(names) == 2:  # noqa: PLR2004 - both are known
            keys.add(f"{names['environment']}/{names['app']}")
        parts = candidate.folder.relative_to(self._root.real).parts[-2:]
        if len(parts) == 2 and all(NAME_PATTERN.fullmatch(p) for p in parts):  # noqa: PLR2004 - as above
            keys.add("/".join(parts))
        return keys


def _raw(path: Path) -> bytes:
    # Only regular files: a FIFO would wait for a writer for ever.
    try:
        return path.read_bytes()[: 1024 * 1024] if path.is_file() else b""
    except OSError:
        return b""


_CLAIMED = {"app": "app", "redis": "Redis group"}


def _refuse_twins(candidates: list[_Candidate]) -> None:
    """Report apps that claim the same key, service or Redis group in AWS: none of them can be right.

    A Redis group that is only referred to is claimed by nobody.
    """
    claims: dict[tuple[str, ...], list[_Candidate]] = {}
    for candidate in candidates:
        if candidate.app is None:
            continue
        app = candidate.app
        claims.setdefault(("app", app.key), []).append(candidate)
        for service in app.services:
            claim = (app.account, app.region, app.cluster, service.service_name)
            claims.setdefault(claim, []).append(candidate)
        for redis in filter(is_managed, app.redis):
            group = str(redis.group["replicationGroupId"])
            claims.setdefault(("redis", app.account, app.region, group), []).append(candidate)
    for claimed, claimants in claims.items():
        for one in claimants if len(claimants) > 1 else ():
            others = ", ".join(c.name for c in claimants if c is not one)
            kind = _CLAIMED.get(claimed[0], "service")
            what = f"the {kind} {claimed[-1]}"
            place = Place(SourceFile(f"{one.name}/{APP_FILE}"))
            one.report.error(place, f"{what} is also declared in {others}", "same-name")
