"""The service side of a service: changes of its CreateService fields, and the one call that makes them.

Called by `plan.compared`, `plan.service_steps` and `plan.rollback`. What the task definition adds is
`plan.revision`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.model.desired import DesiredApp, DesiredService
from reconciler.model.observed import ObservedService, ServiceRecord
from reconciler.model.plan import Change, Effect, Suppressed, UndeclaredChange, Why
from reconciler.plan.canonical import canonical_json
from reconciler.plan.changes import Background, change_of
from reconciler.plan.compare import Difference, compare, removed
from reconciler.plan.lookup_news import moved_paths
from reconciler.plan.ownership import declared_tags, ownership_tags, tag_list, without_tags
from reconciler.plan.paths import MISSING
from reconciler.plan.resets import resets_of, value_to_send
from reconciler.plan.service_tags import TagSide, compare_tags
from reconciler.plan.spelling import respelled
from reconciler.shapes.controllers import (
    EXTERNAL,
    IN_TASK_SETS,
    TRANSITIONS,
    controller_of,
)
from reconciler.shapes.effects import SENT_WITH_NEW_REVISION, service_effect
from reconciler.shapes.tables import SERVICE

_TOKEN_LENGTH = 36
"""botocore: CreateServiceRequest.clientToken, "up to 36 ASCII characters"."""

_STRATEGY = ("capacityProviderStrategy",)


@dataclass(frozen=True)
class FieldChange:
    """A change, the top-level field that has to be sent for it, and that field's value."""

    change: Change
    field: str
    value: Any


@dataclass(frozen=True)
class ServiceSide:
    """What the service's own fields contribute to a step. `seen` is the live document compared with."""

    fields: tuple[FieldChange, ...] = ()
    tags: TagSide = field(default_factory=TagSide)
    seen: Mapping[str, Any] = field(default_factory=dict)
    undeclared: tuple[UndeclaredChange, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    notes: tuple[str, ...] = ()


def compare_service(
    app: DesiredApp,
    service: DesiredService,
    wanted: Mapping[str, Any],
    live: ObservedService,
    record: ServiceRecord | None,
) -> ServiceSide:
    """Compare the effective CreateService document with a live service."""
    before = record.applied.get(SERVICE) if record else None
    moved = moved_paths(service)
    background = Background(SERVICE, before, service.origins, service.written, moved)
    seen = _with_unseen(live, before or {})
    desired, spelled = respelled(without_tags(wanted), seen, SERVICE)
    found = compare(desired, seen, SERVICE)
    resets, lasting = resets_of(removed(before or {}, desired, seen, SERVICE), desired, seen)
    whys: list[tuple[Difference, Why | None]] = [(d, None) for d in found.differences]
    whys = _back_to_launch_type(whys, desired, seen) + [(d, Why.REMOVED) for d in resets]
    fields = [
        FieldChange(
            change_of(d, _effect(d.path[0], desired, seen), background, why),
            d.path[0],
            _value(d, desired, seen, resets),
        )
        for d, why in _once(whys)
    ]
    tags = compare_tags(app, service, wanted, live, before)
    explained = {d.path[0] for d in resets}
    return ServiceSide(
        fields=tuple(fields),
        tags=tags,
        seen=seen,
        undeclared=tuple(u for u in found.undeclared if u.path.split(".")[0] not in explained),
        suppressed=(
            *spelled,
            *_of_the_count(service, found.suppressed),
            *tags.suppressed,
        ),
        notes=(*lasting, *tags.notes),
    )


def creation_fields(
    service: DesiredService, wanted: Mapping[str, Any], record: ServiceRecord | None
) -> tuple[Change, ...]:
    """Return what a new service is made of, as changes from nothing, or from what we had applied."""
    before = record.applied.get(SERVICE) if record else None
    background = Background(SERVICE, before, service.origins, service.written)
    left_out = _left_to_task_sets(wanted)
    document = {k: v for k, v in without_tags(wanted).items() if k not in left_out}
    found = compare(document, {}, SERVICE).differences
    return tuple(change_of(d, Effect.ROLLOUT, background) for d in found)


def create_request(
    app: DesiredApp,
    service: DesiredService,
    wanted: Mapping[str, Any],
    record: ServiceRecord | None,
) -> dict[str, Any]:
    """Return the CreateService input without cluster and task definition.

    `desiredCount` is what is declared, else the least that autoscaling allows, else 1; a DAEMON
    service takes none, and an external controller's what its task sets do not have. The token is the
    same for the same creation, so that a lost answer does not make a second one.
    """
    left_out = _left_to_task_sets(wanted)
    request = {k: v for k, v in without_tags(wanted).items() if k not in left_out}
    if request.get("schedulingStrategy") == "DAEMON":
        request.pop("desiredCount", None)
    else:
        scaling = service.autoscaling
        request.setdefault("desiredCount", scaling.target["minCapacity"] if scaling else 1)
    tags = {**declared_tags(wanted), **ownership_tags(app.key, service.address)}
    request["tags"] = tag_list(tags)
    generation = [record.deployment_id, record.version] if record else []
    seed = canonical_json([app.key, app.cluster, str(service.address), request, generation])
    request["clientToken"] = hashlib.sha256(seed.encode()).hexdigest()[:_TOKEN_LENGTH]
    return request


def _left_to_task_sets(wanted: Mapping[str, Any]) -> tuple[str, ...]:
    return IN_TASK_SETS if controller_of(wanted) == EXTERNAL else ()


def update_request(
    wanted: Mapping[str, Any],
    fields: Iterable[FieldChange],
    live: Mapping[str, Any],
    *,
    new_revision: bool,
) -> dict[str, Any] | None:
    """Return the one UpdateService input without cluster and task definition, None for nothing.

    A changed capacity provider strategy reaches running tasks only by `forceNewDeployment`.
    """
    sent = {f.field: f.value for f in fields if f.change.effect is not Effect.REPLACE}
    if not sent and not new_revision:
        return None
    if "capacityProviderStrategy" in sent:
        sent["forceNewDeployment"] = True
    if new_revision:
        for name in SENT_WITH_NEW_REVISION:
            value = wanted.get(name, live.get(name))
            if value:
                sent.setdefault(name, value)
    return {"service": wanted["serviceName"], **sent}


def _of_the_count(
    service: DesiredService, suppressed: Iterable[Suppressed]
) -> Iterator[Suppressed]:
    """Say of a scaled service's count that it is the autoscaler's, declared or not."""
    rule = "autoscaling is declared: Application Auto Scaling owns it"
    for each in suppressed:
        mine = service.autoscaling is not None and each.path == "desiredCount"
        yield replace(each, rule=rule) if mine else each


def _value(
    difference: Difference,
    desired: Mapping[str, Any],
    seen: Mapping[str, Any],
    resets: list[Difference],
) -> Any:
    if difference.path == _STRATEGY and _STRATEGY[0] not in desired:
        return []
    return value_to_send(difference.path[0], desired, seen, resets)


def _effect(name: str, desired: Mapping[str, Any], seen: Mapping[str, Any]) -> Effect:
    """Return what changing a field does; of the deployment controller not every change is possible."""
    change = (controller_of(seen), controller_of(desired))
    if name == "deploymentController" and change not in TRANSITIONS:
        return Effect.REPLACE
    return service_effect(name).effect


def _back_to_launch_type(
    whys: list[tuple[Difference, Why | None]],
    desired: Mapping[str, Any],
    seen: Mapping[str, Any],
) -> list[tuple[Difference, Why | None]]:
    """Say "no capacity provider strategy" where a launch type is wanted instead of one.

    A launch type cannot be sent; an empty strategy goes back to it [M UpdateService].
    """
    live = seen.get(_STRATEGY[0])
    if not live or "launchType" not in desired or _STRATEGY[0] in desired:
        return whys
    back = (Difference(_STRATEGY, live, []), None)
    return [
        back if d.path == ("launchType",) and d.observed is MISSING else (d, w) for d, w in whys
    ]


def _once(
    whys: list[tuple[Difference, Why | None]],
) -> list[tuple[Difference, Why | None]]:
    """Take what is there twice by its last mention: a removed strategy that gave way to a launch type."""
    return list({d.path: (d, why) for d, why in whys}.values())


def _with_unseen(live: ObservedService, before: Mapping[str, Any]) -> dict[str, Any]:
    """Complete what was read with what was not: there our own memory is all there is."""
    unseen = {k: before[k] for k in live.unread if k in before}
    return {**unseen, **without_tags(live.service)}
