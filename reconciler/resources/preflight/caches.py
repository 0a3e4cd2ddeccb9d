"""ElastiCache: the subnet group of a replication group exists (elasticache:DescribeCacheSubnetGroups)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from reconciler.model.errors import NotFound
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import Question, Scope, Verdict, failed, gathered, ok


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask for each cache subnet group."""
    named = [
        (str(redis.group["cacheSubnetGroupName"]), redis.address)
        for redis in scope.redis
        if redis.group.get("cacheSubnetGroupName")
    ]
    for name, addresses in gathered(named).items():
        look = partial(_subnet_group, reader, name)
        yield Question(f"cache subnet group {name}", addresses, look)


def _subnet_group(reader: Reader, name: str) -> Verdict:
    try:
        answer = reader.ask("elasticache", "DescribeCacheSubnetGroups", CacheSubnetGroupName=name)
    except NotFound:
        return failed(f"there is no cache subnet group {name}")
    found: Mapping[str, Any] = next(iter(answer.get("CacheSubnetGroups", ())), {})
    return ok(f"in {found['VpcId']}") if found.get("VpcId") else ok("exists")
