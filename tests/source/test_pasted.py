"""Pasted answers of describe-services: what they say at other places than CreateService has it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.plan.canonical import canonical_service
from reconciler.resources.ecs_service import observed_service
from reconciler.shapes.observable import in_task_sets, only_in_deployments
from tests.source.conftest import DEFAULTS, HEADER

CONNECT = {"enabled": True, "namespace": "internal", "services": []}
LINKED = "arn:aws:iam::1:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
TASK = {
    "family": "shop",
    "containerDefinitions": [
        {"name": "app", "image": "a/b:1", "portMappings": [{"containerPort": 80}]}
    ],
}


def described(**fields: Any) -> dict[str, Any]:
    """Return an answer with its task definition pasted in place of the ARN."""
    return {"status": "ACTIVE", "desiredCount": 2, "taskDefinition": TASK, **fields}


def pasted(world, answer, base="") -> tuple[dict[str, Any], list[str]]:
    """Load an answer as the service `web`; return its CreateService document and what was noted."""
    loaded = world.load(HEADER, DEFAULTS, base, f"services:\n  web: {json.dumps(answer)}\n")
    assert not loaded.broken, loaded.diagnostics
    [found] = loaded.apps["production/shop"].services
    return dict(found.service), [d.message for d in loaded.diagnostics]


def test_what_only_a_deployment_tells_is_read_from_the_primary_one(world):
    """Service Connect, volumes and VPC Lattice: not from the deployment that is draining."""
    lattice = [{"roleArn": "arn:r", "targetGroupArn": "arn:t", "portName": "http"}]
    volumes = [{"name": "data", "managedEBSVolume": {"roleArn": "arn:r", "sizeInGiB": 20}}]
    primary = {
        "id": "ecs-svc/2",
        "status": "PRIMARY",
        "serviceConnectConfiguration": CONNECT,
        "volumeConfigurations": volumes,
        "vpcLatticeConfigurations": lattice,
        "desiredCount": 9,
    }
    draining = {"status": "ACTIVE", "serviceConnectConfiguration": {"enabled": False}}
    service, said = pasted(world, described(deployments=[draining, primary]))
    assert service["serviceConnectConfiguration"] == CONNECT
    assert service["volumeConfigurations"][0]["name"] == "data"
    assert service["vpcLatticeConfigurations"] == lattice
    assert service["desiredCount"] == 2
    assert said == ["services.web: read-only in AWS, ignored: status"]


def test_what_is_written_beside_them_stands(world):
    """A key that was added to a pasted answer is what is wanted."""
    deployments = [{"status": "PRIMARY", "serviceConnectConfiguration": CONNECT}]
    wanted = {"enabled": False}
    answer = described(deployments=deployments, serviceConnectConfiguration=wanted)
    service, said = pasted(world, answer)
    assert service["serviceConnectConfiguration"] == wanted
    assert said == ["services.web: read-only in AWS, ignored: status, deployments"]


def test_the_primary_task_set_has_its_own_fields(world):
    """As ECS means them under CODE_DEPLOY: the service's own are those of its first day."""
    blue, green = (
        [{"targetGroupArn": t, "containerName": "app", "containerPort": 80}] for t in "bg"
    )
    answer = described(
        deploymentController={"type": "CODE_DEPLOY"},
        loadBalancers=blue,
        taskSets=[{"status": "PRIMARY", "loadBalancers": green, "launchType": None}],
    )
    service, _ = pasted(world, answer)
    assert service["loadBalancers"] == green


@pytest.mark.parametrize(("role", "declared"), [("arn:aws:iam::1:role/ecs", True), (LINKED, False)])
def test_a_role_is_read_under_its_other_name(world, role, declared):
    """The service-linked role is nobody's choice."""
    service, _ = pasted(world, described(roleArn=role))
    assert service.get("role") == (role if declared else None)


def test_what_only_aws_prints_is_left_out(world):
    """Answers in AWS's tutorials show `version`, which its model does not have."""
    service, said = pasted(world, described(version=0))
    assert "version" not in service
    assert said == ["services.web: read-only in AWS, ignored: status, version"]


@pytest.mark.parametrize(
    "answer",
    [{"deployments": "x"}, {"deployments": [7]}, {"deployments": []}, {"taskSets": None}],
    ids=str,
)
def test_what_is_no_deployment_tells_nothing(world, answer):
    """Whatever stands there is ignored as before."""
    service, _ = pasted(world, described(**answer))
    assert not service.keys() & only_in_deployments()


def test_observing_and_pasting_are_one(world):
    """Every field that an answer has elsewhere is declared as the observer reads it."""
    values: dict[str, Any] = {
        "serviceConnectConfiguration": CONNECT,
        "volumeConfigurations": [{"name": "d", "managedEBSVolume": {"roleArn": "arn:r"}}],
        "vpcLatticeConfigurations": [
            {"roleArn": "arn:r", "targetGroupArn": "arn:t", "portName": "http"}
        ],
        "capacityProviderStrategy": [{"capacityProvider": "x", "weight": 1, "base": 0}],
        "loadBalancers": [{"targetGroupArn": "g", "containerName": "app", "containerPort": 80}],
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-9"]}},
        "platformVersion": "1.4.0",
        "serviceRegistries": [{"registryArn": "arn:s"}],
    }
    assert values.keys() == (only_in_deployments() | in_task_sets()) - {"launchType"}
    answer = {
        "serviceName": "shop",
        "deploymentController": {"type": "EXTERNAL"},
        "deployments": [
            {"status": "PRIMARY", **{n: values[n] for n in sorted(only_in_deployments())}}
        ],
        "taskSets": [
            {"status": "PRIMARY", **{n: values[n] for n in sorted(in_task_sets()) if n in values}}
        ],
    }
    service, _ = pasted(world, described(**answer), base="sync: {defaults: none}\n")
    seen = observed_service(answer).service
    assert canonical_service(service) == {**seen, "desiredCount": 2}
