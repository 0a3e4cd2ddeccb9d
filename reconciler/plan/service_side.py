"""The service side of a service: changes of its CreateService fields, and the one call that makes them.

Called by `plan.service_steps`. What the task definition adds is `plan.revision`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.desired import DesiredApp, DesiredService
from reconciler.model.names import Path
from reconciler.model.observed import ObservedService, ServiceRecord
from reconciler.model.plan import Change, Effect, Suppressed, UndeclaredChange, Why
from reconciler.plan.canonical import canonical_json
from reconciler.plan.changes import Background, change_of
from reconciler.plan.compare import Difference, compare, removed
from reconciler.plan.ownership import declared_tags, ownership_tags, tag_list
from reconciler.plan.paths import MISSING, overlay, replaced
from reconciler.shapes.default_values import unpredictable
from reconciler.shapes.effects import (
    NOT_OBSERVABLE,
    RESETS,
    SENT_WITH_NEW_REVISION,
    service_effect,
)
from reconciler.shapes.tables import SERVICE

_TOKEN_LENGTH = 36
"""botocore: CreateServiceRequest.clientToken, "up to 36 ASCII characters"."""


@dataclass(frozen=True)
class FieldChange:
    """A change, the top-level field that has to be sent for it, and that field's value."""

    change: Change
    field: str
    value: Any


@dataclass(frozen=True)
class ServiceSide:
    """What the service's own fields contribute to a step. `tags` are those to add or to put right."""

    fields: tuple[FieldChange, ...] = ()
    tag_changes: tuple[Change, ...] = ()
    tags: Mapping[str, str] | None = None
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
    background = Background(SERVICE, before, service.origins, service.written)
    desired = _without_tags(wanted)
    seen = _with_unseen(_without_tags(live.service), before or {}, desired)
    found = compare(desired, seen, SERVICE)
    gone = [d for d in removed(before or {}, desired, seen, SERVICE) if _can_be_removed(d.path)]
    resets, lasting = _resets(gone)
    whys = [(d, None) for d in found.differences] + [(d, Why.REMOVED) for d in resets]
    fields = [
        FieldChange(
            change_of(d, service_effect(d.path[0]).effect, background, why),
            d.path[0],
            _value(d.path[0], desired, seen, resets),
        )
        for d, why in whys
    ]
    explained = {d.path[0] for d in resets}
    tag_changes = _tag_changes(app, service, wanted, live, background)
    return ServiceSide(
        fields=tuple(fields),
        tag_changes=tag_changes,
        tags=_tags_to_send(app, service, wanted, live) or None,
        undeclared=tuple(u for u in found.undeclared if u.path.split(".")[0] not in explained),
        suppressed=tuple(found.suppressed),
        notes=(*lasting, *_lasting_tags(wanted, before or {}, live)),
    )


def creation_fields(service: DesiredService, wanted: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return what a new service is made of, as changes from nothing."""
    background = Background(SERVICE, None, service.origins, service.written)
    found = compare(_without_tags(wanted), {}, SERVICE).differences
    return tuple(change_of(d, Effect.ROLLOUT, background) for d in found)


def create_request(
    app: DesiredApp,
    service: DesiredService,
    wanted: Mapping[str, Any],
    record: ServiceRecord | None,
) -> dict[str, Any]:
    """Return the CreateService input without cluster and task definition.

    `desiredCount` is what is declared, else 1; a DAEMON service takes none. The token is the same
    for the same creation, so that a lost answer does not make a second one.
    """
    request = {k: v for k, v in wanted.items() if k != "tags"}
    if request.get("schedulingStrategy") == "DAEMON":
        request.pop("desiredCount", None)
    else:
        request.setdefault("desiredCount", 1)
    tags = {**declared_tags(wanted), **ownership_tags(app, service.address)}
    request["tags"] = tag_list(tags)
    generation = [record.deployment_id, record.version] if record else []
    seed = canonical_json([app.key, app.cluster, str(service.address), request, generation])
    request["clientToken"] = hashlib.sha256(seed.encode()).hexdigest()[:_TOKEN_LENGTH]
    return request


def update_request(
    wanted: Mapping[str, Any], fields: Iterable[FieldChange], *, new_revision: bool
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
            if name in wanted:
                sent.setdefault(name, wanted[name])
    return {"service": wanted["serviceName"], **sent}


def _value(
    field: str, desired: Mapping[str, Any], live: Mapping[str, Any], resets: list[Difference]
) -> Any:
    """Return the whole field as it is to be sent: undeclared parts of it as they are live."""
    value = live.get(field, {})
    for reset in resets:
        if reset.path == (field,):
            value = reset.desired
        elif reset.path[0] == field:
            value = replaced({field: value}, SERVICE, reset.path, reset.desired)[field]
    if field in desired:
        return overlay(value, desired[field], SERVICE, (field,))
    return value


def _resets(gone: list[Difference]) -> tuple[list[Difference], list[str]]:
    """Give each removed place the value that takes it back, and a note where there is none."""
    resets: list[Difference] = []
    lasting: list[str] = []
    whole: set[str] = set()
    for difference in gone:
        field = difference.path[0]
        if field in RESETS and (len(difference.path) == 1 or _is_whole(field, gone)):
            if field not in whole:
                resets.append(Difference((field,), difference.observed, RESETS[field]))
            whole.add(field)
        elif difference.desired is MISSING:
            path = ".".join(difference.path)
            lasting.append(
                f"{path} is no longer declared; ECS has no value to reset it to, it stays"
            )
        else:
            resets.append(difference)
    return resets, lasting


def _is_whole(field: str, gone: list[Difference]) -> bool:
    """Service Connect is taken back as a whole, however many of its leaves are gone."""
    return field == "serviceConnectConfiguration" and any(d.path[0] == field for d in gone)


def _can_be_removed(path: Path) -> bool:
    if unpredictable(SERVICE, path[:1]) and path[0] not in RESETS:
        return False
    return service_effect(path[0]).effect is not Effect.REPLACE


def _with_unseen(
    live: Mapping[str, Any], before: Mapping[str, Any], desired: Mapping[str, Any]
) -> dict[str, Any]:
    """Complete what ECS answers with what it never answers: there our own memory is all there is."""
    unseen = {
        k: before[k] for k in NOT_OBSERVABLE if k in before and k in desired and k not in live
    }
    return {**live, **unseen}


def _without_tags(document: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in document.items() if k != "tags"}


def _wanted_tags(
    app: DesiredApp, service: DesiredService, wanted: Mapping[str, Any]
) -> dict[str, str]:
    return {**declared_tags(wanted), **ownership_tags(app, service.address)}


def _tags_to_send(
    app: DesiredApp, service: DesiredService, wanted: Mapping[str, Any], live: ObservedService
) -> dict[str, str]:
    tags = _wanted_tags(app, service, wanted)
    return {k: v for k, v in tags.items() if live.tags.get(k) != v}


def _tag_changes(
    app: DesiredApp,
    service: DesiredService,
    wanted: Mapping[str, Any],
    live: ObservedService,
    background: Background,
) -> tuple[Change, ...]:
    applied = background.applied
    if applied is not None:
        ours = tag_list({**declared_tags(applied), **ownership_tags(app, service.address)})
        background = Background(SERVICE, {**applied, "tags": ours}, background.origins)
    return tuple(
        change_of(
            Difference(("tags", key), live.tags.get(key, MISSING), value),
            Effect.NO_ROLLOUT,
            background,
        )
        for key, value in sorted(_tags_to_send(app, service, wanted, live).items())
    )


def _lasting_tags(
    wanted: Mapping[str, Any], before: Mapping[str, Any], live: ObservedService
) -> list[str]:
    """Tags are only added: others' tools may have taken over one that the files gave up."""
    gone = declared_tags(before).keys() - declared_tags(wanted).keys()
    return [f"tag {key} is no longer declared; it stays" for key in sorted(gone & live.tags.keys())]
