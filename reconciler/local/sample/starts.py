"""The log in which every migration process notes its own start and end, whatever becomes of it.

One JSON document a line, on disk before the work begins: tests count executions here, not in the
ledger that they judge.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

STARTS_LOG = "migration-starts.log"


def note(directory: Path, entry: Mapping[str, Any]) -> None:
    """Append one line and wait until it is on disk. One write, so lines of two processes never mix."""
    directory.mkdir(parents=True, exist_ok=True)
    flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
    descriptor = os.open(directory / STARTS_LOG, flags, 0o600)
    try:
        os.write(descriptor, json.dumps(entry, sort_keys=True).encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(directory: Path) -> Sequence[Mapping[str, Any]]:
    """Return all entries, oldest first; none when there is no log."""
    path = directory / STARTS_LOG
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def count(directory: Path, revision: str) -> int:
    """Return how often the migration of `revision` was started."""
    return sum(e["event"] == "start" and e["revision"] == revision for e in read(directory))
