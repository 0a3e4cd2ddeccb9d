"""Job queues in Redis: a warning where jobs could be thrown away, at the line that says so."""

from __future__ import annotations

import pytest

from tests.source.conftest import DEFAULTS, HEADER

WORKER = """\
services:
  jobs:
    image: "shop:1.25"
    command: bundle exec sidekiq -C config/sidekiq.yml
"""
GROUP = """\
redis:
  main:
    replicationGroupId: shop
    engine: redis
    cacheNodeType: cache.t3.micro
"""
PARAMETERS = """\
    parameterGroup: shop
    family: redis7
    parameters:
      maxmemory-policy: {policy}
"""


def warnings(world, *texts):
    """Return the queue warnings of an app that is valid."""
    loaded = world.load(HEADER, DEFAULTS, *texts)
    assert not loaded.broken, loaded.diagnostics
    return [d for d in loaded.diagnostics if d.rule == "queue-policy"]


def test_the_line_of_the_policy_is_pointed_at(world):
    """It says what keeps its jobs where, why that is bad, and what to write."""
    policy = PARAMETERS.format(policy="allkeys-lru")
    (found,) = warnings(world, WORKER, GROUP, policy)
    assert found.source_line.strip() == "maxmemory-policy: allkeys-lru"
    assert found.severity == "warning"
    assert found.message == (
        "Sidekiq in service/jobs keeps its jobs in redis/main, whose maxmemory-policy is allkeys-lru: "
        "when the memory is full, Redis throws jobs away. Declare maxmemory-policy: noeviction in its "
        "parameterGroup"
    )


def test_the_default_policy_is_no_better(world):
    """Undeclared it is volatile-lru: the command's line is pointed at."""
    (found,) = warnings(world, WORKER, GROUP)
    assert found.source_line.strip().startswith("command: bundle exec sidekiq")
    assert "is not declared, so it is volatile-lru" in found.message


def test_noeviction_is_quiet(world):
    """That is what queues need."""
    assert warnings(world, WORKER, GROUP, PARAMETERS.format(policy="noeviction")) == []


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("bundle exec sidekiq", "Sidekiq"),
        ("bundle exec rake resque:work", "Resque"),
        ("celery -A shop worker", "Celery"),
        ("node_modules/.bin/bullmq run", "BullMQ"),
        ("[sh, -c, 'exec bundle exec sidekiq']", "Sidekiq"),
        ("bundle exec puma", ""),
        ("python manage.py mycelery", ""),
        ("sidekiqctl-like", ""),
    ],
)
def test_which_programs_are_queues(world, command, program):
    """By a word of the command, not by a part of one."""
    text = WORKER.replace("bundle exec sidekiq -C config/sidekiq.yml", command)
    assert [w.message.split()[0] for w in warnings(world, text, GROUP)] == [program] * bool(program)


def test_the_environment_says_which_group(world):
    """Of several, the one it refers to; without a reference nobody can tell."""
    other = (
        GROUP + "  cache: {replicationGroupId: cache, engine: redis, cacheNodeType: cache.x.y}\n"
    )
    assert warnings(world, WORKER, other) == []
    text = WORKER + "    environment: {REDIS_URL: '${redis.cache.url}'}\n"
    (found,) = warnings(world, text, other)
    assert "redis/cache" in found.message


def test_a_cache_beside_the_queue_is_no_fault(world):
    """Of the groups that a worker refers to one has to keep its jobs; when none does, each is named."""
    cache = "  cache: {replicationGroupId: cache, engine: redis, cacheNodeType: cache.x.y}\n"
    queue = GROUP + PARAMETERS.format(policy="noeviction")
    text = (
        WORKER + "    environment: {REDIS_URL: '${redis.main.url}', CACHE: '${redis.cache.url}'}\n"
    )
    assert warnings(world, text, queue + cache) == []
    found = warnings(world, text, GROUP + cache)
    assert sorted("redis/main" in w.message for w in found) == [False, True]


def test_a_template_or_a_container_in_a_list_has_a_line_too(world):
    """Where the command stands in the service, else the service's own line."""
    template = "containers: {worker: {image: 'shop:1.25', command: sidekiq}}\n"
    (found,) = warnings(world, template, "services:\n  jobs: {from: worker}\n", GROUP)
    assert found.source_line.strip() == "jobs: {from: worker}"
    inner = "services:\n  jobs:\n    containerDefinitions:\n      a: {image: 'shop:1.2'}\n"
    inner += "      b:\n        image: shop:1.2\n        command: sidekiq\n"
    (found,) = warnings(world, inner, GROUP)
    assert found.source_line.strip() == "command: sidekiq"


def test_a_group_that_is_managed_elsewhere_is_judged_live(world):
    """The files do not tell what its parameters are."""
    only = "redis:\n  main:\n    replicationGroupId: shop\n"
    assert warnings(world, WORKER, only) == []
    assert warnings(world, WORKER, only, "    parameterGroup: theirs\n") == []
    (found,) = warnings(world, WORKER, only, "    parameterGroup: default.redis7\n")
    assert "volatile-lru" in found.message
