"""Replication groups: one change at a time, nothing deleted, nothing rebooted, nothing sent twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.lookups import Unresolved
from reconciler.model.plan import Effect, Verb, Why
from reconciler.model.status import Health, Sync
from reconciler.plan.assess import assess
from reconciler.plan.planner import make_plan
from reconciler.plan.redis.order import window
from reconciler.plan.redis.subject import RedisSubject
from reconciler.plan.render import as_document, whole_document
from reconciler.shapes.redis_tables import (
    FIELDS,
    REFUSED,
    Way,
    create_fields,
    declared_fields,
    family_of,
    modify_fields,
    row_of,
)
from tests.plan.redis_world import RedisWorld, named, redis

ID = "shop-production"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def world() -> RedisWorld:
    """Return an AWS with the group of the sample, converged."""
    made = RedisWorld()
    made.converge(redis())
    made.take()
    return made


def modify(world, **params):
    """Change the group by hand."""
    world.edit("ModifyReplicationGroup", ReplicationGroupId=ID, **params)


def verbs(plan):
    """Return the verbs of all steps."""
    return [step.verb for step in plan.steps]


def status(world, *groups):
    """Return what `status` says of the first group."""
    app = world.app(*groups)
    observed = world.observe(app)
    whole = assess(app, observed, make_plan(app, observed))
    return whole, whole.resources[0]


# Making one --------------------------------------------------------------------------------------


def test_an_absent_group_that_is_fully_declared_is_made():
    """With our tags and a description, once; then it is waited for without another call."""
    world = RedisWorld()
    plan = world.pass_over(redis())
    assert verbs(plan) == [Verb.CREATE]
    assert plan.steps[0].summary == f"new redis 6.2 group {ID}, cache.t3.micro, 2 nodes"
    made = world.cache.group(ID)
    assert {t["Key"]: t["Value"] for t in made.tags} == {
        "reconciler:app": "shop",
        "reconciler:environment": "production",
        "reconciler:address": "redis/main",
    }
    assert made.settings["ReplicationGroupDescription"] == "production/shop redis/main"
    world.take()
    for _ in range(7):
        waiting = world.pass_over(redis())
        world.timeline.advance(60)
    assert [(s.verb, s.summary) for s in waiting.steps] == [(Verb.WAIT, "creating")]
    assert set(world.take()) == {"DescribeReplicationGroups"}
    assert world.converge(redis()).in_sync


@pytest.mark.parametrize(
    ("fields", "missing"),
    [({}, "engine, cacheNodeType"), ({"engine": "valkey"}, "cacheNodeType")],
)
def test_an_absent_group_that_is_not_fully_declared_is_held(fields, missing):
    """It is managed elsewhere, or something was forgotten: which is named, and nothing is made."""
    world = RedisWorld()
    plan = world.pass_over(named(**fields))
    assert verbs(plan) == [Verb.HOLD]
    assert plan.steps[0].summary == f"{ID} is absent and not fully declared: missing {missing}"
    assert world.did() == []


def test_its_parameter_group_is_made_all_the_same():
    """Whoever makes the group elsewhere needs it."""
    world = RedisWorld()
    plan = world.pass_over(named({"maxmemory-policy": "noeviction"}))
    assert verbs(plan) == [Verb.UPDATE, Verb.HOLD]
    assert world.did() == ["CreateCacheParameterGroup", "ModifyCacheParameterGroup"]
    assert verbs(world.pass_over(named({"maxmemory-policy": "noeviction"}))) == [Verb.HOLD]


def test_a_failed_creation_is_held(world):
    """Nothing is deleted to try again: a person does that."""
    world.cache.group(ID).status = "create-failed"
    plan = world.pass_over(redis())
    assert (verbs(plan), plan.steps[0].health) == ([Verb.HOLD], Health.DEGRADED)
    assert world.did() == []


def test_a_group_that_is_being_deleted_is_made_again_when_it_is_gone(world):
    """As a service that is draining: the creation waits, in the plan."""
    world.edit("DeleteReplicationGroup", ReplicationGroupId=ID)
    plan = world.pass_over(redis())
    assert plan.steps[0].verb is Verb.CREATE
    assert plan.steps[0].blocked_by == (f"{ID} is deleting",)
    assert world.did() == []
    world.timeline.advance(600)
    world.pass_over(redis())
    assert world.did() == ["CreateReplicationGroup"]


# Whose it is -------------------------------------------------------------------------------------


def test_a_live_group_is_adopted_before_anything_is_changed():
    """Tags first; what differs comes after it."""
    world = RedisWorld()
    world.converge(redis())
    world.cache.group(ID).tags.clear()
    world.ledger = type(world.ledger)(key=world.ledger.key)
    plan = world.pass_over(redis(snapshotRetentionLimit=3))
    assert verbs(plan) == [Verb.ADOPT, Verb.UPDATE]
    assert plan.steps[1].blocked
    world.converge(redis(snapshotRetentionLimit=3))
    assert world.cache.group(ID).settings["SnapshotRetentionLimit"] == 3


def test_taking_over_what_is_as_declared_is_no_difference():
    """As with services: `diff` is empty, `apply` adds our tags to both groups and nothing else."""
    world = RedisWorld()
    mine = redis(parameters={"maxmemory-policy": "noeviction"})
    world.converge(mine)
    world.cache.group(ID).tags.clear()
    world.cache.parameters(ID).tags.clear()
    world.ledger = type(world.ledger)(key=world.ledger.key)
    world.take()
    plan = world.pass_over(mine)
    assert (verbs(plan), plan.in_sync, plan.acts) == ([Verb.ADOPT], True, True)
    assert "as it is" in plan.steps[0].summary
    assert world.did() == ["AddTagsToResource", "AddTagsToResource"]
    assert world.converge(mine).in_sync
    assert world.did() == []


def test_a_parameter_group_alone_is_taken_over_too():
    """Of a group that is managed elsewhere: our tags on the parameter group, no difference."""
    world = RedisWorld()
    parameters = {"maxmemory-policy": "noeviction"}
    world.converge(redis(parameters=parameters))
    world.cache.parameters(ID).tags.clear()
    world.ledger = type(world.ledger)(key=world.ledger.key)
    world.take()
    plan = world.pass_over(named(parameters))
    assert (verbs(plan), plan.in_sync) == ([Verb.ADOPT], True)
    assert world.did() == ["AddTagsToResource"]
    assert verbs(world.pass_over(named(parameters))) == [Verb.NONE]


def test_a_group_of_another_app_is_held_unless_it_is_only_referred_to(world):
    """Its tags say whose it is."""
    tag = [{"Key": "reconciler:app", "Value": "blog"}]
    world.edit("AddTagsToResource", ResourceName=world.cache.group(ID).arn, Tags=tag)
    plan = world.pass_over(redis(snapshotRetentionLimit=3))
    assert verbs(plan) == [Verb.HOLD]
    assert "belongs to production/blog" in plan.steps[0].summary
    assert world.pass_over(named()).in_sync
    assert world.did() == []


def test_a_group_that_is_only_named_is_never_touched(world):
    """One read, no tags, no undeclared changes: somebody else looks after it."""
    modify(world, SnapshotRetentionLimit=9)
    world.ledger = type(world.ledger)(key=world.ledger.key)
    plan = world.pass_over(named())
    assert plan.in_sync
    assert plan.steps[0].undeclared == ()
    assert world.take() == ["DescribeReplicationGroups"]


def test_a_parameter_group_can_be_attached_to_a_group_that_is_managed_elsewhere(world):
    """The short form: which group, which parameters. The group itself is not taken for ours."""
    world.cache.group(ID).tags.clear()
    mine = named({"maxmemory-policy": "noeviction"}, parameter_group="sidekiq", at_once=True)
    assert world.converge(mine).in_sync
    assert world.cache.group(ID).settings["CacheParameterGroupName"] == "sidekiq"
    assert world.cache.group(ID).tags == []


def test_a_group_that_left_the_files_is_left_alone_and_said_once(world):
    """Never deleted; the ledger forgets it."""
    plan = world.pass_over()
    assert [(s.verb, s.summary) for s in plan.steps] == [(Verb.NONE, "left alone")]
    assert world.pass_over().steps == ()
    assert world.did() == []
    assert ID in world.cache.region.replication_groups


def test_a_lookup_that_gave_nothing_holds_the_group(world):
    """Nothing is computed from half of a declaration."""
    why = Unresolved("ssm:/x", "${ssm:/x}: there is no such parameter")
    group = replace(redis(cacheNodeType="${ssm:/x}"), unresolved=(why,))
    plan = world.pass_over(group)
    assert verbs(plan) == [Verb.HOLD]
    assert "no such parameter" in plan.steps[0].summary
    assert world.take() == []


# Changing one ------------------------------------------------------------------------------------


def test_a_setting_is_changed_at_once_and_a_node_type_in_the_window(world):
    """One call; the plan says which is which."""
    plan = world.pass_over(redis(snapshotRetentionLimit=3, cacheNodeType="cache.m6g.large"))
    effects = {c.path: c.effect for c in plan.steps[0].changes}
    assert effects == {
        "snapshotRetentionLimit": Effect.IMMEDIATE,
        "cacheNodeType": Effect.WINDOW,
    }
    assert world.did() == ["ModifyReplicationGroup"]


def test_what_waits_for_the_window_is_converged_and_pending(world):
    """No difference, no call in many passes, the window's time is said, and then it is in force."""
    group = redis(cacheNodeType="cache.m6g.large")
    world.pass_over(group)
    world.take()
    for _ in range(10):
        plan = world.pass_over(group)
        world.timeline.advance(600)
    assert world.did() == []
    assert plan.in_sync
    said = "converged, pending cacheNodeType cache.m6g.large until sun:05:00-sun:06:00 UTC"
    assert plan.steps[0].summary == said
    whole, line = status(world, group)
    assert (whole.converged, whole.exit_code, line.message) == (True, 0, said)
    world.cache.open_window(ID)
    world.converge(group)
    assert world.cache.group(ID).settings["CacheNodeType"] == "cache.m6g.large"
    assert world.plan(group).steps[0].notes == ()


def test_what_aws_accepts_and_does_not_show_is_not_sent_again(world):
    """A pending multiAZEnabled is in no answer of AWS: the ledger remembers that it was sent."""
    group = redis(multiAZEnabled=True)
    world.pass_over(group)
    assert world.did() == ["ModifyReplicationGroup"]
    for _ in range(10):
        plan = world.pass_over(group)
        world.timeline.advance(600)
    assert world.did() == []
    assert plan.steps[0].summary.startswith("converged, pending multiAZEnabled true until")
    world.cache.open_window(ID)
    world.converge(group)
    modify(world, MultiAZEnabled=False, ApplyImmediately=True)
    world.timeline.advance(900)
    plan = world.pass_over(group)
    assert [c.why for c in plan.steps[0].changes] == [Why.DRIFT]


def test_apply_immediately_flushes_what_is_pending_and_says_so(world):
    """A declared choice; whatever else waits is applied with it, and is named."""
    modify(world, CacheNodeType="cache.m6g.large", ApplyImmediately=False)
    group = redis(cacheNodeType=None, transitEncryptionEnabled=True, at_once=True)
    plan = world.plan(group)
    said = "applyImmediately also applies what is pending: cacheNodeType → cache.m6g.large"
    assert said in plan.steps[0].notes
    waits = world.plan(replace(group, apply_immediately=False))
    assert not any("applyImmediately" in note for note in waits.steps[0].notes)


def test_changing_ones_mind_applies_at_once_what_was_pending(world):
    """`applyImmediately: true` later: sent once more, once."""
    world.pass_over(redis(cacheNodeType="cache.m6g.large"))
    world.take()
    hurry = redis(cacheNodeType="cache.m6g.large", at_once=True)
    plan = world.pass_over(hurry)
    assert [(c.path, c.effect) for c in plan.steps[0].changes] == [
        ("cacheNodeType", Effect.IMMEDIATE)
    ]
    for _ in range(20):
        world.pass_over(hurry)
        world.timeline.advance(60)
    assert world.did() == ["ModifyReplicationGroup"]
    assert world.cache.group(ID).settings["CacheNodeType"] == "cache.m6g.large"


def test_a_pending_change_that_nobody_declared_is_undone(world):
    """What is declared is live; at the window it would not be: the live value is sent again."""
    modify(world, CacheNodeType="cache.m6g.large", ApplyImmediately=False)
    plan = world.pass_over(redis())
    assert [(c.observed, c.desired) for c in plan.steps[0].changes] == [
        ("cache.m6g.large", "cache.t3.micro")
    ]
    world.cache.open_window(ID)
    assert world.converge(redis()).in_sync
    assert world.cache.group(ID).settings["CacheNodeType"] == "cache.t3.micro"


@pytest.mark.parametrize("state", ["modifying", "snapshotting"])
def test_nothing_is_sent_while_aws_works_on_it(world, state):
    """However many passes it takes: the change is in the plan and waits."""
    group = redis(snapshotRetentionLimit=3)
    world.cache.group(ID).status = state
    for _ in range(50):
        plan = world.pass_over(group)
    assert plan.steps[0].blocked_by == (f"{ID} is {state}",)
    assert world.did() == []
    whole, line = status(world, group)
    assert (line.sync, whole.exit_code) == (Sync.OUT_OF_SYNC, 1)
    assert line.health is Health.PROGRESSING


def test_a_change_waits_for_parameters_that_are_applied_to_the_group():
    """AWS works on the nodes then: the next change comes in a later pass, not in the same breath."""
    world = RedisWorld()
    world.converge(redis(parameters={"timeout": 30}))
    world.take()
    both = redis(parameters={"timeout": 60}, snapshotRetentionLimit=3)
    plan = world.pass_over(both)
    assert [[c.path for c in s.changes] for s in plan.steps] == [
        ["parameterGroup.parameters.timeout"],
        ["snapshotRetentionLimit"],
    ]
    assert plan.steps[1].blocked_by == ("one change at a time",)
    assert world.did() == ["ModifyCacheParameterGroup"]
    world.converge(both)
    assert world.did() == ["ModifyReplicationGroup"]


def test_an_engine_upgrade_and_another_node_type_go_one_after_the_other(world):
    """They block each other: the engine first, the node type when that is done."""
    group = redis(engineVersion="7.1", cacheNodeType="cache.m6g.large", at_once=True)
    plan = world.pass_over(group)
    assert [c.path for c in plan.steps[0].changes] == ["engineVersion"]
    assert [c.path for c in plan.steps[1].changes] == ["cacheNodeType"]
    assert plan.steps[1].blocked_by == ("one change at a time",)
    world.converge(group)
    assert world.did() == ["ModifyReplicationGroup", "ModifyReplicationGroup"]


def test_in_the_window_the_second_waits_for_the_first(world):
    """What it waits for is named, and no call is made in between."""
    group = redis(engineVersion="7.1", cacheNodeType="cache.m6g.large")
    world.pass_over(group)
    plan = world.pass_over(group)
    assert plan.steps[0].blocked_by == (
        "engineVersion 7.1.0, pending until sun:05:00-sun:06:00 UTC",
    )
    assert not any("not of these files" in note for note in plan.steps[0].notes)
    assert world.did() == ["ModifyReplicationGroup"]
    world.cache.open_window(ID)
    world.timeline.advance(900)
    world.pass_over(group)
    assert world.did() == ["ModifyReplicationGroup"]


def test_another_engine_takes_its_parameter_group_along(world):
    """Redis becomes Valkey in one call, with a group of its family."""
    group = redis(
        engine="valkey",
        engineVersion="8.0",
        family="valkey8",
        parameters={"maxmemory-policy": "noeviction"},
        parameter_group="shop-valkey",
        at_once=True,
    )
    world.converge(group)
    live = world.cache.group(ID).settings
    assert (live["Engine"], live["CacheParameterGroupName"]) == ("valkey", "shop-valkey")
    back = world.pass_over(redis(at_once=True))
    assert "does not go back" in back.steps[-1].summary


def test_a_version_that_needs_another_family_is_held_without_one():
    """Before AWS refuses it."""
    world = RedisWorld()
    world.converge(redis(parameters={"timeout": 30}))
    world.take()
    plan = world.pass_over(redis(parameters={"timeout": 30}, engineVersion="7.1"))
    assert verbs(plan) == [Verb.HOLD]
    assert "needs a parameter group of family redis7" in plan.steps[0].summary
    assert world.did() == []


def test_there_is_no_way_back_to_an_older_version(world):
    """Held, with what may be declared instead; the rest of the change goes."""
    plan = world.pass_over(redis(engineVersion="5.0.6", snapshotRetentionLimit=3))
    assert verbs(plan) == [Verb.UPDATE, Verb.HOLD]
    assert "cannot go back from 6.2.6 to 5.0.6" in plan.steps[1].summary
    assert world.cache.group(ID).settings["SnapshotRetentionLimit"] == 3


def test_a_version_that_aws_moved_ahead_is_no_drift(world):
    """Minor versions move by themselves and never back."""
    world.cache.group(ID).settings["EngineVersion"] = "6.3.0"
    plan = world.pass_over(redis())
    assert plan.in_sync
    assert "6.3.0" in plan.steps[0].notes[0]
    assert verbs(world.plan(redis(engineVersion="6.0"))) == [Verb.HOLD]


@pytest.mark.parametrize("version", ["6.x", "6.2", "6", "6.2.6"])
def test_a_version_is_as_long_as_it_is_declared(world, version):
    """6.2 is 6.2.6, and so is 6.x."""
    assert world.plan(redis(engineVersion=version)).in_sync


def test_replicas_grow_before_they_are_needed_and_shrink_after(world):
    """Multi-AZ needs a replica: more of them come first, fewer last; never in a window."""
    alone = redis(replicasPerNodeGroup=0, automaticFailoverEnabled=False, at_once=True)
    world.converge(alone)
    assert world.did() == ["ModifyReplicationGroup", "DecreaseReplicaCount"]
    both = redis(replicasPerNodeGroup=2, multiAZEnabled=True, at_once=True)
    world.converge(both)
    assert world.did() == ["IncreaseReplicaCount", "ModifyReplicationGroup"]
    assert len(world.cache.group(ID).members) == 3
    counted = redis(replicasPerNodeGroup=None, numCacheClusters=2, multiAZEnabled=True)
    plan = world.pass_over(counted)
    assert any("cannot wait for the maintenance window" in n for n in plan.steps[0].notes)
    world.converge(counted)
    assert len(world.cache.group(ID).members) == 2


def test_the_last_replica_waits_until_nothing_needs_it(world):
    """Failover that is switched off in the window is on until then: no refused call in every pass."""
    alone = redis(replicasPerNodeGroup=0, automaticFailoverEnabled=False)
    world.pass_over(alone)
    for _ in range(10):
        plan = world.pass_over(alone)
        world.timeline.advance(600)
    assert world.did() == ["ModifyReplicationGroup"]
    assert plan.steps[0].blocked_by == (
        "automaticFailoverEnabled on until sun:05:00-sun:06:00 UTC: it needs a replica",
    )
    world.cache.open_window(ID)
    world.timeline.advance(900)
    world.converge(alone)
    assert world.did() == ["DecreaseReplicaCount"]


def test_encryption_in_transit_goes_through_preferred(world):
    """On and off take two steps, so that no client is cut off."""
    on = redis(transitEncryptionEnabled=True, transitEncryptionMode="required", at_once=True)
    plan = world.pass_over(on)
    assert [(c.path, c.desired) for c in plan.steps[0].changes] == [
        ("transitEncryptionEnabled", True),
        ("transitEncryptionMode", "preferred"),
    ]
    world.converge(on)
    assert world.cache.group(ID).settings["TransitEncryptionMode"] == "required"
    world.take()
    off = redis(transitEncryptionEnabled=False, at_once=True)
    world.converge(off)
    assert world.did() == ["ModifyReplicationGroup", "ModifyReplicationGroup"]
    assert not world.cache.group(ID).settings["TransitEncryptionEnabled"]


@pytest.mark.parametrize("on", [True, False])
def test_in_the_window_the_second_step_waits_for_the_first(world, on):
    """One window for preferred, another for the rest; no refused call in between."""
    encrypted = {"transitEncryptionEnabled": True, "transitEncryptionMode": "required"}
    if not on:
        world.converge(redis(**encrypted, at_once=True))
        world.take()
    wanted = redis(**encrypted) if on else redis(transitEncryptionEnabled=False)
    world.pass_over(wanted)
    for _ in range(10):
        plan = world.pass_over(wanted)
        world.timeline.advance(600)
    assert world.did() == ["ModifyReplicationGroup"]
    assert plan.steps[0].blocked_by == (
        "transitEncryptionMode preferred, pending until sun:05:00-sun:06:00 UTC",
    )
    for _ in range(4):
        world.cache.open_window(ID)
        world.timeline.advance(900)
        world.pass_over(wanted)
    assert world.did() == ["ModifyReplicationGroup"]
    assert world.cache.group(ID).settings["TransitEncryptionEnabled"] is on
    assert world.converge(wanted).in_sync


@pytest.mark.parametrize(
    ("live", "pending", "sent", "blocked"),
    [
        ("disabled", None, "compatible", False),
        ("disabled", "compatible", None, True),
        ("compatible", None, "enabled", False),
        ("enabled", None, None, False),
    ],
)
def test_cluster_mode_goes_through_compatible(world, live, pending, sent, blocked):
    """Its second step waits until the first one is in force."""
    wanted = redis(clusterMode="enabled")
    app = world.app(wanted)
    observed = world.observe(app)
    group = observed.redis["main"]
    group = replace(
        group,
        group={**group.group, "clusterMode": live},
        pending={"clusterMode": pending} if pending else {},
    )
    plan = make_plan(app, replace(observed, redis={"main": group}))
    free = [s for s in plan.steps if not s.blocked]
    assert [c.desired for s in free for c in s.changes] == ([sent] if sent else [])
    assert any("clusterMode compatible" in b for s in plan.steps for b in s.blocked_by) is blocked


def test_what_can_only_be_set_at_creation_is_held(world):
    """Nothing is deleted to get there: the step says what a person can do."""
    plan = world.pass_over(redis(port=7000, numNodeGroups=2, cacheSubnetGroupName="other"))
    assert verbs(plan) == [Verb.HOLD]
    assert "port can only be set when the group is created" in plan.steps[0].summary
    assert "resharding" in plan.steps[0].summary
    assert {c.effect for c in plan.steps[0].changes} == {Effect.REPLACE}
    assert world.did() == []


def test_seeds_count_at_creation_only(world):
    """A snapshot it was made from, and where its nodes were put."""
    zones = ["ap-northeast-1a", "ap-northeast-1c"]
    plan = world.plan(redis(snapshotName="x", preferredCacheClusterAZs=zones))
    assert plan.in_sync
    rules = {s.path: s.rule for s in plan.steps[0].suppressed}
    assert rules["snapshotName"] == "read once, when the group is created"


def test_settings_are_undeclared_changes_when_the_files_are_silent(world):
    """Reported, never reverted; AWS's defaults are not worth a word."""
    modify(world, SnapshotRetentionLimit=9, SnapshotWindow="01:00-02:00")
    plan = world.pass_over(redis())
    assert [(u.path, u.observed, u.default) for u in plan.steps[0].undeclared] == [
        ("snapshotRetentionLimit", 9, 0)
    ]
    assert world.did() == []


def test_a_key_that_leaves_the_files_is_taken_back_only_where_that_is_safe(world):
    """Backups and failover stay, and it is said; a topic and log delivery go."""
    before = redis(
        snapshotRetentionLimit=3,
        notificationTopicArn="arn:aws:sns:x:1:y",
        autoMinorVersionUpgrade=False,
    )
    world.converge(before)
    world.take()
    plan = world.pass_over(redis())
    assert {c.path: c.why for c in plan.steps[0].changes} == {
        "autoMinorVersionUpgrade": Why.REMOVED,
        "notificationTopicArn": Why.REMOVED,
    }
    assert "snapshotRetentionLimit is no longer declared; it stays 3" in plan.steps[0].notes
    assert world.converge(redis()).in_sync
    live = world.cache.group(ID).settings
    assert (live["SnapshotRetentionLimit"], live["NotificationTopicStatus"]) == (3, "inactive")
    assert live["AutoMinorVersionUpgrade"] is True
    assert not any("stays" in n for n in world.plan(redis()).steps[0].notes)


def test_tags_of_others_are_never_touched(world):
    """Ours are put right, and go with the line that declared them unless somebody changed them."""
    arn = world.cache.group(ID).arn
    foreign = [{"Key": "cost", "Value": "x"}]
    world.edit("AddTagsToResource", ResourceName=arn, Tags=foreign)
    tagged = redis(tags=[{"key": "team", "value": "shop"}, {"key": "tier", "value": "1"}])
    world.converge(tagged)
    world.edit("AddTagsToResource", ResourceName=arn, Tags=[{"Key": "team", "Value": "blog"}])
    plan = world.plan(tagged)
    assert [(c.path, c.why) for c in plan.steps[0].changes] == [("tags.team", Why.DRIFT)]
    plan = world.pass_over(redis())
    assert [(c.path, c.why) for c in plan.steps[0].changes] == [("tags.tier", Why.REMOVED)]
    world.converge(redis())
    tags = {t["Key"]: t["Value"] for t in world.cache.group(ID).tags}
    assert {k: v for k, v in tags.items() if not k.startswith("reconciler:")} == {
        "team": "blog",
        "cost": "x",
    }


def test_every_plan_fits_the_schema(world):
    """Changes, holds and pending changes are documents of docs/schemas/diff.schema.json."""
    schema = json.loads((ROOT / "docs" / "schemas" / "diff.schema.json").read_text())
    wanted = redis(
        parameters={"databases": 32, "timeout": 30},
        cacheNodeType="cache.m6g.large",
        port=7000,
        replicasPerNodeGroup=2,
    )
    for _ in range(3):
        plan = world.pass_over(wanted)
        jsonschema.validate(whole_document([as_document(plan, explain=True)]), schema)
        world.timeline.advance(1200)
    jsonschema.validate(whole_document([as_document(RedisWorld().plan(wanted))]), schema)


# The table ---------------------------------------------------------------------------------------


def test_every_field_of_aws_has_a_row_or_a_reason():
    """What the installed botocore has today is known; `applyImmediately` is a word of its own."""
    every = create_fields() | modify_fields()
    assert every - {"applyImmediately"} == FIELDS.keys() | REFUSED.keys()


def test_a_field_that_aws_adds_is_judged_by_its_operations():
    """In ModifyReplicationGroup it can be changed, else only at creation."""
    assert row_of("brandNewField").way is Way.NEVER
    for name in modify_fields() & declared_fields():
        assert row_of(name).way in (Way.MODIFY, Way.IDENTITY, Way.SEED), name


@pytest.mark.parametrize(
    ("engine", "version", "family"),
    [
        ("redis", "5.0.6", "redis5.0"),
        ("redis", "6.2", "redis6.x"),
        ("redis", "6.x", "redis6.x"),
        ("redis", "7.1", "redis7"),
        ("valkey", "7.2", "valkey7"),
        ("valkey", "8.1", "valkey8"),
        ("redis", "", ""),
        ("memcached", "1.6", ""),
        ("redis", "5", ""),
    ],
)
def test_the_family_of_a_version(engine, version, family):
    """As AWS names them; nothing is guessed."""
    assert family_of(engine, version) == family


def test_the_window_is_named(world):
    """Its time as AWS has it; without one it is just the window."""
    app = world.app(redis())
    subject = RedisSubject(app, redis(), world.observe(app))
    assert window(subject) == "sun:05:00-sun:06:00 UTC"
    empty = replace(world.observe(app), redis={})
    assert window(RedisSubject(app, redis(), empty)) == "the maintenance window"


# Whatever is declared ----------------------------------------------------------------------------

groups = st.fixed_dictionaries(
    {
        "cacheNodeType": st.sampled_from(["cache.t3.micro", "cache.m6g.large"]),
        "replicasPerNodeGroup": st.integers(1, 3),
        "engineVersion": st.sampled_from(["6.2", "7.1"]),
    },
    optional={
        "multiAZEnabled": st.booleans(),
        "snapshotRetentionLimit": st.integers(0, 5),
        "snapshotWindow": st.sampled_from(["01:00-02:00", "05:00-06:00"]),
        "securityGroupIds": st.sampled_from([["sg-1"], ["sg-1", "sg-2"]]),
        "preferredMaintenanceWindow": st.sampled_from(["mon:01:00-mon:02:00"]),
        "transitEncryptionEnabled": st.booleans(),
        "autoMinorVersionUpgrade": st.booleans(),
        "notificationTopicArn": st.just("arn:aws:sns:ap-northeast-1:123456789012:redis"),
        "tags": st.sampled_from([[{"key": "team", "value": "a"}], [{"key": "team", "value": "b"}]]),
    },
)


@settings(max_examples=15)
@given(groups, groups, st.integers(0, 2), st.booleans())
def test_any_group_is_reached_from_any_other(before, after, cut, at_once):
    """Even when a pass dies after some calls. What is undeclared never changes; the end is silent."""
    if before["engineVersion"] > after["engineVersion"]:
        before, after = after, before
    world = RedisWorld()
    first = redis(**before, at_once=True)
    world.converge(first)
    was = dict(world.cache.group(ID).settings)
    wanted = redis(**after, at_once=at_once)
    world.pass_over(wanted, at_most=cut)
    for _ in range(12):
        world.pass_over(wanted)
        world.timeline.advance(900)
        world.cache.open_window(ID)
    plan = world.converge(wanted)
    assert plan.in_sync
    live = world.cache.group(ID)
    assert len(live.members) == after["replicasPerNodeGroup"] + 1
    for name in after.keys() - {"engineVersion", "tags"}:
        assert live.settings[name[0].upper() + name[1:]] == after[name]
    given_back = {"autoMinorVersionUpgrade", "notificationTopicArn"} & before.keys()
    untouched = was.keys() - {n[0].upper() + n[1:] for n in {*after, *given_back}}
    untouched -= {"EngineVersion", "NotificationTopicStatus", "TransitEncryptionMode"}
    untouched -= {"CacheParameterGroupName"}  # AWS's own follows the version
    assert {n: live.settings[n] for n in untouched} == {n: was[n] for n in untouched}
    world.take()
    for _ in range(3):
        world.pass_over(wanted)
    assert world.did() == []
