"""Parameter groups: what is set, what is taken back, what is never touched, and what is said about it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.observed import ObservedParameter
from reconciler.model.plan import Effect, Verb, Why
from reconciler.plan.redis.parameter_values import value_problem
from reconciler.resources.parameter_group import family
from tests.plan.redis_world import RedisWorld, named, redis

SIDEKIQ = {"maxmemory-policy": "noeviction"}
NAME = "shop-production"


@pytest.fixture
def world() -> RedisWorld:
    """Return an AWS with the group of the sample, converged."""
    made = RedisWorld()
    made.converge(redis(parameters=SIDEKIQ))
    made.take()
    return made


def changes(plan):
    """Return path → (observed, desired, why, effect) of the first step."""
    return {c.path: (c.observed, c.desired, c.why, c.effect) for c in plan.steps[0].changes}


def test_a_group_is_made_before_what_it_is_attached_to():
    """Creation, its parameters, then the replication group that names it."""
    world = RedisWorld()
    world.pass_over(redis(parameters=SIDEKIQ))
    assert world.did() == [
        "CreateCacheParameterGroup",
        "ModifyCacheParameterGroup",
        "CreateReplicationGroup",
    ]
    made = world.cache.parameters(NAME)
    assert (made.family, made.values) == ("redis6.x", SIDEKIQ)
    tags = {tag["Key"]: tag["Value"] for tag in made.tags}
    assert tags["reconciler:address"] == "redis/main"


def test_each_parameter_says_when_it_takes_effect(world):
    """AWS's own word, from the family: immediate, or requires-reboot."""
    plan = world.plan(redis(parameters={"maxmemory-policy": "allkeys-lru", "databases": 32}))
    assert changes(plan) == {
        "parameterGroup.parameters.databases": ("16", "32", Why.GIT, Effect.REBOOT),
        "parameterGroup.parameters.maxmemory-policy": (
            "noeviction",
            "allkeys-lru",
            Why.GIT,
            Effect.IMMEDIATE,
        ),
    }
    assert any("never done here" in note for note in plan.steps[0].notes)


def test_a_change_by_hand_is_put_back(world):
    """Drift of a declared parameter is reconciled, as of everything declared."""
    pairs = [{"ParameterName": "maxmemory-policy", "ParameterValue": "volatile-ttl"}]
    world.edit("ModifyCacheParameterGroup", CacheParameterGroupName=NAME, ParameterNameValues=pairs)
    plan = world.plan(redis(parameters=SIDEKIQ))
    assert [c.why for c in plan.steps[0].changes] == [Why.DRIFT]
    world.converge(redis(parameters=SIDEKIQ))
    assert world.cache.parameters(NAME).values == SIDEKIQ


def test_twenty_parameters_go_in_a_call():
    """ModifyCacheParameterGroup takes no more (botocore: "up to 20")."""
    world = RedisWorld()
    every = world.cache.parameters("default.redis6.x").effective()
    known = family(world.aws, "redis6.x")
    free = [n for n, p in known.items() if every[n] and not value_problem(p, every[n])]
    wanted = {n: every[n] for n in sorted(free)[:45]}
    assert len(wanted) == 45
    world.pass_over(redis(parameters=wanted))
    sent = [
        len(params["ParameterNameValues"])
        for _, operation, params in world.transport.calls
        if operation == "ModifyCacheParameterGroup"
    ]
    assert sent == [20, 20, 5]


def test_only_what_we_set_is_reset(world):
    """A key that leaves the files goes back to its default; somebody else's parameter stays."""
    pairs = [{"ParameterName": "timeout", "ParameterValue": "300"}]
    world.edit("ModifyCacheParameterGroup", CacheParameterGroupName=NAME, ParameterNameValues=pairs)
    plan = world.plan(redis(parameters={}))
    assert changes(plan) == {
        "parameterGroup.parameters.maxmemory-policy": (
            "noeviction",
            "volatile-lru",
            Why.REMOVED,
            Effect.IMMEDIATE,
        )
    }
    (undeclared,) = plan.steps[0].undeclared
    assert (undeclared.path, undeclared.observed) == ("parameterGroup.parameters.timeout", "300")
    world.converge(redis(parameters={}))
    assert world.cache.parameters(NAME).values == {"timeout": "300"}
    assert "ResetCacheParameterGroup" in world.did()


def test_a_parameter_that_is_declared_as_its_default_makes_no_difference(world):
    """Nothing is sent for it, and --explain says why."""
    plan = world.plan(redis(parameters={**SIDEKIQ, "databases": 16}))
    assert plan.in_sync
    (quiet,) = [s for s in plan.steps[0].suppressed if "databases" in s.path]
    assert "default" in quiet.rule


def test_a_shared_group_names_everyone_it_reaches(world):
    """Every cluster that uses it is changed with it: the plan says which."""
    for name in ("reports", "cache"):
        world.edit(
            "CreateReplicationGroup",
            ReplicationGroupId=name,
            ReplicationGroupDescription="x",
            CacheNodeType="cache.t3.micro",
            Engine="redis",
            EngineVersion="6.2",
            CacheParameterGroupName=NAME,
        )
    plan = world.plan(redis(parameters={"maxmemory-policy": "allkeys-lfu"}))
    said = f"{NAME} is shared: the change also reaches cache, reports"
    assert said in plan.steps[0].notes
    assert world.plan(redis(parameters=SIDEKIQ)).steps[0].notes == ()


def test_pending_reboot_is_converged_and_said(world):
    """The parameter is set, the nodes use it later: no difference, no call, and nobody reboots."""
    group = redis(parameters={**SIDEKIQ, "databases": 32})
    world.pass_over(group)
    world.timeline.advance(60)
    plan = world.converge(group)
    assert plan.in_sync
    assert plan.steps[0].summary == "converged, pending reboot of databases"
    said = "pending reboot of databases, as shop-production-001 tells: "
    assert plan.steps[0].notes[0].startswith(said)
    world.take()
    for _ in range(20):
        world.pass_over(group)
        world.timeline.advance(60)
    assert world.did() == []


def reboot(world):
    """Reboot every node, as a person does."""
    for member in ("shop-production-001", "shop-production-002"):
        world.edit("RebootCacheCluster", CacheClusterId=member, CacheNodeIdsToReboot=["0001"])
        world.timeline.advance(600)


def test_a_parameter_that_was_rebooted_for_is_forgotten(world):
    """What is named is what waits now: once AWS says in-sync the ledger has it no more."""
    group = redis(parameters={**SIDEKIQ, "databases": 32})
    world.converge(group)
    assert world.ledger.resources["redis/main"].applied["reboot"] == ["databases"]
    reboot(world)
    plan = world.converge(group)
    assert (plan.steps[0].summary, plan.steps[0].notes) == ("", ())
    assert "reboot" not in world.ledger.resources["redis/main"].applied


def test_a_reboot_for_what_others_have_set_names_what_it_may_be(world):
    """AWS does not say which parameter waits: those of the group that need a reboot are said, and no more."""
    pairs = [{"ParameterName": "databases", "ParameterValue": "32"}]
    world.edit("ModifyCacheParameterGroup", CacheParameterGroupName=NAME, ParameterNameValues=pairs)
    world.timeline.advance(600)
    plan = world.plan(redis(parameters=SIDEKIQ))
    assert plan.steps[0].summary == (
        f"converged, pending reboot; not sent from here, those of {NAME} that need one: databases"
    )


def test_a_reboot_for_nothing_that_is_set_says_that_nobody_knows(world):
    """A parameter that somebody took back waits, too, and is in no list of AWS."""
    pairs = [{"ParameterName": "databases", "ParameterValue": "32"}]
    group = {"CacheParameterGroupName": NAME, "ParameterNameValues": pairs}
    world.edit("ModifyCacheParameterGroup", **group)
    world.timeline.advance(600)
    reboot(world)
    world.edit("ResetCacheParameterGroup", **group)
    world.timeline.advance(600)
    plan = world.plan(redis(parameters=SIDEKIQ))
    assert plan.steps[0].summary == (
        "converged, pending reboot; AWS does not say of which parameter"
    )


def test_parameters_being_applied_are_waited_for(world):
    """AWS applies them one node after another: progress, and no second change meanwhile."""
    world.pass_over(redis(parameters={"maxmemory-policy": "allkeys-lru"}))
    plan = world.plan(redis(parameters={"maxmemory-policy": "volatile-ttl"}))
    (step,) = plan.steps
    assert step.blocked_by == ("parameters of shop-production are being applied",)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"maxmemory-polcy": "noeviction"}, "did you mean 'maxmemory-policy'?"),
        ({"maxmemory-policy": "noevict"}, "did you mean 'noeviction'?"),
        ({"timeout": "soon"}, "takes a whole number"),
        ({"timeout": "3"}, "timeout takes 0,20-, not 3"),
        ({"cluster-enabled": "yes"}, "cannot be changed"),
    ],
)
def test_what_aws_would_refuse_is_held_and_nothing_is_sent(world, parameters, said):
    """A bad value is found before the first of several calls, not by half of them."""
    plan = world.pass_over(redis(parameters={"databases": 32, **parameters}))
    assert [s.verb for s in plan.steps] == [Verb.HOLD]
    assert said in plan.steps[0].summary
    assert world.did() == []


def test_another_family_needs_another_name(world):
    """A group's family is fixed when it is made."""
    world.ledger = type(world.ledger)(key=world.ledger.key)
    plan = world.plan(named({"timeout": 0}, family="redis7"))
    held = [s.summary for s in plan.steps if s.verb is Verb.HOLD]
    assert held
    assert "give the new one another name" in held[0]


def test_a_group_of_another_app_is_left_alone(world):
    """Its tags say whose it is: a change is held, and none without a difference."""
    world.ledger = type(world.ledger)(key=world.ledger.key)
    tags = [{"Key": "reconciler:app", "Value": "blog"}]
    arn = world.cache.parameters(NAME).arn
    world.edit("AddTagsToResource", ResourceName=arn, Tags=tags)
    plan = world.pass_over(named({"maxmemory-policy": "allkeys-lru"}))
    assert "belongs to production/blog" in plan.steps[-1].summary
    assert plan.steps[-1].verb is Verb.HOLD
    assert world.cache.parameters(NAME).values == SIDEKIQ


def test_an_absent_group_without_family_cannot_be_made():
    """What is missing is named."""
    plan = RedisWorld().plan(redis(parameters=SIDEKIQ, family=""))
    assert plan.steps[0].verb is Verb.HOLD
    assert "missing cacheParameterGroupFamily" in plan.steps[0].summary


@pytest.mark.parametrize(
    ("allowed", "kind", "value", "fits"),
    [
        ("0,20-", "integer", "0", True),
        ("0,20-", "integer", "19", False),
        ("0,20-", "integer", "99999", True),
        ("1-100,-1", "integer", "-1", True),
        ("1-100", "integer", "101", False),
        ("yes,no", "string", "maybe", False),
        ("yes,no", "string", "yes", True),
        ("", "string", "anything", True),
        ("any text, really", "string", "anything", True),
        ("twelve", "integer", "12", True),
    ],
)
def test_allowed_values_are_read_as_aws_writes_them(allowed, kind, value, fits):
    """Words, ranges and open ranges; what cannot be read is left to AWS."""
    parameter = ObservedParameter("x", allowed_values=allowed, data_type=kind)
    assert (value_problem(parameter, value) == "") is fits


VALUES = {
    "maxmemory-policy": ["noeviction", "allkeys-lru", "volatile-lru"],
    "timeout": ["0", "20", "300"],
    "databases": ["16", "32"],
    "slowlog-max-len": ["128", "256"],
}
parameter_maps = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in VALUES.items()}
)


@settings(max_examples=15)
@given(parameter_maps, parameter_maps, parameter_maps, st.integers(0, 3))
def test_any_declaration_is_reached_and_foreign_parameters_stay(before, after, foreign, cut):
    """From any applied state, with any edit by hand, even when a pass dies after some calls."""
    world = RedisWorld()
    world.converge(redis(parameters=before))
    pairs = [{"ParameterName": n, "ParameterValue": v} for n, v in foreign.items()]
    if pairs:
        world.edit(
            "ModifyCacheParameterGroup", CacheParameterGroupName=NAME, ParameterNameValues=pairs
        )
    world.pass_over(redis(parameters=after), at_most=cut)
    world.timeline.advance(60)
    plan = world.converge(redis(parameters=after))
    assert plan.in_sync
    live = world.cache.parameters(NAME)
    effective = live.effective()
    assert {n: effective[n] for n in after} == after
    untouched = foreign.keys() - before.keys() - after.keys()
    assert {n: live.values.get(n) for n in untouched} == {n: foreign[n] for n in untouched}
    world.take()
    world.pass_over(redis(parameters=after))
    assert world.did() == []
