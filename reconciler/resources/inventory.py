"""inventory: everything of a cluster's services that `init` writes down. Read only.

Called by `app.importing`. ListServices in pages, DescribeServices in tens, each task definition once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.aws.door import Aws
from reconciler.aws.registry import Registry
from reconciler.model.errors import AccessDenied, NotFound
from reconciler.model.names import last_part, there_are
from reconciler.model.observed import (
    ObservedAutoscaling,
    ObservedParameterGroup,
    ObservedRedis,
    ObservedService,
    ObservedTaskDefinition,
    ServicePresence,
)
from reconciler.resources import parameter_group as parameter_groups
from reconciler.resources import replication_group as groups
from reconciler.resources import service_revision
from reconciler.resources.autoscaling import autoscaling, with_tags
from reconciler.resources.ecs_service import ecs_service
from reconciler.resources.parameter_group import parameter_group
from reconciler.resources.replication_group import replication_group
from reconciler.resources.running import running_digests
from reconciler.resources.service_revision import with_revision
from reconciler.resources.task_definition import task_definition
from reconciler.shapes.controllers import EXTERNAL, controller_of
from reconciler.shapes.redis_tables import DEFAULT_GROUPS

_PAGE = 100
"""Services in one page of ListServices (botocore: ListServicesRequest.maxResults)."""


@dataclass(frozen=True)
class Found:
    """One live service with its task definition. `running` is read only where tags are named.

    `definition` is None for a service of an external controller that has no primary task set.
    """

    service: ObservedService
    definition: ObservedTaskDefinition | None
    running: Mapping[str, str] = field(default_factory=dict)
    scaling: ObservedAutoscaling | None = None

    @property
    def name(self) -> str:
        """The name that AWS knows."""
        return str(self.service.service["serviceName"])

    @property
    def content(self) -> Mapping[str, Any]:
        """The task definition's content, empty where there is none."""
        return {} if self.definition is None else self.definition.content


def clusters(aws: Aws) -> list[str]:
    """Return the names of the region's clusters, sorted."""
    arns = [a for page in aws.pages("ecs", "ListClusters") for a in page.get("clusterArns", ())]
    return sorted(last_part(str(arn)) for arn in arns)


def service_names(aws: Aws, cluster: str) -> list[str]:
    """Return the names of the services that customers manage, not ECS itself (Express Mode); sorted."""
    pages = aws.pages(
        "ecs",
        "ListServices",
        cluster=cluster,
        maxResults=_PAGE,
        resourceManagementType="CUSTOMER",
    )
    try:
        arns = [arn for page in pages for arn in page.get("serviceArns", ())]
    except NotFound as error:
        raise NotFound(
            f"the cluster {cluster} does not exist; {there_are(clusters(aws))}",
            operation=error.operation,
            code=error.code,
            request_id=error.request_id,
        ) from error
    return sorted(last_part(str(arn)) for arn in arns)


def read(
    aws: Aws, cluster: str, names: Sequence[str], registry: Registry | None = None
) -> tuple[list[Found], dict[str, str]]:
    """Return the services in the order of their names, and why those that are missing are not there."""
    live = _completed(aws, ecs_service.observe(aws, cluster, names))
    absent = {name: why for name in names if (why := _why_not(live.get(name)))}
    wanted = [name for name in names if name not in absent]
    arns = {live[name].task_definition_arn for name in wanted}
    definitions = task_definition.observe(aws, cluster, sorted(arns - {""}))
    scaling = _scaling(aws, cluster, wanted) if wanted else {}
    found = []
    for name in wanted:
        definition = definitions.get(live[name].task_definition_arn)
        one = Found(live[name], definition, scaling=scaling.get(name))
        containers = one.content.get("containerDefinitions", ())
        if any("@" not in str(c.get("image", "")) for c in containers):
            running = running_digests(aws, cluster, live[name], one.content, registry)
            one = replace(one, running=running)
        found.append(one)
    return found, absent


def _completed(aws: Aws, live: Mapping[str, ObservedService]) -> dict[str, ObservedService]:
    """Return services with the fields that only their revisions tell; a role may not be allowed to."""
    arns = sorted({service.revision_arn for service in live.values() if service.revision_arn})
    try:
        told = service_revision.observe(aws, arns)
    except AccessDenied:
        return dict(live)
    return {
        name: with_revision(service, told.get(service.revision_arn))
        for name, service in live.items()
    }


def _scaling(aws: Aws, cluster: str, names: Sequence[str]) -> Mapping[str, ObservedAutoscaling]:
    """Return the services' autoscaling with its tags; a role may not be allowed to see these."""
    live = autoscaling.observe(aws, cluster, names)
    try:
        return {name: with_tags(aws, found) for name, found in live.items()}
    except AccessDenied:
        return live


def read_redis(aws: Aws, names: Sequence[str]) -> tuple[list[ObservedRedis], dict[str, str]]:
    """Return replication groups with their parameter groups, and why those that are missing are not there."""
    live = replication_group.observe(aws, "", [name.lower() for name in names])
    found: list[ObservedRedis] = []
    absent: dict[str, str] = {}
    for name in names:
        group = live.get(name.lower())
        if group is None:
            absent[name] = "there is no such replication group"
        elif group.status == "creating":
            absent[name] = "it is being created"
        else:
            attached = str(group.group.get("cacheParameterGroupName", ""))
            parameters = _parameters(aws, attached)
            tags = groups.tags(aws, group)
            found.append(replace(group, tags=tags, parameter_group=parameters))
    return found, absent


def _parameters(aws: Aws, name: str) -> ObservedParameterGroup | None:
    if not name or name.startswith(DEFAULT_GROUPS):
        return None
    found = parameter_group.observe(aws, "", [name]).get(name)
    if found is None:
        return None
    family, arn, tags = parameter_groups.identity(aws, name)
    return replace(found, family=family, arn=arn, tags=tags)


def _why_not(live: ObservedService | None) -> str:
    if live is None or live.presence in (ServicePresence.ABSENT, ServicePresence.INACTIVE):
        return "there is no such service"
    if live.presence is not ServicePresence.ACTIVE:
        return f"it is {live.presence}"
    if not live.task_definition_arn and controller_of(live.service) != EXTERNAL:
        return "it has no task definition"
    return ""
