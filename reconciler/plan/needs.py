"""Which task definitions must be described: in the steady state none.

Called by `resources.observe` before it asks ECS for revisions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def needs_running_images(
    service: DesiredService, live: Mapping[str, Any], images: Mapping[str, str]
) -> bool:
    """Say whether a container of the live task definition names a tag where a digest is wanted.

    Then only what runs can tell whether they are the same (`plan.revision`).
    """
    declared = {
        c["name"]: str(c.get("image", ""))
        for c in service.task_definition.get("containerDefinitions", ())
    }
    wanted = {name: images.get(image, image) for name, image in declared.items()}
    return any(
        "@" not in str(c.get("image", "")) and "@" in wanted.get(c["name"], "")
        for c in live.get("containerDefinitions", ())
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
