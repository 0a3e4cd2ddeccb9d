"""What Application Auto Scaling has of one service as one document, and the calls that change it.

Called by `plan.autoscaling.steps`, and by `resources.autoscaling` for the names of things. The document
has the scalable target's fields, and below `policies` and `scheduledActions` what was put, by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.model.desired import DesiredAutoscaling
from reconciler.model.names import Path
from reconciler.model.observed import ObservedAutoscaling
from reconciler.model.plan import ApiCall
from reconciler.plan.changes import Background
from reconciler.plan.lookup_news import moved_paths
from reconciler.plan.mask import mask_value
from reconciler.plan.paths import overlay
from reconciler.shapes.botocore_model import input_of
from reconciler.shapes.casing import to_wire
from reconciler.shapes.tables import AUTOSCALING

API: Final = "application-autoscaling"
NAMESPACE: Final = "ecs"
DIMENSION: Final = "ecs:service:DesiredCount"
Place = tuple[str, str]
"""A section and a name in it, `("policies", "cpu")`; TARGET is the scalable target itself."""

POLICIES, ACTIONS = SECTIONS = ("policies", "scheduledActions")
TAGS: Final = "tags"
TARGET: Final[Place] = ("target", "")
CAPACITIES = ("minCapacity", "maxCapacity")
CONFIGURATIONS: Mapping[str, str] = {
    "TargetTrackingScaling": "targetTrackingScalingPolicyConfiguration",
    "StepScaling": "stepScalingPolicyConfiguration",
    "PredictiveScaling": "predictiveScalingPolicyConfiguration",
}
"""Policy type → the member that holds it [botocore: PutScalingPolicyRequest]."""
TRACKING: Final = CONFIGURATIONS["TargetTrackingScaling"]
METRICS = frozenset({"predefinedMetricSpecification", "customizedMetricSpecification"})
"""A target tracking policy has one of the two [botocore: TargetTrackingScalingPolicyConfiguration]."""

READ_ONLY = frozenset(
    {
        # What the three Describe calls answer besides what can be declared [botocore: ScalableTarget,
        # ScalingPolicy, ScheduledAction]; the first three say which service it is.
        "serviceNamespace",
        "resourceId",
        "scalableDimension",
        "creationTime",
        "scalableTargetARN",
        "predictedCapacity",
        "policyARN",
        "alarms",
        "scheduledActionARN",
    }
)

_PUT = {POLICIES: "PutScalingPolicy", ACTIONS: "PutScheduledAction"}
_DELETE = {POLICIES: "DeleteScalingPolicy", ACTIONS: "DeleteScheduledAction"}
_NAME = {POLICIES: "policyName", ACTIONS: "scheduledActionName"}


def resource_id(cluster: str, service_name: str) -> str:
    """Spell a service as Application Auto Scaling does: `service/<cluster>/<service>`."""
    return f"service/{cluster}/{service_name}"


def scope_of(resource: str) -> dict[str, str]:
    """Return the fields with which every call says what it is about."""
    return {
        "serviceNamespace": NAMESPACE,
        "resourceId": resource,
        "scalableDimension": DIMENSION,
    }


def desired_document(wanted: DesiredAutoscaling) -> dict[str, Any]:
    """Return the declaration as one document."""
    return {**wanted.target, POLICIES: dict(wanted.policies), ACTIONS: dict(wanted.scheduled)}


def live_document(live: ObservedAutoscaling) -> dict[str, Any]:
    """Return what is live as one document; an unregistered service has no fields of its own."""
    return {**(live.target or {}), POLICIES: dict(live.policies), ACTIONS: dict(live.scheduled)}


def tags_in(document: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the user's tags of a declaration, or of what was last applied of one."""
    return dict((document or {}).get(TAGS) or {})


def places_of(document: Mapping[str, Any]) -> frozenset[Place]:
    """Return the policies and actions of a document."""
    return frozenset((section, name) for section in SECTIONS for name in document[section])


def background_of(wanted: DesiredAutoscaling, applied: Mapping[str, Any] | None) -> Background:
    """Return what explains a difference of the document, whose paths are not those of the declaration."""
    return Background(
        AUTOSCALING,
        applied,
        {_in_document(path): origin for path, origin in wanted.origins.items()},
        moved=frozenset(_in_document(path) for path in moved_paths(wanted)),
    )


def _in_document(path: Path) -> Path:
    below = {"target": (), "policies": (POLICIES,), "scheduled": (ACTIONS,)}
    return (AUTOSCALING, *below[path[0]], *path[1:])


def completed(place: Place, live: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return a declared policy or action completed with what only its live one says.

    Of what excludes each other (policy types, predefined and customized metrics) the declared one stays.
    """
    whole = dict(overlay(live, declared, AUTOSCALING, place))
    for name in set(CONFIGURATIONS.values()) - declared.keys():
        whole.pop(name, None)
    tracked = declared.get(TRACKING, {})
    if tracked.keys() & METRICS:
        whole[TRACKING] = {
            k: v for k, v in whole[TRACKING].items() if k in tracked or k not in METRICS
        }
    return whole


def spelled(place: Place) -> str:
    """Spell a place as paths are shown: `policies.cpu`."""
    return ".".join(place)


def listed(places: Iterable[Place]) -> str:
    """Name policies and actions for people: `policy cpu, scheduled action night`."""
    words = {POLICIES: "policy", ACTIONS: "scheduled action"}
    return ", ".join(f"{words[section]} {name}" for section, name in sorted(places))


@dataclass(frozen=True)
class Calls:
    """Makes the calls for one service: its resource id, what is live of it, the target's ARN and tags."""

    resource: str
    live: Mapping[str, Any]
    arn: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def register(self, fields: Mapping[str, Any]) -> ApiCall:
        """Register the service, or change these fields: what is not sent stays."""
        before = {name: self.live.get(name) for name in fields}
        return self._call("RegisterScalableTarget", fields, before, fields)

    def tag(self, put: Mapping[str, str]) -> ApiCall:
        """Set tags of the target; the others stay."""
        before = {key: self.tags[key] for key in put if key in self.tags}
        return self._tagging("TagResource", {TAGS: dict(put)}, before, put)

    def untag(self, keys: Sequence[str]) -> ApiCall:
        """Take tags off the target."""
        before = {key: self.tags[key] for key in keys}
        return self._tagging("UntagResource", {"tagKeys": list(keys)}, before, {})

    def put(self, place: Place, document: Mapping[str, Any]) -> Iterator[ApiCall]:
        """Put a policy or an action as a whole; one of another type is deleted first."""
        section, name = place
        before = self.live[section].get(name)
        if before is not None and before.get("policyType") != document.get("policyType"):
            yield self.delete(place)
        parameters = {_NAME[section]: name, **document}
        yield self._call(
            _PUT[section],
            parameters,
            {} if before is None else {spelled(place): before},
            {spelled(place): document},
        )

    def delete(self, place: Place) -> ApiCall:
        """Delete a policy or an action."""
        section, name = place
        before = {spelled(place): self.live[section][name]}
        return self._call(_DELETE[section], {_NAME[section]: name}, before, {})

    def deregister(self) -> ApiCall:
        """Deregister the service, which deletes everything that was put for it."""
        return self._call("DeregisterScalableTarget", {}, self.live, {})

    def _call(
        self,
        operation: str,
        parameters: Mapping[str, Any],
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> ApiCall:
        whole = {**scope_of(self.resource), **parameters}
        wire = to_wire(input_of(operation, API), whole)
        return ApiCall(AUTOSCALING, operation, wire, _masked(before), _masked(after))

    def _tagging(
        self,
        operation: str,
        parameters: Mapping[str, Any],
        before: Mapping[str, str],
        after: Mapping[str, str],
    ) -> ApiCall:
        wire = to_wire(input_of(operation, API), {"resourceARN": self.arn, **parameters})
        masked = [_masked({TAGS: dict(side)} if side else {}) for side in (before, after)]
        return ApiCall(AUTOSCALING, operation, wire, *masked)


def _masked(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: mask_value((name,), value) for name, value in document.items()}
