"""What the journal tells of rollouts from before releases were written."""

from __future__ import annotations

from typing import Any

from reconciler.model.journal import JournalRecord
from reconciler.model.names import Address
from reconciler.model.observed import RolloutState, ServiceRecord
from reconciler.plan.older_releases import completed, older_releases

WEB = Address("service", "web")
RECORD = ServiceRecord(
    "web", {"service": {"serviceName": "w"}}, "hash", "arn:9", "ecs-svc/1", RolloutState.STEADY
)


def entry(number: int, kind: str, action: str, **more: Any) -> JournalRecord:
    """Return one entry, at the minute of its number, of the generation of its tens."""
    content = {
        "kind": kind,
        "action": action,
        "at": f"2026-11-28T10:{number:02d}:00+00:00",
        "generation": number // 10,
        "commit": f"c{number // 10}",
        **more,
    }
    return JournalRecord(number, "", "", "", content)


def rollout(number: int, arn: str, ended: str = "steady") -> list[JournalRecord]:
    """Return the entries of a rollout: intent, outcome, and the word on how it ended."""
    return [
        entry(number, "INTENT", "UpdateService", after={"taskDefinition": arn, "x": 1}),
        entry(number + 1, "OUTCOME", "UpdateService", outcome="ok"),
        *([entry(number + 3, "SERVICE", ended)] if ended else []),
    ]


def found(*entries: JournalRecord, before: int | None = None) -> list[tuple[int, str]]:
    """Return begin and revision of what is found; the entries are given oldest first."""
    releases = older_releases(WEB, reversed(entries), RECORD, before)
    return [(r.begun, r.task_definition_arn) for r in releases]


def test_rollouts_that_were_steady_are_found_newest_first() -> None:
    """With entry, generation, commit and the time when they were steady; the fields are those of today."""
    entries = [*rollout(10, "arn:1"), *rollout(20, "arn:2")]
    releases = list(older_releases(WEB, reversed(entries), RECORD, None))

    assert [(r.begun, r.generation, r.commit, r.task_definition_arn) for r in releases] == [
        (20, 2, "c2", "arn:2"),
        (10, 1, "c1", "arn:1"),
    ]
    assert [r.at for r in releases] == ["2026-11-28T10:23:00+00:00", "2026-11-28T10:13:00+00:00"]
    assert all(r.from_journal and r.applied == {"service": {"serviceName": "w"}} for r in releases)


def test_what_did_not_end_well_is_nothing_to_go_back_to() -> None:
    """Neither a rollout that was turned back, nor one that another one overtook."""
    entries = [
        *rollout(10, "arn:1"),
        *rollout(20, "arn:2", "held"),
        *rollout(30, "arn:3", ""),
        *rollout(40, "arn:4"),
    ]

    assert found(*entries) == [(40, "arn:4"), (10, "arn:1")]


def test_a_change_without_a_revision_ends_no_rollout_before_it() -> None:
    """A count is not a rollout, and what failed after a steady rollout does not make that one bad."""
    count = entry(20, "INTENT", "UpdateService", after={"desiredCount": 4, "taskDefinition": ""})
    entries = [*rollout(10, "arn:1"), count, entry(23, "SERVICE", "held")]

    assert found(*entries) == [(10, "arn:1")]


def test_where_releases_are_stored_the_journal_is_not_asked() -> None:
    """Only what began before the oldest of them is taken from it."""
    entries = [*rollout(10, "arn:1"), *rollout(20, "arn:2"), *rollout(30, "arn:3")]

    assert found(*entries, before=20) == [(10, "arn:1")]
    assert found() == []


def test_a_release_is_completed_by_its_revision() -> None:
    """And is empty of it when ECS has the revision no more: the plan then says so."""
    [release] = older_releases(WEB, reversed(rollout(10, "arn:1")), RECORD, None)

    assert completed(release, {"family": "f"}).applied == {
        "service": {"serviceName": "w"},
        "taskDefinition": {"family": "f"},
    }
    assert completed(release, None).applied["taskDefinition"] == {}
