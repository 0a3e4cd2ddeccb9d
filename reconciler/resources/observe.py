"""Live AWS of one app, read in as few calls as can be: desired and ledger in, ObservedApp out.

Called by every pass and by `diff`. In the steady state it costs ⌈N/10⌉ DescribeServices and what the
files' look-ups and Redis groups cost: digests are pinned in the ledger, a revision in use is known by
its ARN, and so is a service's revision, read only for a field that nothing else tells. Services that
declare autoscaling cost three reads more, together (`resources.autoscaling`), and one for each whose
scalable target has declared tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.aws.door import Aws
from reconciler.aws.registry import Registry
from reconciler.model.desired import DesiredApp, DesiredService
from reconciler.model.observed import (
    LedgerView,
    ObservedApp,
    ObservedAutoscaling,
    ObservedService,
    ObservedTaskDefinition,
    ServicePresence,
)
from reconciler.plan.autoscaling.memory import remembered
from reconciler.plan.autoscaling.resource_label import wanted_target_group
from reconciler.plan.autoscaling.tags import services_with_tags
from reconciler.plan.freshness import followed
from reconciler.plan.lookups import filled
from reconciler.plan.needs import needs_running_images, needs_task_definition
from reconciler.plan.redis.values import redis_values
from reconciler.plan.subject import ABSENT
from reconciler.resources import lookups, service_revision, target_group
from reconciler.resources.autoscaling import autoscaling, with_tags
from reconciler.resources.digests import Digests
from reconciler.resources.ecs_service import ecs_service
from reconciler.resources.freshness import Freshness
from reconciler.resources.pause import with_pauses
from reconciler.resources.preflight.plan import Preflight
from reconciler.resources.redis import RedisReader
from reconciler.resources.running import running_digests
from reconciler.resources.service_revision import with_revision
from reconciler.resources.task_definition import newest_active, task_definition
from reconciler.shapes.observable import told_by_revisions


class Observer:
    """Reads live AWS; remembers what cannot change: the content of a task definition revision."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        registry: Registry | None = None,
        preflight: Preflight | None = None,
    ) -> None:
        """Start with nothing remembered.

        `environment` is what `${env:…}` may name; without `registry` ECR alone is asked for digests.
        """
        self._environment = environment or {}
        self._redis = RedisReader()
        self._registry = registry
        self._digests = Digests(registry)
        self.preflight = preflight or Preflight()
        self._freshness = Freshness(registry)
        self._service_revisions: dict[str, dict[str, Any]] = {}
        self._revisions: dict[str, ObservedTaskDefinition] = {}

    def observe(self, aws: Aws, desired: DesiredApp, ledger: LedgerView) -> ObservedApp:
        """Read everything `make_plan` needs. Raises AwsError, NotFound for a missing cluster."""
        values = lookups.read(aws, desired, self._environment) if desired.lookups else {}
        # Groups may be declared by look-ups, and workloads by what the groups are.
        redis = self._redis.read(aws, filled(desired, values), ledger)
        for name, group in redis.items():
            values.update(redis_values(name, group))
        desired = filled(desired, values)
        wanted = {service.name: service.service_name for service in desired.services}
        forgotten = _recorded_names(ledger) - set(wanted.values())
        live = ecs_service.observe(aws, desired.cluster, [*wanted.values(), *forgotten])
        services = {name: live.get(aws_name, ABSENT) for name, aws_name in wanted.items()}
        services = with_pauses(aws, self._with_revisions(aws, desired, services))
        fresh = self._freshness.look(aws, desired, ledger.pins)
        moved = {i: now for i, now in fresh.images.items() if ledger.pins.get(i, now) != now}
        found = self._digests.read(
            aws, desired.image_references(), ledger.pins, followed(desired, moved)
        )
        images = found.digests
        definitions = self._definitions(aws, desired, services, images, ledger)
        return ObservedApp(
            key=desired.key,
            services=self._with_running_images(aws, desired, services, definitions, images),
            task_definitions=definitions,
            images=images,
            platforms=found.platforms,
            unpinned=found.unpinned,
            moved=moved,
            secrets=fresh.secrets,
            lookups=values,
            redis=redis,
            orphans={
                name: live[name]
                for name in forgotten
                if name in live and live[name].presence is ServicePresence.ACTIVE
            },
            scaling=self._scaling(aws, desired, ledger),
            resource_labels=target_group.resource_labels(aws, _label_groups(desired)),
            ledger=ledger,
            now=aws.now(),
        )

    def _with_revisions(
        self, aws: Aws, desired: DesiredApp, services: Mapping[str, ObservedService]
    ) -> dict[str, ObservedService]:
        """Complete the services of which something is declared that only their revision tells."""
        arns = {
            service.name: services[service.name].revision_arn
            for service in desired.services
            if told_by_revisions() & services[service.name].unread & service.service.keys()
            and services[service.name].presence is ServicePresence.ACTIVE
        }
        missing = sorted({arn for arn in arns.values() if arn} - self._service_revisions.keys())
        self._service_revisions |= service_revision.observe(aws, missing)
        return {
            name: with_revision(live, self._service_revisions.get(arns.get(name, "")))
            for name, live in services.items()
        }

    def _scaling(
        self, aws: Aws, desired: DesiredApp, ledger: LedgerView
    ) -> Mapping[str, ObservedAutoscaling]:
        names = {s.service_name for s in desired.services if s.autoscaling is not None}
        names |= {memory.service_name for memory in remembered(ledger).values()}
        tagged = services_with_tags(desired, ledger)
        return {
            name: with_tags(aws, live) if name in tagged else live
            for name, live in autoscaling.observe(aws, desired.cluster, sorted(names)).items()
        }

    def _definitions(
        self,
        aws: Aws,
        desired: DesiredApp,
        services: Mapping[str, ObservedService],
        images: Mapping[str, str],
        ledger: LedgerView,
    ) -> dict[str, ObservedTaskDefinition]:
        found: dict[str, ObservedTaskDefinition] = {}
        for service in desired.services:
            observed = services[service.name]
            record = ledger.services.get(service.name)
            if needs_task_definition(service, observed, record, images):
                for arn in _candidates(aws, service, observed):
                    found[arn] = self._revision(aws, desired.cluster, arn)
        return found

    def _with_running_images(
        self,
        aws: Aws,
        desired: DesiredApp,
        services: Mapping[str, ObservedService],
        definitions: Mapping[str, ObservedTaskDefinition],
        images: Mapping[str, str],
    ) -> dict[str, ObservedService]:
        """Add what runs where the live task definition names a tag and the files the digest behind it."""
        found = dict(services)
        for service in desired.services:
            live = found[service.name]
            known = definitions.get(live.task_definition_arn)
            if known is not None and needs_running_images(service, known.content, images):
                running = running_digests(aws, desired.cluster, live, known.content, self._registry)
                found[service.name] = replace(live, running=running)
        return found

    def _revision(self, aws: Aws, cluster: str, arn: str) -> ObservedTaskDefinition:
        if arn not in self._revisions:
            self._revisions.update(task_definition.observe(aws, cluster, [arn]))
        return self._revisions[arn]


def _candidates(aws: Aws, service: DesiredService, observed: ObservedService) -> list[str]:
    """Return the revision that runs and those that could be used again, without repeats."""
    running = [observed.task_definition_arn] if observed.task_definition_arn else []
    family = newest_active(aws, str(service.task_definition["family"]))
    return list(dict.fromkeys([*running, *family]))


def _label_groups(desired: DesiredApp) -> list[str]:
    """Return the target groups whose load balancer some scaling policy has to name."""
    found = (wanted_target_group(service) for service in desired.services)
    return [arn for arn in found if arn is not None]


def _recorded_names(ledger: LedgerView) -> set[str]:
    """AWS names of the services that the ledger says we made or adopted."""
    names = (
        record.applied.get("service", {}).get("serviceName") for record in ledger.services.values()
    )
    return {name for name in names if name}
