"""Target groups, as far as scaling policies name them: `app/<lb>/<id>/targetgroup/<group>/<id>`.

Called by `resources.observe` for services that scale by requests per target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler.aws.door import Aws
from reconciler.model.batches import batches
from reconciler.model.errors import NotFound

BATCH: Final = 20
"""ARNs in one DescribeTargetGroups call: its page without a PageSize is no smaller."""


def resource_labels(aws: Aws, arns: Iterable[str]) -> dict[str, str]:
    """Return the resource label of each target group that has exactly one load balancer.

    Groups that do not exist, or that no load balancer or several use, are left out.
    """
    wanted = sorted(set(arns))
    groups = [group for batch in batches(wanted, BATCH) for group in _describe(aws, batch)]
    return {
        str(group["TargetGroupArn"]): _label(group["LoadBalancerArns"][0], group["TargetGroupArn"])
        for group in groups
        if len(group.get("LoadBalancerArns") or ()) == 1
    }


def _describe(aws: Aws, arns: list[str]) -> list[Mapping[str, Any]]:
    try:
        pages = aws.pages("elbv2", "DescribeTargetGroups", TargetGroupArns=arns)
        return [group for page in pages for group in page.get("TargetGroups", ())]
    except NotFound:  # one that is missing hides all the others
        if len(arns) == 1:
            return []
        return [group for arn in arns for group in _describe(aws, [arn])]


def _label(load_balancer: str, target_group: str) -> str:
    """Join "the final portion" of both ARNs [botocore: PredefinedMetricSpecification.ResourceLabel]."""
    return f"{load_balancer.partition(':loadbalancer/')[2]}/{target_group.rpartition(':')[2]}"
