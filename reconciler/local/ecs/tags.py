"""TagResource, UntagResource, ListTagsForResource for every kind that our code tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.local.ecs.errors import invalid
from reconciler.local.ecs.state import Document, Scope, World

_MAX_TAGS = 50


def _tags_of(world: World, scope: Scope, arn: str) -> list[Document]:
    """Return the list itself, so that changing it changes the resource."""
    parts = arn.split(":", 5)
    if len(parts) == 6:  # noqa: PLR2004 - arn:partition:service:region:account:resource
        kind, _, rest = parts[5].partition("/")
        names = rest.split("/")
        clusters = world.clusters.get(scope, {})
        if kind == "cluster" and names[0] in clusters:
            tags: list[Document] = clusters[names[0]].document.setdefault("tags", [])
            return tags
        if kind == "task-definition":
            family, _, revision = rest.partition(":")
            revisions = world.task_definitions.get(scope, {}).get(family, [])
            if revision.isdigit() and 1 <= int(revision) <= len(revisions):
                return revisions[int(revision) - 1].tags
        if len(names) == 2 and names[0] in clusters:  # noqa: PLR2004 - cluster/name
            cluster = clusters[names[0]]
            if kind == "service" and names[1] in cluster.services:
                return cluster.services[names[1]].tags
            if kind == "task" and names[1] in cluster.tasks:
                return cluster.tasks[names[1]].tags
    raise invalid(f"The specified resource was not found: {arn}")


def tag(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """TagResource: a tag of the same key is replaced."""
    given = list(params.get("tags") or [])
    if not given:
        raise invalid("Tags can not be empty.")
    tags = _tags_of(world, scope, str(params.get("resourceArn") or ""))
    merged = {t["key"]: t for t in [*tags, *given]}
    if len(merged) > _MAX_TAGS:
        raise invalid("The maximum number of tags per resource is 50.")
    tags[:] = [dict(t) for t in merged.values()]
    return {}


def untag(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """UntagResource: keys that are not there are ignored."""
    tags = _tags_of(world, scope, str(params.get("resourceArn") or ""))
    gone = set(params.get("tagKeys") or [])
    tags[:] = [t for t in tags if t["key"] not in gone]
    return {}


def list_tags(world: World, scope: Scope, params: Mapping[str, Any]) -> Document:
    """ListTagsForResource."""
    return {"tags": _tags_of(world, scope, str(params.get("resourceArn") or ""))}
