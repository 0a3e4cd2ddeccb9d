"""running: the digest that each container of a live service runs, whatever tag is named. Read only.

Called by `resources.observe` for services whose task definition names tags, and by
`resources.inventory`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.aws.door import Aws
from reconciler.aws.registry import Closed, Registry
from reconciler.model.errors import AccessDenied, InvalidRequest, NotFound, RegistryError
from reconciler.model.observed import ObservedService
from reconciler.plan.image_names import taken_apart
from reconciler.resources import image

_NEWEST = 100
"""Tasks in one ListTasks page and one DescribeTasks call (botocore: ListTasksRequest, DescribeTasks)."""


def running_digests(
    aws: Aws,
    cluster: str,
    live: ObservedService,
    content: Mapping[str, Any],
    registry: Registry | None = None,
) -> dict[str, str]:
    """Return `sha256:…` by container name for the containers of `content`, the live task definition.

    ECS resolves a tag once for each service deployment and keeps the digest in its service revision
    (botocore: ContainerImage.imageDigest); older services have only their tasks (Container.imageDigest),
    and where nothing runs the registry tells what would. A container of which nobody knows is left out.
    """
    wanted = {str(c["name"]): str(c.get("image", "")) for c in content["containerDefinitions"]}
    found = {name: digest for name, text in wanted.items() if (digest := taken_apart(text).digest)}
    for source in (_of_revision, _of_tasks):
        if found.keys() >= wanted.keys():
            return found
        found = {**source(aws, cluster, live), **found}
    for name in wanted.keys() - found.keys():
        try:
            resolved = image.resolve(aws, wanted[name], registry)
        except (Closed, RegistryError):
            continue
        if resolved is not None and (digest := taken_apart(resolved).digest):
            found[name] = digest
    return {name: found[name] for name in wanted if name in found}


def _of_revision(aws: Aws, _cluster: str, live: ObservedService) -> dict[str, str]:
    if not live.revision_arn:
        return {}
    try:
        answer = aws.call(
            "ecs", "DescribeServiceRevisions", serviceRevisionArns=[live.revision_arn]
        )
    except (AccessDenied, NotFound, InvalidRequest):  # the tasks say the same
        return {}
    fitting = [
        revision
        for revision in answer.get("serviceRevisions", ())
        if revision.get("taskDefinition") == live.task_definition_arn
    ]
    newest: Mapping[str, Any] = max(fitting, key=lambda r: str(r.get("createdAt", "")), default={})
    return _digests(newest.get("containerImages", ()), "containerName")


def _of_tasks(aws: Aws, cluster: str, live: ObservedService) -> dict[str, str]:
    listed = aws.call(
        "ecs",
        "ListTasks",
        cluster=cluster,
        serviceName=live.service["serviceName"],
        desiredStatus="RUNNING",
        maxResults=_NEWEST,
    )
    arns = listed.get("taskArns", ())
    if not arns:
        return {}
    answer = aws.call("ecs", "DescribeTasks", cluster=cluster, tasks=list(arns))
    fitting = [
        task
        for task in answer.get("tasks", ())
        if task.get("taskDefinitionArn") == live.task_definition_arn
    ]
    newest: Mapping[str, Any] = max(fitting, key=lambda t: str(t.get("createdAt", "")), default={})
    return _digests(newest.get("containers", ()), "name")


def _digests(items: Any, key: str) -> dict[str, str]:
    return {str(i[key]): str(i["imageDigest"]) for i in items if key in i and i.get("imageDigest")}
