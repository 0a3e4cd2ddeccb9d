"""Queues on groups of which only live AWS tells the policy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.observed import ObservedApp
from reconciler.plan.planner import make_plan
from reconciler.plan.queues import queue_workers
from reconciler.resources.redis import RedisReader
from tests.plan.builders import a_service, a_task_definition, an_app
from tests.plan.redis_world import RedisWorld, named, redis

PATH = ("taskDefinition", "containerDefinitions", "app", "environment", "REDIS_URL")


@pytest.fixture
def world() -> RedisWorld:
    """Return an AWS with a group and its parameter group."""
    made = RedisWorld()
    made.converge(redis(parameters={"timeout": 30}))
    made.take()
    return made


def a_worker(url="redis.main.url", *command):
    """Return a service whose REDIS_URL came from a look-up."""
    td = a_task_definition(command=list(command or ("sidekiq",)))
    return replace(a_service("jobs", td=td), looked_up={PATH: (url,)})


def notes(world, *groups, command=("sidekiq",)):
    """Return the plan's notes of an app with a worker, its look-ups filled in."""
    worker = a_worker("redis.main.url", *command)
    app = replace(an_app(worker), redis=groups)
    observed = ObservedApp(
        app.key, {}, {}, {}, redis=RedisReader().read(world.aws, app, world.ledger)
    )
    return make_plan(app, observed).notes


def test_a_live_policy_that_throws_jobs_away_is_a_note(world):
    """The group is only named: its parameters are read, for this alone."""
    (said,) = notes(world, named())
    assert said.startswith("warning: Sidekiq in service/jobs keeps its jobs in redis/main")
    assert "volatile-lru" in said
    assert world.take() == [
        "DescribeReplicationGroups",
        "DescribeCacheClusters",
        "DescribeCacheParameters",
    ]


def test_a_live_noeviction_is_quiet(world):
    """Whoever manages it has done right."""
    pairs = [{"ParameterName": "maxmemory-policy", "ParameterValue": "noeviction"}]
    name = "shop-production"
    world.edit("ModifyCacheParameterGroup", CacheParameterGroupName=name, ParameterNameValues=pairs)
    assert notes(world, named()) == ()


def test_nothing_is_read_for_nobody(world):
    """Without a queue on it a group that is only named costs one call."""
    assert notes(world, named(), command=("puma",)) == ()
    assert world.take() == ["DescribeReplicationGroups"]


def test_what_the_files_tell_is_not_said_twice(world):
    """Those warnings come with the files."""
    assert notes(world, redis(parameters={"maxmemory-policy": "allkeys-lru"})) == ()


def test_a_filled_in_reference_still_tells_the_group():
    """After look-ups the value is a url; which group it came from is remembered."""
    app = replace(
        an_app(a_worker("redis.b.url")), redis=(redis("a"), redis("b", replicationGroupId="b"))
    )
    assert [w.redis for w in queue_workers(app)] == ["b"]


def with_a_cache(queue, cache):
    """Return an app whose worker uses two groups: one for its jobs, and a cache."""
    other = (*PATH[:-1], "CACHE_URL")
    worker = replace(a_worker(), looked_up={PATH: ("redis.main.url",), other: ("redis.cache.url",)})
    return replace(an_app(worker), redis=(queue, cache))


def test_a_cache_beside_the_queue_may_throw_away(world):
    """The jobs are taken to be in the group that keeps them: a cache is no fault."""
    name = "shop-production"
    cache = redis(
        "cache", replicationGroupId="cache", parameters={"maxmemory-policy": "allkeys-lru"}
    )
    app = with_a_cache(named(), cache)
    read = RedisReader().read(world.aws, replace(app, redis=(named(),)), world.ledger)
    said = make_plan(app, ObservedApp(app.key, {}, {}, {}, redis=read)).notes
    assert "redis/main, whose maxmemory-policy is volatile-lru" in said[0]
    assert "redis/cache, whose maxmemory-policy is allkeys-lru" in said[1]

    pairs = [{"ParameterName": "maxmemory-policy", "ParameterValue": "noeviction"}]
    world.edit("ModifyCacheParameterGroup", CacheParameterGroupName=name, ParameterNameValues=pairs)
    read = RedisReader().read(world.aws, replace(app, redis=(named(),)), world.ledger)
    assert make_plan(app, ObservedApp(app.key, {}, {}, {}, redis=read)).notes == ()
