"""Work: everything that a run is launched from, whatever its kind. Frozen into the run by its intent.

Made of the files (`DesiredMigration.work`), of a job's schedule, or of a `task run`; taken by
`runs.advance`. A recovered run needs it only for its next attempt or launch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from reconciler.model.job import History
from reconciler.model.names import Address
from reconciler.model.run import MOST_LAUNCHES, RunKey, RunKind

PART_PATTERN = re.compile(r"[A-Za-z0-9._:-]{1,100}")
"""A run's name, and its revision, occurrence or key. `#` and `|` separate the parts of keys and tokens."""


@dataclass(frozen=True)
class Work:
    """What is to be run, once for its `key`.

    `task_definition` is a RegisterTaskDefinition input without guard: `runs` adds it. `launch` holds
    RunTask fields (networkConfiguration, launchType, …), `overrides` its TaskOverride. `container` is
    the one whose exit code decides. Raises ValueError for a name or revision that no key may hold.
    """

    kind: RunKind
    name: str
    revision: str
    container: str
    task_definition: Mapping[str, Any]
    launch: Mapping[str, Any]
    timeout: timedelta
    start_timeout: timedelta
    attempt: int = 1
    """The attempt that is wanted: a failed run with a lower one is repeated."""
    most_attempts: int = 1
    """Up to this number a failed attempt is followed by the next one by itself: retries and one."""
    backoff: timedelta = timedelta(0)
    """Before the second attempt; doubled before each one after it."""
    most_launches: int = MOST_LAUNCHES
    overrides: Mapping[str, Any] = field(default_factory=dict)
    definition: str = ""
    """Of a task: the task definition that was named, `web:3` or a file's hash; empty: the files' own."""
    irreversible: bool = False
    when: str = ""
    """Of a migration: before or after the services."""
    scheduled_at: str = ""
    """Of a job: the instant that its command is told, `2025-11-22T02:00:00Z`."""
    cause: str = ""
    """What the journal says caused it; empty: the desired state."""
    history: History = field(default_factory=History)
    """Of a job: how many of its ended runs the ledger keeps."""

    def __post_init__(self) -> None:
        """Refuse what would make two different runs share a key."""
        for part in (self.name, self.revision):
            if not PART_PATTERN.fullmatch(part):
                raise ValueError(f"'{part}' cannot be part of a run's key")

    @property
    def key(self) -> RunKey:
        """Which run it asks for."""
        return RunKey(self.kind, self.name, self.revision)

    @property
    def address(self) -> Address:
        """Whose run it is: `migration/db`, `job/daily-report`."""
        return self.key.address
