"""The files' JSON Schema: it takes what `validate` takes, refuses the usual mistakes, and follows botocore."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.shapes.botocore_model import Shape, input_of, shape_named
from reconciler.source import document, fields
from reconciler.source.schema import SHORTS, file_schema
from reconciler.source.schema_parts import first_words

ROOT = Path(__file__).parents[2]
SCHEMA = file_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
LARGEST = 250_000


class Loader(yaml.SafeLoader):
    """Reads YAML as an editor does: no timestamps."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way
        first: [(tag, regexp) for tag, regexp in found if not tag.endswith(":timestamp")]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read(text: str) -> Any:
    """Read one document."""
    return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader


def mistakes(files: Any) -> list[str]:
    """Return where the schema sees a mistake, and what."""
    return [f"{e.json_path}: {e.message}" for e in VALIDATOR.iter_errors(files)]


SAMPLE = read((ROOT / "desired/production/shop/app.yaml").read_text())


def blocks() -> list[tuple[str, str]]:
    """Return every YAML block of the documentation and its place."""
    found = []
    for path in sorted((ROOT / "docs").rglob("*.md")):
        text = path.read_text()
        for match in re.finditer(r"```yaml\n(.*?)```", text, re.DOTALL):
            line = text[: match.start()].count("\n") + 2
            found.append((f"{path.relative_to(ROOT)}:{line}", match[1]))
    return found


def test_it_is_a_schema_of_a_size_that_editors_bear():
    """Valid by its own dialect, each type once."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert len(json.dumps(SCHEMA)) < LARGEST


@pytest.mark.parametrize("path", ["desired/production/shop/app.yaml", "tests/source/shop.yaml"])
def test_what_is_valid_is_taken(path):
    """The sample, and the longer one of the tests."""
    assert mistakes(read((ROOT / path).read_text())) == []


@pytest.mark.parametrize(("place", "text"), blocks(), ids=[place for place, _ in blocks()])
def test_every_example_of_the_documentation_is_taken(place, text):
    """Whole files and parts of them."""
    files = read(text)
    if isinstance(files, dict) and files.keys() & SCHEMA["properties"].keys():
        assert mistakes(files) == []


def test_there_are_examples():
    """The test above looks at something."""
    wholes = [read(text) for _, text in blocks()]
    assert (
        sum(isinstance(f, dict) and bool(f.keys() & {"services", "migrations"}) for f in wholes)
        >= 1
    )


def test_every_section_and_every_word_of_ours_is_known():
    """What `validate` reads is in the schema, on the day it does; what it refuses is not."""
    assert (
        SCHEMA["properties"].keys()
        == {"$schema", "extends"} | document.HEADER_KEYS | document.SECTIONS
    )
    defs = SCHEMA["$defs"]
    assert defs["serviceEntry"]["properties"].keys() >= fields.SERVICE_OWN | fields.service_fields()
    assert defs["migrationEntry"]["properties"].keys() >= fields.MIGRATION_OWN | fields.run_fields()
    assert "overrides" not in defs["migrationEntry"]["properties"]


def example(shape: Shape) -> Any:  # noqa: PLR0911 - one answer per kind
    """Make a value with every field of a type."""
    if shape.is_document:
        return {}
    match shape.kind:
        case "structure":
            return {name: example(m) for name, m in shape.members.items()}
        case "list":
            return [example(shape.element)]
        case "map":
            return {"any": example(shape.element)}
        case "boolean":
            return True
        case "integer" | "long":
            return shape.minimum or 1
        case "double" | "float":
            return 0.5
        case _:
            return shape.choices[0] if shape.choices else "text"


@pytest.mark.parametrize(
    ("operation", "names", "place"),
    [
        ("RegisterTaskDefinition", fields.task_fields(), ("services", "web", "taskDefinition")),
        ("CreateService", fields.service_fields(), ("services", "web")),
        ("RunTask", fields.run_fields(), ("migrations", "db")),
        ("RegisterTaskDefinition", fields.lifted_task_fields(), ("services", "web")),
    ],
)
def test_every_field_of_botocore_in_its_long_form(operation, names, place):
    """Whatever AWS has a field for may be written, at every depth."""
    whole = example(input_of(operation))
    whole = {k: v for k, v in whole.items() if k in names}
    whole.update({k: "512" for k in ("cpu", "memory") if k in whole})
    value: Any = whole
    for step in reversed(place):
        value = {step: value}
    assert mistakes(value) == []


@pytest.mark.parametrize(
    "service",
    [
        {"cpu": "0.5 vCPU", "memory": "1GB"},
        {"cpu": 512, "memory": 1024},
        {"command": "bundle exec puma", "entryPoint": ["sh", "-c"]},
        {"portMappings": [80, {"containerPort": 443}]},
        {"healthCheck": "curl -fsS http://localhost/up"},
        {"healthCheck": {"command": ["CMD", "true"]}},
        {"environment": {"RAILS_ENV": "production", "N": 3, "ON": True}},
        {"environment": [{"name": "A", "value": "b"}]},
        {"secrets": {"DATABASE_URL": "/shop/DATABASE_URL"}},
        {"dependsOn": {"app": "HEALTHY"}},
        {"networkConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}},
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}},
        {"networkConfiguration": "${vars.network}"},
        {"tags": {"team": "shop"}},
        {"tags": [{"key": "team", "value": "shop"}]},
        {"containerDefinitions": {"web": {"from": "rails", "cpu": 10}}},
        {"containerDefinitions": [{"name": "web", "image": "nginx:1"}]},
        {"after": ["service/api"], "onMovedTag": "redeploy", "onChangedSecret": "${vars.x}"},
        {"desiredCount": "${vars.count}", "loadBalancers": ["${vars.balancer}"]},
        {"taskDefinition": {"taskDefinition": {"family": "a", "revision": 3, "status": "ACTIVE"}}},
        {"status": "ACTIVE", "runningCount": 3},
        {"logConfiguration": None, "command": None},
    ],
)
def test_short_forms_references_and_pasted_answers(service):
    """Each form of docs/desired-state.md, on the workload itself."""
    assert mistakes({"services": {"web": service}}) == []


@pytest.mark.parametrize(
    "group",
    [
        {
            "replicationGroupId": "shop",
            "engine": "redis",
            "engineVersion": 6.2,
            "replicasPerNodeGroup": 1,
            "automaticFailoverEnabled": True,
            "securityGroupIds": ["sg-1"],
            "parameterGroup": {
                "cacheParameterGroupName": "shop",
                "cacheParameterGroupFamily": "redis6.x",
                "parameters": {"maxmemory-policy": "noeviction", "timeout": 30},
            },
        },
        {"parameterGroup": "shop", "family": "redis7", "parameters": {"timeout": 0}},
        {"parameterGroup": "${vars.group}", "applyImmediately": True, "tags": {"team": "shop"}},
        {"ReplicationGroupId": "shop", "MultiAZ": "enabled", "Status": "available"},
        {"snapshottingClusterId": "shop-001", "tags": [{"key": "a", "value": "b"}]},
    ],
)
def test_redis_in_every_form(group):
    """AWS's fields, our words, and an answer that was pasted."""
    assert mistakes({"redis": {"main": group}}) == []


@pytest.mark.parametrize(
    "scaling",
    [
        {"min": 3, "max": 12, "targetCpu": 60, "scaleInCooldown": 300},
        {
            "min": "${vars.min}",
            "max": 12,
            "requestCountPerTarget": 500.5,
            "resourceLabel": "app/a/1",
        },
        {"minCapacity": 1, "maxCapacity": 3, "suspendedState": {"scheduledScalingSuspended": True}},
        {"min": 1, "max": 3, "tags": {"team": "shop", "stage": "${environment}"}},
        {
            "policies": {
                "steps": {
                    "policyType": "StepScaling",
                    "stepScalingPolicyConfiguration": {
                        "adjustmentType": "ChangeInCapacity",
                        "stepAdjustments": [
                            {"scalingAdjustment": 1, "metricIntervalLowerBound": 0}
                        ],
                    },
                }
            },
            "scheduledActions": {
                "night": {
                    "schedule": "cron(0 18 ? * MON-FRI *)",
                    "timezone": "Asia/Tokyo",
                    "scalableTargetAction": {"minCapacity": 1},
                }
            },
        },
        {"ScalableTargets": [{"MinCapacity": 1}], "ScalingPolicies": [{"PolicyName": "steps"}]},
    ],
)
def test_autoscaling_in_every_form(scaling):
    """Short words, raw policies and actions, and answers that were pasted."""
    assert mistakes({"services": {"web": {"autoscaling": scaling}}}) == []


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({"redis": {"main": {"cacheNodeTyp": "x"}}}, "$.redis.main"),
        ({"redis": {"main": {"authToken": "x"}}}, "$.redis.main"),
        ({"redis": {"main": {"port": "many"}}}, "$.redis.main.port"),
        ({"redis": {"main": {"parameterGroup": {"name": "x"}}}}, "$.redis.main.parameterGroup"),
        ({"services": {"web": {"onMovedTag": "restart"}}}, "web.onMovedTag"),
        ({"services": {"web": {"autoscaling": {"minn": 1}}}}, "web.autoscaling"),
        ({"services": {"web": {"autoscaling": {"min": -1}}}}, "web.autoscaling.min"),
        ({"services": {"web": {"autoscaling": {"targetCpu": "a lot"}}}}, "autoscaling.targetCpu"),
        ({"service": {}}, "$: 'service' does not match"),
        ({"services": {"web": {"portMapings": [80]}}}, "$.services.web"),
        ({"services": {"web": {"containerDefinitions": {"app": {"imagee": "a:1"}}}}}, "web.containerDefinitions.app"),
        ({"services": {"web": {"launchType": "FARGAT"}}}, "$.services.web.launchType"),
        ({"services": {"web": {"desiredCount": "three"}}}, "$.services.web.desiredCount"),
        ({"services": {"web": {"cpu": "a lot"}}}, "$.services.web.cpu"),
        ({"services": {"web": {"dependsOn": {"app": "READY"}}}}, "$.services.web.dependsOn.app"),
        ({"services": {"web": {"enableExecuteCommand": "yes"}}}, "$.services.web.enableExecuteCommand"),
        ({"services": {"Web!": {}}}, "$.services"),
        ({"services": ["web"]}, "$.services"),
        ({"migrations": {"db": {"timeout": "20 minutes"}}}, "$.migrations.db.timeout"),
        ({"migrations": {"db": {"when": "later"}}}, "$.migrations.db.when"),
        ({"migrations": {"db": {"desiredCount": 1}}}, "$.migrations.db"),
        ({"migrations": {"db": {"irreversible": "maybe"}}}, "$.migrations.db.irreversible"),
        ({"account": "1234"}, "$.account"),
        ({"apiVersion": "v1"}, "$.apiVersion"),
        ({"sync": {"prun": True}}, "$.sync"),
        ({"guard": {"image": "a:1", "mode": "x"}}, "$.guard"),
        ({"defaults": {"serviceName": "web"}}, "$.defaults"),
        ({"containers": {"rails": {"environment": {"A": {"b": 1}}}}}, "$.containers.rails.environment"),
    ],
)  # fmt: skip
def test_mistakes_are_seen_at_their_place(files, where):
    """Typos, wrong enumerations, types and forms; the message names the place."""
    found = mistakes(files)
    assert found
    assert any(where in said for said in found), found


def test_an_enumeration_may_be_left_empty_and_our_words_may_not():
    """As tools written in Go leave AWS's; what is ours is said or left out."""
    assert mistakes({"services": {"web": {"launchType": "", "pidMode": ""}}}) == []
    assert mistakes({"services": {"web": {"onMovedTag": ""}}})


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """Return the path of every value below a section."""
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    found = [path] if len(path) >= 2 else []
    return found + [p for key, inner in children for p in places(inner, (*path, key))]


@settings(max_examples=60)
@given(
    st.sampled_from(
        places({k: SAMPLE[k] for k in ("services", "migrations", "defaults", "containers")})
    ),
    st.sampled_from(["${vars.x}", None]),
)
def test_a_reference_or_null_may_stand_anywhere(path, value):
    """In the place of any value: the reference is resolved later, null removes."""
    files = copy.deepcopy(SAMPLE)
    *parents, last = path
    inside = files
    for step in parents:
        inside = inside[step]
    if isinstance(inside, list) and value is None:
        return  # in a list nothing is removed
    inside[last] = value
    assert mistakes(files) == []


def test_short_forms_are_of_fields_that_exist():
    """A field that botocore renames is noticed here."""
    for structure, member in SHORTS:
        assert member in shape_named(structure).members


def test_fields_have_the_words_of_aws():
    """A hover says what AWS says, as text and not for too long."""
    image = SCHEMA["$defs"]["container"]["properties"]["image"]["description"]
    assert image.startswith("The image used to start a container.")
    said = [
        f.get("description", "")
        for d in SCHEMA["$defs"].values()
        for f in d.get("properties", {}).values()
    ]
    assert all(len(s) <= 300 and not re.search(r"</?(p|code|a)\b", s) for s in said)
    assert first_words("<p>A &amp; <code>b</code>\n  c.</p><p>More.</p>") == "A & b c."
    assert first_words(f"<p>One. {'x' * 400}</p>") == "One."
    assert first_words(f"<p>{'word ' * 100}</p>").endswith("word …")


def scaled(autoscaling: Any) -> Any:
    """Return the sample with one service scaled so."""
    return {**SAMPLE, "services": {"web": {"image": "a/b:1", "autoscaling": autoscaling}}}


def test_autoscaling_is_known_short_raw_and_pasted():
    """Short words, AWS's fields by name, and an answer of AWS as it stands; a slip is a mistake."""
    metric = {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}
    policy = {
        "targetTrackingScalingPolicyConfiguration": {
            "targetValue": 60,
            "predefinedMetricSpecification": metric,
        }
    }
    pasted = {"MinCapacity": 1, "ScalingPolicies": [{"PolicyName": "cpu", "Alarms": []}]}
    for right in (
        {"min": 1, "max": "${vars.max}", "targetCpu": 60.5, "disableScaleIn": True},
        {"minCapacity": 1, "maxCapacity": 2, "policies": {"cpu": policy}},
        {"min": 1, "max": 2, "scheduledActions": {"a": {"schedule": "rate(1 day)"}}},
        pasted,
        None,
    ):
        assert mistakes(scaled(right)) == []
    for wrong in (
        {"minimum": 1},
        {"min": "two"},
        {"min": -1},
        {"policies": {"cpu": {"targetTrackingPolicy": {}}}},
    ):
        assert mistakes(scaled(wrong)), wrong


def test_what_only_aws_answers_is_taken_and_not_offered():
    """A pasted answer is right, but an editor that completes properties does not propose its fields."""
    defs = SCHEMA["$defs"]
    for name, field in (
        ("serviceEntry", "runningCount"),
        ("taskDefinition", "registeredAt"),
        ("redisEntry", "status"),
    ):
        assert field not in defs[name]["properties"]
        assert any(re.search(p, field) for p in defs[name]["patternProperties"])


def test_a_pattern_is_said_in_words():
    """Editors show the words in the place of a regular expression."""
    assert SCHEMA["$defs"]["duration"]["patternErrorMessage"] == "a duration, as 30s, 20m or 1h30m"
