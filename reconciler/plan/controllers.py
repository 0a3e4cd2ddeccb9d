"""Services that ECS does not deploy itself: what may be sent to them, and what to do about the rest.

Called by `plan.service_steps`, `plan.compared` and `plan.rollback`. A CODE_DEPLOY or EXTERNAL service
is desired state like any other: in sync when it is as declared, changed where UpdateService takes the
change, held where it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.model.names import AppKey
from reconciler.shapes.controllers import (
    CODE_DEPLOY,
    ECS,
    EXTERNAL,
    TRANSITIONS,
    UPDATABLE,
    controller_of,
)

_DEPLOYERS = {CODE_DEPLOY: "CodeDeploy", EXTERNAL: "an external controller"}


def deployer_of(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return the controller whose rules hold for the next UpdateService of a live service."""
    now, then = controller_of(live), controller_of(wanted)
    return ECS if (now, then) in TRANSITIONS else now


def takes(deployer: str, field: str) -> bool:
    """Say whether UpdateService takes a field of a service with this controller."""
    return deployer not in UPDATABLE or field in UPDATABLE[deployer]


def is_left_to_task_sets(wanted: Mapping[str, Any]) -> bool:
    """Say whether a new service runs nothing until its controller makes a task set."""
    return controller_of(wanted) == EXTERNAL


def creation_problem(wanted: Mapping[str, Any], task_definition: Mapping[str, Any]) -> str:
    """Say why a service cannot be created, empty when it can."""
    if task_definition or controller_of(wanted) == EXTERNAL:
        return ""
    # "… must be specified if the service uses either the ECS or CODE_DEPLOY" [M CreateService]
    return "a new service that CodeDeploy deploys needs a first task definition: declare containers"


def refused(deployer: str, fields: Iterable[str], *, new_revision: bool) -> tuple[str, ...]:
    """Return what UpdateService would not take of a change of these fields and the task definition."""
    wanted = [*(("taskDefinition",) if new_revision else ()), *fields]
    return tuple(name for name in dict.fromkeys(wanted) if not takes(deployer, name))


def refusal(deployer: str, names: Sequence[str]) -> str:
    """Say that a change is not ours to make; `names` are the fields that differ."""
    who = _DEPLOYERS[deployer]
    return f"{who} deploys this service: UpdateService does not take {', '.join(names)}"


def how_to_deploy(deployer: str, key: AppKey, address: str) -> tuple[str, ...]:
    """Say with which tool the change is made instead."""
    shown = f"reconciler -a {key} render {address}"
    register = f"register what `{shown}` shows: aws ecs register-task-definition"
    if deployer == CODE_DEPLOY:
        return (
            f"{register}, then deploy it: aws deploy create-deployment, with an AppSpec that names it",
            "or let ECS deploy it: deploymentController: {type: ECS}",
        )
    task_set = "aws ecs create-task-set, update-service-primary-task-set"
    return (f"{register}, then let your controller deploy it: {task_set}",)


def as_deployed(
    pinned: Mapping[str, Any], declared: Mapping[str, Any], live: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the task definition with an image by tag where another's deployment runs just that tag.

    We pin what we register; who deploys instead of us need not, and could not be told to.
    """
    running = _images(live or {})
    named = _images(declared)
    containers = [
        {**c, "image": named[c["name"]]}
        if c.get("name") in named and running.get(c["name"]) == named[c["name"]]
        else c
        for c in pinned.get("containerDefinitions", ())
    ]
    return {**pinned, "containerDefinitions": containers}


def _images(document: Mapping[str, Any]) -> dict[str, Any]:
    return {c["name"]: c.get("image") for c in document.get("containerDefinitions", ())}
