"""The fake ECS keeps AWS's rules: on these the simulation rests."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.errors import AwsError, Conflict, InvalidRequest, NotFound
from tests.fakes.ecs import FakeEcs
from tests.fakes.ecs_tasks import Nature
from tests.fakes.timeline import Timeline

TOKEN = {"cluster": "production", "taskDefinition": "db", "clientToken": "t1", "startedBy": "us"}


class Full(Nature):
    """No room, once."""

    full = True

    def refuses(self, request: object) -> str:
        refuse, self.full = self.full, False
        return "RESOURCE:CPU" if refuse else ""


def make(nature: Nature | None = None) -> FakeEcs:
    """Return a cluster with one task definition."""
    ecs = FakeEcs(Timeline(), nature)
    ecs.handle(
        "RegisterTaskDefinition",
        {"family": "db", "containerDefinitions": [{"name": "app", "image": "i"}]},
    )
    return ecs


def arn_of(answer: dict[str, Any]) -> str:
    """Return the task of a RunTask answer."""
    return str(answer["tasks"][0]["taskArn"])


def test_token_lives_an_hour_longer_than_its_task() -> None:
    """The same token gives the same task until one hour after it stopped, then another."""
    ecs = make()
    first = arn_of(ecs.handle("RunTask", TOKEN))
    ecs.timeline.advance(25 + 3590)
    assert arn_of(ecs.handle("RunTask", TOKEN)) == first
    ecs.timeline.advance(20)
    assert arn_of(ecs.handle("RunTask", TOKEN)) != first


def test_token_lives_a_day_at_most() -> None:
    """A task that runs longer than a day outlives its token."""

    class Endless(Nature):
        def duration(self) -> float:
            return 900_000.0

    ecs = make(Endless())
    first = arn_of(ecs.handle("RunTask", TOKEN))
    ecs.timeline.advance(86_390)
    assert arn_of(ecs.handle("RunTask", TOKEN)) == first
    ecs.timeline.advance(20)
    assert arn_of(ecs.handle("RunTask", TOKEN)) != first


def test_token_with_other_parameters_is_a_conflict_naming_the_task() -> None:
    """ConflictException carries the ARN that the token already has."""
    ecs = make()
    first = arn_of(ecs.handle("RunTask", TOKEN))
    with pytest.raises(Conflict) as refused:
        ecs.handle("RunTask", {**TOKEN, "startedBy": "them"})
    assert refused.value.resource_ids == (first,)


def test_failures_are_remembered_with_the_token() -> None:
    """After `failures[]` the same token fails again for an hour although there is room; another works."""
    ecs = make(Full())
    assert ecs.handle("RunTask", TOKEN)["failures"][0]["reason"] == "RESOURCE:CPU"
    assert ecs.handle("RunTask", TOKEN)["failures"]
    assert ecs.handle("RunTask", {**TOKEN, "clientToken": "t2"})["tasks"]
    ecs.timeline.advance(3601)
    assert ecs.handle("RunTask", TOKEN)["tasks"]


def test_stopped_task_is_shown_for_an_hour() -> None:
    """A stopped task is described with its exit code for an hour, then it is MISSING."""
    ecs = make()
    arn = arn_of(ecs.handle("RunTask", TOKEN))
    assert (
        ecs.handle("DescribeTasks", {"cluster": "production", "tasks": [arn]})["failures"][0][
            "reason"
        ]
        == "MISSING"
    )
    ecs.timeline.advance(30)
    (task,) = ecs.handle("DescribeTasks", {"cluster": "production", "tasks": [arn]})["tasks"]
    assert (task["lastStatus"], task["containers"][0]["exitCode"]) == ("STOPPED", 0)
    ecs.timeline.advance(3600)
    assert not ecs.handle("DescribeTasks", {"cluster": "production", "tasks": [arn]})["tasks"]


def test_started_by_is_the_only_filter_and_hides_stopped_tasks() -> None:
    """StartedBy with a family is refused; by default only tasks that are to run are listed."""
    ecs = make()
    ecs.handle("RunTask", TOKEN)
    ecs.timeline.advance(1)
    mine = {"cluster": "production", "startedBy": "us"}
    assert ecs.handle("ListTasks", mine)["taskArns"]
    with pytest.raises(InvalidRequest):
        ecs.handle("ListTasks", {**mine, "family": "db"})
    ecs.timeline.advance(60)
    assert not ecs.handle("ListTasks", mine)["taskArns"]
    stopped = {"cluster": "production", "family": "db", "desiredStatus": "STOPPED"}
    assert ecs.handle("ListTasks", stopped)["taskArns"]


def test_missing_cluster_is_an_error() -> None:
    """A cluster that does not exist is refused as AWS does."""
    with pytest.raises(NotFound):
        make().handle("RunTask", {**TOKEN, "cluster": "absent"})


def service(**changes: Any) -> dict[str, Any]:
    """Return a CreateService input."""
    return {
        "cluster": "production",
        "serviceName": "web",
        "taskDefinition": "db",
        "desiredCount": 2,
        **changes,
    }


def live(ecs: FakeEcs) -> dict[str, Any]:
    """Return the service now."""
    found: dict[str, Any] = ecs.handle(
        "DescribeServices", {"cluster": "production", "services": ["web"]}
    )["services"][0]
    return found


def test_creating_a_service_twice_needs_the_same_token() -> None:
    """Without the token a second creation is refused; with it, it is the same service."""
    ecs = make()
    ecs.handle("CreateService", service(clientToken="t"))
    ecs.handle("CreateService", service(clientToken="t"))
    with pytest.raises(InvalidRequest, match="not idempotent"):
        ecs.handle("CreateService", service())


def test_update_rolls_only_when_something_rolls() -> None:
    """A new desired count is no deployment; a new task definition is one, and completes in time."""
    ecs = make()
    ecs.handle("CreateService", service())
    ecs.timeline.advance(60)
    first = live(ecs)["deployments"][0]["id"]
    ecs.handle("UpdateService", {"cluster": "production", "service": "web", "desiredCount": 3})
    assert [d["id"] for d in live(ecs)["deployments"]] == [first]
    ecs.handle(
        "RegisterTaskDefinition",
        {"family": "db", "containerDefinitions": [{"name": "app", "image": "j"}]},
    )
    ecs.handle(
        "UpdateService", {"cluster": "production", "service": "web", "taskDefinition": "db:2"}
    )
    assert [d["status"] for d in live(ecs)["deployments"]] == ["PRIMARY", "ACTIVE"]
    ecs.timeline.advance(60)
    assert [d["rolloutState"] for d in live(ecs)["deployments"]] == ["COMPLETED"]


def test_breaker_returns_to_the_last_completed_deployment() -> None:
    """With the breaker's rollback a bad image leaves the service on what it ran before."""
    ecs = make()
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    ecs.handle("CreateService", service(deploymentConfiguration=breaker))
    ecs.timeline.advance(60)
    ecs.services.bad_images.add("bad")
    ecs.handle(
        "RegisterTaskDefinition",
        {"family": "db", "containerDefinitions": [{"name": "app", "image": "bad"}]},
    )
    ecs.handle(
        "UpdateService", {"cluster": "production", "service": "web", "taskDefinition": "db:2"}
    )
    ecs.timeline.advance(200)
    assert ecs.services.image_of("production", "web") == "i"


def test_deleted_service_drains_and_stays_as_a_ghost() -> None:
    """DRAINING, then INACTIVE and still described; it can be created anew."""
    ecs = make()
    ecs.handle("CreateService", service())
    with pytest.raises(AwsError):
        ecs.handle("DeleteService", {"cluster": "production", "service": "web"})
    ecs.handle("DeleteService", {"cluster": "production", "service": "web", "force": True})
    assert live(ecs)["status"] == "DRAINING"
    assert not ecs.handle("ListServices", {"cluster": "production"})["serviceArns"]
    ecs.timeline.advance(60)
    assert live(ecs)["status"] == "INACTIVE"
    assert ecs.handle("CreateService", service())["service"]["status"] == "ACTIVE"


def test_ten_services_at_most_are_described_at_once() -> None:
    """An eleventh name is refused."""
    with pytest.raises(InvalidRequest):
        make().handle("DescribeServices", {"cluster": "production", "services": ["x"] * 11})
