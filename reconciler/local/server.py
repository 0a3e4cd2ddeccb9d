"""The embedded AWS as one object: endpoint, moto, ECS engine, faults. Used by tests and the CLI.

`with EmbeddedAws(images={"shop": Path("…")}) as aws: aws.seed(apps)`. Importing this module starts
and patches nothing. One at a time in a process, because moto's state belongs to the process.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from reconciler.local import launch
from reconciler.local.alarms import AlarmStates
from reconciler.local.awslogs import AwsLogs
from reconciler.local.clock import WorldClock
from reconciler.local.ecs.state import World
from reconciler.local.elasticache.agent import CacheAgent
from reconciler.local.elasticache.changes import open_window
from reconciler.local.elasticache.state import CacheWorld
from reconciler.local.endpoint import Endpoint, bind
from reconciler.local.engine import Engine
from reconciler.local.faults import Faults
from reconciler.local.front import Backends, Front
from reconciler.local.images import Images
from reconciler.local.log_streams import LogStreams
from reconciler.local.moto_backend import MotoBackend
from reconciler.local.pulls import Pulls
from reconciler.local.scaling import ScalingWorld
from reconciler.local.secret_values import SecretValues
from reconciler.local.seed import Seeder
from reconciler.local.targets import Targets
from reconciler.local.times import Times
from reconciler.model.clock import Clock
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import ReconcilerError, UsageError

DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "ap-northeast-1"
_ONE_AT_A_TIME = threading.Lock()
_MARKER = ".embedded-aws"
"""Marks a data folder as ours: only such a one is ever emptied."""


class EmbeddedAws:
    """AWS on this machine.

    `port` 0 means any; `images` maps image names to folders; `data_directory` is where the sample's
    database and the containers' data live, emptied at start; without it a temporary one is used and
    removed at the end. A folder that holds other files is refused. `account` is whom every request
    belongs to.
    """

    def __init__(  # noqa: PLR0913 - settings of one object, all named
        self,
        *,
        port: int = 0,
        images: Mapping[str, Path] | None = None,
        clock: Clock | None = None,
        times: Times | None = None,
        data_directory: Path | None = None,
        account: str = DEFAULT_ACCOUNT,
        region: str = DEFAULT_REGION,
        rng: random.Random | None = None,
    ) -> None:
        for name, folder in (images or {}).items():
            if not Path(folder).is_dir():
                raise UsageError(f"--image {name}={folder}: there is no such folder")
        self.port, self.account, self.region = port, account, region
        self.clock: Clock = clock or WorldClock()
        self.faults = Faults()
        self.images = Images(images or {})
        self.world = World(self.clock, times or Times(), rng)
        self.caches = CacheWorld(self.clock, self.world.times)
        self.scaling = ScalingWorld(self.world)
        self.moto = MotoBackend(account)
        self.logs = LogStreams(self.clock, self.moto.has_log_group)
        self._given_directory = data_directory
        self.data_directory = Path()
        self._endpoint: Endpoint | None = None
        self._engine: Engine | None = None
        self.cache_agent: CacheAgent | None = None
        self._front: Front | None = None

    @property
    def endpoint_url(self) -> str:
        """Where it listens. Raises ReconcilerError before `start`."""
        if self._endpoint is None:
            raise ReconcilerError("the embedded AWS has not been started")
        return self._endpoint.url

    @property
    def engine(self) -> Engine:
        """The ECS engine. Raises ReconcilerError before `start`."""
        if self._engine is None:
            raise ReconcilerError("the embedded AWS has not been started")
        return self._engine

    def start(self) -> Self:
        """Start everything; raises UsageError for a taken port, ReconcilerError for a wrong moto."""
        if not _ONE_AT_A_TIME.acquire(blocking=False):
            raise ReconcilerError("this process already runs an embedded AWS")
        try:
            self._start()
        except BaseException:
            _ONE_AT_A_TIME.release()
            raise
        return self

    def _start(self) -> None:
        listener = bind(self.port)
        try:
            self.data_directory = self._fresh_directory()
            self.moto.start()
        except BaseException:
            self.moto.stop()
            listener.close()
            raise
        self.world.other_ticks[:] = [self.scaling.tick, Targets(self.world, self.moto).tick]
        self.world.alarms_in_alarm = AlarmStates(self.moto).in_alarm
        self.world.digest_of = self.images.digest_in_use
        backends = Backends(
            self.world, self.caches, self.scaling, self.moto, self.images, self.logs
        )
        self._front = Front(backends, self.faults)
        self._endpoint = Endpoint(listener, self._front, self.clock)
        machine = launch.World(
            endpoint_url=self._endpoint.url,
            data_directory=self.data_directory,
            images=self.images,
            read_secret=SecretValues(self.moto).read,
            pull_problem=Pulls(self.images, self.moto).problem,
        )
        self._engine = Engine(self.world, machine, AwsLogs(self.moto, self.logs, self.clock))
        for name in self.images.folders:
            Seeder(self).repository(name)
        self.cache_agent = CacheAgent(self.caches, self.data_directory)
        self._endpoint.start()
        self._engine.start()
        self.cache_agent.start()

    def _fresh_directory(self) -> Path:
        if self._given_directory is None:
            return Path(tempfile.mkdtemp(prefix="reconciler-local-"))
        directory = self._given_directory.resolve()
        if directory.exists():
            _refuse_foreign(directory)
            shutil.rmtree(directory)
        try:
            directory.mkdir(parents=True)
            (directory / _MARKER).touch()
        except OSError as error:
            raise UsageError(f"data folder {directory}: {error.strerror}") from error
        return directory

    def stop(self) -> None:
        """Stop everything; the containers' processes are gone when it returns."""
        if self._endpoint is None or self._engine is None:
            return
        self.faults.clear()
        self._engine.stop()
        if self.cache_agent is not None:
            self.cache_agent.stop()
        self._endpoint.stop()
        self.moto.stop()
        if self._given_directory is None:
            shutil.rmtree(self.data_directory, ignore_errors=True)
        self._endpoint, self._engine = None, None
        _ONE_AT_A_TIME.release()

    def seed(self, apps: Iterable[DesiredApp]) -> None:
        """Make what the apps name and do not make themselves: clusters, repositories, secrets."""
        seeder = Seeder(self)
        for app in apps:
            seeder.app(app)

    def scale(self, cluster: str, service: str, count: int) -> int:
        """Ask for a count as a scaling policy does; returns what came of it, within the bounds."""
        return self.scaling.scale(self.region, f"service/{cluster}/{service}", count)

    def open_maintenance_window(self, replication_group: str) -> None:
        """Apply the pending modifications of an ElastiCache replication group now."""
        with self.caches.lock:
            open_window(self.caches, replication_group)

    def stop_endpoint(self) -> None:
        """Let AWS be out of reach: connections are refused, tasks go on running."""
        if self._endpoint is not None:
            self._endpoint.stop()

    def resume_endpoint(self) -> None:
        """Answer again, on the same port."""
        if self._endpoint is not None and self._front is not None:
            self._endpoint = Endpoint(bind(self._endpoint.port), self._front, self.clock)
            self._endpoint.start()

    def stop_all_tasks(self) -> None:
        """Stop every task as StopTask does; services will replace theirs."""
        self.engine.stop_all_tasks()

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()


def _refuse_foreign(directory: Path) -> None:
    """Raise UsageError unless `directory` is empty or one of ours: starting fresh deletes what is in it."""
    if not directory.is_dir():
        raise UsageError(f"data folder {directory}: it is not a folder")
    if any(directory.iterdir()) and not (directory / _MARKER).is_file():
        raise UsageError(
            f"data folder {directory}: it holds files that are not the embedded AWS's, and each start "
            "empties it; give an empty or a new folder"
        )
