"""Redis under the controller: order, waiting without calls, what is remembered, and what a pass costs."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from reconciler.aws.operations import is_mutating
from reconciler.controller.reconcile import REDIS
from reconciler.model.errors import AwsError
from reconciler.model.lookups import Deferred, Lookup
from reconciler.model.status import Health
from tests.controller.lab import WEB, Controller, Lab, files, service
from tests.plan.builders import a_task_definition
from tests.plan.redis_world import redis

SIDEKIQ = {"maxmemory-policy": "noeviction"}
ID = "shop-production"
GROUP = redis(parameters=SIDEKIQ)


def sent(controller: Controller) -> Counter[str]:
    """Return how often each operation of ElastiCache was sent since the last time."""
    found = Counter(o for s, o, _ in controller.transport.calls if s == "elasticache")
    controller.transport.calls.clear()
    return found


def changed(controller: Controller) -> list[str]:
    """Return the mutating ones of them, in order."""
    calls = controller.transport.calls
    found = [o for s, o, _ in calls if s == "elasticache" and is_mutating(o)]
    controller.transport.calls.clear()
    return found


@pytest.fixture
def lab() -> Lab:
    """Return an account with an app of one Redis group, not applied yet."""
    made = Lab()
    made.files = files(redis=(GROUP,))
    return made


@pytest.fixture
def controller(lab: Lab) -> Controller:
    """Return a controller that has converged it."""
    made = Controller(lab, "a")
    made.settle(100)
    made.transport.calls.clear()
    return made


def test_a_creation_of_many_minutes_is_one_call_and_a_look_every_twenty_seconds(lab):
    """No second creation, nothing but the one read; then converged."""
    controller = Controller(lab, "a")
    controller.reconcile()
    assert changed(controller) == [
        "CreateCacheParameterGroup",
        "ModifyCacheParameterGroup",
        "CreateReplicationGroup",
    ]
    lab.go_on(1)
    result = controller.reconcile()
    assert result.requeue_after == REDIS
    (line,) = result.status.resources
    assert (line.health, line.message) == (Health.PROGRESSING, "creating")
    controller.transport.calls.clear()
    for _ in range(20):
        lab.go_on(REDIS.total_seconds())
        controller.reconcile()
    assert sent(controller) == {"DescribeReplicationGroups": 20}
    assert controller.settle(100).status.converged


def test_the_steady_state_costs_four_calls(lab, controller):
    """The group, a member, its tags, the parameters that somebody set; nothing is written."""
    lab.go_on(600)
    result = controller.reconcile()
    assert result.requeue_after is None
    assert sent(controller) == {
        "DescribeReplicationGroups": 1,
        "DescribeCacheClusters": 1,
        "ListTagsForResource": 1,
        "DescribeCacheParameters": 1,
    }
    assert controller.wrote() == []


def test_a_reading_serves_while_something_else_rolls(lab, controller):
    """A rollout is looked at every two seconds, a group four times a minute."""
    lab.files = files(service(), redis=(GROUP,))
    controller.reconcile()
    lab.go_on(1)
    controller.reconcile()
    controller.transport.calls.clear()
    for _ in range(15):
        controller.reconcile()
        lab.go_on(2)
    assert sent(controller)["DescribeReplicationGroups"] <= 3


def test_what_we_did_is_seen_at_once(lab, controller):
    """A reading from before our own call is not used after it."""
    lab.files = files(redis=(redis(parameters={"maxmemory-policy": "allkeys-lru"}),))
    controller.reconcile()
    controller.transport.calls.clear()
    controller.reconcile()
    assert sent(controller)["DescribeCacheParameters"] == 1


def test_modifying_for_many_passes_sends_nothing(lab, controller):
    """The change waits, the app is out of sync and progressing, and when AWS is done it goes."""
    lab.cache.handle(
        "ModifyReplicationGroup",
        {
            "ReplicationGroupId": ID,
            "CacheNodeType": "cache.m6g.large",
            "ApplyImmediately": True,
        },
    )
    wanted = redis(parameters=SIDEKIQ, cacheNodeType="cache.m6g.large", snapshotRetentionLimit=3)
    lab.files = files(redis=(wanted,))
    for _ in range(25):
        result = controller.reconcile()
        lab.go_on(REDIS.total_seconds())
    assert changed(controller) == []
    assert result.requeue_after == REDIS
    (line,) = result.status.resources
    assert "blocked by shop-production is modifying" in line.message
    assert (line.health, result.status.exit_code) == (Health.PROGRESSING, 1)
    lab.go_on(600)
    result = controller.settle(100)
    assert result.status.converged
    assert changed(controller) == ["ModifyReplicationGroup"]


def test_a_pending_change_ends_the_waiting(lab, controller):
    """Converged, pending: exit 0, no further look before the next resync, and said in the status."""
    lab.files = files(redis=(redis(parameters=SIDEKIQ, cacheNodeType="cache.m6g.large"),))
    result = controller.settle(10)
    (line,) = result.status.resources
    assert result.status.converged
    assert line.message.startswith("converged, pending cacheNodeType cache.m6g.large until sun:")
    assert changed(controller) == ["ModifyReplicationGroup"]


def test_everything_is_journaled(lab, controller):
    """Intent and outcome of each call, with what it changes; the ledger remembers what was applied."""
    lab.files = files(redis=(redis(parameters={"maxmemory-policy": "allkeys-lru"}),))
    controller.settle(100)
    entries = [
        e.content
        for e in controller.store.journal(newest_first=False, address="redis/main")
        if e.content["action"] == "ModifyCacheParameterGroup"
    ]
    last = entries[-2]
    assert (last["kind"], entries[-1]["kind"]) == ("INTENT", "OUTCOME")
    path = "parameterGroup.parameters.maxmemory-policy"
    assert (last["before"][path], last["after"][path]) == ("noeviction", "allkeys-lru")
    record = controller.store.read().resources["redis/main"]
    assert record.applied["parameterGroup"]["parameters"] == {"maxmemory-policy": "allkeys-lru"}


def test_a_crash_between_the_calls_is_finished_by_the_next(lab):
    """The parameter group exists, the rest does not: the successor makes it, once."""
    controller = Controller(lab, "a")

    def die(_: str, operation: str, __: object) -> None:
        if operation == "CreateReplicationGroup":
            raise KeyboardInterrupt

    controller.transport.before = die
    with pytest.raises(KeyboardInterrupt):
        controller.reconcile()
    successor = controller.crash()
    assert successor.settle(100).status.converged
    assert changed(successor).count("CreateReplicationGroup") == 1
    assert lab.cache.parameters(ID).values == SIDEKIQ


def test_a_lost_answer_makes_no_second_group(lab):
    """AWS has made it and nobody heard: the next pass sees it."""
    controller = Controller(lab, "a")

    def lose(_: str, operation: str, __: object) -> None:
        if operation == "CreateReplicationGroup":
            controller.transport.after = None
            raise AwsError("lost", operation="elasticache:CreateReplicationGroup")

    controller.transport.after = lose
    with pytest.raises(AwsError):
        controller.reconcile()
    assert controller.settle(100).status.converged
    assert changed(controller).count("CreateReplicationGroup") == 1


def test_services_wait_for_a_group_that_is_being_made(lab):
    """Whoever refers to it is blocked by its address, and gets its url when it is there."""
    url = Deferred((Lookup("redis.main.url"),))
    web = service(td=a_task_definition(environment=[{"name": "REDIS_URL", "value": url}]))
    lab.files = files(web, redis=(GROUP,), lookups=frozenset({"redis.main.url"}))
    controller = Controller(lab, "a")
    controller.reconcile()
    lab.go_on(30)
    result = controller.reconcile()
    line = next(r for r in result.status.resources if r.address.kind == "service")
    assert "blocked by redis/main" in line.message
    assert "CreateService" not in controller.did()
    controller.settle(200)
    (arn,) = [arn for arn in lab.ecs.definitions if WEB in arn]
    (container,) = lab.ecs.definition(arn)["containerDefinitions"]
    (variable,) = [v for v in container["environment"] if v["name"] == "REDIS_URL"]
    assert variable["value"] == "redis://127.0.0.1:6379"


def test_a_group_that_snapshots_is_healthy(lab, controller):
    """Its daily backup is no trouble; only changes wait for it."""
    lab.cache.group(ID).status = "snapshotting"
    lab.go_on(60)
    result = controller.reconcile()
    assert result.status.converged
    assert result.requeue_after == timedelta(seconds=20)
