"""What one account has of Application Auto Scaling, and how its requests are read. Used by `scaling`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from reconciler.local.schedules import Schedule

Document = dict[str, Any]
Scope = tuple[str, str]
Key = tuple[str, str]
"""Resource id and name."""

MOST_TAGS = 50
DIMENSION = "ecs:service:DesiredCount"


class ScalingError(Exception):
    """An API error with a code of botocore's model of Application Auto Scaling."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass
class Registry:
    """What one account has in one region."""

    targets: dict[str, Document] = field(default_factory=dict)
    policies: dict[Key, Document] = field(default_factory=dict)
    actions: dict[Key, Document] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of the targets, by resource id; AWS tags neither policies nor actions."""
    due: dict[Key, datetime | None] = field(default_factory=dict)
    activities: list[Document] = field(default_factory=list)


def schedule_of(action: Mapping[str, Any]) -> Schedule:
    """Return the parsed schedule of an action; raises ValidationException."""
    try:
        return Schedule.parse(str(action["Schedule"]), str(action.get("Timezone") or ""))
    except (
        ValueError,
        IndexError,
        ZoneInfoNotFoundError,
        OSError,
    ) as error:  # OSError: a folder of zones
        raise invalid(f"Failed to parse the schedule {action['Schedule']}: {error}") from error


def counts_from(action: Mapping[str, Any]) -> datetime:
    """Return from when a schedule counts: its StartTime, else its creation."""
    return datetime.fromtimestamp(float(action.get("StartTime") or action["CreationTime"]), UTC)


def resource_of(wanted: Mapping[str, Any]) -> str:
    """Return the resource of a request; raises for what is no ECS service."""
    resource = str(wanted.get("ResourceId", ""))
    kind, _, rest = resource.partition("/")
    if wanted.get("ScalableDimension") != DIMENSION or kind != "service" or rest.count("/") != 1:
        raise invalid("Unsupported service namespace, resource type or scalable dimension")
    return resource


def registered(registry: Registry, wanted: Mapping[str, Any]) -> str:
    """Return the resource of a request that is a scalable target; raises ObjectNotFoundException."""
    resource = resource_of(wanted)
    if resource not in registry.targets:
        message = (
            f"No scalable target registered for service namespace: ecs, resource ID: {resource}, "
            f"scalable dimension: {DIMENSION}"
        )
        raise ScalingError("ObjectNotFoundException", message)
    return resource


def tags_of(registry: Registry, wanted: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of the target that a request names; raises ResourceNotFoundException."""
    for resource, target in registry.targets.items():
        if target["ScalableTargetARN"] == wanted.get("ResourceARN"):
            return registry.tags[resource]
    message = f"No scalable target has the ARN {wanted.get('ResourceARN')}"
    raise ScalingError("ResourceNotFoundException", message)


def delete(items: dict[Key, Document], key: Key) -> Document:
    """Delete a policy or an action; raises ObjectNotFoundException."""
    if items.pop(key, None) is None:
        message = f"Nothing called {key[1]} was found for resource ID: {key[0]}"
        raise ScalingError("ObjectNotFoundException", message)
    return {}


def chosen(items: Mapping[Key, Document], wanted: Mapping[str, Any], names: str) -> list[Document]:
    """Return the policies or actions that a request asks for."""
    resource, named = wanted.get("ResourceId"), wanted.get(names)
    return [
        item
        for key, item in items.items()
        if resource in (None, key[0]) and (not named or key[1] in named)
    ]


def page(items: list[Document], wanted: Mapping[str, Any], key: str, most: int) -> Document:
    """Return a page of at most `most`, with a token when more follow."""
    size = int(wanted.get("MaxResults", most))
    if not 1 <= size <= most:
        raise invalid(f"MaxResults must be between 1 and {most}.")
    token = str(wanted.get("NextToken") or "0")
    if not token.isdigit():
        raise ScalingError("InvalidNextTokenException", "The next token is not one of ours.")
    end = int(token) + size
    more = {"NextToken": str(end)} if end < len(items) else {}
    return {key: items[int(token) : end], **more}


def metric_of(policy: Mapping[str, Any]) -> Any:
    """Return the predefined metric that a policy tracks, if it does."""
    tracking = policy.get("TargetTrackingScalingPolicyConfiguration", {})
    return tracking.get("PredefinedMetricSpecification")


def make_arn(scope: Scope, kind: str, key: Key, what: str) -> str:
    """Spell the ARN of a policy or an action."""
    account, region = scope
    resource = f"resource/ecs/{key[0]}:{what}/{key[1]}"
    return f"arn:aws:autoscaling:{region}:{account}:{kind}:{uuid.uuid4()}:{resource}"


def alarm_names(scope: Scope, resource: str) -> list[Document]:
    """Name the two alarms that target tracking would make; they do not exist in CloudWatch."""
    account, region = scope
    names = [f"TargetTracking-{resource}-Alarm{side}-{uuid.uuid4()}" for side in ("High", "Low")]
    arn = f"arn:aws:cloudwatch:{region}:{account}:alarm:"
    return [{"AlarmName": name, "AlarmARN": arn + name} for name in names]


def invalid(message: str) -> ScalingError:
    """Make a ValidationException."""
    return ScalingError("ValidationException", message)
