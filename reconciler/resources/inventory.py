"""inventory: everything of a cluster's services that `init` writes down. Read only.

Called by `app.importing`. ListServices in pages, DescribeServices in tens, each task definition once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.aws.door import Aws
from reconciler.model.errors import NotFound
from reconciler.model.observed import ObservedService, ObservedTaskDefinition, ServicePresence
from reconciler.resources.ecs_service import ecs_service
from reconciler.resources.running import running_digests
from reconciler.resources.task_definition import task_definition

_PAGE = 100
"""Services in one page of ListServices (botocore: ListServicesRequest.maxResults)."""


@dataclass(frozen=True)
class Found:
    """One live service with its task definition. `running` is read only where tags are named."""

    service: ObservedService
    definition: ObservedTaskDefinition
    running: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name that AWS knows."""
        return str(self.service.service["serviceName"])


def clusters(aws: Aws) -> list[str]:
    """Return the names of the region's clusters, sorted."""
    arns = [a for page in aws.pages("ecs", "ListClusters") for a in page.get("clusterArns", ())]
    return sorted(str(arn).rsplit("/", 1)[-1] for arn in arns)


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
        there = ", ".join(clusters(aws)) or "none"
        raise NotFound(
            f"the cluster {cluster} does not exist; there are: {there}",
            operation=error.operation,
            code=error.code,
            request_id=error.request_id,
        ) from error
    return sorted(str(arn).rsplit("/", 1)[-1] for arn in arns)


def read(aws: Aws, cluster: str, names: Sequence[str]) -> tuple[list[Found], dict[str, str]]:
    """Return the services in the order of their names, and why those that are missing are not there."""
    live = ecs_service.observe(aws, cluster, names)
    absent = {name: why for name in names if (why := _why_not(live.get(name)))}
    wanted = [name for name in names if name not in absent]
    arns = {live[name].task_definition_arn for name in wanted}
    definitions = task_definition.observe(aws, cluster, sorted(arns))
    found = []
    for name in wanted:
        definition = definitions[live[name].task_definition_arn]
        running: Mapping[str, str] = {}
        containers = definition.content.get("containerDefinitions", ())
        if any("@" not in str(c.get("image", "")) for c in containers):
            running = running_digests(aws, cluster, live[name], definition.content)
        found.append(Found(live[name], definition, running))
    return found, absent


def _why_not(live: ObservedService | None) -> str:
    if live is None or live.presence in (ServicePresence.ABSENT, ServicePresence.INACTIVE):
        return "there is no such service"
    if live.presence is not ServicePresence.ACTIVE:
        return f"it is {live.presence}"
    if not live.task_definition_arn:
        return "it has no task definition of its own: its task sets are made by another deployer"
    return ""
