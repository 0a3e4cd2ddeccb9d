"""Look-ups of a Redis group: a value that is another one now is the reason, not the files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.lookups import Deferred, Lookup, names_in
from reconciler.model.observed import ObservedApp
from reconciler.model.plan import Plan, Why
from reconciler.plan.lookups import filled
from reconciler.plan.planner import make_plan
from tests.plan.redis_world import RedisWorld, redis

POLICY, NODE = "ssm:/shop/policy", "ssm:/shop/node"


def plan(world: RedisWorld, remembered: dict[str, str | None], now: dict[str, str]) -> Plan:
    """Plan a group whose policy and node type are looked up."""
    policy = Deferred((Lookup(POLICY, default=("noeviction",)),))
    group = redis(parameters={"maxmemory-policy": "x"}, cacheNodeType=Deferred((Lookup(NODE),)))
    made = replace(group.parameter_group, parameters={"maxmemory-policy": policy})
    group = replace(group, parameter_group=made)
    names = frozenset(names_in([group.group, made.parameters]))
    app = replace(world.app(group), lookups=names)
    values = {POLICY: now[POLICY], NODE: now[NODE]}
    ledger = replace(world.ledger, lookups={"redis/main": remembered})
    app = filled(app, values, ledger.lookups)
    found = world.reader.read(world.aws, app, world.ledger)
    observed = ObservedApp(app.key, {}, {}, {}, redis=found, ledger=ledger, lookups=values)
    return make_plan(app, observed)


@pytest.mark.parametrize(
    ("then", "why"),
    [("noeviction", Why.LOOKUP), (None, Why.LOOKUP), ("allkeys-lru", Why.GIT)],
)
def test_a_parameter_that_moved_says_lookup(then: str | None, why: Why) -> None:
    """Also where a default stood in; a value that is what it was is not the reason."""
    world = RedisWorld()
    world.converge(redis(parameters={"maxmemory-policy": "noeviction"}))
    now = {POLICY: "allkeys-lru", NODE: "cache.t3.micro"}
    [change] = plan(world, {POLICY: then, NODE: "cache.t3.micro"}, now).steps[0].changes
    assert (change.path, change.why) == ("parameterGroup.parameters.maxmemory-policy", why)


def test_a_field_that_moved_says_lookup() -> None:
    """Of a field of the group likewise."""
    world = RedisWorld()
    world.converge(redis(parameters={"maxmemory-policy": "noeviction"}))
    now = {POLICY: "noeviction", NODE: "cache.t3.small"}
    [change] = plan(world, {POLICY: None, NODE: "cache.t3.micro"}, now).steps[0].changes
    assert (change.path, change.why) == ("cacheNodeType", Why.LOOKUP)
