"""Which task definitions must be described: in the steady state none.

Called by `resources.observe` before it asks ECS for revisions.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.desired import DesiredService
from reconciler.model.observed import ObservedService, ServicePresence, ServiceRecord
from reconciler.plan.spec_hash import desired_hash


def carries_out(
    service: DesiredService,
    observed: ObservedService,
    record: ServiceRecord | None,
    images: Mapping[str, str],
) -> bool:
    """Say whether the ledger proves that the live revision is the desired one.

    Revisions are immutable: the ARN that we registered for this very desired state cannot have
    become anything else.
    """
    return (
        record is not None
        and bool(record.task_definition_arn)
        and record.task_definition_arn == observed.task_definition_arn
        and record.desired_hash == desired_hash(service, images)
    )


def needs_task_definition(
    service: DesiredService,
    observed: ObservedService,
    record: ServiceRecord | None,
    images: Mapping[str, str],
) -> bool:
    """Say whether `make_plan` has to see the live revision and the newest ACTIVE ones of the family.

    False while a service drains (nothing is planned for it), in the steady state, and where another
    deployer keeps the task definition to itself.
    """
    if not service.task_definition:
        return False
    match observed.presence:
        case ServicePresence.ACTIVE:
            return not carries_out(service, observed, record, images)
        case ServicePresence.DRAINING:
            return False
        case _:
            return True
