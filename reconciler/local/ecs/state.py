"""The emulated ECS as values: clusters, task definitions, tasks, services. Changed under `World.lock`."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.local.times import Times
from reconciler.model.clock import Clock

Document = dict[str, Any]
Scope = tuple[str, str]
"""Account and region."""


@dataclass
class Cluster:
    """One cluster; `tasks` by task id, `services` by name."""

    scope: Scope
    name: str
    document: Document
    status: str = "ACTIVE"
    tasks: dict[str, Task] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The cluster's ARN."""
        return make_arn(self.scope, f"cluster/{self.name}")


@dataclass
class TaskDefinition:
    """One revision; `document` is what DescribeTaskDefinition answers, without tags."""

    arn: str
    family: str
    revision: int
    document: Document
    tags: list[Document]

    @property
    def active(self) -> bool:
        """Whether new tasks may use it."""
        return bool(self.document["status"] == "ACTIVE")


@dataclass
class ContainerRun:
    """One container of a task. `process` names its process, empty while there is none."""

    arn: str
    definition: Document
    override: Document
    status: str = "PENDING"
    exit_code: int | None = None
    reason: str = ""
    runtime_id: str = ""
    image_digest: str = ""
    process: str = ""
    check: str = ""
    port: int = 0
    simulated: bool = False
    health: str = "UNKNOWN"
    failed_checks: int = 0
    started_at: datetime | None = None
    next_check_at: datetime | None = None
    kill_at: datetime | None = None
    killed: bool = False

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self.definition["name"])

    @property
    def essential(self) -> bool:
        """Whether the task ends with it."""
        return bool(self.definition.get("essential", True))

    @property
    def started(self) -> bool:
        """Whether it ever ran."""
        return self.started_at is not None


@dataclass
class Task:
    """One task. `facts` are members of the API's shape that never change."""

    arn: str
    id: str
    cluster: Cluster
    definition: TaskDefinition
    containers: list[ContainerRun]
    created_at: datetime
    group: str
    started_by: str
    overrides: Document
    facts: Document
    tags: list[Document]
    last_status: str = "PROVISIONING"
    desired_status: str = "RUNNING"
    version: int = 1
    started_at: datetime | None = None
    stopping_at: datetime | None = None
    execution_stopped_at: datetime | None = None
    stopped_at: datetime | None = None
    stop_code: str = ""
    stopped_reason: str = ""
    was_healthy: bool = False
    counted: bool = False
    unhealthy: bool = False

    @property
    def stopped(self) -> bool:
        """Whether it is over."""
        return self.last_status == "STOPPED"

    def move(self, status: str) -> None:
        """Go to `status`; `version` counts the changes."""
        self.last_status = status
        self.version += 1

    def request_stop(self, code: str, reason: str) -> None:
        """Decide that the task shall end; the first reason stays."""
        if self.desired_status != "STOPPED":
            self.desired_status = "STOPPED"
            self.stop_code, self.stopped_reason = code, reason
            self.version += 1


@dataclass
class Token:
    """What RunTask remembers of a clientToken."""

    request_hash: str
    tasks: list[Task]
    failures: list[Document]
    created_at: datetime


@dataclass
class Deployment:
    """One deployment of a service; `revision` is what a rollback to it restores."""

    id: str
    revision: Document
    desired_count: int
    created_at: datetime
    updated_at: datetime
    status: str = "PRIMARY"
    rollout_state: str = "IN_PROGRESS"
    rollout_reason: str = ""
    running_count: int = 0
    pending_count: int = 0
    failed_tasks: int = 0
    next_start_at: datetime | None = None
    is_rollback: bool = False
    revision_of: str = ""
    """The id of the deployment that made its service revision; its own unless it is a rollback."""

    @property
    def revision_number(self) -> str:
        """The suffix of its service revision's ARN: `<N>` of `ecs-svc/<N>`."""
        return (self.revision_of or self.id).removeprefix("ecs-svc/")


@dataclass
class LifecycleHook:
    """One hook that a service deployment has come to."""

    id: str
    stage: str
    target_type: str
    target_arn: str
    status: str
    expires_at: datetime
    timeout_action: str


@dataclass
class ServiceDeployment:
    """What ListServiceDeployments shows: from `sources` to the revision of `target`, and its end.

    `weight` is the percentage of production traffic of the target; `stage` is empty for a rolling
    update; `restored` is the deployment that a rollback goes back to.
    """

    id: str
    target: Deployment
    sources: list[Deployment]
    configuration: Document
    created_at: datetime
    updated_at: datetime
    status: str = "PENDING"
    reason: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stopped_at: datetime | None = None
    stage: str = ""
    stage_since: datetime | None = None
    weight: float = 0.0
    test_weight: float = 0.0
    hooks: list[LifecycleHook] = field(default_factory=list)
    rollback: Document | None = None
    restored: Deployment | None = None
    triggered_alarms: list[str] = field(default_factory=list)
    breaker_tripped: bool = False
    bake_since: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.finished_at is not None or self.stopped_at is not None

    @property
    def production(self) -> Deployment | None:
        """The source that has the production traffic: the newest one that was COMPLETED."""
        return next((d for d in self.sources if d.rollout_state == "COMPLETED"), None)


@dataclass
class Service:
    """One service; `document` holds the declared fields and their defaults."""

    arn: str
    name: str
    cluster: Cluster
    document: Document
    created_at: datetime
    tags: list[Document]
    client_token: str = ""
    request_hash: str = ""
    status: str = "ACTIVE"
    deployments: list[Deployment] = field(default_factory=list)
    history: list[Deployment] = field(default_factory=list)
    service_deployments: list[ServiceDeployment] = field(default_factory=list)
    """Newest first, as `deployments` and `history`."""
    events: list[Document] = field(default_factory=list)
    inactive_at: datetime | None = None
    launch_type: str = ""
    """What a capacity provider strategy took the place of."""

    @property
    def desired_count(self) -> int:
        """How many tasks there shall be."""
        return int(self.document.get("desiredCount", 0)) if self.status == "ACTIVE" else 0

    @property
    def strategy(self) -> str:
        """ROLLING, BLUE_GREEN, LINEAR or CANARY."""
        return str(self.document["deploymentConfiguration"].get("strategy") or "ROLLING")

    @property
    def group(self) -> str:
        """The group of its tasks."""
        return f"service:{self.name}"


@dataclass
class PlacementFailure:
    """An order to answer the next RunTasks with `failures[]`."""

    reason: str
    times: int


class World:
    """All of ECS in all accounts and regions, one lock, one clock."""

    def __init__(self, clock: Clock, times: Times, rng: random.Random | None = None) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.times = times
        self.clusters: dict[Scope, dict[str, Cluster]] = {}
        self.task_definitions: dict[Scope, dict[str, list[TaskDefinition]]] = {}
        self.placement_failures: list[PlacementFailure] = []
        self.other_ticks: list[Callable[[], None]] = []
        """What else moves with the world's clock, under its lock."""
        self.alarms_in_alarm: Callable[[Scope, Sequence[str]], Sequence[str]] = _no_alarm
        """Which of these CloudWatch alarms are in ALARM."""
        self.digest_of: Callable[[str], str] = _no_digest
        """The digest of an image reference, or nothing."""
        self._rng = rng or random.Random()  # noqa: S311 - ids of the embedded world, not secrets

    def now(self) -> datetime:
        """Return the world's time."""
        return self.clock.now()

    def new_hex(self) -> str:
        """Return 32 fresh hex digits."""
        return f"{self._rng.getrandbits(128):032x}"

    def new_uuid(self) -> str:
        """Return a fresh UUID."""
        return str(uuid.UUID(self.new_hex(), version=4))

    def new_number(self) -> str:
        """Return 19 digits, as in `ecs-svc/<N>`."""
        return f"{self._rng.randrange(10**18, 10**19)}"

    def every_cluster(self) -> list[Cluster]:
        """Return the clusters of all accounts and regions."""
        return [c for clusters in self.clusters.values() for c in clusters.values()]


def _no_alarm(_scope: Scope, _names: Sequence[str]) -> Sequence[str]:
    return ()


def _no_digest(_image: str) -> str:
    return ""


def make_arn(scope: Scope, resource: str) -> str:
    """Spell an ECS ARN."""
    account, region = scope
    return f"arn:aws:ecs:{region}:{account}:{resource}"


def without_nulls(document: Mapping[str, Any]) -> Document:
    """Return an answer without the members that have no value: AWS leaves those out."""
    return {name: value for name, value in document.items() if value is not None}
