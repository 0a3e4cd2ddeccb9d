"""Status of an app and its resources on two axes, sync and health. Made by `plan.assess`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.names import Address, AppKey


class Sync(StrEnum):
    """Whether live equals desired."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class Health(StrEnum):
    """Whether it works. Ordered from best to worst in `SEVERITY`."""

    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    SUSPENDED = "Suspended"
    MISSING = "Missing"
    HELD = "Held"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class ResourceStatus:
    """One line of `reconciler status`."""

    address: Address
    sync: Sync
    health: Health
    message: str = ""
    running: str = ""
    revision: str = ""
    exit_code: int = 0
    """What it contributes to the app's."""


@dataclass(frozen=True)
class AppStatus:
    """What is said about an app. Has no time in it: it is stored only when it changed.

    `exit_code` is what a command that waited for this app should end with (docs/cli.md).
    """

    key: AppKey
    sync: Sync
    health: Health
    generation: int
    commit: str
    content_hash: str
    resources: tuple[ResourceStatus, ...]
    message: str = ""
    exit_code: int = 0

    @property
    def unfinished(self) -> str:
        """What keeps it from its end: what is said of the app, else each resource that is not there yet."""
        end = (Sync.SYNCED, Health.HEALTHY)
        waiting = [r for r in self.resources if (r.sync, r.health) != end]
        return self.message or "; ".join(f"{r.address}: {r.message or r.health}" for r in waiting)

    @property
    def converged(self) -> bool:
        """Whether everything is as the files say and works."""
        return self.sync is Sync.SYNCED and self.health is Health.HEALTHY
