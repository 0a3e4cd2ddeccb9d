"""The Redis groups of one app, read in as few calls as can be. Called by `resources.observe`.

In the steady state it costs four calls for a group whose parameter group is ours, three for another,
one for a group that is only referred to; while nothing is done, a reading serves for a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.aws.door import Aws
from reconciler.model.desired import DesiredApp, DesiredParameterGroup, DesiredRedis
from reconciler.model.errors import NotFound
from reconciler.model.observed import (
    LedgerView,
    ObservedParameter,
    ObservedParameterGroup,
    ObservedRedis,
)
from reconciler.plan.queues import needs_live_policy
from reconciler.plan.redis.parameters import differing
from reconciler.plan.redis.subject import is_managed, memory_of, owned_parameters
from reconciler.resources import parameter_group as parameters
from reconciler.resources import replication_group as groups
from reconciler.resources.parameter_group import parameter_group
from reconciler.resources.replication_group import replication_group
from reconciler.shapes.redis_tables import DEFAULT_GROUPS

FRESH_SECONDS = 15.0
"""How long a reading serves while we do nothing: a rollout is looked at every other second, a group not."""

_REFERENCE = frozenset({"replicationGroupId"})
_COMING_OR_GOING = frozenset({"creating", "deleting", "create-failed"})


class RedisReader:
    """Reads groups; remembers the families of parameters, and a reading for as long as it is fresh."""

    def __init__(self) -> None:
        """Start with nothing remembered."""
        self._families: dict[str, dict[str, ObservedParameter]] = {}
        self._readings: dict[str, tuple[tuple[str, int], float, dict[str, ObservedRedis]]] = {}

    def read(self, aws: Aws, desired: DesiredApp, ledger: LedgerView) -> dict[str, ObservedRedis]:
        """Return the app's groups by section key; absent ones have an empty status.

        A reading is used again while the files and our journal are where they were: whatever we did
        since would be in the journal.
        """
        if not desired.redis:
            return {}
        state = (desired.content_hash, ledger.sequence)
        now = aws.clock.boot_seconds()
        known = self._readings.get(desired.key)
        if known is not None and known[0] == state and now - known[1] < FRESH_SECONDS:
            return known[2]
        found = {
            group.name: ObservedRedis()
            if group.unresolved
            else self._one(aws, desired, group, ledger)
            for group in desired.redis
        }
        self._readings[desired.key] = (state, now, found)
        return found

    def _one(
        self, aws: Aws, desired: DesiredApp, group: DesiredRedis, ledger: LedgerView
    ) -> ObservedRedis:
        name = str(group.group["replicationGroupId"])
        judged = needs_live_policy(desired, group)
        if group.group.keys() == _REFERENCE and not judged:
            told = groups.described(aws, name)
            return groups.observed_redis(told, None) if told else ObservedRedis()
        live = replication_group.observe(aws, "", [name]).get(name, ObservedRedis())
        if live.arn and is_managed(group) and live.status not in _COMING_OR_GOING:
            live = replace(live, tags=groups.tags(aws, live))
        if judged:
            return self._judged(aws, live)
        if group.parameter_group is None or live.status == "creating":
            return live
        record = ledger.resources.get(str(group.address))
        applied = memory_of(group, record.applied if record else {})
        return replace(live, parameter_group=self._parameters(aws, group.parameter_group, applied))

    def _judged(self, aws: Aws, live: ObservedRedis) -> ObservedRedis:
        """Add the parameters of the attached group, which is not ours: a queue is judged by them."""
        attached = str(live.group.get("cacheParameterGroupName", ""))
        if not attached or attached.startswith(DEFAULT_GROUPS):
            return live
        found = parameter_group.observe(aws, "", [attached]).get(attached)
        return replace(live, parameter_group=found)

    def _parameters(
        self, aws: Aws, mine: DesiredParameterGroup, applied: Mapping[str, object]
    ) -> ObservedParameterGroup:
        """Read the parameter group, and more of it only where something may have to be done."""
        live = parameter_group.observe(aws, "", [mine.name]).get(mine.name)
        if live is None:
            details = self._family(aws, mine.family)
            return ObservedParameterGroup(mine.name, exists=False, details=details)
        remembered = applied.get("parameterGroup")
        known = remembered if isinstance(remembered, Mapping) else {}
        if known.get("name") != mine.name or known.get("family") != mine.family:
            family, arn, tags = parameters.identity(aws, mine.name)
            live = replace(live, family=family, arn=arn, tags=tags)
        owned = owned_parameters(mine, applied)
        if any(differing(mine, owned, live)):
            live = replace(live, details=self._family(aws, live.family or mine.family))
        if any(differing(mine, owned, live)):
            live = replace(live, used_by=groups.users_of(aws, mine.name))
        return live

    def _family(self, aws: Aws, family: str) -> Mapping[str, ObservedParameter] | None:
        if not family:
            return None
        if family not in self._families:
            try:
                self._families[family] = parameters.family(aws, family)
            except NotFound:  # AWS will say so when the group is made
                return None
        return self._families[family]
