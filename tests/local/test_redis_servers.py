"""A real Redis stands behind the emulated endpoint, and parameters reach it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import valkey
from valkey.exceptions import AuthenticationError, ResponseError

from reconciler.local.elasticache import agent
from reconciler.local.elasticache.servers import find_server
from tests.local.talk import Talk, code_of, eventually
from tests.local.test_processes import alive

ENGINE = """
import time
from reconciler.local.server import EmbeddedAws
from tests.local.talk import Talk
aws = EmbeddedAws().start()
Talk(aws).client("elasticache").create_replication_group(
    ReplicationGroupId="r", ReplicationGroupDescription="d"
)
print(*aws.cache_agent.servers.pids(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def cache(start):
    """Return a client of ElastiCache with a parameter group `shop` and a group `r` that uses it."""
    talk = start()
    client = talk.client("elasticache")
    client.aws = talk.aws
    client.create_cache_parameter_group(
        CacheParameterGroupName="shop", CacheParameterGroupFamily="redis7", Description="d"
    )
    client.create_replication_group(
        ReplicationGroupId="r",
        ReplicationGroupDescription="d",
        EngineVersion="7.1",
        CacheParameterGroupName="shop",
    )
    return client


def until_available(cache):
    """Wait for the group and return it."""
    return eventually(
        lambda: cache.describe_replication_groups()["ReplicationGroups"][0],
        lambda group: group["Status"] == "available",
    )


def connect(cache, **fields):
    """Return a client of the primary endpoint that AWS names."""
    endpoint = until_available(cache)["NodeGroups"][0]["PrimaryEndpoint"]
    return valkey.Valkey(host=endpoint["Address"], port=endpoint["Port"], **fields)


def set_parameter(cache, name, value):
    """Set one parameter of the group `shop`."""
    cache.modify_cache_parameter_group(
        CacheParameterGroupName="shop",
        ParameterNameValues=[{"ParameterName": name, "ParameterValue": value}],
    )


def reboot(cache):
    """Reboot the only node and wait until it is back."""
    cache.reboot_cache_cluster(CacheClusterId="r-001", CacheNodeIdsToReboot=["0001"])
    eventually(
        lambda: cache.describe_cache_clusters()["CacheClusters"][0]["CacheClusterStatus"],
        lambda status: status == "available",
    )


def test_the_endpoint_is_a_redis(cache):
    """What DescribeReplicationGroups names answers, keeps keys and runs Lua."""
    redis = connect(cache)
    assert redis.ping()
    redis.rpush("queue", "job")
    assert redis.eval("return redis.call('LPOP', KEYS[1])", 1, "queue") == b"job"


def test_an_immediate_parameter_reaches_it_without_a_restart(cache):
    """It starts with AWS's volatile-lru; the new policy is in force, and the keys are still there."""
    redis = connect(cache)
    assert redis.info()["maxmemory_policy"] == "volatile-lru"
    assert redis.info()["maxmemory"] > 0
    redis.set("kept", "1")
    set_parameter(cache, "maxmemory-policy", "noeviction")
    assert redis.info()["maxmemory_policy"] == "noeviction"
    assert redis.get("kept") == b"1"
    cache.reset_cache_parameter_group(CacheParameterGroupName="shop", ResetAllParameters=True)
    assert redis.info()["maxmemory_policy"] == "volatile-lru"


def test_clients_cannot_configure_it(cache):
    """As on AWS, CONFIG does not exist for them."""
    with pytest.raises(ResponseError, match="unknown command"):
        connect(cache).config_get("maxmemory-policy")


def test_a_static_parameter_reaches_it_at_the_reboot(cache):
    """The number of databases changes with the restart, which loses the contents."""
    set_parameter(cache, "databases", "32")
    redis = connect(cache)
    redis.set("lost", "1")
    with pytest.raises(ResponseError, match="out of range"):
        connect(cache, db=31).ping()
    reboot(cache)
    assert not connect(cache).exists("lost")
    assert connect(cache, db=31).ping()
    assert connect(cache).info()["maxmemory_policy"] == "volatile-lru"


def test_a_token_is_asked_for(cache):
    """With AuthToken only those who know it get in, also after parameters changed."""
    cache.create_replication_group(
        ReplicationGroupId="a",
        ReplicationGroupDescription="d",
        TransitEncryptionEnabled=True,
        AuthToken="sixteen-letters-",
        EngineVersion="7.1",
        CacheParameterGroupName="shop",
    )
    with pytest.raises(AuthenticationError):
        connect(cache).ping()
    set_parameter(cache, "maxmemory-policy", "noeviction")
    redis = connect(cache, password="sixteen-letters-")
    assert redis.info()["maxmemory_policy"] == "noeviction"


def test_a_killed_server_is_replaced(cache):
    """The node comes back empty at the same endpoint, with its parameters."""
    set_parameter(cache, "maxmemory-policy", "noeviction")
    redis = connect(cache)
    redis.set("lost", "1")
    (pid,) = cache.aws.cache_agent.servers.pids()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: alive(pid), lambda there: not there)
    eventually(cache.aws.cache_agent.servers.pids, lambda now: now and now != [pid])
    again = connect(cache)
    assert again.get("lost") is None
    assert again.info()["maxmemory_policy"] == "noeviction"


def test_a_deleted_group_has_no_server(cache):
    """The process ends with the group, and all of them with the embedded AWS."""
    until_available(cache)
    (pid,) = cache.aws.cache_agent.servers.pids()
    cache.delete_replication_group(ReplicationGroupId="r")
    assert not alive(pid)
    cache.create_replication_group(ReplicationGroupId="s", ReplicationGroupDescription="d")
    (pid,) = cache.aws.cache_agent.servers.pids()
    cache.aws.stop()
    assert not alive(pid)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_servers_die_with_the_program():
    """Even on kill -9."""
    engine = subprocess.Popen([sys.executable, "-c", ENGINE], stdout=subprocess.PIPE, text=True)
    try:
        pids = [int(pid) for pid in engine.stdout.readline().split()]
        assert pids
    finally:
        engine.kill()
        engine.wait(20)
        engine.stdout.close()
    eventually(lambda: [p for p in pids if alive(p)], lambda left: left == [])


def test_without_a_server_the_api_still_works(start, monkeypatch):
    """Nothing listens behind the endpoint, everything else is the same."""
    monkeypatch.setattr(agent, "find_server", lambda: "")
    client = start().client("elasticache")
    client.create_replication_group(ReplicationGroupId="r", ReplicationGroupDescription="d")
    endpoint = until_available(client)["NodeGroups"][0]["PrimaryEndpoint"]
    with pytest.raises(valkey.exceptions.ConnectionError):
        valkey.Valkey(host=endpoint["Address"], port=endpoint["Port"]).ping()
    assert code_of(client.describe_replication_groups, ReplicationGroupId="x") == (
        "ReplicationGroupNotFoundFault"
    )


def test_an_installed_server_comes_first(tmp_path, monkeypatch):
    """A valkey-server or redis-server of the PATH is taken before the one of the package."""
    monkeypatch.setenv("PATH", str(tmp_path))
    packaged = find_server()
    assert Path(packaged).name == "valkey-server"
    installed = tmp_path / "redis-server"
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)
    assert find_server() == str(installed)


def test_a_task_reaches_it_by_the_endpoint(cache, image):
    """What AWS answers is an address that a container's process can connect to."""
    endpoint = until_available(cache)["NodeGroups"][0]["PrimaryEndpoint"]
    script = (
        "import os, valkey\n"
        "redis = valkey.Valkey(host=os.environ['HOST'], port=int(os.environ['REDIS_PORT']))\n"
        "redis.rpush('queue', os.environ['ECS_TASK_ARN'])\n"
    )
    cache.aws.images.folders["app"] = image
    talk = Talk(cache.aws)
    talk.ecs.create_cluster(clusterName="c")
    task = talk.finish(
        {
            "name": "main",
            "image": "app:1",
            "memory": 16,
            "command": [sys.executable, "-c", script],
            "environment": [
                {"name": "HOST", "value": endpoint["Address"]},
                {"name": "REDIS_PORT", "value": str(endpoint["Port"])},
            ],
        }
    )
    assert task["containers"][0]["exitCode"] == 0
    assert connect(cache).lpop("queue").decode() == task["taskArn"]
