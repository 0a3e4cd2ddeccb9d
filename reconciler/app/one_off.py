"""Verbs on one-off tasks: run one and follow it, list, stop, settle."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.app import operate
from reconciler.app.outcome import Outcome, outcome_of
from reconciler.app.world import World
from reconciler.controller.audience import Audience
from reconciler.controller.one_off import OneOffs, Place
from reconciler.controller.operator import as_of
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import InvalidRequest, PermanentError, UsageError
from reconciler.model.names import Address, last_part
from reconciler.model.observed import ObservedApp
from reconciler.model.run import Run, RunKind
from reconciler.model.work import Work
from reconciler.plan.canonical import canonical_task_definition
from reconciler.plan.lookups import filled
from reconciler.plan.one_off import (
    Ask,
    Origin,
    definition_of,
    guarded,
    origin_named,
    origin_of,
    work_of,
)
from reconciler.resources.task_definition import task_definition
from reconciler.runs.evidence import described
from reconciler.runs.launch import without_guard
from reconciler.settings import Settings
from reconciler.source.task_file import read_task_definition

MOST = 50
"""Tasks that one command starts."""


@dataclass(frozen=True)
class Order:
    """What `task run` is to start: from where, what differs, how many."""

    ask: Ask
    origin: Address | None = None
    definition: str = ""
    """A file, an ARN or `family:revision`."""
    count: int = 1
    detach: bool = False


@dataclass(frozen=True)
class Listed:
    """A task of the ledger, with ECS's word for it while it is alive."""

    run: Run
    status: str


def run(settings: Settings, desired: DesiredApp, order: Order, audience: Audience) -> list[Outcome]:
    """Start what was ordered, or find it by its key, and follow it to its end.

    Raises UsageError for an order that cannot be, GuardRefused for a key of another request,
    PermanentError while the files lack a value, AwsError when nothing could be started.
    """
    world = World(settings, acting=True)
    opened = world.place(desired)
    ledger = as_of(world.ledger(desired), opened.aws.now())
    observed = world.observer(desired).observe(opened.aws, desired, ledger)
    desired = filled(desired, observed.lookups, observed.ledger.lookups)
    origin = _origin(world, desired, observed, order)
    works = _works(origin, order)
    images = observed.images
    place = Place(opened.aws, world.store(desired), desired, opened.identity.arn, images)
    wanted = {work.key: work for work in works}
    follow = OneOffs(place, wanted, audience, key=order.ask.key)
    return [_outcome(place, run) for run in follow.follow(detach=order.detach)]


def tasks(settings: Settings, desired: DesiredApp) -> list[Listed]:
    """Return the app's one-off tasks, the newest first; reads only."""
    world = World(settings)
    aws, runs = world.place(desired).aws, runs_of(world, desired)
    alive = [run.task_arn for run in runs if run.task_arn and not run.over]
    seen = described(aws, desired.cluster, alive)
    words = {task["taskArn"]: str(task.get("lastStatus", "")) for task in seen}
    return [Listed(run, words.get(run.task_arn or "", "")) for run in runs]


def stop(
    settings: Settings,
    desired: DesiredApp,
    name: str,
    reason: str,
    audience: Audience,
) -> Outcome:
    """Ask for the end of a task and see it through. Raises UsageError, PermanentError when it has ended."""
    world = World(settings)
    found, place = find(runs_of(world, desired), name), place_of(world, desired)
    operate.stop(world, desired, found.key, reason)
    tasks = OneOffs(place, {found.key: None}, audience)
    return _outcome(place, (tasks.follow(with_logs=False) or [found])[0])


def resolve(  # noqa: PLR0913 - the verb's own arguments
    settings: Settings,
    desired: DesiredApp,
    name: str,
    outcome: str,
    *,
    reason: str,
    force: bool,
) -> str:
    """Write down how a task ended; returns what was done. Raises UsageError, GuardRefused while it runs."""
    world = World(settings)
    key = find(runs_of(world, desired), name).key
    return operate.resolve(world, desired, key, outcome, reason=reason, force=force)


def find(runs: Sequence[Run], name: str) -> Run:
    """Return the one run that a key, a task's ARN or id, or the beginning of an id names.

    Raises UsageError when there is none, or are several.
    """
    wanted = last_part(name)
    exact = [run for run in runs if wanted in (run.revision, last_part(run.task_arn or ""))]
    found = exact or [run for run in runs if last_part(run.task_arn or "").startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"no task '{name}' in the ledger; see: reconciler task list")
    ids = ", ".join(last_part(run.task_arn or "") for run in found)
    raise UsageError(f"several tasks are called so: {ids}")


def runs_of(world: World, desired: DesiredApp) -> list[Run]:
    """Return the app's one-off tasks, the newest first."""
    runs = world.store(desired).runs(RunKind.TASK)
    return sorted(runs, key=lambda run: run.intent_at, reverse=True)


def place_of(world: World, desired: DesiredApp) -> Place:
    """Open what tasks are followed in."""
    opened = world.place(desired)
    return Place(opened.aws, world.store(desired), desired, opened.identity.arn)


def _outcome(place: Place, run: Run) -> Outcome:
    return outcome_of(run, place.aws, place.desired.key)


def _origin(world: World, desired: DesiredApp, observed: ObservedApp, order: Order) -> Origin:
    like = origin_named(desired, observed, order.origin) if order.origin else None
    if order.definition:
        given = order.definition
        written = _written(given)
        definition = _registered(world, desired, given) if written is None else written
        origin = guarded(desired, origin_of(desired, definition, like, given))
        return replace(origin, definition=definition_of(given, written))
    if like is None:
        raise UsageError("say what to run: --from ADDRESS or --task-definition FILE|ARN")
    if order.origin is not None and order.origin.kind == "migration" and not order.ask.command:
        raise UsageError(
            f"{order.origin} runs once per revision, by the controller: give a COMMAND to run instead"
        )
    return like


def _written(given: str) -> dict[str, object] | None:
    """Read a task definition from a file; None when there is no such file."""
    path = Path(given)
    if not path.is_file():
        return None
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{given}: {error}") from error
    return canonical_task_definition(read_task_definition(given, text))


def _registered(world: World, desired: DesiredApp, given: str) -> dict[str, object]:
    """Read a task definition from ECS by its ARN, or family and revision."""
    if not re.fullmatch(r"arn:[\w:/-]+|[\w-]+(:\d+)?", given):
        raise UsageError(f"--task-definition {given}: no such file, and no ARN or family:revision")
    aws = world.place(desired).aws
    try:
        found = task_definition.observe(aws, desired.cluster, [given])[given]
    except InvalidRequest as error:  # so ECS says that there is none
        raise UsageError(f"--task-definition {given}: {error}") from error
    if not found.active:
        raise PermanentError(f"{given} is not ACTIVE: ECS starts no task of it")
    return without_guard(found.content)


def _works(origin: Origin, order: Order) -> list[Work]:
    """Return the work of each task; several have keys that tell how many they are."""
    key = order.ask.key or f"auto-{secrets.token_hex(5)}"
    if order.count == 1:
        return [work_of(origin, replace(order.ask, key=key))]
    numbers = range(1, order.count + 1)
    return [
        work_of(origin, replace(order.ask, key=f"{key}.{number}of{order.count}"))
        for number in numbers
    ]
