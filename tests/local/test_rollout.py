"""Rollouts on a virtual clock, without processes: bounds, replacement, breaker and rollback."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.local.ecs import dispatch, lifecycle, scheduler
from reconciler.local.ecs.state import World
from reconciler.local.times import Times

SCOPE = ("123456789012", "ap-northeast-1")


class Clock:
    """Time that only the test moves."""

    def __init__(self):
        self.moment = datetime(2026, 11, 22, tzinfo=UTC)

    def now(self):
        return self.moment


class Runtime:
    """Starts processes that live, unless the image says `bad`; those end at once with 1."""

    def __init__(self, world):
        self.world = world

    def prepare(self, task):
        return ""

    def start_container(self, task, container):
        lifecycle.on_started(self.world, task, container)
        container.process = f"{task.id}/{container.name}"
        if "bad" in container.definition["image"]:
            lifecycle.on_exit(self.world, task, container, 1)
        return ""

    def signal_process(self, process, number):
        for cluster in self.world.every_cluster():
            for task in cluster.tasks.values():
                for container in task.containers:
                    if container.process == process:
                        lifecycle.on_exit(self.world, task, container, 143)

    def check_health(self, task, container):
        sick = "sick" in container.definition["image"]
        lifecycle.on_check(self.world, task, container, 1 if sick else 0)


class Cluster:
    """A world with one service, stepped by hand; remembers the extremes it saw."""

    def __init__(self, times=None):
        self.clock = Clock()
        self.world = World(self.clock, times or Times(), random.Random(1))
        self.runtime = Runtime(self.world)
        self.call("CreateCluster", clusterName="c")

    def call(self, operation, **params):
        return dispatch.answer(self.world, SCOPE, operation, params)

    def define(self, image, **fields):
        container = {"name": "main", "image": image, "memory": 16, **fields}
        answer = self.call("RegisterTaskDefinition", family="f", containerDefinitions=[container])
        return answer["taskDefinition"]["taskDefinitionArn"]

    def create(self, image, count, **configuration):
        self.call(
            "CreateService",
            cluster="c",
            serviceName="web",
            taskDefinition=self.define(image),
            desiredCount=count,
            deploymentConfiguration=configuration,
        )

    def update(self, **fields):
        self.call("UpdateService", cluster="c", service="web", **fields)

    @property
    def service(self):
        return self.world.clusters[SCOPE]["c"].services["web"]

    def tasks(self, status=None):
        tasks = self.world.clusters[SCOPE]["c"].tasks.values()
        return [t for t in tasks if not t.stopped and status in (None, t.last_status)]

    def tick(self):
        self.clock.moment += timedelta(seconds=0.05)
        for task in list(self.world.clusters[SCOPE]["c"].tasks.values()):
            if not task.stopped:
                lifecycle.step(self.world, self.runtime, task)
        scheduler.step(self.world, self.service)

    def until(self, wanted, ticks=2000):
        for _ in range(ticks):
            self.tick()
            if wanted():
                return
        raise AssertionError(f"still {[vars(d) for d in self.service.deployments]}")

    def states(self):
        return [d.rollout_state for d in self.service.deployments]

    def settle(self):
        self.until(lambda: self.states() == ["COMPLETED"])

    def image(self):
        reference = self.service.document["taskDefinition"]
        definition = self.call("DescribeTaskDefinition", taskDefinition=reference)
        return definition["taskDefinition"]["containerDefinitions"][0]["image"]


BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


@settings(max_examples=40)
@given(
    count=st.integers(1, 8),
    most=st.sampled_from([100, 125, 150, 200]),
    least=st.sampled_from([0, 25, 50, 75, 100]),
)
def test_a_rollout_stays_within_its_bounds(count, most, least):
    """Never more tasks than maximumPercent, rounded down, nor fewer healthy than the minimum, rounded up.

    Where both leave no room, the rollout waits for ever, as it does on AWS.
    """
    cluster = Cluster()
    cluster.create("good:1", count, maximumPercent=most, minimumHealthyPercent=least)
    cluster.settle()
    cluster.update(taskDefinition=cluster.define("good:2"))
    upper, lower = count * most // 100, -(-count * least // 100)
    for _ in range(400):
        cluster.tick()
        assert len(cluster.tasks()) <= upper
        assert len(cluster.tasks("RUNNING")) >= lower
    stuck = upper == count and lower == count
    assert (cluster.states() == ["COMPLETED"]) is not stuck


def test_a_dead_task_is_replaced_without_a_new_deployment():
    """The deployment stays COMPLETED and the number comes back."""
    cluster = Cluster()
    cluster.create("good:1", 2)
    cluster.settle()
    deployment, victim = cluster.service.deployments[0].id, cluster.tasks()[0]
    lifecycle.on_exit(cluster.world, victim, victim.containers[0], 137)
    cluster.until(lambda: victim.stopped and len(cluster.tasks("RUNNING")) == 2)
    assert cluster.service.deployments[0].id == deployment
    assert cluster.states() == ["COMPLETED"]


@pytest.mark.parametrize(("count", "threshold"), [(1, 3), (6, 3), (7, 4), (20, 10), (1000, 200)])
def test_the_breaker_trips_at_half_of_the_desired_count(count, threshold):
    """clamp(ceil(0.5 · desired), 3, 200)."""
    from reconciler.local.ecs.deployments import breaker_threshold

    cluster = Cluster()
    cluster.create("good:1", count, **BREAKER)
    assert breaker_threshold(cluster.service) == threshold


def test_the_breaker_rolls_back_to_the_last_completed_deployment():
    """A third deployment with the old definition; ours has FAILED and then disappears."""
    cluster = Cluster()
    cluster.create("good:1", 2, **BREAKER)
    cluster.settle()
    cluster.update(taskDefinition=cluster.define("bad:2"))
    ours = cluster.service.deployments[0]
    cluster.until(lambda: ours.rollout_state == "FAILED")
    assert ours.status == "ACTIVE"
    rollback = cluster.service.deployments[0]
    assert "rolling back" in rollback.rollout_reason
    assert len(cluster.tasks("RUNNING")) >= 2
    cluster.settle()
    assert cluster.image() == "good:1"
    assert [d.id for d in cluster.service.deployments] == [rollback.id]
    assert rollback.id != ours.id
    assert any("tasks failed to start" in e["message"] for e in cluster.service.events)


def test_a_first_deployment_that_fails_stalls():
    """Without a COMPLETED deployment there is nothing to roll back to, and no more tasks start."""
    cluster = Cluster()
    cluster.create("bad:1", 2, **BREAKER)
    cluster.until(lambda: cluster.states() == ["FAILED"])
    for _ in range(200):
        cluster.tick()
    assert cluster.states() == ["FAILED"]
    assert cluster.tasks() == []
    cluster.update(taskDefinition=cluster.define("good:2"))
    cluster.settle()


def test_without_the_breaker_nothing_fails():
    """ECS goes on trying, with a pause that grows, and keeps the old tasks."""
    cluster = Cluster()
    cluster.create("good:1", 2)
    cluster.settle()
    cluster.update(taskDefinition=cluster.define("bad:2"))
    for _ in range(400):
        cluster.tick()
    primary = cluster.service.deployments[0]
    assert primary.rollout_state == "IN_PROGRESS"
    assert 5 <= primary.failed_tasks <= 50
    assert len(cluster.tasks("RUNNING")) >= 2


def test_a_breaker_without_rollback_leaves_the_old_tasks():
    """The new deployment has FAILED and what ran goes on running."""
    cluster = Cluster()
    cluster.create("good:1", 2, deploymentCircuitBreaker={"enable": True, "rollback": False})
    cluster.settle()
    old = {t.id for t in cluster.tasks()}
    cluster.update(taskDefinition=cluster.define("bad:2"))
    cluster.until(lambda: cluster.states()[0] == "FAILED")
    for _ in range(100):
        cluster.tick()
    assert {t.id for t in cluster.tasks("RUNNING")} == old


def test_an_unhealthy_container_counts_as_a_failure():
    """Tasks that fail their health checks are stopped by the scheduler and trip the breaker."""
    cluster = Cluster()
    cluster.create("good:1", 1, **BREAKER)
    cluster.settle()
    check = {"command": ["CMD", "true"], "interval": 5, "retries": 2}
    cluster.update(taskDefinition=cluster.define("sick:2", healthCheck=check))
    ours = cluster.service.deployments[0]
    cluster.until(lambda: ours.rollout_state == "FAILED")
    cluster.settle()
    assert cluster.image() == "good:1"


def test_a_healthy_task_resets_the_count():
    """Failures are consecutive ones: resetOnHealthyTask is the default."""
    cluster = Cluster()
    cluster.create("good:1", 1, **BREAKER)
    cluster.service.deployments[0].failed_tasks = 2
    cluster.settle()
    assert cluster.service.deployments[0].failed_tasks == 0


def test_a_task_without_health_check_is_healthy_forty_seconds_after_its_start():
    """With AWS's real durations the deployment completes only then."""
    cluster = Cluster(Times.real())
    cluster.create("good:1", 1)
    cluster.until(lambda: len(cluster.tasks("RUNNING")) == 1)
    started = cluster.tasks()[0].started_at
    cluster.settle()
    assert cluster.clock.moment - started >= timedelta(seconds=40)


def test_a_newer_update_supersedes_a_rollout():
    """The deployment under way becomes ACTIVE, its tasks go, and only the newest completes."""
    cluster = Cluster()
    cluster.create("good:1", 3)
    cluster.settle()
    cluster.update(taskDefinition=cluster.define("good:2"))
    for _ in range(3):
        cluster.tick()
    cluster.update(taskDefinition=cluster.define("good:3"))
    assert [d.status for d in cluster.service.deployments] == ["PRIMARY", "ACTIVE", "ACTIVE"]
    cluster.settle()
    assert cluster.image() == "good:3"
    assert {t.started_by for t in cluster.tasks()} == {cluster.service.deployments[0].id}


def test_scaling_to_zero_completes():
    """No tasks, still one deployment."""
    cluster = Cluster()
    cluster.create("good:1", 3)
    cluster.settle()
    cluster.update(desiredCount=0)
    cluster.until(lambda: not cluster.tasks())
    assert cluster.states() == ["COMPLETED"]
