"""What Application Auto Scaling fills in: data only, read through `shapes.default_values`.

Sources as in `shapes.tables`. The document is that of `plan.autoscaling.document`: the scalable target's
fields, and below `policies` and `scheduledActions` what was put, each by its name.
"""

from __future__ import annotations

from reconciler.model.names import Path
from reconciler.shapes.default_row import DefaultRow, UnknownRow, rows, unset

_POLICY: Path = ("policies", "*")
_ACTION: Path = ("scheduledActions", "*")

AUTOSCALING_ROWS: tuple[DefaultRow, ...] = (
    *unset("M: exists when somebody put it", (), "policies.* scheduledActions.*"),
    *rows(
        "M SuspendedState",
        ("suspendedState",),
        {
            "dynamicScalingInSuspended": False,
            "dynamicScalingOutSuspended": False,
            "scheduledScalingSuspended": False,
        },
    ),
    *rows(
        "M TargetTrackingScalingPolicyConfiguration; cooldowns: D application userguide "
        "target-tracking-scaling-policy-overview, 300 for ECS services",
        (*_POLICY, "targetTrackingScalingPolicyConfiguration"),
        {"disableScaleIn": False, "scaleInCooldown": 300, "scaleOutCooldown": 300},
    ),
    *rows(
        "M StepScalingPolicyConfiguration",
        (*_POLICY, "stepScalingPolicyConfiguration"),
        {"cooldown": 300, "metricAggregationType": "Average"},
    ),
    *unset(
        "M StepScalingPolicyConfiguration",
        (*_POLICY, "stepScalingPolicyConfiguration"),
        "minAdjustmentMagnitude",
    ),
    *rows(
        "M PredictiveScalingPolicyConfiguration",
        (*_POLICY, "predictiveScalingPolicyConfiguration"),
        {
            "mode": "ForecastOnly",
            "schedulingBufferTime": 300,
            "maxCapacityBreachBehavior": "HonorMaxCapacity",
        },
    ),
    *unset(
        "M PredictiveScalingPolicyConfiguration",
        (*_POLICY, "predictiveScalingPolicyConfiguration"),
        "maxCapacityBuffer",
    ),
    *rows("M PutScheduledAction", _ACTION, {"timezone": "UTC"}),
    *unset("M PutScheduledAction", _ACTION, "startTime endTime"),
    *unset(
        "M ScalableTargetAction",
        (*_ACTION, "scalableTargetAction"),
        "minCapacity maxCapacity",
    ),
)

AUTOSCALING_UNKNOWN: tuple[UnknownRow, ...] = (
    UnknownRow(("roleARN",), "the service-linked role is filled in [M RegisterScalableTarget]"),
)
