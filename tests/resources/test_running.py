"""Which digest a container runs: from the service revision, the tasks, the registry, in this order."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.aws.door import Aws
from reconciler.model.errors import AccessDenied, RegistryError
from reconciler.model.observed import ObservedService, ServicePresence
from reconciler.resources.running import running_digests
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport

REPOSITORY = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/shop"
TD = "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/web:7"
ONE, TWO, THREE = ("sha256:" + n * 64 for n in "123")
CONTENT = {
    "containerDefinitions": [
        {"name": "app", "image": f"{REPOSITORY}:latest"},
        {"name": "nginx", "image": "nginx"},
    ]
}


class World:
    """An ECS and an ECR of canned answers."""

    def __init__(self) -> None:
        self.revisions: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] = []
        self.denied = False
        timeline = Timeline()
        self.transport = FakeTransport(timeline, {"ecs": self.ecs, "ecr": self.ecr})
        self.aws = Aws(self.transport, timeline)
        self.live = ObservedService(
            ServicePresence.ACTIVE,
            {"serviceName": "web"},
            task_definition_arn=TD,
            revision_arn="arn:revision",
        )

    def ecs(self, operation: str, _params: Any) -> dict[str, Any]:
        if operation == "DescribeServiceRevisions":
            if self.denied:
                raise AccessDenied("no", operation="ecs:DescribeServiceRevisions")
            return {"serviceRevisions": self.revisions}
        if operation == "ListTasks":
            return {"taskArns": [str(i) for i in range(len(self.tasks))]}
        return {"tasks": self.tasks}

    def ecr(self, _operation: str, _params: Any) -> dict[str, Any]:
        return {"imageDetails": [{"imageDigest": THREE}]}

    def runs(self) -> dict[str, str]:
        return running_digests(self.aws, "production", self.live, CONTENT)


def revision(definition: str, digest: str, created: str, *names: str) -> dict[str, Any]:
    """Return a service revision as ECS tells it."""
    images = [{"containerName": n, "imageDigest": digest} for n in names]
    return {"taskDefinition": definition, "createdAt": created, "containerImages": images}


def task(definition: str, digest: str, created: str, *names: str) -> dict[str, Any]:
    """Return a task as ECS tells it."""
    containers = [{"name": n, "imageDigest": digest} for n in names]
    return {"taskDefinitionArn": definition, "createdAt": created, "containers": containers}


@pytest.fixture
def world():
    """Return an account in which nothing runs."""
    return World()


def test_the_service_revision_tells_all(world):
    """One call is enough; a revision of another task definition and an older one do not count."""
    world.revisions = [
        revision(TD, TWO, "1", "app", "nginx"),
        revision(TD, ONE, "2", "app", "nginx"),
        revision("arn:other", TWO, "3", "app", "nginx"),
    ]
    assert world.runs() == {"app": ONE, "nginx": ONE}
    assert world.transport.operations() == ["DescribeServiceRevisions"]


@pytest.mark.parametrize("reason", ["no revisions", "denied", "unknown"])
def test_else_the_newest_task_tells(world, reason):
    """A service from before revisions, or a role that may not read them."""
    world.tasks = [task(TD, TWO, "1", "app", "nginx"), task(TD, ONE, "2", "app", "nginx")]
    if reason == "no revisions":
        world.live = ObservedService(
            ServicePresence.ACTIVE, {"serviceName": "web"}, task_definition_arn=TD
        )
    world.denied = reason == "denied"
    assert world.runs() == {"app": ONE, "nginx": ONE}


def test_where_nothing_runs_ecr_tells_what_would(world):
    """Another registry is not asked: that container stays unknown."""
    assert world.runs() == {"app": THREE}


def test_a_digest_needs_no_question(world):
    """A task definition of digests is its own proof."""
    content = {"containerDefinitions": [{"name": "app", "image": f"{REPOSITORY}@{ONE}"}]}
    assert running_digests(world.aws, "production", world.live, content) == {"app": ONE}
    assert world.transport.operations() == []


def test_another_registry_tells_what_would_run(world):
    """With a door to registries, an image outside ECR is resolved where nothing runs."""

    class Hub:
        def digest(self, repository, tag):
            return TWO if (repository, tag) == ("nginx", "latest") else ""

    found = running_digests(world.aws, "production", world.live, CONTENT, Hub())
    assert found == {"app": THREE, "nginx": TWO}


def test_a_registry_that_does_not_answer_leaves_it_unknown(world):
    """What runs is a help, never a reason to stop."""

    class Broken:
        def digest(self, _repository, _tag):
            raise RegistryError("503")

    found = running_digests(world.aws, "production", world.live, CONTENT, Broken())
    assert found == {"app": THREE}
