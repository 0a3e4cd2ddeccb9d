"""What a launch consists of: identifiers, the task definition with its guard, the frozen RunTask request.

Called by `runs.start` before the intent is committed. Nothing here calls AWS; registering the
task definition is handed in by the controller.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.desired import Guard
from reconciler.model.errors import PermanentError
from reconciler.model.names import AppKey
from reconciler.model.run import GUARD_CONTAINER, GuardMode, Launch, Run, RunKind
from reconciler.model.work import Work
from reconciler.plan.pin import pin_images
from reconciler.plan.spec_hash import SPEC_TAG, content_hash
from reconciler.store.run_records import claim_key

GUARD_MEMORY_MIB = 128
"""For tasks without a task-level memory (EC2), where each container must have its own."""

TOKEN_LENGTH = 64
"""RunTask's clientToken has at most 64 characters (ecs RunTask)."""

_SCHEME = {
    RunKind.MIGRATION: "reconciler1",
    RunKind.JOB: "reconciler1/job",
    RunKind.TASK: "reconciler1/task",
}
"""What a token's text begins with. Migrations are as they were when there was nothing else."""


@dataclass(frozen=True)
class Place:
    """Where a run happens: a clientToken is scoped to a cluster, so these are part of it."""

    account: str
    region: str
    cluster: str
    key: AppKey


def token(place: Place, launch: Launch) -> str:
    """Return the clientToken: the same for everybody who recovers this launch, for no other one."""
    parts = (
        _SCHEME[launch.kind],
        place.account,
        place.region,
        place.cluster,
        place.key,
        launch.name,
        launch.revision,
        str(launch.attempt),
        str(launch.launch),
    )
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:TOKEN_LENGTH]


def started_by(key: AppKey, launch_token: str) -> str:
    """Return `startedBy`: at most 128 letters, digits, `-`, `_`, `/` (ecs RunTask)."""
    return f"reconciler/{key[:40]}/{launch_token[:32]}"


def mode_of(guard: Guard | None) -> GuardMode:
    """Return which guarantee a new intent gets from the desired state."""
    declared = guard is not None and (guard.image or guard.path)
    return GuardMode.CLAIM if declared else GuardMode.TOKEN


def task_definition(
    work: Work,
    guard: Guard | None,
    images: Mapping[str, str],
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """Return the RegisterTaskDefinition input of a run, pinned, guarded and tagged.

    Raises PermanentError for a container that ECS would start more than once by itself.
    """
    document = pin_images(work.task_definition, images)
    containers = [dict(c) for c in document["containerDefinitions"]]
    for container in containers:
        _refuse_repeats(work, container)
    if guard is not None and mode_of(guard) is GuardMode.CLAIM:
        named = next(c for c in containers if c["name"] == work.container)
        guarded = _guard_container(guard, named, images, needs_memory="memory" not in document)
        containers = [guarded, *(_depends_on_guard(c) for c in containers)]
    document["containerDefinitions"] = containers
    ours = {**tags, SPEC_TAG: content_hash(document)}
    users = [t for t in document.get("tags", ()) if t["key"] not in ours]
    document["tags"] = [*users, *({"key": k, "value": v} for k, v in sorted(ours.items()))]
    return document


def _refuse_repeats(work: Work, container: Mapping[str, Any]) -> None:
    if container.get("restartPolicy", {}).get("enabled"):
        raise PermanentError(
            f"container {container['name']} of {work.address} has a restartPolicy: ECS would run "
            f"the {work.kind} again by itself; remove it"
        )
    if container["name"] == GUARD_CONTAINER:
        raise PermanentError(
            f"{work.address} has a container called {GUARD_CONTAINER}: that name is the guard's"
        )


def _guard_container(
    guard: Guard, named: Mapping[str, Any], images: Mapping[str, str], *, needs_memory: bool
) -> dict[str, Any]:
    """Return the container that claims the run: non-essential, so that SUCCESS may be waited for."""
    container: dict[str, Any] = {
        "name": GUARD_CONTAINER,
        "essential": False,
        "image": images.get(guard.image, guard.image) if guard.image else named["image"],
        "command": ["claim"],
    }
    if guard.path and not guard.image:
        container["entryPoint"] = [guard.path]
    if needs_memory:
        container["memory"] = GUARD_MEMORY_MIB
    log = named.get("logConfiguration")
    if log and log.get("logDriver") == "awslogs":
        container["logConfiguration"] = dict(log)
    return container


def _depends_on_guard(container: Mapping[str, Any]) -> dict[str, Any]:
    waits = [
        *container.get("dependsOn", ()),
        {"containerName": GUARD_CONTAINER, "condition": "SUCCESS"},
    ]
    return {**container, "dependsOn": waits}


def without_guard(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a revision that we registered for a run as it was declared; any other one as it is."""
    containers = []
    for container in document.get("containerDefinitions", ()):
        if container["name"] == GUARD_CONTAINER:
            continue
        waits = [d for d in container.get("dependsOn", ()) if d["containerName"] != GUARD_CONTAINER]
        rest = {name: value for name, value in container.items() if name != "dependsOn"}
        containers.append({**rest, "dependsOn": waits} if waits else rest)
    return {**document, "containerDefinitions": containers}


def request(
    place: Place, launch: Launch, work: Work, arn: str, claims_table: str | None
) -> dict[str, Any]:
    """Return the complete RunTask input, frozen in the intent and replayed byte for byte.

    `arn` names a revision, never a family: "latest" could resolve differently at a replay.
    `claims_table` is None in token mode. The environment says which claim is to be taken.
    """
    launch_token = token(place, launch)
    environments = {work.container: _told_of_its_run(work, launch)}
    if claims_table is not None:
        environments[GUARD_CONTAINER] = {
            "RECONCILER_CLAIM_KEY": claim_key(place.key, launch),
            "RECONCILER_CLAIMS_TABLE": claims_table,
            "AWS_REGION": place.region,
        }
    return {
        **work.launch,
        "cluster": place.cluster,
        "taskDefinition": arn,
        "count": 1,
        "clientToken": launch_token,
        "startedBy": started_by(place.key, launch_token),
        "overrides": _overrides(work.overrides, environments),
    }


def _told_of_its_run(work: Work, launch: Launch) -> dict[str, str]:
    """Tell the command which run it is, so that it can keep a record of its own in its database.

    What the files declare under these names stays.
    """
    containers = work.task_definition["containerDefinitions"]
    named = next(c for c in containers if c["name"] == work.container)
    declared = {pair["name"] for pair in named.get("environment", ())}
    attempt = str(launch.attempt)
    match work.kind:
        case RunKind.MIGRATION:
            said = {"MIGRATION_REVISION": launch.revision, "MIGRATION_ATTEMPT": attempt}
        case RunKind.JOB:
            said = {
                "JOB_NAME": work.name,
                "JOB_OCCURRENCE": launch.revision,
                "JOB_SCHEDULED_AT": work.scheduled_at,
                "JOB_ATTEMPT": attempt,
            }
        case RunKind.TASK:
            said = {}
    return {name: value for name, value in said.items() if name not in declared}


def told_schedule(run: Run) -> str:
    """Return the instant that a job's command was told, from the frozen request; "" when it was none."""
    overrides = run.request.get("overrides", {}).get("containerOverrides", ())
    told = (pair for o in overrides for pair in o.get("environment", ()))
    return next((str(p["value"]) for p in told if p["name"] == "JOB_SCHEDULED_AT"), "")


def _overrides(
    given: Mapping[str, Any], environments: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """Return RunTask's overrides: those given, with our variables where they leave them open."""
    containers = {o["name"]: dict(o) for o in given.get("containerOverrides", ())}
    for name, environment in environments.items():
        override = containers.setdefault(name, {"name": name})
        theirs = override.get("environment", [])
        taken = {pair["name"] for pair in theirs}
        ours = [{"name": n, "value": v} for n, v in environment.items() if n not in taken]
        if ours:
            override["environment"] = [*theirs, *ours]
    said = [override for override in containers.values() if len(override) > 1]
    return {**given, "containerOverrides": said}


def request_hash(frozen: Mapping[str, Any]) -> str:
    """Return the sha256 that the journal keeps of a frozen request."""
    text = json.dumps(frozen, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
