"""What Application Auto Scaling has of a service → `autoscaling:`. Called by `workload`.

The way back of `source.autoscaling`: a policy that a short word makes is written as that word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.observed import ObservedAutoscaling
from reconciler.plan.autoscaling.document import ACTIONS, POLICIES, TRACKING
from reconciler.source.imports.tree import Keys
from reconciler.source.lift import OWNED_TAGS

_WORDS = {
    "cpu": ("targetCpu", "ECSServiceAverageCPUUtilization"),
    "memory": ("targetMemory", "ECSServiceAverageMemoryUtilization"),
    "requests": ("requestCountPerTarget", "ALBRequestCountPerTarget"),
}
_SHARED = ("scaleInCooldown", "scaleOutCooldown", "disableScaleIn")
_PREDEFINED = "predefinedMetricSpecification"


def short_autoscaling(live: ObservedAutoscaling) -> Keys:
    """Return the section for a service that is registered."""
    target = live.target or {}
    section = Keys([("min", target["minCapacity"]), ("max", target["maxCapacity"])])
    words = {n: w for n in live.policies if (w := _short(n, live.policies[n])) is not None}
    shared = {tuple(sorted(rest.items())) for _, rest in words.values()}
    if len(shared) > 1:
        words = {}  # the short words share their cooldowns
    for word, rest in words.values():
        section |= {**word, **rest}
    if any(target.get("suspendedState", {}).values()):
        section["suspendedState"] = dict(target["suspendedState"])
    tags = {k: v for k, v in (live.tags or {}).items() if not k.startswith(OWNED_TAGS)}
    if tags:
        section["tags"] = dict(sorted(tags.items()))
    raw = {n: _policy(p) for n, p in live.policies.items() if n not in words}
    if raw:
        section[POLICIES] = Keys(raw)
    if live.scheduled:
        section[ACTIONS] = Keys((n, _numbers(a)) for n, a in live.scheduled.items())
    return section


def _short(name: str, policy: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the word with its value, and what it shares with other words; None when there is no word."""
    known = _WORDS.get(name)
    tracking = policy.get(TRACKING)
    if known is None or tracking is None or policy.keys() - {"policyType", TRACKING}:
        return None
    word, metric = known
    specification = tracking.get(_PREDEFINED, {})
    if specification.get("predefinedMetricType") != metric:
        return None
    if tracking.keys() - {"targetValue", _PREDEFINED, *_SHARED}:
        return None
    found = {word: _numbers(tracking["targetValue"])}
    if "resourceLabel" in specification:
        found["resourceLabel"] = specification["resourceLabel"]
    # By identity: a cooldown of 0 equals False, and is not AWS's default.
    return found, {n: tracking[n] for n in _SHARED if tracking.get(n, False) is not False}


def _policy(policy: Mapping[str, Any]) -> Any:
    return _numbers({k: v for k, v in policy.items() if k != "policyType"})


def _numbers(value: Any) -> Any:
    """Return the value with whole numbers written as such: AWS answers 60.0 for 60."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case Mapping():
            return {k: _numbers(v) for k, v in value.items()}
        case list() | tuple():
            return [_numbers(v) for v in value]
        case _:
            return value
