"""`services.X.autoscaling`: short words, pasted answers of AWS, and every mistake at its place."""

from __future__ import annotations

import json
from textwrap import indent

import pytest

from tests.source.conftest import DEFAULTS, HEADER

GROUP = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/shop/0123456789abcdef"
BALANCED = (
    f"loadBalancers: [{{targetGroupArn: '{GROUP}', containerName: web, containerPort: 80}}]\n"
)
LABEL = "app/front/50dc6c495c0c9188/targetgroup/shop/0123456789abcdef"
TRACKING = "targetTrackingScalingPolicyConfiguration"

PASTED_TARGET = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/production/shop-production-web",
    "ScalableDimension": "ecs:service:DesiredCount",
    "MinCapacity": 2,
    "MaxCapacity": 8,
    "RoleARN": "arn:aws:iam::123456789012:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_ECSService",
    "CreationTime": "2026-01-01T00:00:00+09:00",
    "SuspendedState": {
        "DynamicScalingInSuspended": False,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": True,
    },
    "ScalableTargetARN": "arn:aws:application-autoscaling:ap-northeast-1:123456789012:scalable-target/0ec5",
}
PASTED_POLICY = {
    "PolicyARN": "arn:aws:autoscaling:ap-northeast-1:123456789012:scalingPolicy:x:policyName/steps",
    "PolicyName": "steps",
    "ServiceNamespace": "ecs",
    "ResourceId": "service/production/shop-production-web",
    "ScalableDimension": "ecs:service:DesiredCount",
    "PolicyType": "StepScaling",
    "StepScalingPolicyConfiguration": {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [
            {"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 2},
            {"MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -1},
        ],
        "Cooldown": 60,
    },
    "Alarms": [{"AlarmName": "a", "AlarmARN": "arn:aws:cloudwatch:::alarm:a"}],
    "CreationTime": 1764514800.123,
}
PASTED_ACTION = {
    "ScheduledActionName": "night",
    "ScheduledActionARN": "arn:aws:autoscaling:ap-northeast-1:123456789012:scheduledAction:x",
    "ServiceNamespace": "ecs",
    "Schedule": "cron(0 18 * * ? *)",
    "Timezone": "Asia/Tokyo",
    "ResourceId": "service/production/shop-production-web",
    "ScalableDimension": "ecs:service:DesiredCount",
    "StartTime": "2026-12-01T09:00:00+09:00",
    "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 2},
    "CreationTime": "2026-01-01T00:00:00+09:00",
}


def service(text, fields=""):
    """Return an app whose service `web` has these lines of `autoscaling`."""
    return (
        f"{HEADER}{DEFAULTS}services:\n  web:\n    image: a/b:1\n    portMappings: [80]\n"
        + indent(fields, "    ")
        + "    autoscaling:\n"
        + indent(text, "      ")
    )


def scaling(world, text, fields=""):
    """Return what the service's autoscaling means."""
    [web] = world.app(service(text, fields)).services
    return web.autoscaling


def tracking(metric, value, **more):
    """Return a target tracking policy's document."""
    predefined = {"predefinedMetricType": metric}
    return {
        "policyType": "TargetTrackingScaling",
        TRACKING: {"targetValue": value, "predefinedMetricSpecification": predefined, **more},
    }


def test_short_words_become_a_target_and_policies(world):
    """min, max and targets are RegisterScalableTarget and one target tracking policy each."""
    found = scaling(
        world, "min: 3\nmax: 12\ntargetCpu: 60\ntargetMemory: 72.5\nscaleInCooldown: 120"
    )
    assert str(found.address) == "autoscaling/web"
    assert found.target == {"minCapacity": 3, "maxCapacity": 12}
    assert found.policies == {
        "cpu": tracking("ECSServiceAverageCPUUtilization", 60.0, scaleInCooldown=120),
        "memory": tracking("ECSServiceAverageMemoryUtilization", 72.5, scaleInCooldown=120),
    }
    assert found.scheduled == {}


def test_tags_are_the_scalable_targets_own(world):
    """A map, as RegisterScalableTarget takes it; they are not the service's."""
    found = scaling(world, "min: 1\nmax: 2\ntags: {team: shop, level: '3'}")
    assert found.target["tags"] == {"team": "shop", "level": "3"}
    assert ("target", "tags", "team") in found.origins


def test_requests_need_no_label_where_there_is_one_target_group(world):
    """The load balancer is looked up later; a declared label is taken as it is."""
    found = scaling(world, "min: 1\nmax: 2\nrequestCountPerTarget: 500", BALANCED)
    assert found.policies == {"requests": tracking("ALBRequestCountPerTarget", 500.0)}
    text = f"min: 1\nmax: 2\nrequestCountPerTarget: 500\nresourceLabel: {LABEL}"
    metric = scaling(world, text).policies["requests"][TRACKING]["predefinedMetricSpecification"]
    assert metric["resourceLabel"] == LABEL


def test_answers_of_aws_are_pasted(world):
    """The three describe-* answers, whole: what cannot be declared is left out with a warning."""
    answers = {
        "ScalableTargets": [PASTED_TARGET],
        "ScalingPolicies": [PASTED_POLICY],
        "ScheduledActions": [PASTED_ACTION],
    }
    app = world.app(service(json.dumps(answers)))
    found = app.services[0].autoscaling
    assert found.target == {
        "minCapacity": 2,
        "maxCapacity": 8,
        "roleARN": PASTED_TARGET["RoleARN"],
        "suspendedState": {
            "dynamicScalingInSuspended": False,
            "dynamicScalingOutSuspended": False,
            "scheduledScalingSuspended": True,
        },
    }
    steps = found.policies["steps"]["stepScalingPolicyConfiguration"]
    assert steps["stepAdjustments"] == [
        {"metricIntervalLowerBound": 0.0, "scalingAdjustment": 2},
        {"metricIntervalUpperBound": 0.0, "scalingAdjustment": -1},
    ]
    assert found.scheduled == {
        "night": {
            "schedule": "cron(0 18 * * ? *)",
            "timezone": "Asia/Tokyo",
            "startTime": "2026-12-01T00:00:00Z",
            "scalableTargetAction": {"minCapacity": 1, "maxCapacity": 2},
        }
    }
    ignored = [w.message for w in app.warnings if w.rule == "read-only-field"]
    assert len(ignored) == 3
    assert "serviceNamespace, resourceId" in ignored[0]


def test_pasted_and_written_by_hand_mean_the_same(world):
    """Raw fields below the section, maps by name instead of lists, a type that follows from the rest."""
    by_hand = (
        "minCapacity: 2\nmaxCapacity: 8\n"
        "policies:\n  steps:\n    stepScalingPolicyConfiguration:\n"
        "      adjustmentType: ChangeInCapacity\n      cooldown: 60\n      stepAdjustments:\n"
        "      - {metricIntervalLowerBound: 0, scalingAdjustment: 2}\n"
        "      - {metricIntervalUpperBound: 0, scalingAdjustment: -1}\n"
    )
    target = {"MinCapacity": 2, "MaxCapacity": 8, "ScalingPolicies": [PASTED_POLICY]}
    pasted = scaling(world, json.dumps(target))
    written = scaling(world, by_hand)
    assert (written.target, written.policies) == (pasted.target, pasted.policies)


def test_every_field_has_its_line(world):
    """Origins point at the words as they are written, short or raw."""
    found = scaling(
        world,
        "min: 1\nmax: 2\ntargetCpu: 60\nscaleInCooldown: 9\n"
        "scheduledActions:\n  night:\n    schedule: rate(1 day)\n"
        "    scalableTargetAction: {minCapacity: 1}\n",
    )
    first = found.origins["target", "minCapacity"].line
    lines = {
        ("target", "maxCapacity"): 1,
        ("policies", "cpu"): 2,
        ("policies", "cpu", TRACKING, "scaleInCooldown"): 3,
        ("scheduled", "night"): 5,
        ("scheduled", "night", "schedule"): 6,
        ("scheduled", "night", "scalableTargetAction", "minCapacity"): 7,
    }
    assert {p: found.origins[p].line - first for p in lines} == lines


def test_null_takes_a_word_back(world):
    """As everywhere: null removes what would be inherited, a word or all of it."""
    assert scaling(world, "min: 1\nmax: 2\ntargetCpu: null").policies == {}
    text = service("min: 1").rpartition("autoscaling:")[0] + "autoscaling: null\n"
    assert world.app(text).services[0].autoscaling is None


MISTAKES = [
    ("min: 1", "", "required", "'max' is required"),
    ("min: 5\nmax: 3", "", "out-of-range", "min 5 is greater than max 3"),
    ("min: -1\nmax: 3", "", "out-of-range", "must not be negative"),
    ("min: one\nmax: 3", "", "wrong-type", "autoscaling.min: must be a whole number"),
    ("min: 1\nminCapacity: 1\nmax: 3", "", "two-forms", "'min' and 'minCapacity' are the same"),
    ("min: 1\nMin: 1\nmax: 3", "", "two-forms", "same field"),
    ("min: 1\nmax: 3\ntargetCPU: 60", "", "unknown-field", "did you mean 'targetCpu'?"),
    ("min: 1\nmax: 3\ntargetCpu: 0", "", "out-of-range", "more than 0 and at most 100, not 0"),
    ("min: 1\nmax: 3\ntargetCpu: 600", "", "out-of-range", "at most 100, not 600"),
    ("min: 1\nmax: 3\ntargetCpu: 60%", "", "wrong-type", "autoscaling.targetCpu: must be a number"),
    ("min: 1\nmax: 3\nscaleInCooldown: 60", "", "required", "goes with targetCpu"),
    ("min: 1\nmax: 3\ntags: {aws:x: a}", "", "managed-field", "begin with 'aws:' are reserved"),
    (
        "min: 1\nmax: 3\ntags: {reconciler:app: a}",
        "",
        "managed-field",
        "'reconciler:' are reserved",
    ),
    ("min: 1\nmax: 3\ntags: [team]", "", "wrong-type", "autoscaling.tags: must be a map"),
    ("min: 1\nmax: 3\ntargetCpu: 60\nscaleInCooldown: -1", "", "out-of-range", "negative"),
    ("min: 1\nmax: 3\ndisableScaleIn: yes\ntargetCpu: 9", "", "wrong-type", "true or false"),
    ("min: 1\nmax: 3\nresourceLabel: x", "", "required", "goes with requestCountPerTarget"),
    (
        f"min: 1\nmax: 3\nrequestCountPerTarget: 1\nresourceLabel: {GROUP}",
        "",
        "invalid-value",
        "is not of the form app/",
    ),
    ("min: 1\nmax: 3\nrequestCountPerTarget: 9", "", "required", "has no target group"),
    (
        "min: 1\nmax: 3\nrequestCountPerTarget: 9",
        BALANCED.replace("[{", "[{targetGroupArn: b, containerName: web, containerPort: 80}, {"),
        "required",
        "has 2 target groups",
    ),
    ("min: 1\nmax: 3", "schedulingStrategy: DAEMON\n", "not-possible", "DAEMON"),
    ("min: 1\nmax: 3\npolicies: [{a: 1}]", "", "required", "needs 'policyName'"),
    ("min: 1\nmax: 3\npolicies: {a: {}}", "", "required", "exactly one of"),
    (
        (
            "min: 1\nmax: 3\ntargetCpu: 60\npolicies:\n  cpu:\n"
            "    predictiveScalingPolicyConfiguration: {metricSpecifications: [{targetValue: 1}]}"
        ),
        "",
        "two-forms",
        "'targetCpu' makes the policy cpu",
    ),
    (
        (
            "min: 1\nmax: 3\ntargetCpu: 60\npolicies:\n  mine:\n"
            f"    {TRACKING}:\n      targetValue: 1\n"
            "      predefinedMetricSpecification: "
            "{predefinedMetricType: ECSServiceAverageCPUUtilization}"
        ),
        "",
        "two-forms",
        "policy cpu follows the same metric as policy mine",
    ),
    (
        (
            f"min: 1\nmax: 3\npolicies: {{a: {{policyType: StepScaling, {TRACKING}: {{targetValue: 1, "
            "customizedMetricSpecification: {metricName: a}}}}"
        ),
        "",
        "invalid-value",
        "must be TargetTrackingScaling",
    ),
    (
        f"min: 1\nmax: 3\npolicies: {{a: {{{TRACKING}: {{targetValue: 1}}}}}}",
        "",
        "two-forms",
        "exactly one of predefinedMetricSpecification, customizedMetricSpecification",
    ),
    (
        (
            f"min: 1\nmax: 3\npolicies: {{a: {{{TRACKING}: {{targetValue: 1, "
            "predefinedMetricSpecification: {predefinedMetricType: RDSReaderAverageCPUUtilization}}}}"
        ),
        "",
        "enum",
        "is not a metric of ECS services",
    ),
    (
        (
            f"min: 1\nmax: 3\npolicies: {{a: {{{TRACKING}: {{targetValue: 1, "
            "predefinedMetricSpecification: {predefinedMetricType: ECSServiceAverageCPUUtilization, "
            f"resourceLabel: {LABEL}}}}}}}}}"
        ),
        "",
        "invalid-value",
        "goes with ALBRequestCountPerTarget only",
    ),
    (
        (
            "min: 1\nmax: 3\npolicies: {a: {stepScalingPolicyConfiguration: {stepAdjustments: "
            "[{metricIntervalLowerBound: 0, scalingAdjustment: 1}]}}}"
        ),
        "",
        "required",
        "'adjustmentType' is required",
    ),
    (
        (
            "min: 1\nmax: 3\npolicies: {a: {stepScalingPolicyConfiguration: {adjustmentType: "
            "ExactCapacity, stepAdjustments: [{metricIntervalLowerBound: 3, metricIntervalUpperBound: "
            "2, scalingAdjustment: 1}]}}}"
        ),
        "",
        "out-of-range",
        "metricIntervalLowerBound 3 is not below metricIntervalUpperBound 2",
    ),
    (
        (
            "min: 1\nmax: 3\npolicies: {a: {policyName: b, predictiveScalingPolicyConfiguration: "
            "{metricSpecifications: [{targetValue: 1}]}}}"
        ),
        "",
        "two-forms",
        "is 'b', but the key is 'a'",
    ),
    (
        "min: 1\nmax: 3\npolicies: {a: {stepScalingPolicyConfiguratoin: {}}}",
        "",
        "unknown-field",
        "did you mean 'stepScalingPolicyConfiguration'?",
    ),
    (
        "min: 1\nmax: 3\npolicies: {}\nscalingPolicies: []",
        "",
        "two-forms",
        "'policies' is also set at line",
    ),
    ("min: 1\nmax: 3\nscalableTargets: []", "", "wrong-type", "takes a list of one"),
    (
        (
            "min: 1\nmax: 3\nscheduledActions: {a: {schedule: '0 3 * * *', "
            "scalableTargetAction: {minCapacity: 1}}}"
        ),
        "",
        "invalid-value",
        "is no schedule: write at(",
    ),
    (
        "min: 1\nmax: 3\nscheduledActions: {a: {scalableTargetAction: {minCapacity: 1}}}",
        "",
        "required",
        "'schedule' is required",
    ),
    (
        "min: 1\nmax: 3\nscheduledActions: {a: {schedule: rate(1 day)}}",
        "",
        "required",
        "'scalableTargetAction' is required",
    ),
    (
        (
            "min: 1\nmax: 3\nscheduledActions: {a: {schedule: rate(1 day), startTime: tomorrow, "
            "scalableTargetAction: {minCapacity: 1}}}"
        ),
        "",
        "invalid-value",
        "'tomorrow' is no time",
    ),
    (
        (
            "min: 1\nmax: 3\nscheduledActions: {a: {schedule: rate(1 day), "
            "scalableTargetAction: {minCapacity: 4, maxCapacity: 1}}}"
        ),
        "",
        "out-of-range",
        "minCapacity 4 is greater than maxCapacity 1",
    ),
]


@pytest.mark.parametrize(("text", "fields", "rule", "says"), MISTAKES)
def test_each_mistake_is_said_at_its_place(world, text, fields, rule, says):
    """One error with the rule and the words, on a line of the service."""
    whole = service(text, fields)
    errors = world.errors(whole)
    assert [(e.rule, says in e.message) for e in errors] == [(rule, True)], [str(e) for e in errors]
    first = whole.count("\n", 0, whole.index("autoscaling:"))
    assert errors[0].origin.line > first


@pytest.mark.parametrize("value", ["text", "[1]", "60"])
def test_it_is_a_map(world, value):
    """Anything else is refused by its form."""
    text = service("min: 1").rpartition("autoscaling:")[0] + f"autoscaling: {value}\n"
    [error] = world.errors(text)
    assert error.rule == "wrong-type"


def test_a_count_outside_of_the_bounds_is_a_warning(world):
    """The service would be created with it and scaled at once."""
    app = world.app(service("min: 2\nmax: 4", "desiredCount: 9\n"))
    assert ["desiredCount 9 is outside" in w.message for w in app.warnings] == [True]
    assert world.app(service("min: 2\nmax: 4", "desiredCount: 3\n")).warnings == ()


def test_layers_merge_by_word(world):
    """A base's bounds and a policy of one's own are one section."""
    world.write(
        "base/app.yaml", "services: {web: {autoscaling: {min: 1, max: 9, targetCpu: 50}}}\n"
    )
    text = service("max: 4\ntargetMemory: 70").replace(HEADER, f"{HEADER}extends: ../../base\n")
    [web] = world.app(text).services
    assert web.autoscaling.target == {"minCapacity": 1, "maxCapacity": 4}
    assert sorted(web.autoscaling.policies) == ["cpu", "memory"]


def test_look_ups_stand_for_values(world):
    """A label, a bound or a target may come from AWS; what decides how it is read may not."""
    text = "min: ${ssm:/min}\nmax: 4\nrequestCountPerTarget: ${ssm:/rate}\nresourceLabel: ${cfn:Stack.Label}"
    app = world.app(service(text, "desiredCount: 2\n"))
    found = app.services[0].autoscaling
    assert found.target == {"minCapacity": "${ssm:/min}", "maxCapacity": 4}
    tracked = found.policies["requests"][TRACKING]
    assert tracked["targetValue"] == "${ssm:/rate}"
    assert tracked["predefinedMetricSpecification"]["resourceLabel"] == "${cfn:Stack.Label}"
    assert app.lookups == {"ssm:/min", "ssm:/rate", "cfn:Stack.Label"}
    action = "{schedule: '${ssm:/cron}', scalableTargetAction: {minCapacity: 1}}"
    [error] = world.errors(service(f"min: 1\nmax: 4\nscheduledActions: {{a: {action}}}"))
    assert error.rule == "look-up"
