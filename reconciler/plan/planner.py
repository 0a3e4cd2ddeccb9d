"""Desired and observed in, a plan out: what would be done, in which order, and what waits for what.

Called by `controller.planning` for every pass and for `diff`: one path for both. `plan.rollback` has a
plan made of the files of another time, `app.importing` one of what it wrote. Pure: order of its inputs,
clock and network have no say in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from reconciler.model.desired import DesiredApp, DesiredMigration, DesiredService, When
from reconciler.model.names import Address
from reconciler.model.observed import ObservedApp
from reconciler.model.plan import Plan, Step, Verb
from reconciler.model.suspension import WORD
from reconciler.plan.autoscaling.release import given_up_steps, orphaned_scaling_steps
from reconciler.plan.autoscaling.steps import autoscaling_steps
from reconciler.plan.gate import KIND, active_name, before, gates_of, vanished
from reconciler.plan.image_problems import stopped
from reconciler.plan.job_steps import gone_step, job_step
from reconciler.plan.migration_steps import (
    dropped_step,
    is_unrecorded,
    migration_step,
    vanished_step,
)
from reconciler.plan.orphans import orphan_steps
from reconciler.plan.preflight import stopped_services, stops, with_findings
from reconciler.plan.queues import live_notes
from reconciler.plan.redis.steps import forgotten_steps, redis_steps
from reconciler.plan.redis.subject import RedisSubject
from reconciler.plan.service_steps import is_settled, service_steps
from reconciler.plan.subject import Subject


def make_plan(desired: DesiredApp, observed: ObservedApp, *, prune: bool = False) -> Plan:
    """Return every step of an app in the order in which it is carried out.

    Redis, migrations before, services by `after`, migrations after, jobs, deletions. Steps that wait for
    another are in the plan, marked with what they wait for. `prune` allows deletions for this plan.
    """
    gates = tuple(str(address) for address in gates_of(desired, observed.ledger))
    first = before(desired.migrations)
    migrations = _migrations(desired, observed, first, stopped_services(desired, observed))
    services, unsettled = _services(desired, observed, gates)
    last = [m for m in desired.migrations if m.when is When.AFTER]
    waits_for = (*gates, *(str(a) for a in unsettled))
    slot_taken = [s for s in migrations if s.verb is Verb.RUN and not s.blocked]
    followers = _migrations(desired, observed, last, waits_for, taken=slot_taken)
    orphans = orphan_steps(desired, observed, prune=prune)
    steps = [
        *_redis(desired, observed),
        *_forgotten(desired, observed),
        *migrations,
        *services,
        *followers,
        *_jobs(desired, observed, gates),
        *orphaned_scaling_steps(desired, observed, orphans, prune=prune),
        *orphans,
    ]
    steps = _unrecorded(desired, observed, with_findings(observed, steps))
    steps = stopped(steps)
    return Plan(desired.key, _suspended(observed, steps), _notes(desired, observed))


def order_of(services: Sequence[DesiredService]) -> tuple[DesiredService, ...]:
    """Return the services so that each comes behind those it is `after`; else as they are named.

    Cycles are refused by `source`; should one get here, the names decide.
    """
    by_address = {s.address: s for s in services}
    sorter: TopologicalSorter[Address] = TopologicalSorter()
    for address in sorted(by_address):
        sorter.add(address, *(a for a in sorted(by_address[address].after) if a in by_address))
    try:
        ordered = list(sorter.static_order())
    except CycleError:
        ordered = sorted(by_address)
    rank = _ranks(ordered, by_address)
    return tuple(by_address[a] for a in sorted(by_address, key=lambda a: (rank[a], a)))


def _ranks(
    ordered: Sequence[Address], by_address: Mapping[Address, DesiredService]
) -> dict[Address, int]:
    rank: dict[Address, int] = {}
    for address in ordered:
        rank[address] = 1 + max((rank.get(a, -1) for a in by_address[address].after), default=-1)
    return rank


def _services(
    desired: DesiredApp, observed: ObservedApp, gates: tuple[str, ...]
) -> tuple[list[Step], list[Address]]:
    """Return the services' steps and those that are not yet settled on what is desired."""
    steps: list[Step] = []
    unsettled: list[Address] = []
    for service in order_of(desired.services):
        waits = tuple(str(a) for a in service.after if a in unsettled)
        failed = stops(observed, service.address)
        subject = Subject(desired, service, observed, (*failed, *gates, *waits))
        mine = service_steps(subject)
        steps += [*given_up_steps(subject), *mine, *autoscaling_steps(subject)]
        if not is_settled(subject, mine):
            unsettled.append(service.address)
    return steps, unsettled


def _redis(desired: DesiredApp, observed: ObservedApp) -> list[Step]:
    """Return the steps of all groups, by name, and those of groups that the files no longer name."""
    groups = sorted(desired.redis, key=lambda group: group.name)
    steps = [s for group in groups for s in redis_steps(RedisSubject(desired, group, observed))]
    return [*steps, *forgotten_steps(desired, observed)]


def _jobs(desired: DesiredApp, observed: ObservedApp, gates: tuple[str, ...]) -> list[Step]:
    """Return the steps of the jobs, and of those that the files have no more.

    Behind the migrations of the files wait the jobs of the files. One that a rollback put back is older
    than they are: it waits for one that runs.
    """
    ledger = observed.ledger
    active = active_name(ledger)
    running = (str(Address(KIND, active)),) if active else ()
    past, named = ledger.released_jobs, {job.name for job in desired.jobs}
    waits = ((job, running if job.address in past else gates) for job in desired.jobs)
    gone = [r for name, r in sorted(ledger.jobs.items()) if r.released and name not in named]
    steps = [job_step(desired, job, observed, behind) for job, behind in waits]
    return [*steps, *(gone_step(record, observed) for record in gone)]


def _migrations(
    desired: DesiredApp,
    observed: ObservedApp,
    migrations: Sequence[DesiredMigration],
    waits_for: tuple[str, ...],
    taken: Sequence[Step] = (),
) -> list[Step]:
    """Return the steps of migrations; one runs at a time, the others say whom they wait for."""
    active = active_name(observed.ledger)
    holder = str(Address(KIND, active)) if active else next((str(s.address) for s in taken), "")
    steps: list[Step] = []
    for migration in migrations:
        blocked = (*stops(observed, migration.address), *waits_for)
        if holder and holder != str(migration.address) and holder not in blocked:
            blocked = (*blocked, holder)
        step = migration_step(desired, migration, observed, blocked)
        steps.append(step)
        if not holder and step.verb is Verb.RUN and not step.blocked:
            holder = str(step.address)
    return steps


def _forgotten(desired: DesiredApp, observed: ObservedApp) -> list[Step]:
    """Return the steps of migrations that the files no longer name."""
    steps = [
        vanished_step(desired, record, observed) for record in vanished(desired, observed.ledger)
    ]
    dropped = (dropped_step(desired, name, observed) for name in sorted(desired.dropped_migrations))
    return [*steps, *(step for step in dropped if step is not None)]


def _unrecorded(desired: DesiredApp, observed: ObservedApp, steps: list[Step]) -> list[Step]:
    """Touch no service, and remember none, while it is not settled what has already run.

    A remembered service would make the ledger look whole, and the migration run.
    """
    held = [str(m.address) for m in desired.migrations if is_unrecorded(desired, m, observed)]
    if not held:
        return steps
    word = f"{', '.join(held)}: the ledger was lost"
    return [step if step.address.kind == KIND else _kept_from(step, word) for step in steps]


def _suspended(observed: ObservedApp, steps: Sequence[Step]) -> tuple[Step, ...]:
    """Block everything, or what it is about, while somebody has told us to keep our hands off.

    A task that runs already is still watched (WAIT stays free): ECS forgets its exit code after an
    hour, and a suspension must not turn a finished migration into an unknown one.
    """
    ledger = observed.ledger
    return tuple(
        step if ledger.suspension_of(step.address) is None else _kept_from(step, WORD)
        for step in steps
    )


def _kept_from(step: Step, word: str) -> Step:
    match step.verb:
        case Verb.WAIT:
            return step
        case Verb.NONE:
            return replace(step, request=None)
        case _:
            return replace(step, blocked_by=(word, *step.blocked_by))


def _notes(desired: DesiredApp, observed: ObservedApp) -> tuple[str, ...]:
    notes = [*(str(warning) for warning in desired.warnings), *live_notes(desired, observed)]
    notes += [
        f"image {reference} is not pinned to a digest: {why}"
        for reference, why in sorted(observed.unpinned.items())
    ]
    suspensions = observed.ledger.suspensions.items()
    return (*notes, *(suspension.told(desired.key, address) for address, suspension in suspensions))
