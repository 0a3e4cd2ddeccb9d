"""The emulated ElastiCache as values: parameter groups, replication groups, their members.

Changed under `CacheWorld.lock` only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from reconciler.local.elasticache.families import CLUSTER_SUFFIX, FAMILIES, parameters_of
from reconciler.local.times import Times
from reconciler.model.clock import Clock

Document = dict[str, Any]
Scope = tuple[str, str]
"""Account and region."""
_KEPT_EVENTS = timedelta(days=14)


@dataclass
class ParameterGroup:
    """One cache parameter group; `values` are the customised ones."""

    arn: str
    name: str
    family: str
    description: str
    values: dict[str, str] = field(default_factory=dict)
    cluster_mode: bool = False
    tags: list[Document] = field(default_factory=list)

    @property
    def is_default(self) -> bool:
        """Whether AWS owns it."""
        return self.name.startswith("default.")

    def effective(self) -> dict[str, str]:
        """Return every parameter's value."""
        found = {name: p.default for name, p in parameters_of(self.family).items()}
        if self.cluster_mode:
            found["cluster-enabled"] = "yes"
        return found | self.values

    def static(self) -> dict[str, str]:
        """Return the values of the parameters that need a reboot."""
        known = parameters_of(self.family)
        return {n: v for n, v in self.effective().items() if known[n].change_type != "immediate"}


@dataclass
class Member:
    """One cache cluster of a replication group. `running` is what it started with."""

    id: str
    node_group: int
    created_at: datetime
    running: dict[str, str]
    status: str = "creating"
    ready_at: datetime | None = None
    applying_until: datetime | None = None


@dataclass
class Pending:
    """Modifications that wait: `due` is when they are applied, `values` by request member."""

    values: Document
    due: datetime


@dataclass
class ReplicationGroup:
    """One replication group; `settings` are declared fields with ElastiCache's defaults.

    `places` are the hosts and ports where the servers of its node groups listen on this machine.
    """

    arn: str
    id: str
    created_at: datetime
    settings: Document
    members: list[Member]
    tags: list[Document]
    status: str = "creating"
    ready_at: datetime | None = None
    pending: Pending | None = None
    applying: Document = field(default_factory=dict)
    places: dict[int, tuple[str, int]] = field(default_factory=dict)
    generation: int = 0
    """Grows when its servers must start anew, their contents lost."""
    auth_token: str = field(default="", repr=False)

    @property
    def available(self) -> bool:
        """Whether it can be modified."""
        return self.status == "available"


@dataclass
class SubnetGroup:
    """One cache subnet group."""

    arn: str
    name: str
    description: str
    subnets: list[str]
    tags: list[Document]


@dataclass
class Region:
    """All of ElastiCache in one account and region, by lower-case name."""

    scope: Scope
    parameter_groups: dict[str, ParameterGroup] = field(default_factory=dict)
    replication_groups: dict[str, ReplicationGroup] = field(default_factory=dict)
    subnet_groups: dict[str, SubnetGroup] = field(default_factory=dict)
    events: list[Document] = field(default_factory=list)

    def arn(self, kind: str, name: str) -> str:
        """Spell an ARN."""
        account, region = self.scope
        return f"arn:aws:elasticache:{region}:{account}:{kind}:{name}"


class CacheWorld:
    """ElastiCache in all accounts and regions, one lock, one clock."""

    def __init__(self, clock: Clock, times: Times) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.times = times
        self.regions: dict[Scope, Region] = {}
        self.follow: Callable[[], None] | None = None
        """Brings the servers to what the groups need; called under the lock."""

    def now(self) -> datetime:
        """Return the world's time."""
        return self.clock.now()

    def region(self, scope: Scope) -> Region:
        """Return a region; a new one holds AWS's default parameter groups."""
        if scope not in self.regions:
            region = Region(scope)
            for family in FAMILIES:
                for suffix in _suffixes(family):
                    name = f"default.{family}{suffix}"
                    region.parameter_groups[name] = ParameterGroup(
                        arn=region.arn("parametergroup", name),
                        name=name,
                        family=family,
                        description=f"Default parameter group for {family}",
                        cluster_mode=bool(suffix),
                    )
            self.regions[scope] = region
        return self.regions[scope]

    def every_group(self) -> list[tuple[Region, ReplicationGroup]]:
        """Return the replication groups of all regions."""
        return [(r, g) for r in self.regions.values() for g in r.replication_groups.values()]

    def note(self, region: Region, source: str, kind: str, message: str) -> None:
        """Put an event first in the region's list, which holds fourteen days."""
        now = self.now()
        event = {
            "SourceIdentifier": source,
            "SourceType": kind,
            "Message": message,
            "Date": now,
        }
        region.events[:] = [
            event,
            *(e for e in region.events if e["Date"] > now - _KEPT_EVENTS),
        ]


def _suffixes(family: str) -> tuple[str, ...]:
    """Return the endings of a family's default groups: cluster mode came with Redis 3.2."""
    return ("",) if family == "redis2.8" else ("", CLUSTER_SUFFIX)


def group_of(region: Region, settings: Mapping[str, Any]) -> ParameterGroup:
    """Return the parameter group of a replication group's settings."""
    return region.parameter_groups[str(settings["CacheParameterGroupName"])]
