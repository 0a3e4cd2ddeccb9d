"""What AWS refuses of scaling policies, beyond what its model says. Called by `source.autoscaling`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reconciler.model.lookups import Deferred
from reconciler.plan.autoscaling.document import (
    API,
    CONFIGURATIONS,
    METRICS,
    POLICIES,
    TRACKING,
)
from reconciler.plan.autoscaling.metric import PREDEFINED, Metric, metric_of
from reconciler.plan.autoscaling.resource_label import BY_REQUESTS
from reconciler.shapes.botocore_model import input_of
from reconciler.source.nodes import node_at
from reconciler.source.report import show
from reconciler.source.scaling_part import Part

_STEPS = CONFIGURATIONS["StepScaling"]
_LABEL = re.compile(r"app/[^/]+/[0-9a-f]+/targetgroup/[^/]+/[0-9a-f]+")


def check_policies(part: Part) -> None:
    """Check what AWS would refuse: one configuration each, one metric each, labels, steps."""
    for name, tree in part.trees.items():
        present = [c for c in CONFIGURATIONS.values() if tree.get(c) is not None]
        if not present and tree.entries.keys() - input_of("PutScalingPolicy", API).members.keys():
            continue  # a misspelt name is reported already
        if len(present) != 1:
            listed = ", ".join(CONFIGURATIONS.values())
            part.error(
                name,
                tuple(present[1:2]),
                f"takes exactly one of {listed}",
                "two-forms" if present else "required",
            )
            continue
        kind = next(k for k, c in CONFIGURATIONS.items() if c == present[0])
        if part.documents[name].setdefault("policyType", kind) != kind:
            part.error(name, ("policyType",), f"must be {kind} with {present[0]}", "invalid-value")
        if present[0] == TRACKING:
            _check_tracking(part, name)
        elif present[0] == _STEPS:
            _check_steps(part, name)


def _check_tracking(part: Part, name: str) -> None:
    tracking = part.trees[name].mapping(TRACKING)
    if tracking is None:
        return
    if len(METRICS & tracking.entries.keys()) != 1:
        part.error(
            name,
            (TRACKING,),
            f"takes exactly one of {', '.join(sorted(METRICS, reverse=True))}",
            "two-forms",
        )
    metric = part.documents[name].get(TRACKING, {}).get(PREDEFINED, {})
    kind, label = metric.get("predefinedMetricType"), metric.get("resourceLabel")
    where = (TRACKING, PREDEFINED)
    if kind is not None and kind != BY_REQUESTS and not kind.startswith("ECSService"):
        part.error(
            name,
            (*where, "predefinedMetricType"),
            f"{kind} is not a metric of ECS services",
            "enum",
        )
    if label is not None:
        if kind != BY_REQUESTS:
            part.error(
                name, (*where, "resourceLabel"), f"goes with {BY_REQUESTS} only", "invalid-value"
            )
        elif problem := label_problem(label):
            part.error(name, (*where, "resourceLabel"), problem, "invalid-value")


def label_problem(label: str) -> str:
    """Say what is wrong with the form of a resource label; empty when nothing is."""
    if isinstance(label, Deferred) or _LABEL.fullmatch(label):
        return ""
    return (
        f"{show(label)} is not of the form app/<load balancer>/<id>/targetgroup/<target group>/<id>"
    )


def _check_steps(part: Part, name: str) -> None:
    steps = part.documents[name].get(_STEPS, {})
    for required in ("adjustmentType", "stepAdjustments"):
        if not steps.get(required):
            part.error(name, (_STEPS,), f"'{required}' is required", "required")
    for index, step in enumerate(steps.get("stepAdjustments", ())):
        low, high = step.get("metricIntervalLowerBound"), step.get("metricIntervalUpperBound")
        if low is None and high is None:
            message = "a step needs metricIntervalLowerBound, metricIntervalUpperBound, or both"
        elif isinstance(low, float) and isinstance(high, float) and low >= high:
            message = (
                f"metricIntervalLowerBound {low:g} is not below metricIntervalUpperBound {high:g}"
            )
        else:
            continue
        place = node_at(part.trees[name], (_STEPS, "stepAdjustments", index))
        path = f"{part.label}.{POLICIES}.{name}.{_STEPS}.stepAdjustments"
        part.report.error(place, message, "out-of-range", path=path)


def same_metric(documents: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield (policy, earlier policy) where two target tracking policies follow one predefined metric."""
    seen: dict[Metric, str] = {}
    for name, document in documents.items():
        metric = metric_of(document)
        if metric is not None and (first := seen.setdefault(metric, name)) != name:
            yield name, first
