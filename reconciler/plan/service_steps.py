"""The steps of one service: nothing, create, update, adopt or hold, as one UpdateService at most.

Called by `plan.planner`. When what starts tasks must wait or is held, the rest goes on by itself: then
there are two steps with one address, the free one first (docs/plan.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.observed import (
    RolloutState,
    ServicePresence,
)
from reconciler.model.plan import STARTS_TASKS, Effect, ServiceRequest, Step, Verb
from reconciler.plan import freshness
from reconciler.plan.adoption import are_marks, of_another, taken_over, untouched
from reconciler.plan.compared import Compared, compared
from reconciler.plan.controllers import (
    creation_problem,
    how_to_deploy,
    is_left_to_task_sets,
    refusal,
)
from reconciler.plan.effective import (
    applied,
    for_creation,
    partly_applied,
)
from reconciler.plan.failed_rollout import after_failure
from reconciler.plan.lookup_news import moved_notes
from reconciler.plan.ownership import Owner, owner_of, registration
from reconciler.plan.pin import pin_images, pins_of
from reconciler.plan.revision import (
    creation_changes,
    reusable,
)
from reconciler.plan.service_side import (
    create_request,
    creation_fields,
    update_request,
)
from reconciler.plan.step_summary import NEW_REVISION, summary, tasks
from reconciler.plan.subject import (
    Subject,
    content_problem,
    held_notes,
    held_summary,
    rename_problem,
)
from reconciler.plan.unresolved import awaited, said


def service_steps(subject: Subject) -> tuple[Step, ...]:
    """Return the steps for one service: one, or two when a part of it has to wait."""
    if subject.service.unresolved:
        return (_unresolved(subject),)
    match subject.live.presence:
        case ServicePresence.ACTIVE:
            if owner_of(subject.app, subject.live.tags) is Owner.OTHER:
                return (of_another(subject),)
            return _existing(subject)
        case ServicePresence.DRAINING:
            step = _creation(subject)
            return (replace(step, blocked_by=("draining", *step.blocked_by)),)
        case _:
            return (_creation(subject),)


def is_settled(subject: Subject, steps: tuple[Step, ...]) -> bool:
    """Say whether the service runs what is desired and its rollout has ended well."""
    pending = any(c.effect in STARTS_TASKS for step in steps for c in step.changes)
    record = subject.record
    return (
        not pending
        and not subject.service.unresolved
        and subject.live.presence is ServicePresence.ACTIVE
        and record is not None
        and record.state is RolloutState.STEADY
        and record.desired_hash == subject.wanted_hash
        and record.task_definition_arn == subject.live.task_definition_arn
    )


def _unresolved(subject: Subject) -> Step:
    """Return the step of a service whose look-ups are missing: from half a document nothing follows."""
    unresolved = subject.service.unresolved
    absent = subject.live.presence is not ServicePresence.ACTIVE
    waiting = Verb.CREATE if absent else Verb.UPDATE
    failed = said(unresolved)
    names = ", ".join(dict.fromkeys(f"${{{one.name}}}" for one in unresolved))
    return Step(
        subject.service.address,
        Verb.HOLD if failed else waiting,
        failed or f"waits for {names}",
        blocked_by=(*awaited(unresolved), *subject.blocked_by),
    )


def _creation(subject: Subject) -> Step:
    service, images = subject.service, subject.observed.images
    effective = for_creation(service)
    problem = rename_problem(subject) or content_problem(
        subject, service.task_definition, effective.lost
    )
    problem = problem or creation_problem(service.service, service.task_definition)
    if problem:
        return Step(service.address, Verb.HOLD, problem, blocked_by=subject.blocked_by)
    pinned = pin_images(effective.task_definition, images)
    create = create_request(subject.app, service, effective.service, subject.record)
    bare = is_left_to_task_sets(effective.service)
    reuse = "" if bare else reusable(pinned, subject.record, subject.observed)
    registers = not (bare or reuse)
    request = ServiceRequest(
        register=registration(subject.app, service.address, pinned) if registers else None,
        reuse_arn=reuse,
        create=create,
        applied=applied(effective, pinned),
        desired_hash=subject.wanted_hash,
        pins=pins_of(service.task_definition, images),
    )
    return Step(
        service.address,
        Verb.CREATE,
        f"new service {service.service_name}, {tasks(create.get('desiredCount'))}",
        changes=(
            *(() if bare else creation_changes(service, pinned, subject.record, subject.observed)),
            *creation_fields(service, effective.service, subject.record),
        ),
        blocked_by=subject.blocked_by,
        request=request,
    )


def _existing(subject: Subject) -> tuple[Step, ...]:
    found = compared(subject)
    address = subject.service.address
    adopt = subject.record is None and owner_of(subject.app, subject.live.tags) is Owner.NOBODY
    base = Step(
        address,
        Verb.ADOPT if adopt else Verb.UPDATE,
        undeclared=(*found.revision.undeclared, *found.service.undeclared),
        suppressed=(
            *found.revision.suppressed,
            *found.service.suppressed,
            *untouched(found.effective),
        ),
        notes=(*found.service.notes, *_lost_notes(found), *_news(subject, found)),
    )
    if adopt and not found.heavy and are_marks(found.light):
        return (taken_over(_whole(subject, found, base), subject.service.service_name),)
    hold = _hold_reason(subject, found) if found.heavy else ""
    if not found.heavy and not found.light:
        memory = applied(found.effective, found.pinned)
        return (after_failure(subject, base, memory) or _in_sync(subject, memory, base),)
    if not found.heavy or not (hold or subject.blocked_by):
        return (_whole(subject, found, base),)
    return _split(subject, found, base, hold)


def _in_sync(subject: Subject, memory: dict[str, Any], base: Step) -> Step:
    """Return the step of nothing to send; its request, if any, only tells the ledger something."""
    record, live = subject.record, subject.live
    known = (
        record is not None
        and record.applied == memory
        and record.desired_hash == subject.wanted_hash
        and record.task_definition_arn == live.task_definition_arn
        and not subject.is_held
    )
    remember = ServiceRequest(applied=memory, desired_hash=subject.wanted_hash)
    return replace(base, verb=Verb.NONE, request=None if known else remember)


def _whole(subject: Subject, found: Compared, base: Step) -> Step:
    """Put everything in one step and one UpdateService."""
    register, reuse = _revision_slot(subject, found)
    rolls = bool(found.revision.changes)
    request = ServiceRequest(
        register=register,
        reuse_arn=reuse,
        update=update_request(
            found.effective.service, found.service.fields, found.service.seen, new_revision=rolls
        ),
        tags=found.service.tags.put,
        untag=found.service.tags.taken,
        applied=applied(found.effective, found.pinned),
        desired_hash=subject.wanted_hash,
        pins=pins_of(found.effective.task_definition, subject.observed.images),
    )
    changes = (*found.heavy, *found.light)
    said = summary(subject, base.verb, changes, reuse or (NEW_REVISION if register else ""))
    return replace(base, changes=changes, request=request, summary=said)


def _split(subject: Subject, found: Compared, base: Step, hold: str) -> tuple[Step, ...]:
    """Part what starts tasks, which waits or is held, from what starts nothing and may go."""
    whole = _whole(subject, found, replace(base, verb=Verb.UPDATE))
    waiting = Step(
        base.address,
        Verb.HOLD if hold else Verb.UPDATE,
        hold or whole.summary,
        changes=found.heavy,
        blocked_by=subject.blocked_by,
        request=None if hold else whole.request,
        notes=_what_to_do(subject, found) if hold else (),
    )
    if not found.light:
        notes = (*base.notes, *waiting.notes)
        return (
            replace(waiting, notes=notes, undeclared=base.undeclared, suppressed=base.suppressed),
        )
    sent = [*(f.field for f in found.free), "tags"]
    request = ServiceRequest(
        update=update_request(
            found.effective.service, found.free, found.service.seen, new_revision=False
        ),
        tags=found.service.tags.put,
        untag=found.service.tags.taken,
        applied=partly_applied(found.effective, subject.record, sent),
    )
    said = summary(subject, base.verb, found.light, "")
    note = "with the live task definition; what starts tasks is in a step of its own"
    step = replace(
        base, changes=found.light, request=request, summary=said, notes=(*base.notes, note)
    )
    return (step, waiting)


def _revision_slot(subject: Subject, found: Compared) -> tuple[Mapping[str, Any] | None, str]:
    """Return a revision to register, or the ARN of one to use again; neither when the live one does."""
    if not found.revision.changes:
        return None, ""
    reuse = reusable(found.pinned, subject.record, subject.observed)
    if reuse:
        return None, reuse
    return registration(subject.app, subject.service.address, found.pinned), ""


def _hold_reason(subject: Subject, found: Compared) -> str:
    """Say why what starts tasks must not be sent at all, empty when it may."""
    replacing = [f for f in found.service.fields if f.change.effect is Effect.REPLACE]
    if replacing:
        names = ", ".join(f.change.path for f in replacing)
        hint = (
            "; declare capacityProviderStrategy instead of launchType to change it in place"
            if any(f.field == "launchType" for f in replacing)
            else ""
        )
        return (
            f"{names} can only be set when a service is created: delete the service by hand and it "
            f"is created anew, or put the live value back into the files{hint}"
        )
    if found.refused:
        return refusal(found.deployer, found.refused)
    if subject.is_held and subject.record is not None:
        return held_summary(subject.record.reason)
    return content_problem(subject, found.effective.task_definition, found.effective.lost)


def _what_to_do(subject: Subject, found: Compared) -> tuple[str, ...]:
    """Say what a person can type about a held step."""
    if found.refused:
        return how_to_deploy(found.deployer, subject.app.key, str(subject.service.address))
    return held_notes(subject) if subject.is_held else ()


def _news(subject: Subject, found: Compared) -> tuple[str, ...]:
    """Say what the world has that it had not when the service was deployed."""
    looked_up = moved_notes(subject.service) if found.heavy or found.light else ()
    return (*looked_up, *freshness.notes(subject.service, subject.observed, subject.live))


def _lost_notes(found: Compared) -> tuple[str, ...]:
    """Say what a new revision, made of the files alone, will not have of the live one."""
    if not found.revision.changes or not found.revision.undeclared:
        return ()
    names = ", ".join(u.path for u in found.revision.undeclared)
    return (f"not declared, so the new task definition does not have it: {names}",)
