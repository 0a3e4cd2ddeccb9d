"""Desired state as values. Made by `source` from YAML, read by everybody else.

Documents (`service`, `task_definition`) are complete API inputs in *canonical* form
(`reconciler.plan.canonical`): long forms only, names as in the API, values typed as botocore's
model says. Images are as declared (tag or digest): observing resolves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from reconciler.model.diagnostics import Diagnostic, Origin
from reconciler.model.due import JobPolicy
from reconciler.model.job import History
from reconciler.model.lookups import Unresolved, Value
from reconciler.model.names import Address, AppKey, Path
from reconciler.model.run import RunKey, RunKind
from reconciler.model.work import Work

Document = Mapping[str, Any]


class When(StrEnum):
    """Which side of the services a migration runs on."""

    BEFORE = "before"
    AFTER = "after"


class OnChange(StrEnum):
    """What follows when a tag or a secret means something else than when a service was deployed."""

    REPORT = "report"
    REDEPLOY = "redeploy"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Guard:
    """The container that claims a run: an image, or the path of our program in the app's image."""

    image: str | None = None
    path: str | None = None


@dataclass(frozen=True)
class SyncPolicy:
    """The `sync:` section. `written_defaults` is False for `defaults: none`.

    `allow_env` names the environment variables that `${env:…}` may read when acting on AWS.
    """

    prune: bool = False
    max_prune: int = 1
    written_defaults: bool = True
    allow_env: frozenset[str] = frozenset()


@dataclass(frozen=True)
class DesiredAutoscaling:
    """What Application Auto Scaling does with one service's desired count.

    Documents are inputs of the API of the same name, camelCase, without service namespace, resource id
    and scalable dimension: `target` of RegisterScalableTarget (its `tags` are the user's alone),
    `policies` of PutScalingPolicy and
    `scheduled` of PutScheduledAction, both by name. Paths of `origins` begin with "target",
    "policies" or "scheduled".
    """

    address: Address
    target: Document
    policies: Mapping[str, Document] = field(default_factory=dict)
    scheduled: Mapping[str, Document] = field(default_factory=dict)
    origins: Mapping[Path, Origin] = field(default_factory=dict)
    looked_up: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)
    """As of a service."""
    moved: Mapping[str, tuple[Value | None, Value | None]] = field(default_factory=dict)
    """As of a service."""


@dataclass(frozen=True)
class DesiredParameterGroup:
    """An ElastiCache parameter group of ours. `parameters` are the declared ones, values as text.

    Without `family` it can be changed, not created.
    """

    name: str
    family: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    description: str = ""


@dataclass(frozen=True)
class DesiredRedis:
    """One ElastiCache replication group, Redis or Valkey, with its parameter group.

    `group` is a CreateReplicationGroup input in camelCase (as far as declared), the two lasting settings
    that only ModifyReplicationGroup takes included; names are in small letters, sets sorted.
    `parameter_group` is None when none is ours. `apply_immediately` is the declared choice between now
    and the maintenance window. Paths of `origins` begin with "group" or "parameterGroup".
    """

    address: Address
    group: Document
    parameter_group: DesiredParameterGroup | None = None
    apply_immediately: bool = False
    origins: Mapping[Path, Origin] = field(default_factory=dict)
    unresolved: tuple[Unresolved, ...] = ()
    """As of a service."""
    looked_up: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)
    """As of a service."""

    @property
    def name(self) -> str:
        """The section key, `main` of `redis/main`."""
        return self.address.name


@dataclass(frozen=True)
class DesiredService:
    """One ECS service.

    `service` is a CreateService input without cluster, taskDefinition, clientToken and tags of ours;
    `task_definition` a RegisterTaskDefinition input. `tags` inside either are the user's.
    `written` holds the paths (whole subtrees) whose values we wrote down because the files are
    silent; they start with "service" or "taskDefinition", as do the keys of `origins`. `carried` holds
    the paths of `${live}`, absent from the documents: their values are those of the live revision.
    """

    address: Address
    service: Document
    task_definition: Document
    written: frozenset[Path] = frozenset()
    origins: Mapping[Path, Origin] = field(default_factory=dict)
    after: tuple[Address, ...] = ()
    autoscaling: DesiredAutoscaling | None = None
    on_moved_tag: OnChange | None = None
    """None: the files are silent, which is a report of what ECR says; other registries are not asked."""
    on_changed_secret: OnChange | None = None
    """None: the files are silent, which is a report."""
    unresolved: tuple[Unresolved, ...] = ()
    """Why its documents are not whole, once look-ups are filled in: nothing is computed from them."""
    looked_up: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)
    """Where look-ups were filled in → their names; the paths begin as those of `origins`."""
    moved: Mapping[str, tuple[Value | None, Value | None]] = field(default_factory=dict)
    """Look-up → the value that was last relied on and the other one that it has now."""
    carried: frozenset[Path] = frozenset()

    @property
    def name(self) -> str:
        """The section key, `web` of `service/web`."""
        return self.address.name

    @property
    def service_name(self) -> str:
        """The name that AWS knows."""
        return str(self.service["serviceName"])


@dataclass(frozen=True, kw_only=True)
class Launched:
    """What a migration and a job have in common: a task of their own, launched for its exit code.

    `launch` holds the RunTask fields the files declare (networkConfiguration, launchType,
    capacityProviderStrategy, platformVersion …), without cluster, taskDefinition and token.
    `task_definition` has no guard container yet: `runs` adds it. `container` is the one whose exit
    code decides. A run that has begun is unaffected by what is `unresolved`.
    """

    address: Address
    container: str
    task_definition: Document
    launch: Document
    timeout: timedelta
    start_timeout: timedelta
    written: frozenset[Path] = frozenset()
    origins: Mapping[Path, Origin] = field(default_factory=dict)
    unresolved: tuple[Unresolved, ...] = ()
    """As of a service."""
    looked_up: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)
    """As of a service."""

    @property
    def name(self) -> str:
        """The section key: `db` of `migration/db`, `daily-report` of `job/daily-report`."""
        return self.address.name


@dataclass(frozen=True, kw_only=True)
class DesiredMigration(Launched):
    """One migration at one revision."""

    revision: str
    attempt: int
    when: When
    irreversible: bool = False
    """Whether code from before it cannot work once it has run: `rollback` refuses to cross it."""

    @property
    def work(self) -> Work:
        """What its run is launched from."""
        return Work(
            kind=RunKind.MIGRATION,
            name=self.name,
            revision=self.revision,
            container=self.container,
            task_definition=self.task_definition,
            launch=self.launch,
            timeout=self.timeout,
            start_timeout=self.start_timeout,
            attempt=self.attempt,
            irreversible=self.irreversible,
            when=str(self.when),
        )

    @property
    def key(self) -> RunKey:
        """Which run it asks for."""
        return RunKey.migration(self.name, self.revision)


@dataclass(frozen=True, kw_only=True)
class DesiredJob(Launched):
    """One command on a schedule.

    `schedule` and `time_zone` are what `plan.schedule.Schedule` takes, checked. `backoff` comes before
    the second attempt of an occurrence.
    """

    schedule: str
    time_zone: str
    policy: JobPolicy
    retries: int = 0
    backoff: timedelta = timedelta(seconds=30)
    history: History = field(default_factory=History)

    @property
    def timetable(self) -> str:
        """Schedule and time zone as one text: another one is another timetable."""
        return f"{' '.join(self.schedule.split())} {self.time_zone}"

    def work(self, occurrence: str, scheduled_at: str, cause: str = "") -> Work:
        """Return what the run of an occurrence is launched from; the command is told both texts.

        Its next attempt may be made of other files than its first.
        """
        return Work(
            kind=RunKind.JOB,
            name=self.name,
            revision=occurrence,
            container=self.container,
            task_definition=self.task_definition,
            launch=self.launch,
            timeout=self.timeout,
            start_timeout=self.start_timeout,
            most_attempts=self.retries + 1,
            backoff=self.backoff,
            scheduled_at=scheduled_at,
            cause=cause,
            history=self.history,
        )


Workload = DesiredService | DesiredMigration | DesiredJob
"""What has a task definition."""


@dataclass(frozen=True)
class DesiredApp:
    """Everything the files say about one app in one environment."""

    key: AppKey
    app: str
    environment: str
    account: str
    region: str
    cluster: str
    folder: str
    content_hash: str
    """sha256 over what the files mean: comments and layout do not change it."""
    commit: str = ""
    """The git commit, empty outside git or when the folder has uncommitted changes."""
    table_prefix: str = "reconciler"
    sync: SyncPolicy = field(default_factory=SyncPolicy)
    guard: Guard | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    services: tuple[DesiredService, ...] = ()
    migrations: tuple[DesiredMigration, ...] = ()
    dropped_migrations: frozenset[str] = frozenset()
    """Migrations set to `null`: they no longer gate. One that merely vanished still does."""
    jobs: tuple[DesiredJob, ...] = ()
    redis: tuple[DesiredRedis, ...] = ()
    lookups: frozenset[str] = frozenset()
    """References in the documents that only AWS can answer, as written: `redis.main.url`, `ssm:/path`."""
    states: Mapping[str, str] = field(default_factory=dict)
    """The `tfstate:` section: name (empty for the only one) → `s3://bucket/key`, or a path in `folder`."""
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Everything the files name, in the order of the sections."""
        scaled = (s.autoscaling.address for s in self.services if s.autoscaling)
        return (
            *(r.address for r in self.redis),
            *(m.address for m in self.migrations),
            *(s.address for s in self.services),
            *scaled,
            *(j.address for j in self.jobs),
        )

    @property
    def launched(self) -> tuple[DesiredMigration | DesiredJob, ...]:
        """What RunTask starts: migrations and jobs."""
        return (*self.migrations, *self.jobs)

    @property
    def task_definitions(self) -> tuple[Document, ...]:
        """The task definitions of all services, migrations and jobs."""
        return (
            *(s.task_definition for s in self.services),
            *(run.task_definition for run in self.launched),
        )

    def image_references(self) -> frozenset[str]:
        """Every image that some container runs, as declared."""
        containers = (c for d in self.task_definitions for c in d.get("containerDefinitions", ()))
        found = {container["image"] for container in containers}
        return frozenset((*found, *self.guard_images))

    @property
    def guard_images(self) -> tuple[str, ...]:
        """The image of the guard, none where the guard is in the app's own image or not declared."""
        return (self.guard.image,) if self.guard and self.guard.image else ()
