"""What the fields of one `redis:` group may be together. Called by `redis`, which has typed them.

ElastiCache refuses the same, minutes later and without a line number. Sources: [M] the documentation
text inside botocore's model of CreateReplicationGroup and CreateCacheParameterGroup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.model.desired import DesiredRedis
from reconciler.model.names import Path
from reconciler.shapes.redis_tables import DEFAULT_GROUPS, family_of
from reconciler.source.nodes import Mapping, Node, Place, node_at
from reconciler.source.report import Report, show

_GROUP_ID = re.compile(r"[a-z]([a-z0-9]|-(?!-|$)){0,39}")
_PARAMETER_GROUP = re.compile(r"[a-z]([a-z0-9.]|-(?!-|$)){0,254}")
_DAY = r"(mon|tue|wed|thu|fri|sat|sun)"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_WEEKLY = re.compile(rf"{_DAY}:{_TIME}-{_DAY}:{_TIME}")
_DAILY = re.compile(rf"{_TIME}-{_TIME}")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+){0,2}|[0-9]+\.x")
_FORMS = {
    "replicationGroupId": (
        _GROUP_ID,
        "a group's id: 1 to 40 letters, digits and single '-', a letter first",
    ),
    "cacheParameterGroupName": (
        _PARAMETER_GROUP,
        "a parameter group's name: letters, digits and single '-', a letter first",
    ),
    "preferredMaintenanceWindow": (_WEEKLY, "a weekly window in UTC, as sun:05:00-sun:06:00"),
    "snapshotWindow": (_DAILY, "a daily window in UTC, as 03:00-04:00"),
    "engineVersion": (_VERSION, "a version, as 7.1"),
    "cacheNodeType": (re.compile(r"cache\.[a-z0-9-]+\.[a-z0-9]+"), "as cache.t4g.small"),
}
_ENGINES = ("redis", "valkey")
_OURS = {"name": "cacheParameterGroupName", "family": "cacheParameterGroupFamily"}


@dataclass(frozen=True)
class RedisChecks:
    """The checks of one group; `place` is its key, `written` its tree."""

    redis: DesiredRedis
    place: Place
    written: Mapping
    report: Report

    def run(self) -> None:
        """Report everything that is wrong."""
        group = self.redis.group
        if "replicationGroupId" not in group and not self.written.get("replicationGroupId"):
            self._say((), "'replicationGroupId' is required", "required", place=self.place)
        for name, (pattern, form) in _FORMS.items():
            value = group.get(name)
            if _known(value) and not pattern.fullmatch(str(value)):
                self._say((name,), f"{show(str(value))} is not {form}", "invalid-value")
        engine = group.get("engine")
        if _known(engine) and engine not in _ENGINES:
            self._say(("engine",), f"{show(str(engine))} is not one of redis, valkey", "enum")
        for name, message in self._contradictions():
            self._say((name,), message, "invalid-value")
        self._parameter_group()

    def _contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield each field that cannot be with another one, and why [M CreateReplicationGroup]."""
        group = self.redis.group
        replicas, nodes = group.get("replicasPerNodeGroup"), group.get("numCacheClusters")
        shards = group.get("numNodeGroups", 1)
        failover, zones = group.get("automaticFailoverEnabled"), group.get("multiAZEnabled")
        if replicas is not None and nodes is not None:
            yield (
                "numCacheClusters",
                "counts the same as replicasPerNodeGroup: write one of the two",
            )
        if nodes is not None and shards != 1:
            yield "numCacheClusters", "is for one node group: write replicasPerNodeGroup"
        if failover is True and (replicas == 0 or nodes == 1):
            yield "automaticFailoverEnabled", "needs a replica to fail over to"
        if zones is True and failover is False:
            yield "multiAZEnabled", "needs automaticFailoverEnabled: true"
        if failover is False and shards != 1:
            yield "automaticFailoverEnabled", "must be true with more than one node group"
        if "transitEncryptionMode" in group and group.get("transitEncryptionEnabled") is False:
            yield "transitEncryptionMode", "needs transitEncryptionEnabled: true"

    def _parameter_group(self) -> None:
        """Check our own parameter group: its family, and that it is not AWS's [M]."""
        mine, group = self.redis.parameter_group, self.redis.group
        if mine is None:
            return
        if mine.name.startswith(DEFAULT_GROUPS):
            message = (
                f"{show(mine.name)} is AWS's own and cannot be changed: give yours a name of its own, "
                "with cacheParameterGroupFamily"
            )
            self._ours("name", message, "invalid-value")
        wanted = family_of(str(group.get("engine", "")), str(group.get("engineVersion", "")))
        if mine.family and wanted and not _fits(mine.family, wanted):
            message = (
                f"{show(mine.family)} does not fit {group['engine']} {group['engineVersion']}: "
                f"that is {wanted}"
            )
            self._ours("family", message, "invalid-value")
        for name, value in mine.parameters.items():
            if not value.strip():
                path = ("parameterGroup", "parameters", name)
                self._say(path, "has no value; null leaves it out", "invalid-value")

    def _ours(self, word: str, message: str, rule: str) -> None:
        node = self.written.get("parameterGroup")
        path: Path = (
            ("parameterGroup", _OURS[word]) if isinstance(node, Mapping) else ("parameterGroup",)
        )
        self._say(path, message, rule)

    def _say(self, path: Path, message: str, rule: str, *, place: Place | None = None) -> None:
        label = ".".join(("redis", self.redis.name, *path))
        tree: Node = self.written
        if path == ("cacheParameterGroupName",) and path[0] not in self.written.entries:
            path = ("parameterGroup", "cacheParameterGroupName")
        self.report.error(place or node_at(tree, path), message, rule, path=label)


def _known(value: Any) -> bool:
    """Whether a value can be judged here: a text that waits for a look-up cannot."""
    return isinstance(value, str) and "${" not in value


def _fits(family: str, wanted: str) -> bool:
    """Whether a family is that of the version; a cluster-mode twin (`redis6.x.cluster.on`) is too."""
    return family.lower() == wanted or family.lower() == f"{wanted}.cluster.on"
