"""What is: live AWS and our own ledger, as one snapshot for the planner.

Documents have the same canonical form as the desired ones, so that comparing is all the planner does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from reconciler.model.finding import Finding
from reconciler.model.job import JobRecord
from reconciler.model.lookups import Remembered, Values
from reconciler.model.names import Address, AppKey
from reconciler.model.pause import Pause
from reconciler.model.release import Release
from reconciler.model.run import Run, RunKey
from reconciler.model.secret import SecretVersion
from reconciler.model.suspension import Suspension


class ServicePresence(StrEnum):
    """ECS's service status, plus ABSENT for MISSING. INACTIVE services are ghosts: as good as absent."""

    ACTIVE = "ACTIVE"
    DRAINING = "DRAINING"
    INACTIVE = "INACTIVE"
    ABSENT = "ABSENT"


@dataclass(frozen=True)
class Deployment:
    """One element of `deployments[]`; ids are `ecs-svc/<N>`. `rollout_state` may be empty."""

    id: str
    status: str
    task_definition: str
    rollout_state: str
    rollout_reason: str
    desired_count: int
    running_count: int
    pending_count: int
    failed_tasks: int
    created_at: datetime | None = None


@dataclass(frozen=True)
class ObservedService:
    """One live service. `service` is in canonical CreateService form, without tags.

    Fields that ECS keeps only in `deployments[]`, task sets or a service revision are already merged
    in; `unread` names those that could not be read, `revision_arn` the revision that the primary
    deployment runs.
    """

    presence: ServicePresence
    service: Mapping[str, Any] = field(default_factory=dict)
    arn: str = ""
    task_definition_arn: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    deployments: tuple[Deployment, ...] = ()
    running_count: int = 0
    pending_count: int = 0
    events: tuple[str, ...] = ()
    revision_arn: str = ""
    unread: frozenset[str] = frozenset()
    running: Mapping[str, str] = field(default_factory=dict)
    """Container → digest (`sha256:…`) that runs, where it was needed to compare tags with digests."""
    deployment_arn: str = ""
    pause: Pause | None = None

    @property
    def primary(self) -> Deployment | None:
        """The deployment ECS is working towards."""
        return next((d for d in self.deployments if d.status == "PRIMARY"), None)


@dataclass(frozen=True)
class ObservedAutoscaling:
    """What Application Auto Scaling knows of one service; documents as in `DesiredAutoscaling`.

    `target` is None when it is not registered; `tags`, None elsewhere, are read where some are declared.
    """

    target: Mapping[str, Any] | None = None
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    scheduled: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    arn: str = ""
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True)
class ObservedTaskDefinition:
    """One revision: canonical RegisterTaskDefinition content without tags, and its tags."""

    arn: str
    family: str
    revision: int
    active: bool
    content: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)
    repeated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Container → the variables that it was given twice; `content` has the last of each."""


class RolloutState(StrEnum):
    """Our own word on a service's last rollout. HELD: reverted by ECS, not to be tried again."""

    CONVERGING = "CONVERGING"
    STEADY = "STEADY"
    HELD = "HELD"


@dataclass(frozen=True)
class ServiceRecord:
    """What the ledger remembers of one service: the memory of the three-way comparison."""

    name: str
    applied: Mapping[str, Any]
    """The last applied declaration: {"service": {...}, "taskDefinition": {...}} as sent."""
    desired_hash: str
    """Hash of the desired side (`plan.spec_hash.desired_hash`) that `task_definition_arn` carries out."""
    task_definition_arn: str
    deployment_id: str
    state: RolloutState
    held_hash: str = ""
    reason: str = ""
    previous_task_definition_arn: str = ""
    version: int = 0
    generation: int = 0
    commit: str = ""
    """Which desired state the rollout carries out; a rolled back one is older than HEAD's."""
    begun: int = 0
    """The number of the journal's entry with which the rollout began."""


@dataclass(frozen=True)
class MigrationRecord:
    """Per migration name: the newest revision the ledger knows, and whether it gates services."""

    name: str
    latest_revision: str
    latest_ordinal: int
    gates: bool = True
    when: str = "before"
    version: int = 0


@dataclass(frozen=True)
class ResourceRecord:
    """What the ledger remembers of a resource that is neither service nor migration, by its address.

    `applied` is the last applied declaration, the memory of the three-way comparison.
    """

    address: str
    applied: Mapping[str, Any]
    version: int = 0


class Endpoint(NamedTuple):
    """Where a group listens."""

    host: str
    port: int


@dataclass(frozen=True)
class ObservedParameter:
    """What AWS says of one parameter of a family: its default, when it takes effect, what it may be.

    `change_type` is `immediate` or `requires-reboot`.
    """

    name: str
    value: str = ""
    change_type: str = ""
    allowed_values: str = ""
    data_type: str = ""
    modifiable: bool = True


@dataclass(frozen=True)
class ObservedParameterGroup:
    """One ElastiCache parameter group. `parameters` are those that somebody set, values as text.

    `exists` is false where only `details`, the family's parameters by name, are known of one to be made.
    `family`, `arn` and `tags` are empty, `details` and `used_by` None, when there was no need to ask.
    """

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    exists: bool = True
    family: str = ""
    arn: str = ""
    tags: Mapping[str, str] | None = None
    details: Mapping[str, ObservedParameter] | None = None
    reboot: frozenset[str] = frozenset()
    """Those of `parameters` that a node uses only once it is rebooted."""
    used_by: frozenset[str] | None = None
    """Ids of the replication groups and of the single clusters that use it."""


@dataclass(frozen=True)
class ObservedRedis:
    """One live replication group with the parameter group that the files give it.

    `status` is AWS's word, empty when the group does not exist. `group` has the form of
    `DesiredRedis.group`, without tags; `pending` are the values of it that AWS has accepted and not
    applied yet.
    """

    status: str = ""
    group: Mapping[str, Any] = field(default_factory=dict)
    pending: Mapping[str, Any] = field(default_factory=dict)
    arn: str = ""
    tags: Mapping[str, str] | None = None
    """None when there was no need to ask, or AWS does not tell while the group changes."""
    members: tuple[str, ...] = ()
    configuration: Endpoint | None = None
    primary: Endpoint | None = None
    reader: Endpoint | None = None
    parameter_status: str = ""
    """`in-sync`, `applying` or `pending-reboot`."""
    parameter_group: ObservedParameterGroup | None = None

    @property
    def is_changing(self) -> bool:
        """Whether AWS is at work on it, so that it will look different by itself."""
        at_rest = self.status in ("", "available", "create-failed")
        return not at_rest or self.parameter_status == "applying"


@dataclass(frozen=True)
class LedgerView:
    """Our own tables, as of one consistent snapshot of an app. A missing table is an empty ledger.

    `sequence` and `chain_hash` are the head of the journal: every commit is conditional on them.
    """

    key: AppKey
    tables_exist: bool = True
    owner: str | None = None
    epoch: int = 0
    sequence: int = 0
    chain_hash: str = "0" * 64
    active_run: str | None = None
    unfinished: tuple[str, ...] = ()
    """Item keys of the runs of jobs and tasks that are not over."""
    open_intents: Mapping[str, int] = field(default_factory=dict)
    generation: int = 0
    desired_hash: str = ""
    commit: str = ""
    runs: Mapping[str, Run] = field(default_factory=dict)
    """By item key: of migrations the desired, the latest and the active one; of jobs and tasks the
    unfinished ones, and whichever else was asked for."""
    migrations: Mapping[str, MigrationRecord] = field(default_factory=dict)
    jobs: Mapping[str, JobRecord] = field(default_factory=dict)
    services: Mapping[str, ServiceRecord] = field(default_factory=dict)
    resources: Mapping[str, ResourceRecord] = field(default_factory=dict)
    """By address as text: `redis/main`, `autoscaling/web`."""
    pins: Mapping[str, str] = field(default_factory=dict)
    """Image reference as declared → `repository@sha256:…` it was first resolved to."""
    lookups: Remembered = field(default_factory=dict)
    """By address as text: the look-ups that it was last made of, by name."""
    suspension: Suspension | None = None
    suspended: Mapping[str, Suspension] = field(default_factory=dict)
    """Address → its own suspension, of those that are suspended by themselves."""
    released_jobs: Mapping[Address, Release] = field(default_factory=dict)
    """The jobs whose runs go on while a rollback keeps the app suspended, and what they start from."""
    status: Mapping[str, Any] | None = None
    """The stored status row, as last written."""

    def migration_run(self, name: str, revision: str) -> Run | None:
        """Return the run of a migration at a revision."""
        return self.runs.get(str(RunKey.migration(name, revision)))

    @property
    def unfinished_runs(self) -> tuple[Run, ...]:
        """Every run of a job or a task that is not over, in the order of their keys."""
        return tuple(self.runs[key] for key in self.unfinished)

    @property
    def suspensions(self) -> Mapping[str, Suspension]:
        """Every suspension by its address; that of the whole app under the empty text."""
        whole = {} if self.suspension is None else {"": self.suspension}
        return {**whole, **self.suspended}

    def suspension_of(self, address: Address) -> Suspension | None:
        """Return what keeps hands off a resource: a service's suspension is its autoscaling's too.

        That of a rollback does not keep from the jobs that go on under it.
        """
        names = [str(address)]
        if address.kind == "autoscaling":
            names.append(f"service/{address.name}")
        own = (self.suspended[name] for name in names if name in self.suspended)
        whole = None if address in self.released_jobs else self.suspension
        return whole or next(own, None)


@dataclass(frozen=True)
class ObservedApp:
    """Everything `make_plan` may know about the world."""

    key: AppKey
    services: Mapping[str, ObservedService]
    """By section key of the desired services."""
    task_definitions: Mapping[str, ObservedTaskDefinition]
    """By ARN: those a service runs and the newest ACTIVE ones of each family, where they were needed."""
    images: Mapping[str, str]
    """Image reference as declared → `repository@sha256:…` (pins first, then ECR)."""
    platforms: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Image reference → what it runs on, `linux/arm64`; only for new ones, and where it can be told."""
    unpinned: Mapping[str, str] = field(default_factory=dict)
    """New image reference → why its registry told no digest: it is registered as declared."""
    moved: Mapping[str, str] = field(default_factory=dict)
    """Pinned image reference → the other digest form its registry has now, empty when it has none."""
    secrets: Mapping[str, SecretVersion] = field(default_factory=dict)
    """`valueFrom` as declared → its version, where some service does not say `onChangedSecret: ignore`."""
    lookups: Values = field(default_factory=dict)
    """What `DesiredApp.lookups` gave: `plan.lookups.filled` puts it into the documents."""
    orphans: Mapping[str, ObservedService] = field(default_factory=dict)
    """Live services with our tags for this app that the files no longer name; by AWS service name."""
    redis: Mapping[str, ObservedRedis] = field(default_factory=dict)
    """By section key of the desired groups."""
    scaling: Mapping[str, ObservedAutoscaling] = field(default_factory=dict)
    """By AWS service name: of the services that declare autoscaling, or that the ledger remembers."""
    resource_labels: Mapping[str, str] = field(default_factory=dict)
    """Target group ARN → `app/…/targetgroup/…`, of those that scaling policies leave to be found."""
    ledger: LedgerView = field(default_factory=lambda: LedgerView(key=""))
    now: datetime | None = None
    """AWS's clock when it was looked at; None where nothing is looked at: no schedule is due then."""
    findings: tuple[Finding, ...] = ()
    """What preflight says about the resources whose tasks would be started; empty before it is asked."""
