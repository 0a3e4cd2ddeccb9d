"""What `${redis.NAME.…}` resolves to."""

from __future__ import annotations

import pytest

from reconciler.model.observed import Endpoint, ObservedRedis
from reconciler.plan.redis.values import ATTRIBUTES, redis_values

PRIMARY, READER = Endpoint("primary.cache", 6379), Endpoint("reader.cache", 6379)


def group(status="available", **fields):
    """Return a live group with endpoints."""
    values = {"primary": PRIMARY, "reader": READER, "group": {"replicationGroupId": "shop"}}
    return ObservedRedis(status=status, **{**values, **fields})


def test_a_live_group_has_a_url_a_host_and_a_port():
    """Hosts are names, the port is a number, and only the url has a scheme."""
    assert redis_values("main", group()) == {
        "redis.main.url": "redis://primary.cache:6379",
        "redis.main.readerUrl": "redis://reader.cache:6379",
        "redis.main.host": "primary.cache",
        "redis.main.port": 6379,
        "redis.main.primaryEndpoint": "primary.cache",
        "redis.main.readerEndpoint": "reader.cache",
        "redis.main.tls": False,
        "redis.main.replicationGroupId": "shop",
    }


@pytest.mark.parametrize("mode", ["preferred", "required"])
def test_encryption_in_transit_makes_it_rediss(mode):
    """Both modes take TLS, so the url does not change between them."""
    live = group(group={"transitEncryptionEnabled": True, "transitEncryptionMode": mode})
    values = redis_values("main", live)
    assert values["redis.main.url"] == "rediss://primary.cache:6379"
    assert values["redis.main.tls"] is True


def test_cluster_mode_has_one_endpoint_for_all():
    """The configuration endpoint stands for primary and reader, whatever else is there."""
    values = redis_values("main", group(configuration=Endpoint("conf.cache", 7000), primary=None))
    assert values["redis.main.url"] == "redis://conf.cache:7000"
    assert values["redis.main.readerEndpoint"] == "conf.cache"
    assert values["redis.main.configurationEndpoint"] == "conf.cache"


@pytest.mark.parametrize("status", ["", "creating", "create-failed", "deleting"])
def test_a_group_that_is_not_ready_has_no_values(status):
    """Whoever refers to it waits, even if AWS names an endpoint already."""
    assert redis_values("main", group(status)) == {}


def test_an_absent_group_and_one_without_endpoint_have_none():
    """Nothing is made up."""
    assert redis_values("main", None) == {}
    assert redis_values("main", group(primary=None)) == {}


@pytest.mark.parametrize("status", ["modifying", "snapshotting"])
def test_a_group_that_is_worked_on_keeps_its_values(status):
    """Its endpoints stand: a service may be rolled out meanwhile."""
    assert redis_values("main", group(status)) == redis_values("main", group())


def test_every_value_is_a_known_attribute():
    """What the files may write and what exists is the same list."""
    live = group(configuration=Endpoint("conf.cache", 6379))
    assert {name.rpartition(".")[2] for name in redis_values("main", live)} == ATTRIBUTES
