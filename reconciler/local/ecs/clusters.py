"""Cluster operations, and finding a cluster for all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.local.ecs.errors import EcsError, cluster_not_found
from reconciler.local.ecs.pages import page
from reconciler.local.ecs.state import Cluster, Document, Scope, World
from reconciler.model.names import last_part

_WAITING = ("PROVISIONING", "PENDING", "ACTIVATING")


def find(world: World, scope: Scope, params: Mapping[str, Any]) -> Cluster:
    """Return the ACTIVE cluster that `cluster` names; raises ClusterNotFoundException."""
    name = last_part(str(params.get("cluster") or "default"))
    cluster = world.clusters.get(scope, {}).get(name)
    if cluster is None or cluster.status != "ACTIVE":
        raise cluster_not_found()
    return cluster


def create(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """CreateCluster: an existing one is answered as it is."""
    name = str(params.get("clusterName") or "default")
    clusters = world.clusters.setdefault(scope, {})
    if name not in clusters or clusters[name].status != "ACTIVE":
        kept = ("settings", "configuration", "capacityProviders", "tags")
        document = {k: params[k] for k in kept if k in params}
        strategy = params.get("defaultCapacityProviderStrategy") or []
        clusters[name] = Cluster(
            scope, name, document | {"defaultCapacityProviderStrategy": strategy}
        )
    return {"cluster": describe_one(clusters[name], tags=True)}


def describe_one(cluster: Cluster, *, tags: bool = False) -> Document:
    """Render one cluster as DescribeClusters does."""
    live = [t for t in cluster.tasks.values() if not t.stopped]
    document: Document = {
        "settings": [],
        "capacityProviders": [],
        **cluster.document,
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": cluster.status,
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": sum(t.last_status == "RUNNING" for t in live),
        "pendingTasksCount": sum(t.last_status in _WAITING for t in live),
        "activeServicesCount": sum(s.status == "ACTIVE" for s in cluster.services.values()),
        "statistics": [],
    }
    if not tags:
        document.pop("tags", None)
    return document


def describe(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DescribeClusters: missing ones are failures."""
    clusters = world.clusters.get(scope, {})
    tags = "TAGS" in (params.get("include") or [])
    found, failures = [], []
    for reference in params.get("clusters") or ["default"]:
        cluster = clusters.get(last_part(str(reference)))
        if cluster is None:
            arn = Cluster(scope, last_part(str(reference)), {}).arn
            failures.append({"arn": arn, "reason": "MISSING"})
        else:
            found.append(describe_one(cluster, tags=tags))
    return {"clusters": found, "failures": failures}


def list_all(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """ListClusters: the ACTIVE ones."""
    clusters = world.clusters.get(scope, {})
    return page(params, "clusterArns", [c.arn for c in clusters.values() if c.status == "ACTIVE"])


def delete(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DeleteCluster: refused while it has services or tasks."""
    cluster = find(world, scope, params)
    if any(s.status != "INACTIVE" for s in cluster.services.values()):
        message = "The Cluster cannot be deleted while Services are active."
        raise EcsError("ClusterContainsServicesException", message)
    if any(not t.stopped for t in cluster.tasks.values()):
        message = "The Cluster cannot be deleted while Tasks are active."
        raise EcsError("ClusterContainsTasksException", message)
    cluster.status = "INACTIVE"
    return {"cluster": describe_one(cluster)}


def put_capacity_providers(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """PutClusterCapacityProviders: recorded, placement does not depend on it."""
    cluster = find(world, scope, params)
    for key in ("capacityProviders", "defaultCapacityProviderStrategy"):
        cluster.document[key] = params.get(key) or []
    return {"cluster": describe_one(cluster)}
