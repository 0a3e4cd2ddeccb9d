"""The git command, as far as desired state needs it: which commit it is, and the files of another one.

Every question has a deadline and never fails: without git, outside a work tree or in doubt the answer
is "do not know". Called by `folder` and by `app.between`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT = 5.0


@dataclass(frozen=True)
class WorkTree:
    """What git says about a folder: the checked-out commit and the changed files, as real paths."""

    commit: str = ""
    changed: tuple[Path, ...] = ()
    known: bool = False

    def commit_of(self, folders: Iterable[Path]) -> str:
        """Return the commit if nothing in `folders` differs from it, else an empty text."""
        if not self.known:
            return ""
        wanted = tuple(folders)
        dirty = any(
            c.is_relative_to(f) or f.is_relative_to(c) for c in self.changed for f in wanted
        )
        return "" if dirty else self.commit


def work_tree(root: Path) -> WorkTree:
    """Ask git about `root`; an unknown tree outside git, or when git does not answer in time."""
    commit = _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    top = _git(root, "rev-parse", "--show-toplevel")
    # -uall: a new file counts as a change; -z: names as they are; ignored files are not in the commit.
    status = _git(root, "status", "--porcelain=v1", "-z", "-uall", "--ignored=matching", "--", ".")
    if commit is None or top is None or status is None:
        return WorkTree()
    base = Path(top.strip())
    return WorkTree(commit.strip(), tuple(base / name for name in _names(status)), known=True)


def commit_of(folder: Path) -> str:
    """Return the commit that `folder` is at, empty outside git or with uncommitted changes in it."""
    real = folder.resolve()
    return work_tree(real).commit_of([real])


def _names(status: str) -> list[str]:
    names, parts = [], iter(status.split("\0"))
    for part in parts:
        if len(part) <= 3:  # noqa: PLR2004 - two letters of state and a space
            continue
        names.append(part[3:])
        if part[0] in "RC":
            names.append(next(parts, ""))
    return [n for n in names if n and (n.endswith((".yaml", ".yml", "/")))]


def _git(folder: Path, *arguments: str) -> str | None:
    code, out = _run(folder, *arguments)
    return out.decode("utf-8", errors="surrogateescape") if code == 0 else None


def _bytes(folder: Path, *arguments: str) -> bytes | None:
    code, out = _run(folder, *arguments)
    return out if code == 0 else None


def _run(folder: Path, *arguments: str) -> tuple[int, bytes]:
    # No optional locks: a look must not write the index. No fsmonitor: it would run a program that
    # the repository names.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            command,
            capture_output=True,
            timeout=_TIMEOUT,
            env=environment,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return -1, b""
    return done.returncode, done.stdout


def resolve(folder: Path, revision: str) -> str:
    """Return the commit that a revision (branch, tag, hash) of the folder's repository names, else ""."""
    if not revision or revision.startswith("-"):
        return ""
    found = _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    return (found or "").strip()


def export(folder: Path, commit: str, into: Path) -> bool:
    """Write the YAML files that `folder` has at a commit into another folder; False when git fails.

    Contents are as they are stored: no filter that the repository or its owner names is run. Links,
    and names that would lead outside, are left out.
    """
    listing = _git(folder, "ls-tree", "-r", "-z", commit, "--", ".")
    if listing is None:
        return False
    for line in filter(None, listing.split("\0")):
        facts, _, name = line.partition("\t")
        mode, _, blob = facts.split()[:3]
        path = Path(name)
        if not name.endswith((".yaml", ".yml")) or not mode.startswith("100"):
            continue
        if path.is_absolute() or {"..", ".git"} & set(path.parts):
            continue
        content = _bytes(folder, "cat-file", "blob", blob)
        if content is None:
            return False
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        (into / path).write_bytes(content)
    return True
