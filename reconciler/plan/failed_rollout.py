"""A rollout that failed where it stands: nothing differs, and yet it is not what was wanted.

Called by `plan.service_steps`. A first deployment has nothing that ECS could go back to: it stays PRIMARY
and FAILED, with the desired task definition [D deployment-circuit-breaker].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.plan import Change, Effect, ServiceRequest, Step, Verb, Why
from reconciler.plan.rollout import FAILED
from reconciler.plan.subject import Subject, held_notes, held_summary


def after_failure(subject: Subject, base: Step, memory: Mapping[str, Any]) -> Step | None:
    """Return the step of a service whose live deployment is ours and failed; None for any other.

    Held until a person decides; once released, a new deployment of the same is started. `memory` is
    what the ledger is to remember then.
    """
    record, primary = subject.record, subject.live.primary
    if record is None or primary is None or primary.id != record.deployment_id:
        return None
    if primary.rollout_state != FAILED:
        return None
    if subject.is_held:
        notes = (*base.notes, *held_notes(subject))
        return replace(base, verb=Verb.HOLD, summary=held_summary(record.reason), notes=notes)
    if record.desired_hash:
        return None  # still to be judged
    again = Change("deployments", "FAILED", "a new deployment", Why.DRIFT, Effect.ROLLOUT)
    update = {"service": subject.service.service_name, "forceNewDeployment": True}
    return replace(
        base,
        verb=Verb.UPDATE,
        summary="its deployment failed, another one of the same",
        changes=(again,),
        blocked_by=subject.blocked_by,
        request=ServiceRequest(update=update, applied=memory, desired_hash=subject.wanted_hash),
    )
