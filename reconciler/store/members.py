"""Members: processes that may own apps, their heartbeats, and how the others learn of a death.

One heartbeat per process, not per app. A heartbeat is a counter; whoever sees it unchanged for 1.25
leases on its own suspend-aware clock declares the member dead, for ever. Wall clocks decide nothing.
`controller` calls `beat` and `watch` in turn; `check` is the fence handed to `aws.fenced`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from reconciler.aws.door import Aws
from reconciler.aws.items import from_item, to_item, to_value
from reconciler.aws.translate import expect
from reconciler.model.clock import Clock
from reconciler.model.errors import ConditionFailed, LeaseLost
from reconciler.model.names import AppKey
from reconciler.store.fields import SCHEMA, Fields
from reconciler.store.tables import Tables

HEARTBEAT = timedelta(seconds=5)
LEASE = timedelta(seconds=30)
MARGIN = timedelta(seconds=10)
RATE_ALLOWANCE = 1.25
"""Two hosts' clocks may differ in rate by this much before a takeover could come early."""
_KEPT = timedelta(days=7)
_CALL = timedelta(seconds=10)


@dataclass(frozen=True)
class MembersView:
    """What one look at the members showed. `wants` maps an app to the member that asks for it."""

    dead: frozenset[str] = frozenset()
    alive: frozenset[str] = frozenset()
    wants: Mapping[AppKey, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Sighting:
    """A heartbeat counter (None: the member has no item) and the boot second when it was first seen."""

    beat: int | None
    since: float
    lease: float


class Member:
    """One process among the members. `id` is `<host>#<incarnation>`; a dead incarnation never comes back.

    `aws` is the unfenced door. `join`, `beat` and `watch` belong to one thread, `check` to any.
    """

    def __init__(  # noqa: PLR0913 - identity and timing, all given by `app`
        self,
        aws: Aws,
        tables: Tables,
        clock: Clock,
        host: str,
        *,
        incarnation: str | None = None,
        lease: timedelta = LEASE,
    ) -> None:
        self.id = f"{host}#{incarnation or secrets.token_hex(16)}"
        self.view = MembersView()
        self.wants: set[AppKey] = set()
        self._aws = aws.within(_CALL)
        self._tables = tables
        self._clock = clock
        self._lease = lease.total_seconds()
        self._margin = min(MARGIN.total_seconds(), self._lease / 3)
        self._beats = count(2)
        self._deadline = float("-inf")
        self._gone = "it has not joined"
        self._sightings: dict[str, _Sighting] = {}
        self._suspects: set[str] = set()

    def join(self) -> None:
        """Become a member (T0). Raises LeaseLost when the incarnation is taken, AwsError."""
        before = self._clock.boot_seconds()
        item = {
            **self._key(self.id),
            "hb": 1,
            "ms": int(self._lease * 1000),
            "exp": self._expiry(),
            "wants": sorted(self.wants),
            "v": SCHEMA,
        }
        try:
            self._aws.call(
                "dynamodb",
                "PutItem",
                TableName=self._tables.state,
                Item=to_item(item),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as error:
            # An incarnation is 128 random bits: an item in its first state is our own, answer lost.
            found = error.items[0] if error.items else None
            if found is None or "dead" in found or found.get("hb") != 1:
                raise self._lost("its name is taken") from error
        self._gone = ""
        self._extend(before)

    def beat(self) -> None:
        """Send a heartbeat (T1) and with it what this member wants.

        Raises LeaseLost when another has declared this member dead, or its item is gone; AwsError when
        AWS did not acknowledge, which leaves the local deadline where it was.
        """
        if self._gone:
            raise self._lost(self._gone)
        before = self._clock.boot_seconds()
        number = next(self._beats)
        try:
            self._update(
                self.id,
                "SET hb = :hb, exp = :exp, wants = :wants",
                "attribute_exists(pk) AND attribute_not_exists(dead) AND hb < :hb",
                {":hb": number, ":exp": self._expiry(), ":wants": sorted(self.wants)},
            )
        except ConditionFailed as error:
            found = error.items[0] if error.items else None
            if found is None:
                raise self._lost("its item is gone") from error
            if "dead" in found:
                raise self._lost(f"{found['dead']} declared it dead") from error
            if found.get("hb") != number:
                return  # a later beat of ours was faster: this one proves nothing about time
        self._extend(before)

    def check(self) -> None:
        """Pass if this member may act: the fence. Raises LeaseLost past the local deadline.

        The deadline is the boot second before the last acknowledged heartbeat was sent, plus the
        lease, minus a margin of 10 s for a request that is already on its way.
        """
        if self._gone:
            raise self._lost(self._gone)
        late = self._clock.boot_seconds() - self._deadline
        if late >= 0:
            raise LeaseLost(
                f"{self.id} may not act: no heartbeat was acknowledged in time ({late:.0f} s late)"
            )

    def watch(self) -> MembersView:
        """Look at all members, declare dead those that have not beaten for 1.25 leases (T2).

        The view is also kept as `self.view`. Raises AwsError.
        """
        before = self._clock.boot_seconds()
        items = self._query()
        after = self._clock.boot_seconds()
        self._suspects -= items.keys()
        dead: set[str] = set()
        alive: set[str] = set()
        wants: dict[AppKey, str] = {}
        for name in sorted(items.keys() | self._suspects):
            item = items.get(name)
            if name == self.id:
                self._notice(item)
            elif (item is not None and "dead" in item) or self._outlived(name, item, before, after):
                dead.add(name)
                self._sightings.pop(name, None)
            elif item is not None:
                alive.add(name)
                wants |= {app: name for app in item.get("wants", ()) if app not in wants}
        self._sightings = {n: s for n, s in self._sightings.items() if n in alive | self._suspects}
        if not self._gone:
            alive.add(self.id)
        self.view = MembersView(frozenset(dead), frozenset(alive), wants)
        return self.view

    def leave(self) -> None:
        """Declare oneself dead, so that nobody waits for this member. Raises AwsError."""
        if self._gone:
            return
        self._gone = "it has left"
        self._declare(self.id, "hb < :hb", {":hb": next(self._beats)})

    def is_dead(self, member: str | None) -> bool:
        """Return whether the last look showed `member` dead; one without an item gets observed."""
        if member is None or member in self.view.dead:
            return True
        if member not in self.view.alive and member != self.id:
            self._suspects.add(member)
        return False

    def longest_wait(self, member: str) -> timedelta:
        """Return how long it takes at most to learn that `member` is dead, if it is."""
        sighting = self._sightings.get(member)
        lease = sighting.lease if sighting else self._lease
        seen = self._clock.boot_seconds() - sighting.since if sighting else 0.0
        left = max(0.0, lease * RATE_ALLOWANCE - seen)
        return timedelta(seconds=left) + HEARTBEAT

    def _outlived(
        self, name: str, item: Mapping[str, Any] | None, before: float, after: float
    ) -> bool:
        """Return whether `name` is dead now because its heartbeat stood still for long enough.

        Seen first *after* that read and still there *before* this one: the true time is not shorter.
        """
        beat, lease = None, self._lease
        if item is not None:
            fields = Fields(self._tables.state, f"M {name}", item)
            beat, lease = fields.integer("hb"), fields.integer("ms") / 1000
        sighting = self._sightings.get(name)
        if sighting is None or sighting.beat != beat:
            self._sightings[name] = _Sighting(beat, after, lease)
            return False
        if before - sighting.since < sighting.lease * RATE_ALLOWANCE:
            return False
        if beat is None:
            return self._declare(name, "attribute_not_exists(pk)", {})
        return self._declare(name, "hb = :hb", {":hb": beat})

    def _declare(self, name: str, condition: str, values: Mapping[str, Any]) -> bool:
        """Mark `name` dead under the condition (T2); return whether it is dead now, by whomever."""
        try:
            self._update(
                name,
                "SET dead = :by, exp = :exp, v = :v, hb = if_not_exists(hb, :zero)",
                f"{condition} AND attribute_not_exists(dead)",
                {**values, ":by": self.id, ":exp": self._expiry(), ":v": SCHEMA, ":zero": 0},
            )
        except ConditionFailed as error:
            found = error.items[0] if error.items else None
            return found is not None and "dead" in found
        return True

    def _notice(self, item: Mapping[str, Any] | None) -> None:
        if not self._gone and item is not None and "dead" in item:
            self._gone = f"{item['dead']} declared it dead"

    def _query(self) -> dict[str, dict[str, Any]]:
        pages: Iterable[Mapping[str, Any]] = self._aws.pages(
            "dynamodb",
            "Query",
            TableName=self._tables.state,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": to_value("M")},
            ConsistentRead=True,
        )
        items = (
            from_item(item)
            for page in pages
            for item in expect(page, "Items", operation="dynamodb:Query")
        )
        return {str(item["sk"]): item for item in items}

    def _update(
        self, name: str, expression: str, condition: str, values: Mapping[str, Any]
    ) -> None:
        self._aws.call(
            "dynamodb",
            "UpdateItem",
            TableName=self._tables.state,
            Key=to_item(self._key(name)),
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeValues=to_item(values),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _extend(self, before: float) -> None:
        self._deadline = max(self._deadline, before + self._lease - self._margin)

    def _expiry(self) -> int:
        """Return when DynamoDB may collect the item, in seconds since 1970: it decides nothing."""
        return int((self._aws.now() + _KEPT).timestamp())

    def _lost(self, why: str) -> LeaseLost:
        self._gone = why
        return LeaseLost(f"{self.id} may not act any more: {why}")

    @staticmethod
    def _key(name: str) -> dict[str, str]:
        return {"pk": "M", "sk": name}
