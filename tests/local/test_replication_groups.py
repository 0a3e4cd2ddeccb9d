"""Replication groups as AWS documents them, on the wire: statuses, pending changes, reboots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.local.elasticache.errors import CacheError
from reconciler.local.elasticache.windows import checked_window, next_opening
from reconciler.local.times import Times
from tests.local.hours import bring
from tests.local.talk import code_of

MINUTE = timedelta(minutes=1)
TIMES = Times(
    cache_creating=MINUTE,
    cache_modifying=MINUTE,
    cache_applying=MINUTE,
    cache_rebooting=MINUTE,
    cache_deleting=MINUTE,
)
STATE = "InvalidReplicationGroupState"


class Group:
    """The replication group `r` in few words."""

    def __init__(self, talk) -> None:
        self.aws, self.api = talk.aws, talk.client("elasticache")

    def create(self, **fields):
        request = {
            "ReplicationGroupId": "r",
            "ReplicationGroupDescription": "queue",
            "EngineVersion": "7.0",
            "CacheNodeType": "cache.t4g.small",
        }
        return self.api.create_replication_group(**request | fields)["ReplicationGroup"]

    def modify(self, **fields):
        return self.api.modify_replication_group(ReplicationGroupId="r", **fields)[
            "ReplicationGroup"
        ]

    def see(self):
        found = self.api.describe_replication_groups(ReplicationGroupId="R")
        return found["ReplicationGroups"][0]

    def members(self):
        return self.api.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"]

    def settle(self):
        """Let one minute pass, in which what was begun ends; returns the group."""
        self.aws.clock.advance(MINUTE)
        found = self.api.describe_replication_groups()["ReplicationGroups"]
        assert [g["Status"] for g in found] in ([], ["available"])
        return found[0] if found else None

    def parameter_group(self, name="shop", family="redis7", **values):
        self.api.create_cache_parameter_group(
            CacheParameterGroupName=name, CacheParameterGroupFamily=family, Description="d"
        )
        self.set(name, **values)

    def set(self, name="shop", **values):
        pairs = [
            {"ParameterName": n.replace("_", "-"), "ParameterValue": v} for n, v in values.items()
        ]
        if pairs:
            self.api.modify_cache_parameter_group(
                CacheParameterGroupName=name, ParameterNameValues=pairs
            )

    def apply_status(self):
        return [m["CacheParameterGroup"]["ParameterApplyStatus"] for m in self.members()]


@pytest.fixture
def group(start):
    """Return an ElastiCache without groups."""
    return Group(start(times=TIMES))


def test_a_group_is_created_and_becomes_available(group):
    """It starts `creating` without endpoints; then members and endpoints are there."""
    created = group.create(NumCacheClusters=2, AutomaticFailoverEnabled=True)
    assert (created["Status"], created["MemberClusters"]) == ("creating", ["r-001", "r-002"])
    assert "NodeGroups" not in created
    seen = group.settle()
    assert (seen["AutomaticFailover"], seen["MultiAZ"]) == ("enabled", "disabled")
    node_group = seen["NodeGroups"][0]
    assert node_group["PrimaryEndpoint"]["Address"].startswith("127.")
    roles = [m["CurrentRole"] for m in node_group["NodeGroupMembers"]]
    assert roles == ["primary", "replica"]
    member = group.members()[0]
    assert (member["EngineVersion"], member["CacheClusterStatus"]) == ("7.0.7", "available")
    assert member["CacheParameterGroup"] == {
        "CacheParameterGroupName": "default.redis7",
        "ParameterApplyStatus": "in-sync",
        "CacheNodeIdsToReboot": [],
    }
    assert member["CacheNodes"][0]["Endpoint"] == node_group["PrimaryEndpoint"]
    assert code_of(group.create) == "ReplicationGroupAlreadyExists"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"ReplicationGroupId": "9"}, "InvalidParameterValue"),
        ({"ReplicationGroupId": "a" * 41}, "InvalidParameterValue"),
        ({"EngineVersion": "99.1"}, "InvalidParameterValue"),
        ({"Engine": "memcached"}, "InvalidParameterValue"),
        ({"NumCacheClusters": 7}, "InvalidParameterValue"),
        ({"AutomaticFailoverEnabled": True}, "InvalidParameterCombination"),
        ({"NumCacheClusters": 2, "MultiAZEnabled": True}, "InvalidParameterCombination"),
        ({"CacheParameterGroupName": "default.redis6.x"}, "InvalidParameterCombination"),
        ({"CacheParameterGroupName": "none"}, "CacheParameterGroupNotFound"),
        ({"CacheSubnetGroupName": "none"}, "CacheSubnetGroupNotFoundFault"),
        ({"AuthToken": "x" * 16}, "InvalidParameterCombination"),
        ({"PreferredMaintenanceWindow": "sun:05:00-sun:05:30"}, "InvalidParameterValue"),
        ({"PreferredMaintenanceWindow": "Sunday"}, "InvalidParameterValue"),
    ],
)
def test_create_refuses(group, fields, code):
    """Requests that AWS refuses are refused and create nothing."""
    assert code_of(group.create, **fields) == code
    assert group.api.describe_replication_groups()["ReplicationGroups"] == []


def test_nothing_is_modified_unless_available(group):
    """While creating and while modifying the state is refused; afterwards it is not."""
    group.create()
    assert code_of(group.modify, CacheNodeType="cache.m7g.large") == STATE
    group.settle()
    changed = group.modify(CacheNodeType="cache.m7g.large", ApplyImmediately=True)
    assert changed["Status"] == "modifying"
    assert code_of(group.modify, SnapshotRetentionLimit=1) == STATE
    assert code_of(group.api.delete_replication_group, ReplicationGroupId="r") == STATE
    seen = group.settle()
    assert seen["CacheNodeType"] == "cache.m7g.large"


def test_a_change_waits_for_the_maintenance_window(group):
    """Without ApplyImmediately it is pending on the members until the window opens."""
    group.create(PreferredMaintenanceWindow="mon:00:00-mon:01:00")
    group.settle()
    bring(group.aws.clock, "sun:19:00")
    asked = group.modify(CacheNodeType="cache.m7g.large", EngineVersion="7.1")
    assert asked["Status"] == "available"
    member = group.members()[0]
    assert member["PendingModifiedValues"] == {
        "CacheNodeType": "cache.m7g.large",
        "EngineVersion": "7.1.0",
    }
    assert (member["CacheNodeType"], member["EngineVersion"]) == ("cache.t4g.small", "7.0.7")
    group.aws.clock.advance(timedelta(hours=5))
    assert group.see()["Status"] == "modifying"
    assert group.settle()["CacheNodeType"] == "cache.m7g.large"
    member = group.members()[0]
    assert (member["EngineVersion"], member["PendingModifiedValues"]) == ("7.1.0", {})


def test_a_change_inside_of_the_maintenance_window_begins_at_once(group):
    """Also without ApplyImmediately; the next one, which comes after its end, is pending."""
    group.create()
    group.settle()
    bring(group.aws.clock, "sun:05:58")
    group.modify(CacheNodeType="cache.m7g.large")
    assert group.see()["Status"] == "modifying"
    assert group.settle()["CacheNodeType"] == "cache.m7g.large"
    assert group.members()[0]["PendingModifiedValues"] == {}
    group.settle()
    assert group.modify(EngineVersion="7.1")["Status"] == "available"
    assert group.see()["Status"] == "available"
    assert group.members()[0]["PendingModifiedValues"] == {"EngineVersion": "7.1.0"}


def test_applying_immediately_flushes_everything_pending(group):
    """A change of somebody else that waited is applied along with this one."""
    group.create()
    group.settle()
    group.modify(EngineVersion="7.1")
    group.modify(CacheNodeType="cache.m7g.large", ApplyImmediately=True)
    group.settle()
    member = group.members()[0]
    assert (member["CacheNodeType"], member["EngineVersion"]) == ("cache.m7g.large", "7.1.0")
    assert member["PendingModifiedValues"] == {}


def test_a_test_can_open_the_window(group):
    """`open_maintenance_window` applies what waits."""
    group.create(NumCacheClusters=2)
    group.settle()
    pending = group.modify(AutomaticFailoverEnabled=True)
    assert pending["PendingModifiedValues"] == {"AutomaticFailoverStatus": "enabled"}
    assert pending["AutomaticFailover"] == "disabled"
    group.aws.open_maintenance_window("r")
    assert group.see()["Status"] == "modifying"
    assert group.settle()["AutomaticFailover"] == "enabled"


def test_asking_for_the_old_value_withdraws_a_pending_change(group):
    """The value that is in force already does not wait."""
    group.create()
    group.settle()
    group.modify(CacheNodeType="cache.m7g.large")
    group.modify(CacheNodeType="cache.t4g.small")
    assert group.members()[0]["PendingModifiedValues"] == {}


def test_some_settings_are_in_force_at_once(group):
    """Description, security groups, snapshots and windows need no window and no `modifying`."""
    group.create()
    group.settle()
    seen = group.modify(
        ReplicationGroupDescription="new",
        SecurityGroupIds=["sg-1"],
        SnapshotRetentionLimit=3,
        PreferredMaintenanceWindow="Mon:01:00-Mon:02:00",
    )
    assert (seen["Status"], seen["Description"]) == ("available", "new")
    assert seen["SnapshotRetentionLimit"] == 3
    member = group.members()[0]
    assert member["SecurityGroups"] == [{"SecurityGroupId": "sg-1", "Status": "active"}]
    assert member["PreferredMaintenanceWindow"] == "mon:01:00-mon:02:00"


@pytest.mark.parametrize(
    ("engine", "version", "fields"),
    [
        ("redis", "7.1", {"EngineVersion": "7.0"}),
        ("redis", "7.1", {"EngineVersion": "6.2"}),
        ("valkey", "8.0", {"Engine": "redis", "EngineVersion": "7.1"}),
        ("valkey", "8.0", {"EngineVersion": "7.2"}),
        ("redis", "7.1", {"EngineVersion": "7.9"}),
    ],
)
def test_an_engine_is_never_downgraded(group, engine, version, fields):
    """An older or unknown version is refused, and so is the way back from Valkey 8."""
    group.create(Engine=engine, EngineVersion=version)
    group.settle()
    assert code_of(group.modify, **fields, ApplyImmediately=True) == "InvalidParameterValue"
    assert group.members()[0]["PendingModifiedValues"] == {}


def test_an_upgrade_takes_the_default_group_of_the_new_family(group):
    """Redis 7 becomes Valkey 8 with its default group; a custom group must be named along."""
    group.create()
    group.settle()
    group.modify(Engine="valkey", EngineVersion="8.0", ApplyImmediately=True)
    assert group.settle()["Engine"] == "valkey"
    name = group.members()[0]["CacheParameterGroup"]["CacheParameterGroupName"]
    assert name == "default.valkey8"


def test_another_engine_needs_the_same_static_parameters(group):
    """From Redis to Valkey with custom groups: a different number of databases is refused."""
    group.parameter_group("redis", databases="32")
    group.parameter_group("other", "valkey8")
    group.parameter_group("same", "valkey8", databases="32")
    group.create(EngineVersion="7.1", CacheParameterGroupName="redis")
    group.settle()
    upgrade = {"Engine": "valkey", "EngineVersion": "8.0", "ApplyImmediately": True}
    code = code_of(group.modify, **upgrade, CacheParameterGroupName="other")
    assert code == "InvalidParameterCombination"
    group.modify(**upgrade, CacheParameterGroupName="same")
    assert group.settle()["Engine"] == "valkey"
    assert group.apply_status() == ["in-sync"]


def test_a_custom_group_must_change_with_the_family(group):
    """An upgrade to another family without a group of it is refused."""
    group.parameter_group("six", "redis6.x")
    group.parameter_group("seven", "redis7")
    group.create(EngineVersion="6.2", CacheParameterGroupName="six")
    group.settle()
    call = {"EngineVersion": "7.1", "ApplyImmediately": True}
    assert code_of(group.modify, **call) == "InvalidParameterCombination"
    group.modify(**call, CacheParameterGroupName="seven")
    group.settle()
    assert group.members()[0]["EngineVersion"] == "7.1.0"


def test_an_immediate_parameter_reaches_every_cluster_of_the_group(group):
    """The members say `applying`, then `in-sync`; nothing is to be rebooted."""
    group.parameter_group()
    group.create(CacheParameterGroupName="shop", NumCacheClusters=2)
    group.settle()
    group.set(maxmemory_policy="noeviction")
    assert group.apply_status() == ["applying", "applying"]
    group.settle()
    assert group.apply_status() == ["in-sync", "in-sync"]


def test_a_static_parameter_waits_for_a_reboot(group):
    """pending-reboot names the node; the reboot of each member brings it into force."""
    group.parameter_group()
    group.create(CacheParameterGroupName="shop", NumCacheClusters=2)
    group.settle()
    group.set(databases="32")
    assert group.apply_status() == ["pending-reboot", "pending-reboot"]
    assert group.members()[0]["CacheParameterGroup"]["CacheNodeIdsToReboot"] == ["0001"]
    reboot = group.api.reboot_cache_cluster
    answer = reboot(CacheClusterId="r-001", CacheNodeIdsToReboot=["0001"])["CacheCluster"]
    assert answer["CacheClusterStatus"] == "rebooting cache cluster nodes"
    assert code_of(group.modify, SnapshotRetentionLimit=1) == STATE
    group.settle()
    assert group.apply_status() == ["in-sync", "pending-reboot"]
    assert group.members()[0]["CacheClusterStatus"] == "available"
    code = code_of(reboot, CacheClusterId="none", CacheNodeIdsToReboot=["0001"])
    assert code == "CacheClusterNotFound"


def test_another_parameter_group_obeys_the_window(group):
    """Attaching one without ApplyImmediately waits; with it, static parameters still need a reboot."""
    group.parameter_group("static", databases="64")
    group.create()
    group.settle()
    group.modify(CacheParameterGroupName="static")
    name = group.members()[0]["CacheParameterGroup"]["CacheParameterGroupName"]
    assert name == "default.redis7"
    code = code_of(group.api.delete_cache_parameter_group, CacheParameterGroupName="static")
    assert code == "InvalidCacheParameterGroupState"
    group.modify(CacheParameterGroupName="static", ApplyImmediately=True)
    group.settle()
    assert group.members()[0]["CacheParameterGroup"]["CacheParameterGroupName"] == "static"
    assert group.apply_status() == ["applying"]
    group.settle()
    assert group.apply_status() == ["pending-reboot"]


def test_replicas_come_and_go_at_once(group):
    """New members get the next number; the same count is NoOperationFault; failover keeps one."""
    group.create(NumCacheClusters=2, AutomaticFailoverEnabled=True)
    group.settle()
    more, less = group.api.increase_replica_count, group.api.decrease_replica_count
    now = {"ReplicationGroupId": "r", "ApplyImmediately": True}
    more(NewReplicaCount=3, **now)
    assert code_of(more, NewReplicaCount=4, **now) == STATE
    assert group.settle()["MemberClusters"] == ["r-001", "r-002", "r-003", "r-004"]
    assert code_of(more, NewReplicaCount=3, **now) == "NoOperationFault"
    assert code_of(less, NewReplicaCount=4, **now) == "NoOperationFault"
    assert code_of(less, NewReplicaCount=0, **now) == "InvalidParameterValue"
    assert code_of(more, NewReplicaCount=6, **now) == "InvalidParameterValue"
    later = {**now, "ApplyImmediately": False}
    assert code_of(more, NewReplicaCount=4, **later) == "InvalidParameterCombination"
    less(NewReplicaCount=1, **now)
    assert group.settle()["MemberClusters"] == ["r-001", "r-002"]


def test_cluster_mode_has_a_configuration_endpoint_and_no_reboot(group):
    """Several node groups: members are named by both numbers, one endpoint for all."""
    group.create(NumNodeGroups=2, ReplicasPerNodeGroup=1, AutomaticFailoverEnabled=True)
    seen = group.settle()
    assert seen["ClusterEnabled"]
    assert seen["ConfigurationEndpoint"]["Address"].startswith("127.")
    assert seen["MemberClusters"] == ["r-0001-001", "r-0001-002", "r-0002-001", "r-0002-002"]
    assert len(seen["NodeGroups"]) == 2
    assert all("PrimaryEndpoint" not in g for g in seen["NodeGroups"])
    name = group.members()[0]["CacheParameterGroup"]["CacheParameterGroupName"]
    assert name == "default.redis7.cluster.on"
    code = code_of(
        group.api.reboot_cache_cluster,
        CacheClusterId="r-0001-001",
        CacheNodeIdsToReboot=["0001"],
    )
    assert code == "InvalidCacheClusterState"


def test_encryption_and_auth_are_recorded(group):
    """Transit encryption needs clients that speak TLS (`required`); a token is never answered."""
    group.create(TransitEncryptionEnabled=True, AuthToken="sixteen-letters-")
    seen = group.settle()
    assert (seen["TransitEncryptionEnabled"], seen["TransitEncryptionMode"]) == (True, "required")
    assert seen["AuthTokenEnabled"]
    assert "sixteen-letters-" not in str(seen)
    assert group.members()[0]["TransitEncryptionEnabled"]


def test_a_deleted_group_is_gone_with_its_members(group):
    """deleting, then ReplicationGroupNotFoundFault; the name is free again."""
    group.create()
    group.settle()
    answer = group.api.delete_replication_group(ReplicationGroupId="r")["ReplicationGroup"]
    assert answer["Status"] == "deleting"
    assert group.settle() is None
    assert group.members() == []
    assert code_of(group.modify) == "ReplicationGroupNotFoundFault"
    group.create()


def test_members_come_in_pages(group):
    """DescribeCacheClusters of many groups: every member once."""
    for number in range(9):
        group.create(ReplicationGroupId=f"g{number}", NumCacheClusters=3)
    pages = group.api.get_paginator("describe_cache_clusters").paginate(
        PaginationConfig={"PageSize": 20}
    )
    found = [c["CacheClusterId"] for page in pages for c in page["CacheClusters"]]
    assert len(found) == len(set(found)) == 27
    alone = group.api.describe_cache_clusters(ShowCacheClustersNotInReplicationGroups=True)
    assert alone["CacheClusters"] == []


def test_subnet_groups_are_kept_as_named(group):
    """Create, describe, in use, delete."""
    api = group.api
    api.create_cache_subnet_group(
        CacheSubnetGroupName="Private",
        CacheSubnetGroupDescription="d",
        SubnetIds=["subnet-1", "subnet-2"],
    )
    found = api.describe_cache_subnet_groups(CacheSubnetGroupName="private")
    subnets = found["CacheSubnetGroups"][0]["Subnets"]
    assert [s["SubnetIdentifier"] for s in subnets] == ["subnet-1", "subnet-2"]
    group.create(CacheSubnetGroupName="PRIVATE")
    group.settle()
    assert group.members()[0]["CacheSubnetGroupName"] == "private"
    call = api.delete_cache_subnet_group
    assert code_of(call, CacheSubnetGroupName="private") == "CacheSubnetGroupInUse"


def test_events_tell_what_happened(group):
    """Newest first, by source; an hour back unless asked."""
    group.create()
    group.settle()
    events = group.api.describe_events(SourceIdentifier="r", SourceType="replication-group")
    assert [e["Message"] for e in events["Events"]] == [
        "Replication group created",
        "Creating replication group r",
    ]
    group.aws.clock.advance(timedelta(hours=2))
    assert group.api.describe_events()["Events"] == []
    assert len(group.api.describe_events(Duration=240)["Events"]) == 2
    assert code_of(group.api.describe_events, SourceIdentifier="r") == (
        "InvalidParameterCombination"
    )


def test_what_is_not_emulated_names_itself(group):
    """An operation that is missing is an error, never a success that did nothing."""
    assert code_of(group.api.create_snapshot, SnapshotName="s") == "NotImplemented"
    assert group.api.describe_users()["Users"]  # users are moto's


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-28T12:00", "2026-11-29T23:30"),
        ("2026-11-29T23:30", "2026-11-29T23:30"),
        ("2026-11-30T00:29", "2026-11-30T00:29"),
        ("2026-11-30T00:30", "2026-12-06T23:30"),
    ],
)
def test_the_next_window(now, expected):
    """While it is open it is now; a window may reach over midnight and the end of the week."""
    window = checked_window("Sun:23:30-Mon:00:30")
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert next_opening(window, at) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_window_shorter_than_an_hour_is_refused():
    """Sixty minutes are the least."""
    checked_window("sun:05:00-sun:06:00")
    with pytest.raises(CacheError, match="60 minutes"):
        checked_window("sun:05:00-sun:05:59")
