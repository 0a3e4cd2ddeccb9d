"""The plan of a rollback: each service back to an earlier rollout, its exact revision, or held. Pure.

Called by `controller.rollback` and, for the preview, by `app.rollback`. The steps are those of a plan,
so that the same hands carry them out. A job's asks for nothing: it goes back by the suspension that
names it. Migrations have none, the database stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.desired import DesiredApp, DesiredService
from reconciler.model.names import Address, last_part
from reconciler.model.observed import ObservedApp, ServicePresence, ServiceRecord
from reconciler.model.plan import Change, Effect, JobRequest, Plan, ServiceRequest, Step, Verb, Why
from reconciler.model.release import Release
from reconciler.model.run import Run, RunKind
from reconciler.plan.between import job_changes
from reconciler.plan.controllers import deployer_of, how_to_deploy, refusal, refused
from reconciler.plan.gate import KIND
from reconciler.plan.job_release import past_job
from reconciler.plan.ownership import Owner, owner_name, owner_of
from reconciler.plan.planner import make_plan
from reconciler.plan.service_side import ServiceSide, compare_service, update_request
from reconciler.plan.spec_hash import NOT_A_ROLLOUT
from reconciler.plan.subject import Subject
from reconciler.shapes.tables import SERVICE, TASK_DEFINITION


def past_app(desired: DesiredApp, releases: Iterable[Release]) -> DesiredApp:
    """Return the app with only these services and jobs, each as it was then: values, no look-ups."""
    known = sorted(releases, key=lambda release: release.address)
    services = tuple(_past(r) for r in known if r.address.kind != RunKind.JOB)
    jobs = tuple(past_job(r) for r in known if r.address.kind == RunKind.JOB)
    return replace(desired, services=services, jobs=jobs, redis=(), lookups=frozenset())


def rollback_plan(
    past: DesiredApp,
    releases: Mapping[Address, Release],
    observed: ObservedApp,
    *,
    now: Mapping[Address, Release],
    tried: bool = False,
) -> Plan:
    """Return the steps back, and of migrations and jobs those in flight, which go on.

    `past` is of `past_app`, of these releases and of those of the jobs that go on; `observed` was read
    for it, and has the releases' task definitions as far as ECS still has them. What cannot go back is
    held, and its summary says why; once this has been `tried`, that is also what ECS turned back. `now`
    are the releases that the jobs run from before.
    """
    watched = (
        replace(s, request=JobRequest() if s.address.kind == RunKind.JOB else s.request)
        for s in make_plan(past, observed).steps
        if s.address.kind in (KIND, RunKind.JOB) and s.verb is Verb.WAIT
    )
    back = (
        _step(Subject(past, s, observed), releases[s.address], tried=tried) for s in past.services
    )
    jobs = (r for a, r in sorted(releases.items()) if a.kind == RunKind.JOB)
    steps = (
        *watched,
        *back,
        *(_job_step(release, now.get(release.address), observed) for release in jobs),
    )
    return Plan(past.key, steps)


def refusals(plan: Plan) -> list[str]:
    """Return why something cannot go back; a rollback with any of them touches nothing."""
    return [f"{step.address}: {step.summary}" for step in plan.steps if step.verb is Verb.HOLD]


def crossing_notes(runs: Iterable[Run]) -> list[str]:
    """Say of each migration that is crossed what it means."""
    return [
        f"migration/{run.name} {run.revision} stays applied: the older code must work with the newer "
        f"schema{' (declared irreversible)' if run.irreversible else ''}"
        for run in runs
    ]


def _past(release: Release) -> DesiredService:
    applied = release.applied
    return DesiredService(
        address=release.address,
        service=applied.get(SERVICE, {}),
        task_definition=applied.get(TASK_DEFINITION, {}),
    )


def _job_step(release: Release, now: Release | None, observed: ObservedApp) -> Step:
    address, suspension = release.address, observed.ledger.suspension
    if suspension is not None and suspension.jobs.get(address) == release.begun:
        return Step(address, Verb.NONE, f"its runs start from {release.version}")
    summary = f"back to {release.version}: its runs start from that"
    changes: tuple[Change, ...] = ()
    if now is not None and not now.is_gone:
        changes = job_changes(past_job(now), past_job(release), Why.ROLLBACK)
    return Step(address, Verb.UPDATE, summary, changes)


def _step(subject: Subject, release: Release, *, tried: bool) -> Step:
    address, live = subject.service.address, subject.live
    problem = _problem(subject, release, tried=tried)
    if problem:
        return Step(address, Verb.HOLD, problem)
    wanted, record = _rolling(subject.service.service), subject.record
    before = replace(record, applied=_rolling_side(record.applied)) if record else None
    side = compare_service(subject.app, subject.service, wanted, live, before)
    replaced = [f.change.path for f in side.fields if f.change.effect is Effect.REPLACE]
    if replaced:
        names = ", ".join(replaced)
        return Step(address, Verb.HOLD, f"{names} was another then and cannot be changed in place")
    new_revision = live.task_definition_arn != release.task_definition_arn
    deployer = deployer_of(live.service, wanted)
    not_taken = refused(deployer, (f.field for f in side.fields), new_revision=new_revision)
    if not_taken:
        notes = how_to_deploy(deployer, subject.app.key, str(address))
        return Step(address, Verb.HOLD, refusal(deployer, not_taken), notes=notes)
    changes = _changes(subject, release, side)
    request = ServiceRequest(
        applied=_applied(release, record),
        desired_hash=subject.wanted_hash,
        release=release,
    )
    if not changes:
        return Step(address, Verb.NONE, request=None if _is_known(subject, request) else request)
    update = update_request(wanted, side.fields, side.seen, new_revision=new_revision)
    arn = release.task_definition_arn if new_revision else ""
    return Step(
        address,
        Verb.UPDATE,
        _summary(subject, release),
        changes=changes,
        notes=side.notes,
        request=replace(request, reuse_arn=arn, update=update),
    )


def _problem(subject: Subject, release: Release, *, tried: bool) -> str:
    """Say why the service cannot go back at all, empty when it can."""
    if tried and subject.is_held and subject.record is not None:
        return f"held: {subject.record.reason}"
    live, then = subject.live, str(subject.service.service.get("serviceName", ""))
    if live.presence is not ServicePresence.ACTIVE:
        return f"the service {then} is not there: `apply` creates it, there is nothing to take back"
    if owner_of(subject.app, live.tags) is Owner.OTHER:
        return f"{then} belongs to {owner_name(live.tags)}: its reconciler:* tags say so"
    if live.task_definition_arn == release.task_definition_arn:
        return ""
    known = subject.observed.task_definitions.get(release.task_definition_arn)
    name = last_part(release.task_definition_arn)
    if known is None or not known.active:
        state = "does not exist any more" if known is None else "was deregistered"
        return f"its task definition {name} {state}: go back in git, where it is registered anew"
    return ""


def _changes(subject: Subject, release: Release, side: ServiceSide) -> tuple[Change, ...]:
    live = subject.live.task_definition_arn
    changes = [replace(f.change, why=Why.ROLLBACK) for f in side.fields]
    if live != release.task_definition_arn:
        now, then = last_part(live), last_part(release.task_definition_arn)
        changes.insert(0, Change(TASK_DEFINITION, now, then, Why.ROLLBACK, Effect.ROLLOUT))
    return tuple(changes)


def _summary(subject: Subject, release: Release) -> str:
    count = subject.live.service.get("desiredCount")
    tasks = "" if count is None else f", {count} task{'' if count == 1 else 's'}"
    return f"back to {last_part(release.task_definition_arn)} of {release.version}{tasks}"


def _rolling(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return a declaration without what a rollback leaves alone: the count and the tags."""
    return {k: v for k, v in service.items() if k not in NOT_A_ROLLOUT}


def _rolling_side(applied: Mapping[str, Any]) -> dict[str, Any]:
    return {**applied, SERVICE: _rolling(applied.get(SERVICE, {}))}


def _applied(release: Release, record: ServiceRecord | None) -> dict[str, Any]:
    """Return what the ledger remembers then: the release's declaration, today's count and tags."""
    now = record.applied.get(SERVICE, {}) if record else release.applied.get(SERVICE, {})
    kept = {k: v for k, v in now.items() if k in NOT_A_ROLLOUT}
    return {**release.applied, SERVICE: {**_rolling(release.applied.get(SERVICE, {})), **kept}}


def _is_known(subject: Subject, request: ServiceRequest) -> bool:
    record = subject.record
    return (
        record is not None
        and record.desired_hash == request.desired_hash
        and record.task_definition_arn == subject.live.task_definition_arn
        and not subject.is_held
    )
