"""Finds the folders that hold an app and reads their files, safely: called by `folder` and `extends`.

Nothing outside the root is read, nothing that is not a regular file is opened, and what cannot be
read is an error with a name, never an absence.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.source.nodes import Mapping, Place, SourceFile
from reconciler.source.parse import MAX_BYTES, parse
from reconciler.source.report import Report

APP_FILE = "app.yaml"

_SUFFIXES = (".yaml", ".yml")
# Editors' backups and half-written files: hidden, Emacs's `.#x` and `#x#`, `x~`, JetBrains' `___jb_tmp___`.
_LEFTOVER = re.compile(r"^[.#~]|~\.ya?ml$|\.(bak|orig|tmp|swp)\.ya?ml$|___jb_")


@dataclass(frozen=True)
class Root:
    """The folder given by the user: as typed, for messages, and as it really is."""

    typed: Path
    real: Path

    def name(self, path: Path) -> str:
        """Spell a path below the root as the user would type it."""
        return (
            str(self.typed / path.relative_to(self.real))
            if path.is_relative_to(self.real)
            else str(path)
        )


@dataclass
class Discovery:
    """What was found below the root: folders with an app.yaml, and those that could not be searched."""

    folders: list[Path] = field(default_factory=list)
    unreadable: dict[Path, str] = field(default_factory=dict)
    misnamed: list[Path] = field(default_factory=list)
    """Files called app.yml: surely meant as app.yaml."""
    outside: list[Path] = field(default_factory=list)
    """Links to folders outside the root: not followed."""


def is_desired_file(name: str) -> bool:
    """Say whether a file of this name belongs to the desired state."""
    return name.endswith(_SUFFIXES) and not _LEFTOVER.search(name)


def discover(root: Root) -> Discovery:
    """Walk the root for folders that hold `app.yaml`. Hidden folders and links to folders are passed by."""
    found = Discovery()

    def note(error: OSError) -> None:
        found.unreadable[Path(error.filename or root.real)] = error.strerror or str(error)

    for folder, folders, files in os.walk(root.real, onerror=note):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        here = Path(folder)
        found.outside += [here / f for f in folders if _leads_out(here / f, root)]
        if APP_FILE in files or (here / APP_FILE).is_dir():
            found.folders.append(here)
        elif "app.yml" in files:
            found.misnamed.append(here / "app.yml")
    return found


def _leads_out(folder: Path, root: Root) -> bool:
    return folder.is_symlink() and not folder.resolve().is_relative_to(root.real)


def read_folder(root: Root, folder: Path, report: Report) -> list[Mapping]:
    """Return the documents of every desired file of a folder, `app.yaml` first.

    Files that cannot be read are reported and make the report `incomplete`.
    """
    try:
        names = sorted(n for n in os.listdir(folder) if is_desired_file(n))  # noqa: PTH208 - names only
    except OSError as error:
        place = Place(SourceFile(root.name(folder)))
        report.error(place, f"cannot be read: {error.strerror}", "unreadable")
        report.incomplete = True
        return []
    names.sort(key=lambda n: (n != APP_FILE, n))
    documents = []
    for name in names:
        document = read_file(root, folder / name, report)
        if document is None:
            report.incomplete = True
        else:
            documents.append(document)
    return documents


def read_file(root: Root, path: Path, report: Report) -> Mapping | None:
    """Return one file's document; None when it cannot be read, with the reason in `report`."""
    name = root.name(path)
    place = Place(SourceFile(name))
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(root.real):
            message = f"the symbolic link leads out of {root.typed}"
            report.error(place, message, "symlink-outside")
            return None
        data = _read(real)
    except OSError as error:
        report.error(place, f"cannot be read: {error.strerror or error}", "unreadable")
        return None
    except RuntimeError:  # a loop of symbolic links, before Python 3.13
        report.error(place, "cannot be read: a loop of symbolic links", "unreadable")
        return None
    if data is None:
        report.error(place, "is not a regular file", "unreadable")
        return None
    return parse(name, data, report)


def _read(path: Path) -> bytes | None:
    # Non-blocking: a FIFO called x.yaml must not hang the controller.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return file.read(MAX_BYTES + 1)
