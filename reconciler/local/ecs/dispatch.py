"""The emulated operations by their API name. `front` calls `answer` for every ECS request."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.local.ecs import (
    clusters,
    service_deployments,
    services,
    tags,
    task_definitions,
    tasks,
)
from reconciler.local.ecs.errors import EcsError
from reconciler.local.ecs.state import Document, Scope, World

Operation = Callable[[World, Scope, Mapping[str, Any]], Document]

OPERATIONS: Mapping[str, Operation] = {
    "ContinueServiceDeployment": service_deployments.proceed,
    "CreateCluster": clusters.create,
    "CreateService": services.create,
    "DeleteCluster": clusters.delete,
    "DeleteService": services.delete,
    "DeleteTaskDefinitions": task_definitions.delete,
    "DeregisterTaskDefinition": task_definitions.deregister,
    "DescribeClusters": clusters.describe,
    "DescribeServiceDeployments": service_deployments.describe,
    "DescribeServiceRevisions": service_deployments.describe_revisions,
    "DescribeServices": services.describe,
    "DescribeTaskDefinition": task_definitions.describe,
    "DescribeTasks": tasks.describe,
    "ListClusters": clusters.list_all,
    "ListServiceDeployments": service_deployments.list_all,
    "ListServices": services.list_all,
    "ListTagsForResource": tags.list_tags,
    "ListTaskDefinitionFamilies": task_definitions.list_families,
    "ListTaskDefinitions": task_definitions.list_all,
    "ListTasks": tasks.list_all,
    "PutClusterCapacityProviders": clusters.put_capacity_providers,
    "RegisterTaskDefinition": task_definitions.register,
    "RunTask": tasks.run,
    "StopServiceDeployment": service_deployments.stop,
    "StopTask": tasks.stop,
    "TagResource": tags.tag,
    "UntagResource": tags.untag,
    "UpdateService": services.update,
}


def answer(world: World, scope: Scope, operation: str, params: Mapping[str, Any]) -> Document:
    """Carry out one operation under the world's lock; the answer is a copy.

    Raises EcsError as AWS would, and UnsupportedOperation for what the embedded AWS does not have.
    """
    carry_out = OPERATIONS.get(operation)
    if carry_out is None:
        message = f"The embedded AWS does not have the operation ecs:{operation}."
        raise EcsError("UnsupportedOperationException", message)
    with world.lock:
        return copy.deepcopy(carry_out(world, scope, params))
