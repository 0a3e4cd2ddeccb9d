"""Rollouts from before releases were written, as far as the journal tells of them. Pure.

Called by `app.rollback_choice` behind the releases that are stored. The journal names the revision of each
rollout and says how it ended; what the service's own fields were then it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.journal import EntryKind, JournalRecord
from reconciler.model.names import Address
from reconciler.model.observed import RolloutState, ServiceRecord
from reconciler.model.release import Release
from reconciler.shapes.tables import SERVICE, TASK_DEFINITION

_STEADY, _HELD = (str(state).lower() for state in (RolloutState.STEADY, RolloutState.HELD))


def older_releases(
    address: Address, entries: Iterable[JournalRecord], record: ServiceRecord, before: int | None
) -> Iterator[Release]:
    """Yield the rollouts that ended well among a service's entries, which come newest first.

    Only those that began before entry `before`, when it is given: from there on releases are stored.
    They have today's fields of the service; `completed` adds the content of the revision.
    """
    steady_at = ""
    for entry in entries:
        content = entry.content
        if content.get("kind") == EntryKind.SERVICE and content.get("action") in (_STEADY, _HELD):
            steady_at = str(content.get("at", "")) if content["action"] == _STEADY else ""
        arn = _rolled_to(content)
        if not arn:
            continue
        if steady_at and (before is None or entry.number < before):
            yield Release(
                address=address,
                begun=entry.number,
                generation=int(content.get("generation") or 0),
                commit=str(content.get("commit") or ""),
                at=steady_at,
                task_definition_arn=arn,
                applied={SERVICE: record.applied.get(SERVICE, {})},
                from_journal=True,
            )
        steady_at = ""


def completed(release: Release, content: Mapping[str, Any] | None) -> Release:
    """Return a release with what its revision contains; None for one that ECS has no more."""
    return replace(release, applied={**release.applied, TASK_DEFINITION: dict(content or {})})


def _rolled_to(content: Mapping[str, Any]) -> str:
    """Return the revision that an intent was about to roll out; empty for another entry."""
    after = content.get("after")
    if content.get("kind") != EntryKind.INTENT or not isinstance(after, Mapping):
        return ""
    return str(after.get("taskDefinition") or "")
