"""What a secret's reference stands for. Read by `resources.freshness`, compared by `plan.freshness`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SecretVersion:
    """What a secret's reference stands for now, and since when; never its value."""

    version: str
    changed_at: datetime | None = None
