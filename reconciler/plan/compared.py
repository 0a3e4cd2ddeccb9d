"""Both sides of a live service, compared: what differs, and which part of it may be sent by itself.

Called by `plan.service_steps`, which makes steps of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.model.plan import STARTS_TASKS, Change
from reconciler.plan import freshness
from reconciler.plan.controllers import as_deployed, deployer_of, refused, takes
from reconciler.plan.effective import Effective, for_existing
from reconciler.plan.pin import pin_images
from reconciler.plan.revision import RevisionSide, compare_revision
from reconciler.plan.service_side import FieldChange, ServiceSide, compare_service
from reconciler.plan.subject import Subject


@dataclass(frozen=True)
class Compared:
    """Both sides of a live service, compared."""

    effective: Effective
    pinned: Mapping[str, Any]
    service: ServiceSide
    revision: RevisionSide
    deployer: str

    @property
    def heavy(self) -> tuple[Change, ...]:
        """What starts tasks, would need another service, or is another's to send."""
        fields = (f.change for f in self.service.fields if not self._is_free(f))
        return (*self.revision.changes, *fields)

    @property
    def free(self) -> tuple[FieldChange, ...]:
        """The fields that may be sent by themselves, and start nothing."""
        return tuple(f for f in self.service.fields if self._is_free(f))

    @property
    def light(self) -> tuple[Change, ...]:
        """What starts nothing."""
        return (*(f.change for f in self.free), *self.service.tags.changes)

    @property
    def refused(self) -> tuple[str, ...]:
        """What UpdateService does not take because ECS does not deploy this service."""
        fields = (f.field for f in self.service.fields)
        return refused(self.deployer, fields, new_revision=bool(self.revision.changes))

    def _is_free(self, field: FieldChange) -> bool:
        return takes(self.deployer, field.field) and field.change.effect not in STARTS_TASKS


def compared(subject: Subject) -> Compared:
    """Compare what is wanted of a live service with what is, its fields and its task definition."""
    service, live, record = subject.service, subject.live, subject.record
    known = subject.observed.task_definitions.get(live.task_definition_arn)
    content = known.content if known else None
    effective = for_existing(service, record, live.service, content)
    pinned = pin_images(effective.task_definition, subject.observed.images)
    deployer = deployer_of(live.service, effective.service)
    if not takes(deployer, "taskDefinition"):
        pinned = as_deployed(pinned, effective.task_definition, content)
    found = Compared(
        effective,
        pinned,
        compare_service(subject.app, service, effective.service, live, record),
        compare_revision(service, pinned, record, subject.observed),
        deployer,
    )
    if found.heavy or not takes(deployer, "forceNewDeployment"):
        return found  # a rollout reads every secret anew
    forced = freshness.redeployments(service, subject.observed, live, record)
    fields = (FieldChange(change, "forceNewDeployment", True) for change in forced)
    return replace(found, service=replace(found.service, fields=(*found.service.fields, *fields)))
