"""Verdicts on our own deployment."""

from __future__ import annotations

import pytest

from reconciler.model.observed import (
    Deployment,
    ObservedService,
    RolloutState,
    ServicePresence,
    ServiceRecord,
)
from reconciler.plan.rollout import judge

OURS, OLD = "arn:td/web:2", "arn:td/web:1"


def deployment(
    id_: str, status: str, arn: str, state: str, running: int = 1, **fields: object
) -> Deployment:
    """Return one element of deployments[]; two tasks are desired."""
    reason = str(fields.get("reason", ""))
    return Deployment(id_, status, arn, state, reason, 2, running, 2 - running, 0)


def record(**fields: object) -> ServiceRecord:
    """Return the record of a rollout that is under way."""
    values = {"state": RolloutState.CONVERGING, "deployment_id": "d-2", **fields}
    return ServiceRecord("web", {}, "hash", OURS, **values)


def live(*deployments: Deployment) -> ObservedService:
    """Return an ACTIVE service with these deployments."""
    return ObservedService(ServicePresence.ACTIVE, deployments=deployments)


ours = deployment("d-2", "PRIMARY", OURS, "IN_PROGRESS")
old = deployment("d-1", "ACTIVE", OLD, "COMPLETED", 2)
TABLE = [
    ("rolling", (ours, old), None),
    ("completed", (deployment("d-2", "PRIMARY", OURS, "COMPLETED", 2),), RolloutState.STEADY),
    (
        "old one draining",
        (deployment("d-2", "PRIMARY", OURS, "COMPLETED", 2), old),
        RolloutState.STEADY,
    ),
    ("failed, no rollback", (deployment("d-2", "PRIMARY", OURS, "FAILED"), old), RolloutState.HELD),
    (
        "rolled back, ours listed",
        (
            deployment("d-3", "PRIMARY", OLD, "IN_PROGRESS"),
            deployment("d-2", "ACTIVE", OURS, "FAILED"),
        ),
        RolloutState.HELD,
    ),
    (
        "replaced by hand by a newer revision",
        (deployment("d-3", "PRIMARY", "arn:td/web:10", "COMPLETED"),),
        None,
    ),
    (
        "rolled back, ours gone",
        (deployment("d-3", "PRIMARY", OLD, "COMPLETED"),),
        RolloutState.HELD,
    ),
    ("turned back in place", (deployment("d-2", "PRIMARY", OLD, "COMPLETED"),), RolloutState.HELD),
    (
        "replaced by hand",
        (
            deployment("d-3", "PRIMARY", "arn:td/web:9", "IN_PROGRESS"),
            deployment("d-2", "ACTIVE", OURS, "IN_PROGRESS"),
        ),
        None,
    ),
    (
        "completed, then replaced by hand",
        (
            deployment("d-3", "PRIMARY", "arn:td/web:9", "IN_PROGRESS"),
            deployment("d-2", "ACTIVE", OURS, "COMPLETED"),
        ),
        RolloutState.STEADY,
    ),
    ("forced by hand, rolling", (deployment("d-3", "PRIMARY", OURS, "IN_PROGRESS"),), None),
    (
        "forced by hand, done",
        (deployment("d-3", "PRIMARY", OURS, "COMPLETED", 2),),
        RolloutState.STEADY,
    ),
    (
        "rolled back to the same revision",
        (
            deployment(
                "d-3",
                "PRIMARY",
                OURS,
                "COMPLETED",
                2,
                reason="circuit breaker: rolling back to d-1",
            ),
        ),
        RolloutState.HELD,
    ),
    ("no rollout state, counting up", (deployment("d-2", "PRIMARY", OURS, "", 1),), None),
    (
        "no rollout state, all there",
        (deployment("d-2", "PRIMARY", OURS, "", 2),),
        RolloutState.STEADY,
    ),
    ("nothing listed", (), None),
]


@pytest.mark.parametrize(("case", "deployments", "state"), TABLE, ids=[row[0] for row in TABLE])
def test_how_a_rollout_ended(
    case: str, deployments: tuple[Deployment, ...], state: RolloutState | None
) -> None:
    """Each picture of deployments[] has one verdict on the rollout that we started."""
    judged = judge(record(), live(*deployments))
    assert (judged.state if judged else None) is state
    if state is RolloutState.HELD:
        assert judged.held_hash == "hash"
        assert judged.reason


@pytest.mark.parametrize("state", [RolloutState.STEADY, RolloutState.HELD])
def test_a_verdict_is_final(state: RolloutState) -> None:
    """What is steady or held is not judged again: later changes are drift."""
    assert judge(record(state=state), live(deployment("d-2", "PRIMARY", OURS, "FAILED"))) is None


@pytest.mark.parametrize(
    "presence", [p for p in ServicePresence if p is not ServicePresence.ACTIVE]
)
def test_a_service_that_is_gone_is_not_judged(presence: ServicePresence) -> None:
    """A deleted service is neither steady nor held; the plan creates it anew."""
    assert judge(record(), ObservedService(presence)) is None


def test_a_steady_record_follows_the_forced_deployment() -> None:
    """The id that is remembered is the one that was judged."""
    judged = judge(record(), live(deployment("d-3", "PRIMARY", OURS, "COMPLETED", 2)))
    assert judged.deployment_id == "d-3"


def test_the_reason_is_what_ecs_said_of_our_deployment() -> None:
    """The deployment that was turned back is gone from the list, its event is not."""
    event = "(service web) (deployment d-2) deployment failed: tasks failed to start."
    seen = ObservedService(
        ServicePresence.ACTIVE,
        deployments=(deployment("d-3", "PRIMARY", OLD, "COMPLETED", reason="d-3 completed."),),
        events=("(service web) has reached a steady state.", event),
    )

    judged = judge(record(), seen)

    assert judged is not None
    assert judged.reason == f"web:2 was replaced by web:1: {event}"


@pytest.mark.parametrize("event", ["(service web) (deployment d-1) deployment failed: x.", ""])
def test_what_went_to_a_newer_revision_by_hand_is_no_verdict(event: str) -> None:
    """Nor is what ECS said of another deployment than ours."""
    newer = deployment("d-3", "PRIMARY", "arn:td/web:9", "COMPLETED", 2)
    events = (event,) if event else ()
    seen = ObservedService(ServicePresence.ACTIVE, deployments=(newer,), events=events)
    assert judge(record(), seen) is None


@pytest.mark.parametrize("state", ["IN_PROGRESS", "COMPLETED"])
def test_ecs_turns_back_to_a_newer_revision_where_we_had_gone_back(state: str) -> None:
    """An older revision that fails is held like any other: sent again it would fail for ever."""
    event = "(service web) (deployment d-2) deployment failed: tasks failed to start."
    newer = deployment("d-3", "PRIMARY", "arn:td/web:9", state)
    seen = ObservedService(ServicePresence.ACTIVE, deployments=(newer,), events=(event,))
    judged = judge(record(), seen)
    assert judged is not None
    assert (judged.state, judged.held_hash) == (RolloutState.HELD, "hash")
    assert judged.reason == f"web:2 was replaced by web:9: {event}"


def test_the_reason_is_kept_without_the_secrets_in_it() -> None:
    """What ECS says goes into ledger, journal and status alike: it is masked where it is taken over."""
    reason = "cannot start: postgres://app:hunter2@db/shop"
    judged = judge(record(), live(deployment("d-2", "PRIMARY", OURS, "FAILED", reason=reason)))
    assert judged is not None
    assert judged.reason == "cannot start: postgres://app:(sensitive)@db/shop"
