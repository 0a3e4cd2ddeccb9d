"""Cache parameter groups as AWS documents them, on the wire."""

from __future__ import annotations

import pytest

from reconciler.local.elasticache.families import FAMILIES, parameters_of
from tests.local.talk import code_of, eventually

NOEVICTION = [{"ParameterName": "maxmemory-policy", "ParameterValue": "noeviction"}]


@pytest.fixture
def talk(start):
    """Return an embedded AWS."""
    return start()


@pytest.fixture
def cache(talk):
    """Return a client with a parameter group `shop` of family redis7."""
    client = talk.client("elasticache")
    client.create_cache_parameter_group(
        CacheParameterGroupName="Shop", CacheParameterGroupFamily="redis7", Description="sidekiq"
    )
    return client


def parameters(cache, name="shop", **filters):
    """Return the parameters of a group by name, over all pages."""
    pages = cache.get_paginator("describe_cache_parameters").paginate(
        CacheParameterGroupName=name, **filters
    )
    return {p["ParameterName"]: p for page in pages for p in page["Parameters"]}


def test_a_group_is_created_in_lower_case_and_described(cache):
    """Name and family come back; every family has its defaults; a second one is refused."""
    group = cache.describe_cache_parameter_groups(CacheParameterGroupName="SHOP")
    assert group["CacheParameterGroups"][0] == {
        "CacheParameterGroupName": "shop",
        "CacheParameterGroupFamily": "redis7",
        "Description": "sidekiq",
        "IsGlobal": False,
        "ARN": "arn:aws:elasticache:ap-northeast-1:123456789012:parametergroup:shop",
    }
    names = {
        g["CacheParameterGroupName"]
        for g in cache.describe_cache_parameter_groups()["CacheParameterGroups"]
    }
    assert {f"default.{family}" for family in FAMILIES} < names
    assert {"default.redis7.cluster.on", "default.valkey8.cluster.on"} < names
    request = {"CacheParameterGroupFamily": "redis7", "Description": "x"}
    call = cache.create_cache_parameter_group
    taken = "CacheParameterGroupAlreadyExists"
    assert code_of(call, CacheParameterGroupName="shop", **request) == taken
    for name in ("default.mine", "9a", "a--b", "a-"):
        code = code_of(call, CacheParameterGroupName=name, **request)
        assert code == "InvalidParameterValue"
    request["CacheParameterGroupFamily"] = "redis99"
    assert code_of(call, CacheParameterGroupName="b", **request) == "InvalidParameterValue"


def test_the_policy_of_a_fresh_group_evicts(cache):
    """maxmemory-policy is volatile-lru, modifiable and immediate; databases needs a reboot."""
    found = parameters(cache)
    policy = found["maxmemory-policy"]
    assert (policy["ParameterValue"], policy["ChangeType"]) == ("volatile-lru", "immediate")
    assert (policy["IsModifiable"], policy["Source"]) == (True, "system")
    assert "noeviction" in policy["AllowedValues"].split(",")
    assert found["databases"]["ChangeType"] == "requires-reboot"
    assert "activerehashing" not in found  # hidden since Redis 7
    older = parameters(cache, "default.redis6.x")["activerehashing"]
    assert (older["ChangeType"], older["IsModifiable"]) == ("requires-reboot", True)


def test_only_what_was_changed_has_the_source_user(cache):
    """Source=user is exactly the difference from the family; a reset takes it away again."""
    assert parameters(cache, Source="user") == {}
    answer = cache.modify_cache_parameter_group(
        CacheParameterGroupName="shop", ParameterNameValues=NOEVICTION
    )
    assert answer["CacheParameterGroupName"] == "shop"
    changed = parameters(cache, Source="user")
    assert {n: p["ParameterValue"] for n, p in changed.items()} == {
        "maxmemory-policy": "noeviction"
    }
    assert "maxmemory-policy" not in parameters(cache, Source="system")
    cache.reset_cache_parameter_group(
        CacheParameterGroupName="shop", ParameterNameValues=[{"ParameterName": "maxmemory-policy"}]
    )
    assert parameters(cache, Source="user") == {}


def test_all_parameters_can_be_reset(cache):
    """ResetAllParameters forgets everything that was set."""
    pairs = [{"ParameterName": n, "ParameterValue": "30"} for n in ("timeout", "databases")]
    cache.modify_cache_parameter_group(CacheParameterGroupName="shop", ParameterNameValues=pairs)
    assert len(parameters(cache, Source="user")) == 2
    cache.reset_cache_parameter_group(CacheParameterGroupName="shop", ResetAllParameters=True)
    assert parameters(cache, Source="user") == {}


def test_parameters_come_in_pages(cache):
    """MaxRecords is 20 to 100; the Marker leads through all of them exactly once."""
    first = cache.describe_cache_parameters(CacheParameterGroupName="shop", MaxRecords=20)
    assert len(first["Parameters"]) == 20
    assert first["Marker"]
    found = parameters(cache, PaginationConfig={"PageSize": 20})
    assert set(found) == set(parameters_of("redis7"))
    for size in (19, 101):
        code = code_of(
            cache.describe_cache_parameters, CacheParameterGroupName="shop", MaxRecords=size
        )
        assert code == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("no-such-parameter", "1"),
        ("maxclients", "10"),
        ("maxmemory-policy", "evict-all"),
        ("databases", "0"),
        ("databases", "many"),
        ("timeout", "19"),
    ],
)
def test_bad_parameters_are_refused_and_change_nothing(cache, name, value):
    """Unknown, not modifiable and out of range: nothing of the request is applied."""
    pairs = [*NOEVICTION, {"ParameterName": name, "ParameterValue": value}]
    code = code_of(
        cache.modify_cache_parameter_group,
        CacheParameterGroupName="shop",
        ParameterNameValues=pairs,
    )
    assert code == "InvalidParameterValue"
    assert parameters(cache, Source="user") == {}


def test_at_most_twenty_parameters_in_a_call(cache):
    """The twenty-first is refused."""
    names = [n for n, p in parameters_of("redis7").items() if p.modifiable and p.default][:21]
    pairs = [
        {"ParameterName": n, "ParameterValue": parameters_of("redis7")[n].default} for n in names
    ]
    call = cache.modify_cache_parameter_group
    code = code_of(call, CacheParameterGroupName="shop", ParameterNameValues=pairs)
    assert code == "InvalidParameterValue"
    call(CacheParameterGroupName="shop", ParameterNameValues=pairs[:20])


def test_default_groups_cannot_be_touched(cache):
    """Modify, reset and delete of default.* are refused; an absent group is not found."""
    default = {"CacheParameterGroupName": "default.redis7"}
    for call, more in (
        (cache.modify_cache_parameter_group, {"ParameterNameValues": NOEVICTION}),
        (cache.reset_cache_parameter_group, {"ResetAllParameters": True}),
        (cache.delete_cache_parameter_group, {}),
    ):
        assert code_of(call, **default, **more) == "InvalidParameterValue"
        code = code_of(call, CacheParameterGroupName="none", **more)
        assert code == "CacheParameterGroupNotFound"


def test_a_group_in_use_cannot_be_deleted(cache):
    """It is refused until the replication group is gone."""
    cache.create_replication_group(
        ReplicationGroupId="r",
        ReplicationGroupDescription="d",
        EngineVersion="7.1",
        CacheParameterGroupName="shop",
    )
    name = {"CacheParameterGroupName": "shop"}
    call = cache.delete_cache_parameter_group
    assert code_of(call, **name) == "InvalidCacheParameterGroupState"
    eventually(
        lambda: cache.describe_replication_groups()["ReplicationGroups"][0]["Status"],
        lambda status: status == "available",
    )
    cache.delete_replication_group(ReplicationGroupId="r")
    eventually(
        lambda: cache.describe_replication_groups()["ReplicationGroups"], lambda found: not found
    )
    call(**name)
    assert code_of(cache.describe_cache_parameters, **name) == "CacheParameterGroupNotFound"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_default_is_allowed(family):
    """The table is consistent: what AWS starts with is a value that it would take."""
    found = parameters_of(family)
    assert found["maxmemory-policy"].default == "volatile-lru"
    for parameter in found.values():
        assert parameter.default == "" or parameter.accepts(parameter.default), parameter
        assert parameter.change_type in ("immediate", "requires-reboot")


def test_engine_defaults_are_those_of_the_family(cache):
    """DescribeEngineDefaultParameters pages over the same parameters."""
    pages = cache.get_paginator("describe_engine_default_parameters").paginate(
        CacheParameterGroupFamily="valkey8"
    )
    names = [p["ParameterName"] for page in pages for p in page["EngineDefaults"]["Parameters"]]
    assert names == list(parameters_of("valkey8"))


def test_tags_are_kept_per_resource(cache):
    """Added, replaced, listed and removed by ARN; an unknown resource is not found."""
    arn = cache.describe_cache_parameter_groups(CacheParameterGroupName="shop")[
        "CacheParameterGroups"
    ][0]["ARN"]
    for value in ("1", "2"):
        cache.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": value}])
    assert cache.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "a", "Value": "2"}]
    assert code_of(cache.remove_tags_from_resource, ResourceName=arn, TagKeys=["b"]) == (
        "TagNotFound"
    )
    cache.remove_tags_from_resource(ResourceName=arn, TagKeys=["a"])
    assert cache.list_tags_for_resource(ResourceName=arn)["TagList"] == []
    missing = arn.replace(":shop", ":none")
    code = code_of(cache.list_tags_for_resource, ResourceName=missing)
    assert code == "CacheParameterGroupNotFound"
