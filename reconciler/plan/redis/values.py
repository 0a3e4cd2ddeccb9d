"""What `${redis.NAME.…}` stands for: facts of the live group. Called for look-ups, with what was observed.

Pure. A group that is not there yet, or on its way out, has no values: whoever refers to it waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.model.observed import Endpoint, ObservedRedis

ATTRIBUTES: Final = frozenset(
    {
        "url",
        "readerUrl",
        "host",
        "port",
        "primaryEndpoint",
        "readerEndpoint",
        "configurationEndpoint",
        "tls",
        "replicationGroupId",
    }
)
"""What may follow `redis.NAME.`; a group without cluster mode has no configurationEndpoint."""

_NOT_READY: Final = frozenset({"", "creating", "create-failed", "deleting"})
"""Statuses in which an endpoint is absent or about to go [M ReplicationGroup.Status]."""


def redis_values(name: str, observed: ObservedRedis | None) -> Mapping[str, Any]:
    """Return the values of one group by their full names, `redis.main.url`; none while it is not ready.

    Endpoints are host names, `port` a number, `tls` true or false. With cluster mode the configuration
    endpoint stands for primary and reader. `url` begins with `rediss://` when the group encrypts in
    transit: a group in mode `preferred` takes both, so nobody has to be told when it becomes `required`.
    A group that is being modified keeps its endpoints, and therefore its values.
    """
    if observed is None or observed.status in _NOT_READY:
        return {}
    main = observed.configuration or observed.primary
    if main is None:
        return {}
    reader = observed.configuration or observed.reader or main
    tls = bool(observed.group.get("transitEncryptionEnabled", False))
    found: dict[str, Any] = {
        "url": _url(main, tls=tls),
        "readerUrl": _url(reader, tls=tls),
        "host": main.host,
        "port": main.port,
        "primaryEndpoint": main.host,
        "readerEndpoint": reader.host,
        "tls": tls,
        "replicationGroupId": str(observed.group.get("replicationGroupId", "")),
    }
    if observed.configuration is not None:
        found["configurationEndpoint"] = observed.configuration.host
    return {f"redis.{name}.{attribute}": value for attribute, value in found.items()}


def _url(endpoint: Endpoint, *, tls: bool) -> str:
    return f"{'rediss' if tls else 'redis'}://{endpoint.host}:{endpoint.port}"
