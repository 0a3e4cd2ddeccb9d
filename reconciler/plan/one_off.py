"""What a one-off task is launched from: something of the files that starts tasks, or a definition. PURE.

Called by `app.one_off` for `task run`. Nothing is guessed: what the files leave open is a UsageError
that names the flag.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from reconciler.model.desired import DesiredApp, DesiredJob, DesiredMigration
from reconciler.model.errors import PermanentError, UsageError
from reconciler.model.lookups import Unresolved
from reconciler.model.names import Address, last_part, there_are
from reconciler.model.observed import ObservedApp, ServicePresence
from reconciler.model.run import Run, RunKind
from reconciler.model.work import PART_PATTERN, Work
from reconciler.plan.canonical import canonical_task_definition
from reconciler.plan.effective import for_creation, for_existing
from reconciler.plan.spec_hash import content_hash
from reconciler.plan.subject import Subject, content_problem
from reconciler.plan.unresolved import told
from reconciler.shapes.limits import FARGATE_SIZES

START_TIMEOUT = timedelta(minutes=15)
"""How long a claim may stay untaken: as of a migration."""

SUFFIX = "-task"
"""Behind a service's family, for the revisions that have a guard: whoever starts the newest revision of the
family by hand must not get those."""

_OF_SERVICES = (
    "capacityProviderStrategy",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "launchType",
    "networkConfiguration",
    "placementConstraints",
    "placementStrategy",
    "platformVersion",
    "propagateTags",
)
"""Fields that CreateService and RunTask share; `propagateTags: SERVICE` is an error for RunTask."""
_WHERE = ("launchType", "capacityProviderStrategy")


@dataclass(frozen=True)
class Ask:
    """What the command line says about a task. Empty: as the task definition has it."""

    key: str
    timeout: timedelta
    container: str = ""
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    cpu: str = ""
    memory: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Origin:
    """A task definition, and the RunTask fields that go with it."""

    name: str
    task_definition: Mapping[str, Any]
    launch: Mapping[str, Any]
    container: str = ""
    """The one whose exit code decides, where the files say so."""
    definition: str = ""
    """Which task definition was named, `definition_of`; empty: the files', or its family's newest."""


def origin_named(app: DesiredApp, observed: ObservedApp, address: Address) -> Origin:
    """Return what the files have under an address, complete and as its own tasks would run it.

    Raises UsageError for an address that starts no tasks, PermanentError while a value of it is missing.
    """
    for service in app.services:
        if service.address == address:
            return _of_service(Subject(app, service, observed))
    for run in app.launched:
        if run.address == address:
            return _of_run(run)
    raise UsageError(f"no '{address}' to take a task from; {there_are(runnable(app))}")


def runnable(app: DesiredApp) -> tuple[Address, ...]:
    """Return the addresses that have a task definition."""
    return (*(s.address for s in app.services), *(run.address for run in app.launched))


def definition_of(given: str, from_file: Mapping[str, Any] | None) -> str:
    """Return what tells a named task definition from another one under the same idempotency key.

    `web:3` for a revision, a hash for the content of a file, nothing for a family: it means the newest.
    """
    if from_file is not None:
        return content_hash(from_file)
    name = last_part(given)
    return name if ":" in name else ""


def origin_of(
    app: DesiredApp, definition: Mapping[str, Any], like: Origin | None, given: str
) -> Origin:
    """Return a task definition of its own with the launch fields of `like`, or of all the app's workloads.

    `given` is how it was named. Raises UsageError when the network cannot be known.
    """
    family = str(definition.get("family", ""))
    name = "".join(c if PART_PATTERN.fullmatch(c) else "-" for c in family)[:100]
    if not name or not definition.get("containerDefinitions"):
        raise UsageError(f"{given}: a task definition needs family and containerDefinitions")
    if like is not None:
        return Origin(name, definition, like.launch)
    launches = [_launch(s.service) for s in app.services]
    launches += [dict(run.launch) for run in app.launched]
    places = [
        {n: v for n, v in x.items() if n in (*_WHERE, "networkConfiguration")} for x in launches
    ]
    if places and all(place == places[0] for place in places):
        return Origin(name, definition, places[0])
    if definition.get("networkMode") == "awsvpc":
        raise UsageError(
            f"{given} uses awsvpc, and the app's services and migrations do not share one network: "
            "say whose with --from"
        )
    return Origin(name, definition, {})


def work_of(origin: Origin, ask: Ask) -> Work:
    """Return the work of one task. Raises UsageError for a container or a size that cannot be."""
    container = _container(origin, ask.container)
    override: dict[str, Any] = {"name": container}
    if ask.command:
        override["command"] = list(ask.command)
    if ask.environment:
        pairs = sorted(ask.environment.items())
        override["environment"] = [{"name": n, "value": v} for n, v in pairs]
    overrides: dict[str, Any] = {"containerOverrides": [override]}
    sizes = {n: v for n, v in (("cpu", ask.cpu), ("memory", ask.memory)) if v}
    overrides |= canonical_task_definition(sizes)
    if sizes:
        _check_size({**origin.task_definition, **overrides})
    tags = {t["key"]: t.get("value", "") for t in origin.launch.get("tags", ())}
    tags.update(ask.tags)
    launch = {n: v for n, v in origin.launch.items() if n != "tags"}
    if tags:
        launch["tags"] = [{"key": k, "value": v} for k, v in sorted(tags.items())]
    if not PART_PATTERN.fullmatch(ask.key):
        raise UsageError(
            f"'{ask.key}' cannot be an idempotency key: use letters, digits, `.`, `_`, `:` and `-`, "
            "at most 100"
        )
    return Work(
        kind=RunKind.TASK,
        name=origin.name,
        revision=ask.key,
        container=container,
        task_definition=origin.task_definition,
        launch=launch,
        timeout=ask.timeout,
        start_timeout=START_TIMEOUT,
        most_launches=1,
        overrides=overrides,
        definition=origin.definition,
        cause="task run",
    )


def _check_size(task: Mapping[str, Any]) -> None:
    """Refuse a size that Fargate does not have, as RunTask would; elsewhere any will do."""
    cpu, memory = str(task.get("cpu", "")), str(task.get("memory", ""))
    if "FARGATE" not in task.get("requiresCompatibilities", ()):
        return
    if not (cpu.isdecimal() and memory.isdecimal()):
        return
    offered = FARGATE_SIZES.get(int(cpu))
    if offered is None:
        listed = ", ".join(map(str, FARGATE_SIZES))
        raise UsageError(f"--cpu: Fargate has {listed} units, not {cpu}")
    if int(memory) not in offered:
        listed = ", ".join(map(str, offered))
        raise UsageError(f"--memory: with cpu {cpu} Fargate offers {listed} MiB, not {memory}")


def difference(run: Run, work: Work) -> str:
    """Return in what a stored run is another request than this work, empty when it is the same.

    What the files may have changed since, such as an image, does not count: the key means that run.
    """
    asked = {
        "container": (run.container, work.container),
        "timeout": (run.timeout_seconds, int(work.timeout.total_seconds())),
        "task definition": (
            (
                last_part(str(run.request.get("taskDefinition", ""))).partition(":")[0],
                run.definition,
            ),
            (work.task_definition["family"], work.definition),
        ),
        "tags": (run.request.get("tags", []), work.launch.get("tags", [])),
    }
    before, now = (_override(o, work.container) for o in (run.request["overrides"], work.overrides))
    asked |= {name: (before.get(name), now.get(name)) for name in sorted({*before, *now})}
    return ", ".join(name for name, (then, new) in asked.items() if then != new)


def _override(overrides: Mapping[str, Any], container: str) -> dict[str, Any]:
    """Return one container's override and the task's, flat; those of our guard left out."""
    of_container = (
        o for o in overrides.get("containerOverrides", ()) if o.get("name") == container
    )
    flat = {n: v for n, v in next(of_container, {}).items() if n != "name"}
    return flat | {n: v for n, v in overrides.items() if n in ("cpu", "memory")}


def _of_run(run: DesiredMigration | DesiredJob) -> Origin:
    _whole(run.address, run.unresolved)
    return Origin(run.name, run.task_definition, run.launch, run.container)


def _of_service(subject: Subject) -> Origin:
    service, live = subject.service, subject.live
    _whole(service.address, service.unresolved)
    if live.presence is ServicePresence.ABSENT:
        effective = for_creation(service)
    else:
        known = subject.observed.task_definitions.get(live.task_definition_arn)
        content = known.content if known else None
        effective = for_existing(service, subject.record, live.service, content)
    document = dict(effective.task_definition)
    problem = content_problem(subject, document, effective.lost)
    if problem:
        raise PermanentError(f"{service.address}: {problem}")
    if subject.app.guard is not None:
        document["family"] = f"{document['family']}{SUFFIX}"
    return Origin(service.name, document, _launch(effective.service, live.service))


def _whole(address: Address, unresolved: Iterable[Unresolved]) -> None:
    """Refuse a workload of which a look-up has no value yet, with what it waits for."""
    known = tuple(unresolved)
    waits = [f"${{{u.name}}} waits for {u.blocked_by}" for u in known if u.blocked_by]
    if said := "; ".join([*waits, *told(u for u in known if not u.blocked_by)]):
        raise PermanentError(f"{address} is not complete yet: {said}")


def _launch(service: Mapping[str, Any], live: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the RunTask fields of a service; where the files are silent, those that it has."""
    found = {n: v for n, v in (live or {}).items() if n in _OF_SERVICES and v not in (None, [])}
    if any(name in service for name in _WHERE):
        found = {n: v for n, v in found.items() if n not in _WHERE}
    found |= {n: v for n, v in service.items() if n in _OF_SERVICES}
    if found.get("propagateTags") in ("SERVICE", "NONE"):
        del found["propagateTags"]
    return found


def _container(origin: Origin, asked: str) -> str:
    """Return the container whose exit code decides: named, the files' own, or the first essential one."""
    containers = {str(c["name"]): c for c in origin.task_definition.get("containerDefinitions", ())}
    essential = [n for n, c in containers.items() if c.get("essential", True)]
    name = asked or origin.container or next(iter(essential), "")
    if name not in containers:
        raise UsageError(f"no container '{name}'; {there_are(containers)}")
    if name not in essential:
        raise UsageError(
            f"container {name} is not essential: the task would go on after it has ended. Take one of "
            f"{', '.join(essential)}, or make it essential"
        )
    return name


def guarded(app: DesiredApp, origin: Origin) -> Origin:
    """Return it for a definition of its own: revisions with our guard get a family of their own."""
    if app.guard is None or origin.task_definition["family"].endswith(SUFFIX):
        return origin
    family = f"{origin.task_definition['family']}{SUFFIX}"
    return replace(origin, task_definition={**origin.task_definition, "family": family})
