"""One thread that moves ElastiCache along with the clock and keeps its servers. Made by `server`."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from reconciler.local.elasticache import changes
from reconciler.local.elasticache.servers import CacheServers, find_server, wanted_servers
from reconciler.local.elasticache.state import CacheWorld

_LOG = logging.getLogger(__name__)


class CacheAgent:
    """Steps a world on every tick. Every server is gone when `stop` returns, or the program ends."""

    def __init__(self, world: CacheWorld, directory: Path) -> None:
        self._world = world
        self.servers = CacheServers(find_server(), directory)
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cache-agent", daemon=True)

    def start(self) -> None:
        """Begin; from now on an operation returns when its servers listen."""
        self._world.follow = self._follow
        self._thread.start()

    def stop(self) -> None:
        """Stop and end every server."""
        self._halt.set()
        if self._thread.is_alive():
            self._thread.join()
        self._world.follow = None
        self.servers.close()

    def _follow(self) -> None:
        self.servers.sync(wanted_servers(self._world))

    def _run(self) -> None:
        while not self._halt.wait(self._world.times.tick.total_seconds()):
            try:
                with self._world.lock:
                    changes.step(self._world)
                    self._follow()
            except Exception:  # noqa: BLE001 - a bug here must not stop the whole world
                _LOG.exception("the embedded ElastiCache stumbled; it goes on with the next tick")
