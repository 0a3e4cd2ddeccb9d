"""What the command line and `RECONCILER_*` variables say about this process. Read by `cli` and `app`.

What the desired state says (account, region, cluster, table prefix) is not here: a process cannot be
told to act elsewhere than the files say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """One process's settings, each with its default. Made by `cli.options`."""

    directory: Path = Path("desired")
    app: str | None = None
    """The `-a ENV/APP` of the command line; None means every app below `directory`."""
    profile: str | None = None
    endpoint_url: str | None = None
    log_format: str = "plain"
    """`plain` or `json`: how logs and progress are written to stderr."""
    verbose: bool = False
    quiet: bool = False
    """Whether progress is left out; errors are always said."""
    resync: timedelta = timedelta(seconds=60)
    drain_timeout: timedelta = timedelta(seconds=20)
