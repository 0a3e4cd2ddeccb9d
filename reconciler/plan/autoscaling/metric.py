"""Which metric a policy tracks: AWS takes one target tracking policy for a metric of a service.

Called by `plan.autoscaling.steps` and `plan.autoscaling.compare`, and by `source` for what the files say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from reconciler.plan.autoscaling.document import TRACKING

PREDEFINED = "predefinedMetricSpecification"
Metric = tuple[Any, Any]
"""A predefined metric's type, and the target group whose requests it counts."""
Policies = Mapping[str, Mapping[str, Any]]


def metric_of(policy: Mapping[str, Any]) -> Metric | None:
    """Return the predefined metric that a policy tracks, if it does."""
    metric = policy.get(TRACKING, {}).get(PREDEFINED)
    if metric is None:
        return None
    return metric.get("predefinedMetricType"), metric.get("resourceLabel")


def rivals(wanted: Policies, live: Policies, given_up: Collection[str]) -> dict[str, str]:
    """Return the wanted policies that cannot be put, each with the live policy that has its metric.

    A live policy that is wanted too, or is given up, is in nobody's way: it will be as declared, or gone.
    """
    holders = {
        metric: name
        for name, policy in live.items()
        if name not in wanted and name not in given_up and (metric := metric_of(policy))
    }
    return {
        name: holders[metric]
        for name, policy in wanted.items()
        if name not in live and (metric := metric_of(policy)) in holders
    }
