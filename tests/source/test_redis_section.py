"""The `redis:` section: AWS's fields, shorter values, and each mistake at its place."""

from __future__ import annotations

import pytest

from reconciler.model.desired import DesiredParameterGroup
from reconciler.model.diagnostics import Origin
from tests.source.conftest import HEADER

REDIS = """\
redis:
  main:
    replicationGroupId: Shop-Production
"""


def section(*lines: str) -> str:
    """Return a section of one group; its fields begin at line 10."""
    return REDIS + "".join(f"    {line}\n" for line in lines)


def test_the_sample_of_the_design(world):
    """Fields are typed by botocore, names in small letters, parameters texts as written."""
    app = world.app(
        HEADER,
        section(
            "engine: redis",
            "engineVersion: 6.2",
            "cacheNodeType: cache.t3.micro",
            "replicasPerNodeGroup: 1",
            "automaticFailoverEnabled: true",
            "port: 6379",
            "securityGroupIds: [sg-2, sg-1]",
            "tags: {team: shop}",
            "parameterGroup:",
            "  cacheParameterGroupName: Shop-Production",
            "  cacheParameterGroupFamily: redis6.x",
            "  parameters: {maxmemory-policy: noeviction, lazyfree-lazy-eviction: no}",
        ),
    )
    (redis,) = app.redis
    assert str(redis.address) == "redis/main"
    assert redis.group == {
        "replicationGroupId": "shop-production",
        "engine": "redis",
        "engineVersion": "6.2",
        "cacheNodeType": "cache.t3.micro",
        "replicasPerNodeGroup": 1,
        "automaticFailoverEnabled": True,
        "port": 6379,
        "securityGroupIds": ["sg-1", "sg-2"],
        "tags": [{"key": "team", "value": "shop"}],
        "cacheParameterGroupName": "shop-production",
    }
    parameters = {"maxmemory-policy": "noeviction", "lazyfree-lazy-eviction": "no"}
    assert redis.parameter_group == DesiredParameterGroup("shop-production", "redis6.x", parameters)
    assert redis.apply_immediately is False
    file = redis.origins["group", "engine"].file
    assert redis.origins["group", "engine"] == Origin(file, 10, 5)
    assert redis.origins["parameterGroup", "parameters", "maxmemory-policy"].line == 21


def test_the_short_form_of_a_parameter_group(world):
    """Name, family and parameters side by side."""
    (redis,) = world.app(
        HEADER,
        section(
            "parameterGroup: shop-redis7",
            "family: redis7",
            "parameters: {maxmemory-policy: noeviction}",
            "applyImmediately: true",
        ),
    ).redis
    assert redis.parameter_group == DesiredParameterGroup(
        "shop-redis7", "redis7", {"maxmemory-policy": "noeviction"}
    )
    assert redis.group.keys() == {"replicationGroupId", "cacheParameterGroupName"}
    assert redis.apply_immediately is True


def test_a_plain_name_attaches_a_group_that_is_not_ours(world):
    """AWS's own too: attaching it changes nothing in it."""
    (redis,) = world.app(HEADER, section("parameterGroup: default.redis7")).redis
    assert redis.parameter_group is None
    assert redis.group["cacheParameterGroupName"] == "default.redis7"


def test_an_answer_of_aws_may_be_pasted(world):
    """Its spelling, its words for switches, its lists; what is read-only is named and left out."""
    loaded = world.load(
        HEADER,
        "redis:\n"
        "  main:\n"
        "    ReplicationGroupId: shop\n"
        "    Description: the shop\n"
        "    Status: available\n"
        "    ARN: arn:aws:elasticache:x\n"
        "    AutomaticFailover: enabled\n"
        "    MultiAZ: disabled\n"
        "    CacheNodeType: cache.t3.micro\n"
        "    NodeGroups: [{NodeGroupId: '0001'}]\n"
        "    Tags: [{Key: team, Value: shop}]\n"
        "    LogDeliveryConfigurations:\n"
        "      - LogType: slow-log\n"
        "        DestinationType: cloudwatch-logs\n"
        "        DestinationDetails: {CloudWatchLogsDetails: {LogGroup: /redis}}\n"
        "        LogFormat: json\n"
        "        Status: active\n",
    )
    (redis,) = loaded.apps["production/shop"].redis
    assert redis.group == {
        "replicationGroupId": "shop",
        "replicationGroupDescription": "the shop",
        "automaticFailoverEnabled": True,
        "multiAZEnabled": False,
        "cacheNodeType": "cache.t3.micro",
        "tags": [{"key": "team", "value": "shop"}],
        "logDeliveryConfigurations": [
            {
                "logType": "slow-log",
                "destinationType": "cloudwatch-logs",
                "destinationDetails": {"cloudWatchLogsDetails": {"logGroup": "/redis"}},
                "logFormat": "json",
            }
        ],
    }
    (warning,) = loaded.diagnostics
    assert "status, aRN, nodeGroups" in warning.message


@pytest.mark.parametrize(
    ("line", "column", "rule", "said"),
    [
        ("cacheNodeTyp: x", 5, "unknown-field", "did you mean 'cacheNodeType'?"),
        ("cacheNodeType: t3.micro", 20, "invalid-value", "cache.t4g.small"),
        ("engine: memcached", 13, "enum", "redis, valkey"),
        ("engineVersion: six", 20, "invalid-value", "as 7.1"),
        ("port: abc", 11, "wrong-type", "whole number"),
        ("replicasPerNodeGroup: 6", 27, "out-of-range", "from 0 to 5"),
        ("networkType: ipv5", 18, "enum", "ipv4"),
        ("authToken: hunter2hunter2hunter2", 5, "managed-field", "password"),
        ("userGroupIdsToAdd: [x]", 5, "managed-field", "declare userGroupIds"),
        ("preferredMaintenanceWindow: sunday", 33, "invalid-value", "sun:05:00-sun:06:00"),
        ("snapshotWindow: 3-4", 21, "invalid-value", "03:00-04:00"),
        ("applyImmediately: soon", 23, "wrong-type", "true or false"),
        ("tags: {reconciler:app: x}", 28, "managed-field", "not yours"),
        ("parameters: {a: 1}", 5, "required", "say whose they are"),
        ("parameterGroup: {cacheParameterGroupFamily: redis7}", 5, "required", "Name' is required"),
        ("parameterGroup: {cacheParameterGroupName: x, foo: 1}", 50, "unknown-field", "foo"),
        ("parameterGroup: [x]", 5, "wrong-type", "must be a map, or the name"),
        (
            "parameterGroup: {cacheParameterGroupName: default.redis7, parameters: {a: 1}}",
            47,
            "invalid-value",
            "AWS's own",
        ),
        (
            "parameterGroup: {cacheParameterGroupName: x, parameters: {timeout: [1]}}",
            63,
            "wrong-type",
            "single value",
        ),
        (
            "parameterGroup: {cacheParameterGroupName: x, parameters: {timeout: ''}}",
            72,
            "invalid-value",
            "null leaves it out",
        ),
    ],
)
def test_a_mistake_is_said_at_its_place(world, line, column, rule, said):
    """Line, column, rule, and what to write instead."""
    (error,) = world.errors(HEADER, section(line))
    assert (error.origin.line, error.origin.column, error.rule) == (10, column, rule)
    assert said in error.message
    assert "hunter2" not in f"{error.message}{error.source_line}"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["numCacheClusters: 2", "replicasPerNodeGroup: 1"], "write one of the two"),
        (["numCacheClusters: 2", "numNodeGroups: 2"], "for one node group"),
        (["automaticFailoverEnabled: true", "replicasPerNodeGroup: 0"], "needs a replica"),
        (["multiAZEnabled: true", "automaticFailoverEnabled: false"], "needs automaticFailover"),
        (["numNodeGroups: 2", "automaticFailoverEnabled: false"], "more than one node group"),
        (
            ["transitEncryptionEnabled: false", "transitEncryptionMode: required"],
            "needs transitEncryptionEnabled",
        ),
        (["cacheParameterGroupName: x", "parameterGroup: y"], "write one of the two"),
        (["parameterGroup: {cacheParameterGroupName: y}", "family: redis7"], ""),
        (
            [
                "engine: redis",
                "engineVersion: 7.1",
                "parameterGroup: {cacheParameterGroupName: y}",
                "family: redis6.x",
            ],
            "does not fit redis 7.1: that is redis7",
        ),
        (["cacheNodeType: cache.t3.micro", "CacheNodeType: cache.t3.micro"], "there twice"),
        (["MultiAZ: enabled", "multiAZEnabled: true"], "one thing"),
    ],
)
def test_what_cannot_be_together(world, lines, said):
    """ElastiCache would refuse it, minutes later and without a line."""
    if not said:
        (redis,) = world.app(HEADER, section(*lines)).redis
        assert redis.parameter_group.family == "redis7"
        return
    assert [said in e.message for e in world.errors(HEADER, section(*lines))] == [True]


def test_a_group_is_named_and_named_once(world):
    """The id is required, and two sections cannot have the same."""
    (missing,) = world.errors(HEADER, "redis:\n  main: {engine: redis}\n")
    assert "'replicationGroupId' is required" in missing.message
    (twin,) = world.errors(HEADER, REDIS, "  other: {replicationGroupId: shop-production}\n")
    assert "the same replicationGroupId as redis/main" in twin.message
    (wrong,) = world.errors(HEADER, "redis: {main: 3}\n")
    assert "must be a map" in wrong.message


def test_layers_merge_whatever_form_they_use(world):
    """A base in AWS's spelling, an environment in ours: one group."""
    world.write(
        "base/shop/redis.yaml",
        "redis:\n  main:\n    ReplicationGroupId: base\n    CacheNodeType: cache.t3.micro\n"
        "    Tags: [{Key: team, Value: shop}]\n    parameterGroup: p\n    parameters: {timeout: 60}\n",
    )
    (redis,) = world.app(
        "extends: ../../base/shop\n",
        HEADER,
        "redis:\n  main:\n    replicationGroupId: mine\n    tags: {cost: x}\n"
        "    parameterGroup: {parameters: {maxmemory-policy: noeviction}}\n",
    ).redis
    assert redis.group["replicationGroupId"] == "mine"
    assert redis.group["cacheNodeType"] == "cache.t3.micro"
    assert [t["key"] for t in redis.group["tags"]] == ["cost", "team"]
    assert redis.parameter_group.parameters == {"timeout": "60", "maxmemory-policy": "noeviction"}


def test_what_it_means_counts_and_not_where_it_stands(world):
    """The content hash follows the values, not the layout."""
    one = world.app(HEADER, section("engine: redis", "port: 6379"))
    same = world.app(HEADER, "# moved\n", section("port: 6379", "Engine: redis"))
    other = world.app(HEADER, section("engine: redis", "port: 7000"))
    assert one.content_hash == same.content_hash != other.content_hash


def test_a_value_may_come_from_a_look_up(world):
    """It is typed when it is known; until then nothing is said against it."""
    (redis,) = world.app(
        HEADER,
        section("cacheSubnetGroupName: ${cfn:Net.Caches}", "securityGroupIds: ['${ssm:/sg}']"),
    ).redis
    assert str(redis.group["cacheSubnetGroupName"]) == "${cfn:Net.Caches}"


def test_two_apps_cannot_look_after_one_group(world):
    """Each would undo what the other declares; to refer to another app's group is fine."""
    mine = section("engine: redis", "cacheNodeType: cache.t3.micro")
    other = HEADER.replace("environment: production", "environment: staging")
    world.write("staging/shop/app.yaml", other + mine)
    said = {error.message for error in world.errors(HEADER, mine)}
    places = (world.root / "production/shop", world.root / "staging/shop")
    assert said == {f"the Redis group shop-production is also declared in {p}" for p in places}
    world.write("staging/shop/app.yaml", other + REDIS)
    assert world.app(HEADER, mine).redis
