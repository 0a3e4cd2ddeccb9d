"""One service with everything that is known of it, and why what it wants may have to be held.

Made by `plan.planner`, read by all that makes steps of services and of their autoscaling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.desired import DesiredApp, DesiredService
from reconciler.model.names import AppKey, Path, dotted
from reconciler.model.observed import (
    ObservedApp,
    ObservedService,
    RolloutState,
    ServicePresence,
    ServiceRecord,
)
from reconciler.plan.image_problems import image_problem
from reconciler.plan.rollout import in_two
from reconciler.plan.spec_hash import desired_hash
from reconciler.shapes.tables import SERVICE

ABSENT = ObservedService(ServicePresence.ABSENT)


@dataclass(frozen=True)
class Subject:
    """One service with everything that is known of it. `blocked_by` holds back what starts tasks."""

    app: DesiredApp
    service: DesiredService
    observed: ObservedApp
    blocked_by: tuple[str, ...] = ()

    @property
    def live(self) -> ObservedService:
        """The live service, ABSENT when there is none."""
        return self.observed.services.get(self.service.name, ABSENT)

    @property
    def record(self) -> ServiceRecord | None:
        """What the ledger knows of this very service; a record of another AWS name is not about it."""
        record = self.observed.ledger.services.get(self.service.name)
        return None if record is None or _renamed_from(record, self.service) else record

    @property
    def wanted_hash(self) -> str:
        """Hash of the desired side."""
        return desired_hash(self.service, self.observed.images)

    @property
    def is_held(self) -> bool:
        """Whether ECS reverted just this desired state before."""
        record = self.record
        return (
            record is not None
            and record.state is RolloutState.HELD
            and record.held_hash == self.wanted_hash
        )


def held_summary(reason: str) -> str:
    """Say in short that a rollout is held; ECS's own words are a note, and part of the story of `status`."""
    happened, _ = in_two(reason)
    return f"held: {happened or 'the rollout failed'}"


def held_notes(subject: Subject) -> tuple[str, ...]:
    """Say of a held rollout what ECS said, and what to type: to see why it failed, and to release it."""
    key, address = subject.app.key, str(subject.service.address)
    _, said = in_two(subject.record.reason if subject.record else "")
    notes = (f"why it failed: reconciler -a {key} status {address}", how_to_release(key, address))
    return (f"ECS says: {said}", *notes) if said else notes


def how_to_release(key: AppKey, address: str) -> str:
    """Say what ends the hold of a service: other files, or a person."""
    retry = f'reconciler -a {key} retry {address} --reason "…"'
    return f"not tried again until the files change, or: {retry}"


def live_problem(lost: frozenset[Path]) -> str:
    """Say which `${live}` have no live value to stand for, empty when there is none of them."""
    names = ", ".join(sorted(dotted(path[1:]) for path in lost))
    what = "is no such value in the live task definition"
    return f"${{live}} at {names}: there {what}, write one or a secret" if names else ""


def content_problem(
    subject: Subject, task_definition: Mapping[str, Any], lost: frozenset[Path]
) -> str:
    """Say why a task definition cannot be registered: an image or a `${live}` value is not there."""
    return image_problem(task_definition, subject.observed) or live_problem(lost)


def rename_problem(subject: Subject) -> str:
    """Say why a changed serviceName is held: the old service would be left running beside the new one."""
    record = subject.observed.ledger.services.get(subject.service.name)
    if record is None or not (old := _renamed_from(record, subject.service)):
        return ""
    if old not in subject.observed.orphans:
        return ""
    return (
        f"serviceName was {old} and a service cannot be renamed: give the new one another key under "
        f"services, or delete {old} by hand"
    )


def _renamed_from(record: ServiceRecord, service: DesiredService) -> str:
    old = str(record.applied.get(SERVICE, {}).get("serviceName", service.service_name))
    return "" if old == service.service_name else old
