"""Documents that people run, from public repositories and documentation: pasted or imported, no difference."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.app.importing import prove
from reconciler.model.observed import ObservedTaskDefinition
from reconciler.plan.canonical import canonical_task_definition
from reconciler.plan.compare import compare
from reconciler.resources.ecs_service import observed_service
from reconciler.resources.inventory import Found
from reconciler.shapes.botocore_model import input_of
from reconciler.shapes.tables import SERVICE
from reconciler.source.folder import load_folder
from reconciler.source.imports.live import Target

CORPUS = sorted((Path(__file__).parents[1] / "source" / "corpus").glob("*.json"))
DIGEST = "sha256:" + "ab" * 32
TARGET = Target("shop", "production", "123456789012", "ap-northeast-1", "MyCluster")


def task_definition(document: dict[str, Any]) -> dict[str, Any]:
    """Return a task definition as ECS answers it: what it fills in is there."""
    members = input_of("RegisterTaskDefinition").members
    content = {k: v for k, v in document.items() if k in members and k != "tags"}
    content.setdefault("family", "sample")
    content = {"volumes": [], "placementConstraints": [], **content}
    content |= {k: str(content[k]) for k in ("cpu", "memory") if k in content}
    for container in content["containerDefinitions"]:
        for name, value in (("cpu", 0), ("essential", True), ("systemControls", [])):
            container.setdefault(name, value)
        for name in ("portMappings", "environment", "mountPoints", "volumesFrom"):
            container.setdefault(name, [])
        for port in container["portMappings"]:
            port.setdefault("protocol", "tcp")
            same = content.get("networkMode") in ("awsvpc", "host")
            port.setdefault("hostPort", port["containerPort"] if same else 0)
    return content


def made_for(service: dict[str, Any]) -> dict[str, Any]:
    """Return a task definition that fits a service of which only the service is known."""
    balancer = (service["loadBalancers"] or [{}])[0]
    name, port = balancer.get("containerName", "app"), balancer.get("containerPort", 80)
    ports = [{"name": "http", "containerPort": port}]
    fargate = service.get("launchType") != "EC2" and "networkConfiguration" in service
    document = {
        "family": "sample",
        "networkMode": "awsvpc" if "networkConfiguration" in service else "bridge",
        "requiresCompatibilities": ["FARGATE"] if fargate else ["EC2"],
        "containerDefinitions": [
            {"name": name, "image": "nginx:1.29", "memory": 128, "portMappings": ports}
        ],
    }
    return task_definition(document | ({"cpu": "256", "memory": "512"} if fargate else {}))


def service_for(content: dict[str, Any]) -> dict[str, Any]:
    """Return a plain service that runs a task definition."""
    fargate = "FARGATE" in content.get("requiresCompatibilities", ())
    service = {
        "serviceName": "sample",
        "status": "ACTIVE",
        "desiredCount": 1,
        "launchType": "FARGATE" if fargate else "EC2",
        "schedulingStrategy": "REPLICA",
        "loadBalancers": [],
        "deploymentConfiguration": {"maximumPercent": 200, "minimumHealthyPercent": 100},
    }
    if content.get("networkMode") == "awsvpc":
        service["networkConfiguration"] = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
    return service


def read(path: Path) -> Found:
    """Return a document of the corpus as `resources` reads it from AWS."""
    document = json.loads(path.read_text("utf-8"))
    assert document["source"]
    assert document["licence"]
    service = document.get("service")
    if "taskDefinition" in document:
        content = task_definition(document["taskDefinition"])
    else:
        content = made_for(service)
    arn = f"arn:aws:ecs:ap-northeast-1:123456789012:task-definition/{content['family']}:1"
    live = observed_service({**(service or service_for(content)), "taskDefinition": arn})
    canonical = canonical_task_definition(content)
    definition = ObservedTaskDefinition(arn, content["family"], 1, active=True, content=canonical)
    return Found(live, definition, {c["name"]: DIGEST for c in content["containerDefinitions"]})


def test_there_are_many():
    """The tests below look at something."""
    assert len(CORPUS) >= 30


@pytest.mark.parametrize("path", CORPUS, ids=lambda p: p.stem)
def test_it_is_imported_without_a_difference(path):
    """Everything that these teams and samples use can be said, and compares equal."""
    proof = prove(TARGET, [read(path)], {})
    assert [p for s in proof.services for p in s.problems] == []
    assert list(proof.differences) == []


@pytest.mark.parametrize(
    "path", [p for p in CORPUS if "taskDefinition" in json.loads(p.read_text())], ids=lambda p: p.stem
)  # fmt: skip
def test_a_task_definition_may_be_pasted(path, tmp_path):
    """Under `taskDefinition:`, JSON as it is: only a moving image and plain-text secrets are spoken of."""
    content = json.loads(path.read_text("utf-8"))["taskDefinition"]
    for container in content["containerDefinitions"]:
        container["image"] = f"shop@{DIGEST}"
    service = {k: v for k, v in service_for(content).items() if k not in ("serviceName", "status")}
    loaded = pasted(tmp_path, {**service, "taskDefinition": content})
    assert [str(d) for d in loaded.diagnostics if d.severity == "error"] == []
    rules = {d.rule for d in loaded.diagnostics}
    assert rules <= {"secret-in-environment", "read-only-field"}


def pasted(root, service):
    """Load an app with one service that was pasted."""
    header = {
        "apiVersion": "reconciler/v1alpha1",
        "app": "shop",
        "environment": "production",
        "account": "123456789012",
        "region": "ap-northeast-1",
        "cluster": "production",
        "sync": {"defaults": "none"},
        "services": {"web": service},
    }
    folder = root / "production" / "shop"
    folder.mkdir(parents=True)
    text = json.dumps(header, ensure_ascii=False).replace("${", "$${")
    (folder / "app.yaml").write_text(text, "utf-8")
    return load_folder(root)


@pytest.mark.parametrize(
    "path", [p for p in CORPUS if "service" in json.loads(p.read_text())], ids=lambda p: p.stem
)
def test_a_service_may_be_pasted(path, tmp_path):
    """An element of describe-services as it is, its task definition in place of the ARN: no difference."""
    answer = json.loads(path.read_text("utf-8"))["service"]
    loaded = pasted(tmp_path, {**answer, "taskDefinition": made_for(answer)})
    assert [str(d) for d in loaded.diagnostics if d.rule != "read-only-field"] == []
    [service] = loaded.apps["production/shop"].services
    live = observed_service(answer)
    assert {t["key"]: t["value"] for t in service.service.get("tags", ())} == live.tags
    wanted = {k: v for k, v in service.service.items() if k != "tags"}
    found = compare(wanted, live.service, SERVICE)
    assert list(found.differences) == []
    assert [u.path for u in found.undeclared] == []


def test_a_role_of_another_account_keeps_nothing_from_being_imported():
    """Public documents name the accounts of their owners; what is live has been taken by ECS."""
    found = read(next(p for p in CORPUS if p.stem == "nginx-fargate"))
    foreign = {"executionRoleArn": "arn:aws:iam::999999999999:role/ecsTaskExecutionRole"}
    definition = replace(found.definition, content={**found.content, **foreign})
    proof = prove(TARGET, [replace(found, definition=definition)], {})
    assert [p for s in proof.services for p in s.problems] == []
    assert list(proof.differences) == []
