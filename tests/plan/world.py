"""A pure stand-in for ECS and for the executor: carries out ServiceRequests and fills in what ECS does.

UpdateService replaces a field as a whole, the harsher of the readings of AWS's documentation.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.model.desired import DesiredApp, DesiredMigration, DesiredService
from reconciler.model.observed import (
    Deployment,
    LedgerView,
    MigrationRecord,
    ObservedApp,
    ObservedService,
    ObservedTaskDefinition,
    RolloutState,
    ServicePresence,
    ServiceRecord,
)
from reconciler.model.plan import Plan, Step, Verb
from reconciler.model.run import RunState
from reconciler.plan.canonical import canonical_service, canonical_task_definition
from reconciler.plan.planner import make_plan
from reconciler.plan.rollout import judge
from tests.plan.builders import (
    ACCOUNT,
    EPOCH,
    KEY,
    a_migration,
    a_run,
    a_service,
    a_task_definition,
    an_app,
    digest,
    image,
    only,
)


@dataclass
class World:
    """Live ECS, the registry and our ledger; `pass_over` is one pass of the controller."""

    services: dict[str, ObservedService] = field(default_factory=dict)
    task_definitions: dict[str, ObservedTaskDefinition] = field(default_factory=dict)
    ledger: LedgerView = field(default_factory=lambda: LedgerView(key=KEY))
    missing_images: frozenset[str] = frozenset()
    calls: list[str] = field(default_factory=list)
    broken_images: frozenset[str] = frozenset()
    """Digests of images whose tasks never get healthy: the circuit breaker reverts them."""
    counter: int = 0
    forced: int = 0
    """Calls with forceNewDeployment."""

    # Observing ---------------------------------------------------------------------------------

    def observe(self, desired: DesiredApp) -> ObservedApp:
        """Return the snapshot that the planner gets."""
        absent = ObservedService(ServicePresence.ABSENT)
        named = {s.name: self.services.get(s.service_name, absent) for s in desired.services}
        wanted = {s.service_name for s in desired.services}
        recorded = {
            r.applied.get("service", {}).get("serviceName") for r in self.ledger.services.values()
        }
        return ObservedApp(
            key=desired.key,
            services=named,
            task_definitions=dict(self.task_definitions),
            images={
                i: digest(i) for i in desired.image_references() if i not in self.missing_images
            },
            orphans={n: s for n, s in self.services.items() if n in recorded - wanted},
            ledger=self.ledger,
        )

    def plan(self, desired: DesiredApp, *, prune: bool = False) -> Plan:
        """Plan without acting."""
        return make_plan(desired, self.observe(desired), prune=prune)

    def pass_over(self, desired: DesiredApp, *, prune: bool = False, at_most: int = 1000) -> Plan:
        """Judge, plan, carry out at most so many steps; return the plan."""
        self.judge(desired)
        observed = self.observe(desired)
        plan = make_plan(desired, observed, prune=prune)
        free = [s for s in plan.steps if not s.blocked and s.request is not None]
        for step in free[:at_most]:
            self.carry_out(step)
        self.roll()
        return plan

    def converge(self, desired: DesiredApp, *, prune: bool = False, passes: int = 10) -> Plan:
        """Make passes until nothing is left to do; return the last plan."""
        plan = self.pass_over(desired, prune=prune)
        for _ in range(passes):
            plan = self.pass_over(desired, prune=prune)
            if all(s.verb is Verb.NONE and s.request is None for s in plan.steps):
                break
        self.judge(desired)
        return plan

    def judge(self, desired: DesiredApp) -> None:
        """Record ended rollouts, as the controller does before planning."""
        records = dict(self.ledger.services)
        for name, live in self.observe(desired).services.items():
            if name in records and (judged := judge(records[name], live)) is not None:
                records[name] = judged
        self.ledger = replace(self.ledger, services=records)

    def finish(self, migration: DesiredMigration, state: RunState = RunState.SUCCEEDED) -> None:
        """Put a run of the migration into the ledger."""
        run = a_run(state, migration.revision, name=migration.name)
        runs = {**self.ledger.runs, run.item_key: run}
        record = MigrationRecord(migration.name, migration.revision, 1, when=str(migration.when))
        migrations = {**self.ledger.migrations, migration.name: record}
        self.ledger = replace(self.ledger, runs=runs, migrations=migrations)

    # Acting ------------------------------------------------------------------------------------

    def carry_out(self, step: Step) -> None:
        """Do what the executor does with one step's request."""
        request = step.request
        assert request is not None
        if request.delete:
            self.calls.append("DeleteService")
            del self.services[step.address.name]
            kept = {
                n: r
                for n, r in self.ledger.services.items()
                if r.applied["service"]["serviceName"] != step.address.name
            }
            self.ledger = replace(self.ledger, services=kept)
            return
        if request.untag:
            self.calls.append("UntagResource")
            aws = next(n for n in self.services if n.endswith(f"-{step.address.name}"))
            live = self.services[aws]
            kept = {k: v for k, v in live.tags.items() if k not in request.untag}
            self.services[aws] = replace(live, tags=kept)
        arn = request.reuse_arn
        if request.register is not None:
            arn = self._register(request.register)
        if request.create is not None:
            self._create(dict(request.create), arn)
        elif request.update is not None:
            self._update(dict(request.update), arn)
        if request.tags:
            self._tag(step.address.name, dict(request.tags))
        self._remember(step)

    def _register(self, document: Any) -> str:
        self.calls.append("RegisterTaskDefinition")
        self.counter += 1
        content = copy.deepcopy(dict(document))
        tags = {t["key"]: t["value"] for t in content.pop("tags")}
        content.setdefault("volumes", [])
        content.setdefault("placementConstraints", [])
        content.setdefault("enableFaultInjection", False)
        for container in content["containerDefinitions"]:
            container.setdefault("cpu", 0)
            container.setdefault("essential", True)
            for name in ("portMappings", "environment", "mountPoints", "volumesFrom"):
                container.setdefault(name, [])
            for mapping in container["portMappings"]:
                mapping.setdefault("protocol", "tcp")
                mapping.setdefault("hostPort", mapping["containerPort"])
        family = content["family"]
        arn = f"arn:aws:ecs:ap-northeast-1:{ACCOUNT}:task-definition/{family}:{self.counter}"
        self.task_definitions[arn] = ObservedTaskDefinition(
            arn, family, self.counter, True, canonical_task_definition(content), tags
        )
        return arn

    def _create(self, request: dict[str, Any], arn: str) -> None:
        self.calls.append("CreateService")
        name = request["serviceName"]
        assert name not in self.services
        tags = {t["key"]: t["value"] for t in request.pop("tags")}
        request.pop("clientToken")
        daemon = request.get("schedulingStrategy") == "DAEMON"
        assert daemon != ("desiredCount" in request)
        live: dict[str, Any] = {
            "deploymentController": {"type": "ECS"},
            "schedulingStrategy": "REPLICA",
            "propagateTags": "NONE",
            "enableECSManagedTags": False,
            "enableExecuteCommand": False,
            "healthCheckGracePeriodSeconds": 0,
            "availabilityZoneRebalancing": "ENABLED",
            "placementConstraints": [],
            "placementStrategy": [],
            "loadBalancers": [],
            "serviceRegistries": [],
            "desiredCount": 0,
            "deploymentConfiguration": {},
            **request,
        }
        live["deploymentConfiguration"] = {
            "maximumPercent": 100 if daemon else 200,
            "minimumHealthyPercent": 0 if daemon else 100,
            "strategy": "ROLLING",
            "bakeTimeInMinutes": 0,
            **live["deploymentConfiguration"],
        }
        self.services[name] = ObservedService(
            ServicePresence.ACTIVE, canonical_service(live), f"arn:service/{name}", arn, tags
        )
        self._deploy(name, arn)

    def _update(self, request: dict[str, Any], arn: str) -> None:
        self.calls.append("UpdateService")
        name = request.pop("service")
        live = self.services[name]
        for immutable in ("launchType", "schedulingStrategy", "role", "serviceName", "tags"):
            assert immutable not in request
        forced = request.pop("forceNewDeployment", False)
        starts = {"networkConfiguration", "platformVersion", "loadBalancers", "serviceRegistries"}
        self.forced += int(forced)
        rolls = forced or (arn and arn != live.task_definition_arn)
        rolls = rolls or any(live.service.get(k) != request[k] for k in starts & request.keys())
        document = canonical_service({**live.service, **request})
        self.services[name] = replace(live, service=document)
        if rolls:
            self._deploy(name, arn or live.task_definition_arn)

    def _deploy(self, name: str, arn: str) -> None:
        self.counter += 1
        live = self.services[name]
        old = tuple(replace(d, status="ACTIVE") for d in live.deployments)
        count = live.service["desiredCount"]
        new = Deployment(
            f"ecs-svc/{self.counter}", "PRIMARY", arn, "IN_PROGRESS", "", count, 0, count, 0
        )
        self.services[name] = replace(live, task_definition_arn=arn, deployments=(new, *old))

    def roll(self) -> None:
        """Let every rollout end: COMPLETED, or reverted by the breaker for a broken image."""
        for name, live in self.services.items():
            primary = live.primary
            if primary is None or primary.rollout_state != "IN_PROGRESS":
                continue
            content = self.task_definitions[primary.task_definition].content
            images = {c["image"] for c in content["containerDefinitions"]}
            count = live.service["desiredCount"]
            good = [d for d in live.deployments[1:] if d.rollout_state == "COMPLETED"]
            if images & self.broken_images and not good:
                # Nothing to go back to: it stays as it is.
                failed = replace(primary, rollout_state="FAILED", rollout_reason="tasks failed")
                self.services[name] = replace(live, deployments=(failed,))
            elif images & self.broken_images:
                back = replace(good[0], status="PRIMARY")
                failed = replace(primary, status="INACTIVE", rollout_state="FAILED")
                self.services[name] = replace(
                    live, task_definition_arn=back.task_definition, deployments=(back, failed)
                )
            else:
                done = replace(primary, rollout_state="COMPLETED", running_count=count)
                self.services[name] = replace(live, deployments=(done,), running_count=count)

    def _tag(self, name: str, tags: dict[str, str]) -> None:
        self.calls.append("TagResource")
        aws = next(n for n, s in self.services.items() if n.endswith(f"-{name}"))
        live = self.services[aws]
        self.services[aws] = replace(live, tags={**live.tags, **tags})

    def _remember(self, step: Step) -> None:
        request = step.request
        assert request is not None
        before = self.ledger.services.get(step.address.name)
        name = request.applied["service"]["serviceName"]
        live = self.services[name]
        primary = live.primary
        record = ServiceRecord(
            name=step.address.name,
            applied=copy.deepcopy(dict(request.applied)),
            desired_hash=request.desired_hash or (before.desired_hash if before else ""),
            task_definition_arn=live.task_definition_arn,
            deployment_id=primary.id if primary else "",
            state=RolloutState.CONVERGING,
            version=before.version + 1 if before else 1,
        )
        if before and before.state is RolloutState.HELD and not request.desired_hash:
            record = replace(before, applied=record.applied)
        services = {**self.ledger.services, step.address.name: record}
        self.ledger = replace(self.ledger, services=services)

    # Somebody else -----------------------------------------------------------------------------

    def edit(self, name: str, **fields: Any) -> None:
        """Change fields of a live service in the console."""
        live = self.services[name]
        self.services[name] = replace(live, service=canonical_service({**live.service, **fields}))

    def adopt_me(self, desired: DesiredService, **fields: Any) -> None:
        """Put up a live service that nobody manages, from a task definition without our tags."""
        pinned = copy.deepcopy(dict(desired.task_definition))
        for container in pinned["containerDefinitions"]:
            container["image"] = digest(container["image"])
        arn = self._register({**pinned, "tags": []})
        self._create({**desired.service, "desiredCount": 2, "tags": [], "clientToken": "x"}, arn)
        self.roll()
        self.edit(desired.service_name, **fields)
        self.calls.clear()


__all__ = [
    "ACCOUNT",
    "EPOCH",
    "KEY",
    "World",
    "a_migration",
    "a_run",
    "a_service",
    "a_task_definition",
    "an_app",
    "digest",
    "image",
    "only",
]
