"""When a folder's content may be believed: two equal reads one debounce apart, and no git at work.

Used by `watch`. A save is seldom one write: editors truncate and write again, git replaces files one by
one. `Settling` is a state machine without threads or sleep; `read` is the one that touches the disk.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path

from reconciler.source.files import is_desired_file

LARGEST = 4 * 1024 * 1024
"""Larger files are told apart by size and time only; the loader refuses them anyway."""


@dataclass(frozen=True)
class Reading:
    """One look at the folder. `lock` tells git's index.lock from others, empty when there is none."""

    fingerprint: str
    lock: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Timing:
    """How patient the watcher is. `lock` bounds the wait for git, `settle` that for a folder at rest."""

    debounce: timedelta = timedelta(milliseconds=150)
    lock: timedelta = timedelta(seconds=30)
    settle: timedelta = timedelta(seconds=90)
    rescan: timedelta = timedelta(seconds=5)


class Step(Enum):
    """What to do after a reading."""

    WAIT = "read again after a debounce"
    LOAD = "load, then read again"
    ACCEPT = "what was loaded is what the folder holds"
    GIVE_UP = "it does not come to rest"


class Settling:
    """Decides, reading by reading, whether the folder has come to rest.

    What is loaded lies between two equal readings, so that a file that changes while it is loaded
    is noticed. A lock that was waited for in vain once is stale and never waited for again.
    """

    def __init__(self, timing: Timing, now: float, stale_lock: str = "") -> None:
        self._timing = timing
        self._start = now
        self._lock_since = now
        self._last: tuple[str, float] | None = None
        self._loaded = False
        self.stale_lock = stale_lock

    def feed(self, reading: Reading, now: float) -> Step:
        """Take a reading made at `now` (boot seconds)."""
        if now - self._start > self._timing.settle.total_seconds():
            return Step.GIVE_UP
        if self._git_works(reading, now):
            self._last, self._loaded = None, False
            return Step.WAIT
        if self._last is None or self._last[0] != reading.fingerprint:
            self._last, self._loaded = (reading.fingerprint, now), False
            return Step.WAIT
        if self._loaded:
            return Step.ACCEPT
        if now - self._last[1] < self._timing.debounce.total_seconds():
            return Step.WAIT
        self._loaded = True
        return Step.LOAD

    def _git_works(self, reading: Reading, now: float) -> bool:
        if not reading.lock:
            self._lock_since = now
            return False
        if reading.lock == self.stale_lock:
            return False
        if now - self._lock_since < self._timing.lock.total_seconds():
            return True
        self.stale_lock = reading.lock
        return False


def read(root: Path) -> Reading:
    """Look at every YAML file below `root` and at the git repository around it. Never raises OSError."""
    digest = hashlib.sha256()
    git = git_directory(root)
    lock = _stamp(git / "index.lock") if git else ""
    try:
        for path in _yaml_files(root):
            digest.update(f"\0{path.relative_to(root)}\0".encode(errors="surrogateescape"))
            digest.update(_content(path))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        problem = f"{error.filename or root}: {reason}"
        return Reading(fingerprint=problem, lock=lock, problem=problem)
    if git:
        digest.update(_git_stamp(git).encode())
    return Reading(fingerprint=digest.hexdigest(), lock=lock)


def git_directory(root: Path) -> Path | None:
    """Return the git directory of the work tree that holds `root` (`.git`, or what a `.git` file names)."""
    try:
        start = root.resolve()
    except OSError:
        return None
    for folder in (start, *start.parents):
        git = folder / ".git"
        if git.is_dir():
            return git
        if git.is_file():
            return _linked(git)
    return None


def _linked(git: Path) -> Path | None:
    try:
        text = git.read_text(errors="replace").strip()
    except OSError:
        return None
    return git.parent / text.removeprefix("gitdir:").strip() if text.startswith("gitdir:") else None


def _yaml_files(root: Path) -> Iterator[Path]:
    """Yield the files in a fixed order; raises OSError when a folder cannot be listed."""
    for folder, folders, names in os.walk(root, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if is_desired_file(name))


def _raise(error: OSError) -> None:
    raise error


def _content(path: Path) -> bytes:
    try:
        status = path.stat()
        if status.st_size > LARGEST:
            return f"{status.st_size} {status.st_mtime_ns}".encode()
        return path.read_bytes()
    except OSError as error:
        # One unreadable file is the loader's to report, with its name; here it is content as well.
        return f"unreadable: {error.errno}".encode()


def _git_stamp(git: Path) -> str:
    """Tell whether HEAD or the index moved: the commit belongs to the desired state."""
    names = ["HEAD", "index", "logs/HEAD", "packed-refs"]
    try:
        head = (git / "HEAD").read_text(errors="replace").strip()
    except OSError:
        head = ""
    if head.startswith("ref:"):
        names.append(head.removeprefix("ref:").strip())
    return "\0".join([head, *(_stamp(git / name) for name in names)])


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"
