"""One Redis group with everything that is known of it. Made by `plan.planner`, read by this package.

The ledger's memory of a group is {"group", "parameterGroup", "sent"}: what was applied, and what was
sent and cannot be seen yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.desired import DesiredApp, DesiredParameterGroup, DesiredRedis
from reconciler.model.diagnostics import Origin
from reconciler.model.names import Path
from reconciler.model.observed import ObservedApp, ObservedRedis
from reconciler.model.plan import ApiCall, Change, Effect, Why
from reconciler.plan.changes import origin_of
from reconciler.plan.lookup_news import moved_among
from reconciler.plan.mask import is_sensitive, mask_value
from reconciler.plan.ownership import ownership_tags
from reconciler.shapes.botocore_model import input_of
from reconciler.shapes.casing import to_wire
from reconciler.shapes.redis_tables import ELASTICACHE

ABSENT = ObservedRedis()
_PARAMETER_GROUP: Path = ("parameterGroup",)
_ONLY_NAMED = frozenset({"replicationGroupId", "cacheParameterGroupName"})


@dataclass(frozen=True)
class RedisSubject:
    """One group: what the files say, what AWS says, what we remember."""

    app: DesiredApp
    redis: DesiredRedis
    observed: ObservedApp

    @property
    def live(self) -> ObservedRedis:
        """The live group; its status is empty when there is none."""
        return self.observed.redis.get(self.redis.name, ABSENT)

    @property
    def applied(self) -> Mapping[str, Any]:
        """What the ledger remembers, empty when it knows nothing of this very group."""
        record = self.observed.ledger.resources.get(str(self.redis.address))
        return memory_of(self.redis, record.applied if record else {})

    @property
    def is_managed(self) -> bool:
        """Whether the group is ours to look after."""
        return is_managed(self.redis)

    @property
    def group_id(self) -> str:
        """The group's name in AWS."""
        return str(self.redis.group["replicationGroupId"]).lower()

    @property
    def ownership(self) -> dict[str, str]:
        """The tags that mark what is ours."""
        return ownership_tags(self.app.key, self.redis.address)

    def change(self, path: Path, values: tuple[Any, Any], effect: Effect, why: Why) -> Change:
        """Return a change from what is to what is wanted, masked, with its line."""
        observed, desired = values
        full = path if path[:1] == _PARAMETER_GROUP else ("group", *path)
        return Change(
            path=".".join(path),
            observed=mask_value(path, observed),
            desired=mask_value(path, desired),
            why=Why.LOOKUP if why is Why.GIT and self._has_moved(full) else why,
            effect=effect,
            origin=None if why is Why.REMOVED else self._origin(full),
            sensitive=any(is_sensitive(path, value) for value in values),
        )

    def _has_moved(self, path: Path) -> bool:
        """Say whether what stands there is from a look-up that has changed since it was applied."""
        before = self.observed.ledger.lookups.get(str(self.redis.address), {})
        names = self.redis.looked_up.get(path, ())
        return bool(moved_among(names, self.observed.lookups, before))

    def _origin(self, path: Path) -> Origin | None:
        if path == ("group", "cacheParameterGroupName") and path not in self.redis.origins:
            path = _PARAMETER_GROUP
        return origin_of(self.redis.origins, path)


def is_managed(redis: DesiredRedis) -> bool:
    """Say whether the files say more of a group than which one it is and what it is attached to.

    Else somebody else looks after it: it is never created, tagged or taken for ours.
    """
    return bool(redis.group.keys() - _ONLY_NAMED)


def memory_of(redis: DesiredRedis, applied: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is remembered, nothing when it is about another group of the same address."""
    known = applied.get("group", {}).get("replicationGroupId")
    return applied if known == redis.group.get("replicationGroupId") else {}


def owned_parameters(mine: DesiredParameterGroup, applied: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the parameters that we set in this very parameter group, as we set them."""
    known = applied.get("parameterGroup") or {}
    parameters: Mapping[str, str] = known.get("parameters", {})
    return parameters if known.get("name") == mine.name else {}


def call_of(
    kind: str, operation: str, document: Mapping[str, Any], changes: tuple[Change, ...] = ()
) -> ApiCall:
    """Return a call with its input as the ELASTICACHE spells it; `changes` are for the journal."""
    return ApiCall(
        kind=kind,
        operation=operation,
        parameters=to_wire(input_of(operation, ELASTICACHE), document),
        before={c.path: c.observed for c in changes if c.observed is not None},
        after={c.path: c.desired for c in changes},
    )
