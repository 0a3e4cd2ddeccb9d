"""The task definition side of a service: whether the live revision does, or which other one can.

Called by `plan.compared` and `plan.service_steps`. Desired state is the only input of a new revision:
what was changed by hand in a live one is never carried over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.model.desired import DesiredService
from reconciler.model.names import Path, dotted, last_part
from reconciler.model.observed import (
    ObservedApp,
    ObservedService,
    ObservedTaskDefinition,
    ServiceRecord,
)
from reconciler.model.plan import Change, Effect, Suppressed, UndeclaredChange, Why
from reconciler.plan.changes import Background, change_of
from reconciler.plan.compare import Difference, compare, removed
from reconciler.plan.freshness import repinned_paths
from reconciler.plan.lookup_news import moved_paths
from reconciler.plan.mask import mask_value
from reconciler.plan.needs import carries_out
from reconciler.plan.ownership import without_tags
from reconciler.plan.paths import lookup
from reconciler.plan.running_images import with_running_images
from reconciler.plan.spec_hash import SPEC_TAG, content_hash
from reconciler.plan.spelling import respelled
from reconciler.shapes.tables import TASK_DEFINITION


@dataclass(frozen=True)
class RevisionSide:
    """What the task definition contributes to a step. Without `changes` the live revision does."""

    changes: tuple[Change, ...] = ()
    undeclared: tuple[UndeclaredChange, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()


def compare_revision(
    service: DesiredService,
    wanted: Mapping[str, Any],
    record: ServiceRecord | None,
    observed: ObservedApp,
) -> RevisionSide:
    """Compare the pinned task definition `wanted` with the one that the service runs."""
    live = observed.services[service.name]
    known = observed.task_definitions.get(live.task_definition_arn)
    if not service.task_definition:
        return RevisionSide()  # another deployer's
    if carries_out(service, live, record, observed.images):
        return _undeclared_only(wanted, known.content) if known else RevisionSide()
    if known is None:
        return RevisionSide(changes=(_unread(live),))
    before = record.applied.get(TASK_DEFINITION) if record else None
    moved = moved_paths(service) | repinned_paths(service, observed)
    background = Background(TASK_DEFINITION, before, service.origins, service.written, moved)
    content, spelled = respelled(without_tags(wanted), known.content, TASK_DEFINITION)
    seen, settled = with_running_images(service, content, known.content, live)
    found = compare(content, seen, TASK_DEFINITION)
    gone = removed(before or {}, content, seen, TASK_DEFINITION)
    tags = _image_tags(observed)
    changes = [_readable(change_of(d, Effect.ROLLOUT, background), tags) for d in found.differences]
    changes += [
        change_of(d, Effect.ROLLOUT, background, why=Why.REMOVED)
        for d in gone
        if not _is_covered(d.path, found.differences)
    ]
    covered = {c.path for c in changes}
    return RevisionSide(
        tuple(changes),
        tuple(u for u in found.undeclared if u.path not in covered),
        (*spelled, *found.suppressed, *settled, *_repeated(known)),
    )


def creation_changes(
    service: DesiredService,
    wanted: Mapping[str, Any],
    record: ServiceRecord | None,
    observed: ObservedApp,
) -> tuple[Change, ...]:
    """Return what the task definition of a new service is made of, as changes from nothing.

    With a record the service was there before: what is as we applied it is drift.
    """
    before = record.applied.get(TASK_DEFINITION) if record else None
    background = Background(TASK_DEFINITION, before, service.origins, service.written)
    tags = _image_tags(observed)
    found = compare(without_tags(wanted), {}, TASK_DEFINITION).differences
    return tuple(_readable(change_of(d, Effect.ROLLOUT, background), tags) for d in found)


def reusable(wanted: Mapping[str, Any], record: ServiceRecord | None, observed: ObservedApp) -> str:
    """Return the ARN of an ACTIVE revision that we registered with just this content, else "".

    The tag alone is not believed (anybody can copy it), nor equal content alone: another's revision
    may be deregistered by its owner. The recorded revision comes first, then the newest.
    """
    spec = content_hash(wanted)
    fitting = [
        d
        for d in observed.task_definitions.values()
        if d.active
        and d.family == wanted.get("family")
        and d.tags.get(SPEC_TAG) == spec
        and content_hash(d.content) == spec
    ]
    recorded = record.task_definition_arn if record else ""
    best = max(fitting, key=lambda d: (d.arn == recorded, d.revision), default=None)
    return best.arn if best else ""


def _repeated(known: ObservedTaskDefinition) -> Iterator[Suppressed]:
    """Say of each variable that was registered twice which of its values was compared."""
    for container, names in known.repeated.items():
        for name in names:
            path = ("containerDefinitions", container, "environment", name)
            value = mask_value(path, lookup(known.content, TASK_DEFINITION, path))
            yield Suppressed(dotted(path), value, "registered twice: the last one counts")


def _undeclared_only(wanted: Mapping[str, Any], content: Mapping[str, Any]) -> RevisionSide:
    document, spelled = respelled(without_tags(wanted), content, TASK_DEFINITION)
    found = compare(document, content, TASK_DEFINITION)
    return RevisionSide((), tuple(found.undeclared), (*spelled, *found.suppressed))


def _unread(live: ObservedService) -> Change:
    """Stand in for the details when the live revision cannot be read any more."""
    return Change(
        path=TASK_DEFINITION,
        observed=last_part(live.task_definition_arn) or None,
        desired="a new revision",
        why=Why.GIT,
        effect=Effect.ROLLOUT,
    )


def _is_covered(path: Path, differences: list[Difference]) -> bool:
    return any(path[: len(d.path)] == d.path for d in differences)


def _image_tags(observed: ObservedApp) -> dict[str, str]:
    """Digest form → the reference that people know it by: what the files name, before what they named."""
    pins, images = observed.ledger.pins, observed.images
    pinned = sorted(pins.items(), key=lambda pin: (pin[0] in images, pin))
    return {digest: reference for reference, digest in (*pinned, *sorted(images.items()))}


def _readable(change: Change, tags: Mapping[str, str]) -> Change:
    """Show an image as `repository:tag@sha256:…` where the tag is known."""
    if not change.path.endswith(".image"):
        return change
    return replace(
        change,
        observed=_with_tag(change.observed, tags),
        desired=_with_tag(change.desired, tags),
    )


def _with_tag(image: Any, tags: Mapping[str, str]) -> Any:
    if not isinstance(image, str) or image not in tags or "@" not in image:
        return image
    reference = tags[image]
    return reference if "@" in reference else f"{reference}@{image.partition('@')[2]}"
