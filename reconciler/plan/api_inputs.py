"""What the files mean as inputs of the API, one operation at a time: `render --api`. Pure.

Each is complete enough for `aws SERVICE OPERATION --cli-input-json`, spelled as that API spells it.
Offline: images are as declared, look-ups in AWS stay as they are written, and where a revision has to be
named it is the family, whose newest ACTIVE revision ECS then takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from reconciler.model.desired import DesiredApp, DesiredMigration, DesiredService
from reconciler.model.names import Address
from reconciler.plan.autoscaling.document import API, TAGS, resource_id, scope_of
from reconciler.plan.autoscaling.tags import registered_tags
from reconciler.plan.ownership import registration
from reconciler.plan.redis.group import creation_document
from reconciler.plan.redis.parameters import parameter_group_document
from reconciler.plan.service_side import create_request
from reconciler.shapes.botocore_model import input_of
from reconciler.shapes.casing import to_wire

Found = Iterator[tuple[Address, Mapping[str, Any]]]


class Operation(NamedTuple):
    """An operation by the names of botocore, and what the files send with it."""

    service: str
    name: str
    inputs: Callable[[DesiredApp], Found]


def api_inputs(app: DesiredApp, operation: str) -> dict[Address, dict[str, Any]]:
    """Return the inputs of an operation (a key of OPERATIONS) by the address they belong to."""
    service, name, inputs = OPERATIONS[operation]
    shape = input_of(name, service)
    return {address: to_wire(shape, dict(document)) for address, document in inputs(app)}


def _registrations(app: DesiredApp) -> Found:
    workloads: tuple[DesiredService | DesiredMigration, ...] = (*app.services, *app.migrations)
    for workload in workloads:
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
    for migration in app.migrations:
        yield migration.address, {**_where(app, migration), **migration.launch}


def _scalable_targets(app: DesiredApp) -> Found:
    for service in app.services:
        if service.autoscaling is not None:
            scope = scope_of(resource_id(app.cluster, service.service_name))
            tags = {TAGS: registered_tags(app, service.autoscaling)}
            yield service.autoscaling.address, {**scope, **service.autoscaling.target, **tags}


def _where(app: DesiredApp, workload: DesiredService | DesiredMigration) -> dict[str, Any]:
    return {"cluster": app.cluster, "taskDefinition": workload.task_definition["family"]}


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
    "create-replication-group": Operation(
        "elasticache", "CreateReplicationGroup", _replication_groups
    ),
    "create-cache-parameter-group": Operation(
        "elasticache", "CreateCacheParameterGroup", _parameter_groups
    ),
}
"""The command of the AWS CLI → the operation."""
