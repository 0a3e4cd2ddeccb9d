"""How did our own rollout end? Judged by the id of our deployment, never by "stable".

Called by `controller.settle` for every recorded service. After a rollback the service is stable, on
the wrong revision; so counts alone prove nothing (AWS: DescribeServices, `deployments[]`).
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.names import last_part
from reconciler.model.observed import (
    Deployment,
    ObservedService,
    RolloutState,
    ServicePresence,
    ServiceRecord,
)
from reconciler.plan.mask import mask_text

PRIMARY = "PRIMARY"
COMPLETED = "COMPLETED"
FAILED = "FAILED"
_REPLACED = " was replaced by "


def judge(record: ServiceRecord, observed: ObservedService) -> ServiceRecord | None:
    """Return the record as STEADY or HELD when the rollout it waits for has ended, else None.

    Only a CONVERGING record is judged. None as well while AWS has not made up its mind, and when
    somebody replaced our deployment by hand: the plan shows that as drift.
    """
    if record.state is not RolloutState.CONVERGING or (
        observed.presence is not ServicePresence.ACTIVE
    ):
        return None
    listed = next((d for d in observed.deployments if d.id == record.deployment_id), None)
    primary = observed.primary
    # A deployment of our id on another revision was turned back in place: it is not ours any more.
    same = listed is not None and listed.task_definition == record.task_definition_arn
    ours = listed if same else None
    if ours is not None and (ours.status == PRIMARY or ours.rollout_state in (FAILED, COMPLETED)):
        return _verdict(record, ours)
    if primary is None:
        return _nothing_to_judge(record, observed)
    if primary.task_definition == record.task_definition_arn:
        return _successor(record, primary)
    # ECS has said that it failed; what it went back to may be newer, where we had gone back ourselves.
    if _told_of(record, observed):
        return _rolled_back(record, observed, primary)
    # Still listed, neither failed nor primary: somebody replaced it by hand just now. So has who went to
    # a newer revision than ours: ECS goes back to what had completed before.
    by_hand = ours is not None or _is_newer(primary.task_definition, record.task_definition_arn)
    return None if by_hand else _rolled_back(record, observed, primary)


def in_two(reason: str) -> tuple[str, str]:
    """Split the reason of a HELD record: what happened, in short, and what ECS said of it, else empty."""
    happened, _, said = reason.partition(": ")
    return (happened, said) if _REPLACED in happened else (reason, "")


def _told_of(record: ServiceRecord, observed: ObservedService) -> str:
    """Return the event by which ECS says that our deployment failed, empty when there is none."""
    # ECS's service event messages: "(service web) (deployment ecs-svc/1) deployment failed: tasks failed …"
    ours = f"(deployment {record.deployment_id}) deployment failed"
    return next((event for event in observed.events if ours in event), "")


def _nothing_to_judge(record: ServiceRecord, observed: ObservedService) -> ServiceRecord | None:
    """Call a service steady that never had a deployment: an external controller has made none yet."""
    idle = not record.deployment_id and not observed.deployments
    return replace(record, state=RolloutState.STEADY, held_hash="", reason="") if idle else None


def _is_newer(arn: str, than: str) -> bool:
    """Whether both are revisions of one family and `arn` has the higher number."""
    family, _, number = arn.rpartition(":")
    other, _, limit = than.rpartition(":")
    return family == other and number.isdigit() and limit.isdigit() and int(number) > int(limit)


def _successor(record: ServiceRecord, primary: Deployment) -> ServiceRecord | None:
    """Judge the newer deployment of the same revision: somebody forced it, that is no failure."""
    if "rolling back" in primary.rollout_reason.lower():
        return _held(record, primary.rollout_reason)
    return _verdict(record, primary)


def _verdict(record: ServiceRecord, deployment: Deployment) -> ServiceRecord | None:
    if deployment.rollout_state == FAILED:
        return _held(record, deployment.rollout_reason or "the deployment failed")
    if deployment.rollout_state == COMPLETED:
        return _steady(record, deployment)
    return _by_counts(record, deployment)


def _by_counts(record: ServiceRecord, deployment: Deployment) -> ServiceRecord | None:
    """Judge a deployment that has no rollout state: another controller type, or a Classic LB."""
    done = (
        not deployment.rollout_state
        and deployment.pending_count == 0
        and deployment.running_count >= deployment.desired_count
    )
    return _steady(record, deployment) if done else None


def _rolled_back(
    record: ServiceRecord, observed: ObservedService, primary: Deployment
) -> ServiceRecord:
    """Hold it, with the event that ECS wrote of our deployment: the deployment itself is gone."""
    running = last_part(primary.task_definition)
    wanted = last_part(record.task_definition_arn)
    reason = _told_of(record, observed) or primary.rollout_reason or "its deployment is gone"
    return _held(record, f"{wanted}{_REPLACED}{running}: {reason}")


def _steady(record: ServiceRecord, deployment: Deployment) -> ServiceRecord:
    return replace(
        record,
        state=RolloutState.STEADY,
        deployment_id=deployment.id,
        held_hash="",
        reason="",
    )


def _held(record: ServiceRecord, reason: str) -> ServiceRecord:
    """Return the record as HELD. The reason has ECS's words in it: it is kept masked."""
    said = mask_text(reason.strip())
    return replace(record, state=RolloutState.HELD, held_hash=record.desired_hash, reason=said)
