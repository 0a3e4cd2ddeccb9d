"""Journal entries as values. Written by `store.session`, read by `history`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EntryKind(StrEnum):
    """INTENT is written before an AWS mutation, OUTCOME after; the others are state transitions."""

    LEASE = "LEASE"
    RELEASE = "RELEASE"
    GENERATION = "GENERATION"
    INTENT = "INTENT"
    OUTCOME = "OUTCOME"
    RUN = "RUN"
    JOB = "JOB"
    SERVICE = "SERVICE"
    RESOURCE = "RESOURCE"
    LOOKUP = "LOOKUP"
    OPERATOR = "OPERATOR"


@dataclass(frozen=True)
class Entry:
    """One entry as its author writes it.

    Number, time, epoch, writer, generation and commit are added by the commit. `before`, `after`
    and `detail` must be masked (`plan.mask`) by the author.

    `operation_id` ties an OUTCOME to its INTENT. `outcome` is `ok`, an AWS error code, or `unknown`.
    """

    kind: EntryKind
    address: str
    action: str
    cause: str = ""
    operation_id: str = ""
    before: Any = None
    after: Any = None
    outcome: str = ""
    request_id: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class JournalRecord:
    """One stored entry as read back: `body` is the exact text that was hashed."""

    number: int
    previous_hash: str
    hash: str
    body: str
    content: Mapping[str, Any]
