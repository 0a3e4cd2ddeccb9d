"""How many tasks a Copilot manifest wants: a number, spot capacity, a range. Called by `copilot`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reconciler.model.observed import ObservedAutoscaling
from reconciler.plan.autoscaling.document import TRACKING
from reconciler.source.converters.conversion import Conversion
from reconciler.source.nodes import Mapping, Node, Scalar

_RANGE = re.compile(r"(\d+)\s*-\s*(\d+)")
_PERCENT = {
    "cpu_percentage": ("cpu", "ECSServiceAverageCPUUtilization"),
    "memory_percentage": ("memory", "ECSServiceAverageMemoryUtilization"),
    "requests": ("requests", "ALBRequestCountPerTarget"),
}
_INSIDE = {
    "range": ("min", "max", "spot_from"),
    "cooldown": ("in", "out"),
    **dict.fromkeys(_PERCENT, ("value", "cooldown")),
}


def count_of(
    count: Node | None, conversion: Conversion
) -> tuple[dict[str, Any], ObservedAutoscaling | None]:
    """Return what a manifest's `count` says: fields of the service, and its autoscaling."""
    if not isinstance(count, Mapping):
        return {"desiredCount": conversion.number(count, 1)}, None
    service: dict[str, Any] = {}
    if "spot" in count.entries:
        service["desiredCount"] = conversion.number(count.get("spot"), 1)
        service["capacityProviderStrategy"] = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    for section, names in _INSIDE.items():
        node = count.get(section)
        for key, entry in (node.entries if isinstance(node, Mapping) else {}).items():
            if key not in names:
                conversion.say(entry.place, f"count.{section}.{key} has no counterpart")
    bounds = _bounds(count.get("range"), service, conversion)
    policies = dict(_policies(count, conversion))
    known = {"spot", "range", "cooldown", *_PERCENT}
    for key, entry in count.entries.items():
        if key not in known:
            message = f"count.{key}: write autoscaling.policies with its metric"
            conversion.say(entry.place, message)
    if bounds is None:
        return service, None
    low, high = bounds
    return service, ObservedAutoscaling({"minCapacity": low, "maxCapacity": high}, policies)


def _bounds(
    node: Node | None, service: dict[str, Any], conversion: Conversion
) -> tuple[int, int] | None:
    if isinstance(node, Scalar) and (found := _RANGE.fullmatch(node.text)):
        return int(found[1]), int(found[2])
    if not isinstance(node, Mapping):
        if node is not None:
            conversion.say(node.place, "count.range: not a range such as 1-10: left out")
        return None
    low, high = (conversion.number(node.get(n), 1) for n in ("min", "max"))
    if "spot_from" in node.entries:
        base = max(conversion.number(node.get("spot_from"), 1) - 1, 0)
        service["capacityProviderStrategy"] = [
            {"capacityProvider": "FARGATE", "weight": 0, "base": base},
            {"capacityProvider": "FARGATE_SPOT", "weight": 1},
        ]
    return low, high


def _policies(count: Mapping, conversion: Conversion) -> Iterator[tuple[str, dict[str, Any]]]:
    shared = conversion.mapping(count, "cooldown")
    for word, (name, metric) in _PERCENT.items():
        node = count.get(word)
        if node is None:
            continue
        cooldown = shared
        if isinstance(node, Mapping):
            if "cooldown" in node.entries:
                cooldown = conversion.mapping(node, "cooldown")
            node = node.get("value")
        tracking: dict[str, Any] = {
            "targetValue": conversion.number(node, 50),
            "predefinedMetricSpecification": {"predefinedMetricType": metric},
        }
        for key, field in (("in", "scaleInCooldown"), ("out", "scaleOutCooldown")):
            seconds = conversion.seconds(cooldown, key)
            if seconds is not None:
                tracking[field] = seconds
        yield name, {"policyType": "TargetTrackingScaling", TRACKING: tracking}
