"""What the command line and `RECONCILER_*` variables say about this process. Read by `cli` and `app`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """One process's settings; what the desired state says wins over none of them, but is checked against."""

    directory: Path = Path("desired")
    profile: str | None = None
    endpoint_url: str | None = None
    log_format: str = "plain"
    verbose: bool = False
    resync: timedelta = timedelta(seconds=60)
    drain_timeout: timedelta = timedelta(seconds=20)
