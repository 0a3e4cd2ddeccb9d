"""The planner's world with Application Auto Scaling in it: the fake AWS, read by the kind's own verb."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.desired import DesiredApp, DesiredAutoscaling
from reconciler.model.names import Address
from reconciler.model.observed import ObservedApp, ResourceRecord
from reconciler.model.plan import ResourceRequest, Step
from reconciler.plan.autoscaling.memory import remembered
from reconciler.plan.autoscaling.tags import services_with_tags
from reconciler.resources.autoscaling import autoscaling, with_tags
from tests.fakes.autoscaling import FakeAutoscaling
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport
from tests.plan.builders import a_service, an_app
from tests.plan.world import World

TRACKING = "targetTrackingScalingPolicyConfiguration"
STEPS = "stepScalingPolicyConfiguration"
RESOURCE = "service/production/shop-production-web"
CPU = "ECSServiceAverageCPUUtilization"


def tracking(metric: str = CPU, value: float = 60.0, **more: Any) -> dict[str, Any]:
    """Return a target tracking policy."""
    predefined = {"predefinedMetricType": metric}
    configuration = {"targetValue": value, "predefinedMetricSpecification": predefined, **more}
    return {"policyType": "TargetTrackingScaling", TRACKING: configuration}


def stepping(adjustment: int = 1, **more: Any) -> dict[str, Any]:
    """Return a step scaling policy."""
    step = {"metricIntervalLowerBound": 0.0, "scalingAdjustment": adjustment}
    configuration = {"adjustmentType": "ChangeInCapacity", "stepAdjustments": [step], **more}
    return {"policyType": "StepScaling", STEPS: configuration}


def nightly(**bounds: int) -> dict[str, Any]:
    """Return a scheduled action."""
    return {"schedule": "cron(0 18 * * ? *)", "scalableTargetAction": bounds}


def a_scaling(
    low: int = 1,
    high: int = 4,
    *,
    policies: dict[str, Any] | None = None,
    scheduled: dict[str, Any] | None = None,
    **target: Any,
) -> DesiredAutoscaling:
    """Return the declared autoscaling of `web`."""
    return DesiredAutoscaling(
        Address("autoscaling", "web"),
        {"minCapacity": low, "maxCapacity": high, **target},
        policies or {},
        scheduled or {},
    )


def a_scaled_app(scaling: DesiredAutoscaling | None, **fields: Any) -> DesiredApp:
    """Return an app whose one service `web` is scaled so, or not."""
    return an_app(a_service(autoscaling=scaling, **fields))


@dataclass
class ScalingWorld(World):
    """Live ECS and Application Auto Scaling; `sent` are the operations on the latter."""

    scaling: FakeAutoscaling = field(init=False)
    sent: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    fail_on: str = ""
    """An operation that AWS refuses: the step ends there, as the executor's does."""

    def __post_init__(self) -> None:
        """Register with this world's services."""
        self.scaling = FakeAutoscaling(self._count, self._set_count)
        timeline = Timeline()
        handlers = {"application-autoscaling": self.scaling.handle}
        self.aws = Aws(FakeTransport(timeline, handlers), timeline)

    def observe(self, desired: DesiredApp) -> ObservedApp:
        """Return the snapshot that the planner gets."""
        names = {s.service_name for s in desired.services if s.autoscaling}
        names |= {m.service_name for m in remembered(self.ledger).values()}
        tagged = services_with_tags(desired, self.ledger)
        live = {
            name: with_tags(self.aws, found) if name in tagged else found
            for name, found in autoscaling.observe(self.aws, desired.cluster, sorted(names)).items()
        }
        return replace(super().observe(desired), scaling=live, resource_labels=self.labels)

    def carry_out(self, step: Step) -> None:
        """Do what the executor does with one step's request."""
        request = step.request
        if not isinstance(request, ResourceRequest):
            super().carry_out(step)
            return
        if request.calls and request.intended is not None:
            self._remember_resource(step.address, request.intended)
        for call in request.calls:
            if call.operation == self.fail_on:
                return
            self.sent.append(call.operation)
            autoscaling.calls[call.operation](self.aws, call.operation, call.parameters)
        self._remember_resource(step.address, request.applied)

    def _remember_resource(self, address: Address, applied: Any) -> None:
        record = ResourceRecord(str(address), applied)
        resources = {**self.ledger.resources, str(address): record}
        self.ledger = replace(self.ledger, resources=resources)

    def _count(self, resource: str) -> int | None:
        live = self.services.get(resource.rpartition("/")[2])
        return None if live is None else int(live.service["desiredCount"])

    def _set_count(self, resource: str, count: int) -> None:
        name = resource.rpartition("/")[2]
        self.edit(name, desiredCount=count)
        self.services[name] = replace(self.services[name], running_count=count)
