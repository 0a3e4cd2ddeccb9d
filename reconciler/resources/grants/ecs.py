"""ECS: clusters, services, task definitions and the tasks of migrations and jobs."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.desired import DesiredService, Document
from reconciler.resources.grants.statement import Names, Statement, allow


def reads(names: Names) -> Iterator[Statement]:
    """Grant what observing needs."""
    yield allow("EcsCluster", ["ecs:DescribeClusters"], [names.cluster])
    # By pattern: a service that left the files must still be seen as an orphan.
    yield allow("EcsReadServices", ["ecs:DescribeServices"], [names.any_service])
    # What a service runs is told by its revision; AWS checks both, the service and the revision.
    yield allow(
        "EcsReadServiceRevisions",
        ["ecs:DescribeServiceRevisions"],
        [names.any_service, names.arn("ecs", f"service-revision/{names.cluster_name}/*")],
    )
    if any(map(_pauses, names.app.services)):  # again both: the service and its deployment
        yield allow(
            "EcsReadServiceDeployments",
            ["ecs:DescribeServiceDeployments"],
            [names.any_service, names.arn("ecs", f"service-deployment/{names.cluster_name}/*")],
        )
    yield allow(
        "EcsReadDefinitions",  # these two know no resource
        ["ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions"],
        ["*"],
    )
    yield allow("EcsListTasks", ["ecs:ListTasks"], ["*"], names.in_cluster)
    yield allow(
        "EcsReadTasks",
        ["ecs:DescribeTasks"],
        [names.arn("ecs", f"task/{names.cluster_name}/*")],
        names.in_cluster,
    )


def service_writes(names: Names) -> Iterator[Statement]:
    """Grant creating and changing the declared services."""
    if names.services:
        yield allow("EcsWriteServices", ["ecs:CreateService", "ecs:UpdateService"], names.services)
        yield allow("EcsTagServices", ["ecs:TagResource", "ecs:UntagResource"], names.services)


def prune_writes(names: Names) -> Iterator[Statement]:
    """Grant deleting what carries the app's tags, when the files ask for it."""
    if not names.app.sync.prune:
        return
    owned = {
        "aws:ResourceTag/reconciler:app": names.app.app,
        "aws:ResourceTag/reconciler:environment": names.app.environment,
    }
    yield allow(
        "EcsDeleteOwned", ["ecs:DeleteService"], [names.any_service], {"StringEquals": owned}
    )


def definition_writes(names: Names) -> Iterator[Statement]:
    """Grant registering revisions of the declared families."""
    families = names.families(names.app.task_definitions)
    if families:
        yield allow("EcsRegister", ["ecs:RegisterTaskDefinition"], families)
        yield allow(
            "EcsTagDefinitions",
            ["ecs:TagResource"],
            families,
            {"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}},
        )


def run_writes(names: Names) -> Iterator[Statement]:
    """Grant running and stopping the tasks of migrations and jobs."""
    launched = names.app.launched
    if not launched:
        return
    tasks = [names.arn("ecs", f"task/{names.cluster_name}/*")]
    families = names.families(run.task_definition for run in launched)
    yield allow("EcsRunTasks", ["ecs:RunTask"], families, names.in_cluster)
    yield allow("EcsStopTasks", ["ecs:StopTask"], tasks, names.in_cluster)
    if any(_tags_tasks(run.launch) for run in launched):
        yield allow(
            "EcsTagTasks",
            ["ecs:TagResource"],
            tasks,
            {"StringEquals": {"ecs:CreateAction": "RunTask"}},
        )


def _pauses(service: DesiredService) -> bool:
    """Whether a deployment of this service may wait for a person, which `status` then tells."""
    hooks = service.service.get("deploymentConfiguration", {}).get("lifecycleHooks") or ()
    return any(hook.get("targetType") == "PAUSE" for hook in hooks)


def _tags_tasks(launch: Document) -> bool:
    """Whether RunTask tags what it starts, which needs a permission of its own."""
    propagates = launch.get("propagateTags", "NONE") != "NONE"
    return propagates or bool(launch.get("tags") or launch.get("enableECSManagedTags"))
