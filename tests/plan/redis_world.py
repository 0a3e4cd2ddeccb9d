"""One app's Redis on a fake ElastiCache, with the product's reader and verbs and a ledger in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.aws.door import Aws
from reconciler.aws.operations import is_mutating
from reconciler.model.desired import DesiredApp, DesiredParameterGroup, DesiredRedis
from reconciler.model.names import Address
from reconciler.model.observed import LedgerView, ObservedApp, ResourceRecord
from reconciler.model.plan import Plan, ResourceRequest, Step, Verb
from reconciler.plan.planner import make_plan
from reconciler.resources.kinds import kind_named
from reconciler.resources.redis import RedisReader
from tests.fakes.elasticache import SLOW, FakeElastiCache
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport
from tests.plan.builders import KEY, an_app

GROUP: dict[str, Any] = {
    "replicationGroupId": "shop-production",
    "engine": "redis",
    "engineVersion": "6.2",
    "cacheNodeType": "cache.t3.micro",
    "replicasPerNodeGroup": 1,
    "automaticFailoverEnabled": True,
}


def redis(name: str = "main", *, at_once: bool = False, **fields: Any) -> DesiredRedis:
    """Return a group as `source` makes it; `parameters` and `family` give it a parameter group."""
    parameters, family = fields.pop("parameters", None), fields.pop("family", "redis6.x")
    own = fields.pop("parameter_group", "shop-production")
    group = {k: v for k, v in {**GROUP, **fields}.items() if v is not None}
    made = None
    if parameters is not None:
        made = DesiredParameterGroup(own, family, {k: str(v) for k, v in parameters.items()})
        group["cacheParameterGroupName"] = own
    return DesiredRedis(Address("redis", name), group, made, at_once)


def named(parameters: dict[str, Any] | None = None, **fields: Any) -> DesiredRedis:
    """Return a group of which only the id is declared, and perhaps a parameter group."""
    empty = dict.fromkeys(GROUP.keys() - {"replicationGroupId"})
    return redis(parameters=parameters, **{**empty, **fields})


class RedisWorld:
    """Fake AWS, fake ledger. `calls` are the operations since the last `take`."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.cache = FakeElastiCache(self.timeline, SLOW)
        self.transport = FakeTransport(self.timeline, {"elasticache": self.cache.handle})
        self.aws = Aws(self.transport, self.timeline)
        self.reader = RedisReader()
        self.ledger = LedgerView(key=KEY)

    def app(self, *groups: DesiredRedis, **fields: Any) -> DesiredApp:
        """Return an app of Redis groups; its content hash follows from them."""
        return replace(an_app(), redis=groups, content_hash=repr(groups), **fields)

    def observe(self, app: DesiredApp) -> ObservedApp:
        """Return what the planner gets."""
        found = self.reader.read(self.aws, app, self.ledger)
        return ObservedApp(app.key, {}, {}, {}, redis=found, ledger=self.ledger)

    def plan(self, *groups: DesiredRedis) -> Plan:
        """Plan without acting, on a new reading."""
        self.reader = RedisReader()
        app = self.app(*groups)
        return make_plan(app, self.observe(app))

    def pass_over(self, *groups: DesiredRedis, at_most: int = 1000) -> Plan:
        """Plan and carry out what is free, at most so many calls."""
        plan = self.plan(*groups)
        for step in plan.steps:
            if not step.blocked and isinstance(step.request, ResourceRequest):
                at_most -= self._carry_out(step, step.request, at_most)
        return plan

    def _carry_out(self, step: Step, request: ResourceRequest, at_most: int) -> int:
        for number, call in enumerate(request.calls):
            if number == at_most:
                return number
            kind_named(call.kind).calls[call.operation](self.aws, call.operation, call.parameters)
        records = dict(self.ledger.resources)
        records[str(step.address)] = ResourceRecord(str(step.address), request.applied)
        sequence = self.ledger.sequence + 1
        self.ledger = replace(self.ledger, resources=records, sequence=sequence)
        return len(request.calls)

    def converge(self, *groups: DesiredRedis, passes: int = 40) -> Plan:
        """Make passes, with AWS's time between them, until there is nothing to do."""
        for _ in range(passes):
            plan = self.pass_over(*groups)
            if all(s.verb is Verb.NONE and not s.request and not s.health for s in plan.steps):
                return plan
            self.timeline.advance(120)
        raise AssertionError(f"not converged: {plan.steps}")

    def take(self) -> list[str]:
        """Return the operations sent since the last time."""
        found = self.transport.operations()
        self.transport.calls.clear()
        return found

    def did(self) -> list[str]:
        """Return the mutating ones of them."""
        return [operation for operation in self.take() if is_mutating(operation)]

    def edit(self, operation: str, **params: Any) -> None:
        """Change something by hand, as in the console."""
        self.cache.handle(operation, params)
        self.transport.calls.clear()
