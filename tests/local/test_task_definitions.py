"""RegisterTaskDefinition and its listing as AWS documents them."""

from __future__ import annotations

import pytest

from reconciler.local.ecs.task_definition_rules import FARGATE_SIZES
from tests.local.talk import code_of

CONTAINER = {"name": "main", "image": "other:1", "memory": 16}
FARGATE = {
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "cpu": "256",
    "memory": "512",
}


def side(name, condition, essential=False, **fields):
    """Return two containers, the second waiting for the first."""
    waits = [{"containerName": name, "condition": condition}]
    return [
        {**CONTAINER, "name": "side", "essential": essential, **fields},
        {**CONTAINER, "dependsOn": waits},
    ]


def cycle():
    """Return two containers that wait for each other."""
    waits = [{"containerName": "main", "condition": "START"}]
    return [*side("side", "START", dependsOn=waits)]


@pytest.mark.parametrize(
    "containers",
    [
        [],
        [{**CONTAINER, "essential": False}],
        [CONTAINER, CONTAINER],
        [{**CONTAINER, "name": f"c{n}"} for n in range(11)],
        [{"name": "main", "image": "other:1"}],
        [{**CONTAINER, "name": "bad name"}],
        side("none", "START"),
        side("side", "SUCCESS", essential=True),
        side("side", "COMPLETE", essential=True),
        side("side", "HEALTHY"),
        cycle(),
    ],
)
def test_container_lists_that_are_refused(talk, containers):
    """Each is a ClientException and makes no revision."""
    assert code_of(talk.define, *containers) == "ClientException"
    assert talk.ecs.list_task_definitions()["taskDefinitionArns"] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"cpu": None},
        {"memory": None},
        {"cpu": "300"},
        {"memory": "4096"},
        {"cpu": "much"},
        {"networkMode": "bridge"},
    ],
)
def test_fargate_sizes_that_do_not_exist(talk, fields):
    """Fargate needs awsvpc and one of the documented pairs of cpu and memory."""
    wanted = {k: v for k, v in {**FARGATE, **fields}.items() if v is not None}
    assert code_of(talk.define, CONTAINER, **wanted) == "ClientException"


def test_all_documented_fargate_sizes_exist(talk):
    """The smallest and the largest memory of every cpu value are accepted."""
    for cpu, sizes in FARGATE_SIZES.items():
        for memory in (min(sizes), max(sizes)):
            talk.define(CONTAINER, **{**FARGATE, "cpu": str(cpu), "memory": str(memory)})


def test_fargate_needs_an_execution_role_for_logs_and_secrets(talk):
    """Awslogs and secrets are read with the execution role."""
    logs = {"logDriver": "awslogs", "options": {"awslogs-group": "/g"}}
    secrets = [{"name": "A", "valueFrom": "/a"}]
    for extra in ({"logConfiguration": logs}, {"secrets": secrets}):
        container = {**CONTAINER, **extra}
        assert code_of(talk.define, container, **FARGATE) == "ClientException"
        talk.define(container, **FARGATE, executionRoleArn="arn:aws:iam::1:role/r")


def test_units_are_converted_and_defaults_added(talk):
    """Sizes such as 1 vCPU and 2GB become numbers, containers get AWS's defaults."""
    check = {"command": ["CMD", "true"]}
    container = {
        "name": "main",
        "image": "i",
        "healthCheck": check,
        "portMappings": [{"containerPort": 80}],
    }
    talk.define(container, **{**FARGATE, "cpu": "1 vCPU", "memory": "2GB"})
    definition = talk.ecs.describe_task_definition(taskDefinition="f")["taskDefinition"]
    assert (definition["cpu"], definition["memory"]) == ("1024", "2048")
    assert definition["compatibilities"] == ["EC2", "FARGATE"]
    stored = definition["containerDefinitions"][0]
    assert stored["portMappings"] == [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}]
    assert stored["healthCheck"] == {**check, "interval": 30, "timeout": 5, "retries": 3}
    assert (stored["essential"], stored["cpu"], stored["environment"]) == (True, 0, [])


def test_half_a_unit_may_begin_with_a_point(talk):
    """As the console and many files write it."""
    talk.define(CONTAINER, **{**FARGATE, "cpu": ".25 vcpu", "memory": "0.5 GB"})
    definition = talk.ecs.describe_task_definition(taskDefinition="f")["taskDefinition"]
    assert (definition["cpu"], definition["memory"]) == ("256", "512")


@pytest.mark.parametrize("field", ["networkMode", "pidMode", "ipcMode"])
def test_words_that_ecs_does_not_know(talk, field):
    """The console's `default` is none of the API's words."""
    assert code_of(talk.define, CONTAINER, memory="512", **{field: "default"}) == "ClientException"


def test_the_name_of_a_secret_is_its_own(talk):
    """Neither twice nor beside a variable; variables may have one name twice."""
    secret, variable = {"name": "A", "valueFrom": "/a"}, {"name": "A", "value": "x"}
    twice = {**CONTAINER, "secrets": [secret, secret]}
    beside = {**CONTAINER, "secrets": [secret], "environment": [variable]}
    role = {**FARGATE, "executionRoleArn": "arn:aws:iam::1:role/r"}
    for container in (twice, beside):
        assert code_of(talk.define, container, **role) == "ClientException"
    talk.define({**CONTAINER, "environment": [variable, variable]}, **role)


def test_fields_are_kept_as_passed(talk):
    """Members that nothing here knows come back too."""
    runtime = {"cpuArchitecture": "ARM64"}
    talk.define({**CONTAINER, "readonlyRootFilesystem": True}, runtimePlatform=runtime)
    definition = talk.ecs.describe_task_definition(taskDefinition="f")["taskDefinition"]
    assert definition["runtimePlatform"] == runtime
    assert definition["containerDefinitions"][0]["readonlyRootFilesystem"] is True


def test_revisions_count_on_and_the_newest_active_one_is_meant(talk):
    """Deregistering does not free a number; a family alone means the newest ACTIVE revision."""
    arns = [talk.define(CONTAINER) for _ in range(3)]
    talk.ecs.deregister_task_definition(taskDefinition="f:3")
    described = talk.ecs.describe_task_definition(taskDefinition="f")["taskDefinition"]
    assert described["taskDefinitionArn"] == arns[1]
    assert talk.define(CONTAINER).endswith(":4")


def test_listing(talk):
    """FamilyPrefix is the whole family; sort, status and pages work."""
    arns = [talk.define(CONTAINER) for _ in range(3)]
    talk.define(CONTAINER, family="f-other")
    listed = talk.ecs.list_task_definitions
    assert listed(familyPrefix="f")["taskDefinitionArns"] == arns
    newest = listed(familyPrefix="f", sort="DESC", maxResults=1)
    assert newest["taskDefinitionArns"] == [arns[2]]
    rest = listed(familyPrefix="f", sort="DESC", nextToken=newest["nextToken"])
    assert rest["taskDefinitionArns"] == [arns[1], arns[0]]
    talk.ecs.deregister_task_definition(taskDefinition=arns[0])
    assert listed(familyPrefix="f", status="INACTIVE")["taskDefinitionArns"] == [arns[0]]
    assert talk.ecs.list_task_definition_families(familyPrefix="f")["families"] == ["f", "f-other"]


def test_tags_are_a_sibling_and_only_when_asked(talk):
    """The definition itself never holds them."""
    arn = talk.define(CONTAINER, tags=[{"key": "a", "value": "b"}])
    plain = talk.ecs.describe_task_definition(taskDefinition=arn)
    assert "tags" not in plain
    tagged = talk.ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
    assert tagged["tags"] == [{"key": "a", "value": "b"}]


def test_only_inactive_definitions_are_deleted(talk):
    """An ACTIVE one is a failure."""
    arn = talk.define(CONTAINER)
    delete = talk.ecs.delete_task_definitions
    assert delete(taskDefinitions=[arn])["failures"][0]["arn"] == arn
    talk.ecs.deregister_task_definition(taskDefinition=arn)
    deleted = delete(taskDefinitions=[arn])["taskDefinitions"][0]
    assert deleted["status"] == "DELETE_IN_PROGRESS"


def test_unknown_definitions(talk):
    """Describing one is a ClientException."""
    for reference in ("none", "f:9", "f:x"):
        call = talk.ecs.describe_task_definition
        assert code_of(call, taskDefinition=reference) == "ClientException"
