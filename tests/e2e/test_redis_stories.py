"""Redis on the embedded AWS: made before what needs it, changed without losing a key, never rebooted."""

from __future__ import annotations

import json

import valkey

from tests.e2e.stage import DIFFERENT, INVALID, OK, eventually
from tests.local.hours import bring

GROUP = "shop-production"
POLICY = "        maxmemory-policy: noeviction"


def live(stage):
    """Describe the group."""
    cache = stage.client("elasticache")
    return cache.describe_replication_groups(ReplicationGroupId=GROUP)["ReplicationGroups"][0]


def connect(stage):
    """Return a client of the endpoint that AWS names."""
    endpoint = live(stage)["NodeGroups"][0]["PrimaryEndpoint"]
    return valkey.Valkey(host=endpoint["Address"], port=endpoint["Port"])


def environment(stage, container="app"):
    """Return the variables of a container of the web service."""
    containers = stage.definition()["containerDefinitions"]
    found = next(c for c in containers if c["name"] == container)
    return {v["name"]: v["value"] for v in found["environment"]}


def written(stage):
    """Return the mutating operations of ElastiCache that were called, in order."""
    return [c for c in stage.mutations() if c.startswith("elasticache:")]


def test_a_redis_is_there_before_what_uses_it(shop):
    """The policy is in force, the port is the declared one, and the tasks were given its url."""
    endpoint = live(shop)["NodeGroups"][0]["PrimaryEndpoint"]
    assert endpoint["Port"] == 6379
    assert connect(shop).info()["maxmemory_policy"] == "noeviction"
    assert environment(shop)["REDIS_URL"] == f"redis://{endpoint['Address']}:6379"
    first = next(e["address"] for e in shop.entries() if e["kind"] == "INTENT")
    assert first == "redis/main"


def test_a_parameter_reaches_it_and_no_key_is_lost(shop):
    """An immediate one at once; one that requires a reboot is set, pending, and converged."""
    redis = connect(shop)
    redis.set("job", "1")
    shop.edit((POLICY, "        maxmemory-policy: volatile-ttl\n        databases: 32"))

    planned = shop.cli("diff")
    assert planned.code == DIFFERENT
    assert "maxmemory-policy  noeviction → volatile-ttl  git, immediate" in planned.out
    assert "databases  16 → 32  git, requires-reboot" in planned.out
    assert "warning: Sidekiq in service/sidekiq" in planned.text.replace("note: ", "") or (
        "queue-policy" in planned.text
    )
    shop.converge()

    assert redis.info()["maxmemory_policy"] == "volatile-ttl"
    assert redis.get("job") == b"1"
    after = shop.cli("diff")
    assert after.code == OK
    assert "converged, pending reboot of databases" in after.out
    assert "RebootCacheCluster" not in " ".join(shop.mutations())


def test_a_change_for_the_window_is_pending_and_comes(shop):
    """Converged with exit 0, said in the status; when the window opens it is in force."""
    shop.edit(("cache.t3.micro", "cache.m6g.large"))
    applied = shop.cli("apply", "--yes")
    assert applied.code == OK, applied
    assert written(shop) == ["elasticache:ModifyReplicationGroup"]
    line = next(r for r in shop.status()["resources"] if r["address"] == "redis/main")
    assert line["sync"] == "Synced"
    assert "pending cacheNodeType cache.m6g.large until" in line["message"]

    shop.aws.open_maintenance_window(GROUP)
    eventually(lambda: live(shop)["CacheNodeType"], lambda kind: kind == "cache.m6g.large")
    eventually(lambda: shop.cli("diff").code, lambda code: code == OK)
    assert written(shop) == ["elasticache:ModifyReplicationGroup"]


def test_a_change_while_the_window_is_open_comes_at_once(shop):
    """`apply` ends when it is in force: nothing is left to wait for."""
    bring(shop.aws.clock, "sun:05:20")
    shop.edit(("cache.t3.micro", "cache.m6g.large"))
    applied = shop.cli("apply", "--yes")
    assert applied.code == OK, applied
    assert live(shop)["CacheNodeType"] == "cache.m6g.large"
    assert "pending" not in shop.cli("status").out
    assert shop.cli("diff").code == OK
    assert written(shop) == ["elasticache:ModifyReplicationGroup"]


def test_an_edit_in_the_console_is_put_back(shop):
    """Of what is declared; what is not is reported and left."""
    cache = shop.client("elasticache")
    cache.modify_cache_parameter_group(
        CacheParameterGroupName=GROUP,
        ParameterNameValues=[
            {"ParameterName": "maxmemory-policy", "ParameterValue": "allkeys-lru"},
            {"ParameterName": "timeout", "ParameterValue": "300"},
        ],
    )
    shop.converge()
    assert connect(shop).info()["maxmemory_policy"] == "noeviction"
    diff = shop.cli("diff")
    assert diff.code == OK
    assert "undeclared change: parameterGroup.parameters.timeout is 300" in diff.out


def test_what_is_wrong_is_said_with_its_line_and_what_cannot_be_is_held(shop):
    """A wrong family by `validate`, a wrong value by `diff`; nothing is sent."""
    shop.edit(("redis6.x", "redis7"))
    wrong = shop.cli("validate")
    assert wrong.code == INVALID
    assert "'redis7' does not fit redis 6.2: that is redis6.x" in wrong.out
    shop.edit(("redis7", "redis6.x"), (POLICY, "        maxmemory-policy: noevict"))
    held = shop.cli("diff", "-o", "json")
    assert held.code == DIFFERENT
    (step,) = [r for r in held.document["apps"][0]["resources"] if r["address"] == "redis/main"]
    assert step["action"] == "hold"
    assert "did you mean 'noeviction'?" in step["summary"]
    assert written(shop) == []


def test_what_is_rendered_is_what_aws_takes(shop):
    """`render --api` of the group and of its parameter group passes botocore's own check."""
    group = shop.cli("render", "redis/main", "--api", "create-replication-group", "-o", "json")
    assert json.loads(group.out)["ReplicationGroupId"] == GROUP
    parameters = shop.cli("render", "--api", "create-cache-parameter-group", "-o", "json")
    assert json.loads(parameters.out)["CacheParameterGroupFamily"] == "redis6.x"
