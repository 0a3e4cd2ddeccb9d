"""ElastiCache at the Transport seam: the embedded one's rules on the tests' clock, without wire and servers.

What it answers goes through botocore's own parser of the Query protocol, so that a member that is not in
AWS's model, or is missing where AWS leaves it out, is seen by the code as it would be on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import botocore.parsers

from reconciler.aws.translate import from_code
from reconciler.local.elasticache import changes, wire
from reconciler.local.elasticache.dispatch import answer
from reconciler.local.elasticache.errors import CacheError
from reconciler.local.elasticache.state import CacheWorld, ParameterGroup, Region, ReplicationGroup
from reconciler.local.times import Times
from reconciler.model.clock import Clock
from tests.fakes.small import ACCOUNT

REGION = "ap-northeast-1"
SLOW = Times(
    cache_creating=timedelta(minutes=8),
    cache_modifying=timedelta(minutes=10),
    cache_applying=timedelta(seconds=30),
    cache_deleting=timedelta(minutes=5),
)
"""What AWS takes, about."""


class FakeElastiCache:
    """One account's ElastiCache. `group` and `parameters` are for looking behind the API."""

    def __init__(self, clock: Clock, times: Times = SLOW) -> None:
        self.world = CacheWorld(clock, times)
        self.scope = (ACCOUNT, REGION)

    def handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one operation as botocore would hand it over."""
        try:
            document = answer(self.world, self.scope, operation, params)
        except CacheError as error:
            status = 404 if "NotFound" in error.code else 400
            name = f"elasticache:{operation}"
            raise from_code(name, error.code, error.message, status=status) from error
        if operation == "CreateReplicationGroup":
            self._listen_as_declared(str(params["ReplicationGroupId"]).lower())
        return _parsed(operation, document)

    @property
    def region(self) -> Region:
        return self.world.region(self.scope)

    def group(self, name: str) -> ReplicationGroup:
        """Return a group's state."""
        return self.region.replication_groups[name]

    def parameters(self, name: str) -> ParameterGroup:
        """Return a parameter group's state."""
        return self.region.parameter_groups[name]

    def open_window(self, name: str) -> None:
        """Let the maintenance window of a group open now."""
        changes.open_window(self.world, name)

    def _listen_as_declared(self, name: str) -> None:
        group = self.group(name)
        place = ("127.0.0.1", int(group.settings["Port"]))
        group.places = dict.fromkeys(group.places, place)


def _parsed(operation: str, document: Mapping[str, Any]) -> dict[str, Any]:
    shape = wire._model().operation_model(operation).output_shape
    body = wire.answer(operation, document)
    parser = botocore.parsers.QueryParser()
    found = parser.parse({"body": body, "headers": {}, "status_code": 200}, shape)
    return {k: v for k, v in found.items() if k != "ResponseMetadata"}
