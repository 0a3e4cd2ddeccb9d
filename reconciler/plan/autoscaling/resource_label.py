"""The resource label of a policy that scales by requests per target: found where the files leave it out.

Called by `plan.autoscaling.steps` and, for what has to be looked up, by `resources.observe`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.desired import DesiredAutoscaling, DesiredService
from reconciler.plan.autoscaling.document import TRACKING
from reconciler.plan.autoscaling.metric import PREDEFINED

BY_REQUESTS = "ALBRequestCountPerTarget"


def wanted_target_group(service: DesiredService) -> str | None:
    """Return the target group whose label some policy of the service leaves out; None when none does."""
    wanted = service.autoscaling
    if wanted is None or not any(lacks_label(policy) for policy in wanted.policies.values()):
        return None
    groups = list(target_groups(service.service))
    return groups[0] if len(groups) == 1 else None


def target_groups(service: Mapping[str, Any]) -> Iterator[str]:
    """Yield the target groups that a CreateService input names."""
    for balancer in service.get("loadBalancers", ()):
        if arn := balancer.get("targetGroupArn"):
            yield str(arn)


def labelled(
    service: DesiredService, wanted: DesiredAutoscaling, labels: Mapping[str, str]
) -> tuple[DesiredAutoscaling, frozenset[str]]:
    """Fill in the labels; also return the names of the policies for which none was found."""
    group = wanted_target_group(service)
    label = labels.get(group or "")
    lacking = frozenset(name for name, policy in wanted.policies.items() if lacks_label(policy))
    if label is None or not lacking:
        return wanted, lacking
    policies = {
        name: _with_label(policy, label) if name in lacking else policy
        for name, policy in wanted.policies.items()
    }
    return replace(wanted, policies=policies), frozenset()


def lacks_label(policy: Mapping[str, Any]) -> bool:
    """Say whether a policy counts requests and does not say of which target group."""
    metric = policy.get(TRACKING, {}).get(PREDEFINED, {})
    return metric.get("predefinedMetricType") == BY_REQUESTS and "resourceLabel" not in metric


def _with_label(policy: Mapping[str, Any], label: str) -> dict[str, Any]:
    tracking = policy[TRACKING]
    metric = {**tracking[PREDEFINED], "resourceLabel": label}
    return {**policy, TRACKING: {**tracking, PREDEFINED: metric}}
