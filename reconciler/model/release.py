"""What a service or a job was: one item for each, kept for ever. `rollback` goes back to it.

Stored by `store.releases`; part of a LedgerView only while a rollback has jobs run from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.names import Address


@dataclass(frozen=True)
class Release:
    """A rollout that ended well: what `rollback` can go back to. Never changed once written.

    `begun` is the number of the journal's entry with which it began, `at` when it was steady (AWS's
    time, ISO 8601). `applied` is that of the ServiceRecord: the declaration as it was sent. One
    `from_journal` was never stored: there the service's own fields are those of today.

    Of a job it is a declaration that its runs started from, since `at`; it has no revision of its own,
    and `applied` is that of `plan.job_release`.
    """

    address: Address
    begun: int
    generation: int
    commit: str
    at: str
    task_definition_arn: str
    applied: Mapping[str, Any]
    from_journal: bool = False

    @property
    def is_gone(self) -> bool:
        """Whether it says that the files no longer had the job."""
        return not self.applied

    @property
    def version(self) -> str:
        """What it was rolled out for, in a word: the commit, else the generation."""
        return self.commit[:7] or f"generation {self.generation}"
