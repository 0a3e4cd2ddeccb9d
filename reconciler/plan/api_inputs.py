"""What the files mean as inputs of the API, one operation at a time: `render --api`. Pure.

Each is complete enough for `aws SERVICE OPERATION --cli-input-json`, spelled as that API spells it.
Offline: images are as declared, look-ups in AWS stay as they are written, and where a revision has to be
named it is the family, whose newest ACTIVE revision ECS then takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from reconciler.model.desired import (
    DesiredApp,
    DesiredAutoscaling,
    Workload,
)
from reconciler.model.names import Address
from reconciler.plan.autoscaling.document import API, TAGS, resource_id, scope_of
from reconciler.plan.autoscaling.resource_label import lacks_label
from reconciler.plan.autoscaling.tags import registered_tags
from reconciler.plan.ownership import registration
from reconciler.plan.redis.group import creation_document
from reconciler.plan.redis.parameters import parameter_group_document
from reconciler.plan.service_side import create_request
from reconciler.shapes.botocore_model import input_of
from reconciler.shapes.casing import to_wire
from reconciler.shapes.redis_tables import ELASTICACHE

Found = Iterator[tuple[Address, Mapping[str, Any]]]


class Operation(NamedTuple):
    """An operation by the names of botocore, and what the files send with it.

    `named` is the field that tells the inputs of one resource apart, where it has several.
    """

    service: str
    name: str
    inputs: Callable[[DesiredApp], Found]
    named: str = ""


class Input(NamedTuple):
    """One input, spelled as the API spells it; `name` tells it from others of the same address.

    `lacks` names what only AWS knows and the API wants, where there is something.
    """

    address: Address
    name: str
    document: dict[str, Any]
    lacks: str = ""

    def __str__(self) -> str:
        """Spell what it is about: `autoscaling/web cpu`."""
        return f"{self.address} {self.name}".rstrip()


def api_inputs(app: DesiredApp, operation: str) -> list[Input]:
    """Return the inputs of an operation (a key of OPERATIONS)."""
    service, name, inputs, named = OPERATIONS[operation]
    shape = input_of(name, service)
    return [
        Input(
            address,
            str(document.get(named, "")),
            to_wire(shape, dict(document)),
            "resourceLabel" if lacks_label(document) else "",
        )
        for address, document in inputs(app)
    ]


def _registrations(app: DesiredApp) -> Found:
    workloads: tuple[Workload, ...] = (*app.services, *app.launched)
    for workload in workloads:
        if workload.task_definition:  # another deployer's may have none in the files
            yield workload.address, registration(app, workload.address, workload.task_definition)


def _creations(app: DesiredApp) -> Found:
    for service in app.services:
        request = create_request(app, service, service.service, None)
        # Ours makes a repeated creation the same one; another's would be taken for it.
        request.pop("clientToken")
        yield service.address, {**_where(app, service), **request}


def _updates(app: DesiredApp) -> Found:
    members = input_of("UpdateService").members
    for service in app.services:
        fields = {k: v for k, v in service.service.items() if k in members}
        yield service.address, {**_where(app, service), "service": service.service_name, **fields}


def _runs(app: DesiredApp) -> Found:
    for run in app.launched:
        yield run.address, {**_where(app, run), **run.launch}


def _scalable_targets(app: DesiredApp) -> Found:
    for scope, wanted in _scaled(app):
        tags = {TAGS: registered_tags(app, wanted)}
        yield wanted.address, {**scope, **wanted.target, **tags}


def _scaling_policies(app: DesiredApp) -> Found:
    for scope, wanted in _scaled(app):
        for name, policy in wanted.policies.items():
            yield wanted.address, {**scope, "policyName": name, **policy}


def _scheduled_actions(app: DesiredApp) -> Found:
    for scope, wanted in _scaled(app):
        for name, action in wanted.scheduled.items():
            yield wanted.address, {**scope, "scheduledActionName": name, **action}


def _scaled(app: DesiredApp) -> Iterator[tuple[dict[str, str], DesiredAutoscaling]]:
    for service in app.services:
        if service.autoscaling is not None:
            resource = resource_id(app.cluster, service.service_name)
            yield scope_of(resource), service.autoscaling


def _where(app: DesiredApp, workload: Workload) -> dict[str, Any]:
    family = workload.task_definition.get("family")
    return {"cluster": app.cluster, **({"taskDefinition": family} if family else {})}


def _replication_groups(app: DesiredApp) -> Found:
    for redis in app.redis:
        yield redis.address, creation_document(app, redis)


def _parameter_groups(app: DesiredApp) -> Found:
    for redis in app.redis:
        if redis.parameter_group is not None:
            yield redis.address, parameter_group_document(app, redis, redis.parameter_group)


OPERATIONS: Mapping[str, Operation] = {
    "register-task-definition": Operation("ecs", "RegisterTaskDefinition", _registrations),
    "create-service": Operation("ecs", "CreateService", _creations),
    "update-service": Operation("ecs", "UpdateService", _updates),
    "run-task": Operation("ecs", "RunTask", _runs),
    "register-scalable-target": Operation(API, "RegisterScalableTarget", _scalable_targets),
    "put-scaling-policy": Operation(API, "PutScalingPolicy", _scaling_policies, "policyName"),
    "put-scheduled-action": Operation(
        API, "PutScheduledAction", _scheduled_actions, "scheduledActionName"
    ),
    "create-replication-group": Operation(
        ELASTICACHE, "CreateReplicationGroup", _replication_groups
    ),
    "create-cache-parameter-group": Operation(
        ELASTICACHE, "CreateCacheParameterGroup", _parameter_groups
    ),
}
"""The command of the AWS CLI → the operation."""
