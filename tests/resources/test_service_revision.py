"""Fields that only a deployment, a task set or a service revision tells are read there, and only if needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.aws.door import Aws
from reconciler.model.errors import AccessDenied
from reconciler.model.observed import LedgerView
from reconciler.resources.ecs_service import observed_service
from reconciler.resources.observe import Observer
from reconciler.shapes.botocore_model import input_of, shape_named
from reconciler.shapes.observable import (
    in_task_sets,
    never_answered,
    only_in_deployments,
    only_in_revisions,
)
from tests.fakes.small import FakeEcr
from tests.fakes.surroundings import FakeSurroundings
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport
from tests.plan.builders import a_service, an_app

MONITORING = {
    "metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 20}]
}
PREFIX = "arn:aws:ecs:ap-northeast-1:123456789012:service-revision/production"
SERVICE_LINKED = "arn:aws:iam::1:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"


@dataclass
class Account:
    """Services that ECS describes, their revisions, and an observer that looks at them."""

    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    revisions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        timeline = Timeline()
        around = FakeSurroundings().handlers
        handlers = {**around, "ecs": self.handle, "ecr": FakeEcr().handle}
        self.transport = FakeTransport(timeline, handlers)
        self.aws = Aws(self.transport, timeline)
        self.observer = Observer()

    def handle(self, operation: str, params: Any) -> dict[str, Any]:
        match operation:
            case "DescribeServices":
                return {"services": [self.services[n] for n in params["services"]]}
            case "DescribeServiceRevisions":
                asked = params["serviceRevisionArns"]
                assert 0 < len(asked) <= 20
                return {
                    "serviceRevisions": [self.revisions[a] for a in asked if a in self.revisions]
                }
            case "ListTaskDefinitions":
                return {"taskDefinitionArns": []}
        raise AssertionError(operation)

    def add(self, name: str, number: int, **fields: Any) -> str:
        """Put up a live service on a revision with these fields; return the revision's ARN."""
        arn = f"{PREFIX}/shop-production-{name}/{number}"
        self.services[f"shop-production-{name}"] = {
            "serviceName": f"shop-production-{name}",
            "status": "ACTIVE",
            "deployments": [{"id": f"ecs-svc/{number}", "status": "PRIMARY"}],
            "currentServiceRevisions": [{"arn": arn}],
        }
        self.revisions[arn] = {"serviceRevisionArn": arn, **fields}
        return arn

    def observe(self, *services: Any) -> tuple[Any, list[str]]:
        self.transport.calls.clear()
        app = an_app(*(services or (a_service(monitoring=MONITORING),)))
        seen = self.observer.observe(self.aws, app, LedgerView(key=app.key))
        return seen.services, self.transport.operations()


@pytest.fixture
def account() -> Account:
    """Return an account without services."""
    return Account()


def test_a_field_that_only_the_revision_tells_is_read_there(account) -> None:
    """The document then has it, and it is not unread any more."""
    account.add("web", 7, monitoring=MONITORING, gatewayConnectors=[{"portName": "p"}])
    seen, _ = account.observe()
    assert seen["web"].service["monitoring"] == MONITORING
    assert seen["web"].service["gatewayConnectors"] == [{"portName": "p"}]
    assert not only_in_revisions() & seen["web"].unread


def test_a_revision_is_read_once(account) -> None:
    """It is immutable: the second pass costs what a pass without such a field costs."""
    account.add("web", 7, monitoring=MONITORING)
    _, first = account.observe()
    again, second = account.observe()
    assert first.count("DescribeServiceRevisions") == 1
    assert "DescribeServiceRevisions" not in second
    assert again["web"].service["monitoring"] == MONITORING
    account.add("web", 8)
    newer, third = account.observe()
    assert third.count("DescribeServiceRevisions") == 1
    assert "monitoring" not in newer["web"].service


def test_nothing_is_read_for_a_service_that_declares_no_such_field(account) -> None:
    """The steady state of an ordinary service is DescribeServices alone."""
    account.add("web", 7, monitoring=MONITORING)
    _, calls = account.observe(a_service())
    assert "DescribeServiceRevisions" not in calls


def test_revisions_are_read_twenty_at_a_time(account) -> None:
    """Forty-one services with such a field cost three calls."""
    names = [f"s{n}" for n in range(41)]
    for name in names:
        account.add(name, 1, monitoring=MONITORING)
    seen, calls = account.observe(*(a_service(n, monitoring=MONITORING) for n in names))
    assert calls.count("DescribeServiceRevisions") == 3
    assert all(seen[name].service["monitoring"] == MONITORING for name in names)


def test_the_revision_of_the_primary_deployment_is_read_while_two_run(account) -> None:
    """During a rollout the one with the deployment's number is the target."""
    old = account.add("web", 7)
    new = account.add("web", 8, monitoring=MONITORING)
    account.services["shop-production-web"]["currentServiceRevisions"] = [
        {"arn": old},
        {"arn": new},
    ]
    seen, _ = account.observe()
    assert seen["web"].revision_arn == new
    assert seen["web"].service["monitoring"] == MONITORING


def test_a_revision_that_cannot_be_told_is_left_unread(account) -> None:
    """A rollback's deployment has a number of its own: while two revisions run nothing is guessed."""
    old, new = account.add("web", 7), account.add("web", 8)
    live = account.services["shop-production-web"]
    live["currentServiceRevisions"] = [{"arn": old}, {"arn": new}]
    live["deployments"][0]["id"] = "ecs-svc/9"
    seen, calls = account.observe()
    assert "monitoring" in seen["web"].unread
    assert "DescribeServiceRevisions" not in calls


def test_a_revision_that_ecs_forgot_leaves_the_fields_unread(account) -> None:
    """Revisions from before October 2024 cannot be described."""
    account.revisions.pop(account.add("web", 7))
    seen, _ = account.observe()
    assert "monitoring" in seen["web"].unread


def test_a_missing_permission_names_the_operation(account) -> None:
    """It is no difference and no guess, but an error."""
    account.add("web", 7)
    account.transport.handlers["ecs"] = _denied(account.handle)
    with pytest.raises(AccessDenied) as denied:
        account.observe()
    assert denied.value.operation == "ecs:DescribeServiceRevisions"


def _denied(handle):
    def answer(operation, params):
        if operation == "DescribeServiceRevisions":
            raise AccessDenied("not allowed", operation="ecs:DescribeServiceRevisions")
        return handle(operation, params)

    return answer


def test_every_declared_field_is_told_somewhere() -> None:
    """Of all fields of CreateService only the role has another name in the answers: roleArn."""
    assert never_answered() == {"role"}
    assert only_in_deployments() >= {"serviceConnectConfiguration", "volumeConfigurations"}
    assert only_in_revisions() >= {"monitoring"}


def test_an_answer_has_the_type_of_what_was_declared() -> None:
    """A field that is read in a deployment, a task set or a revision has all members that are sent."""
    declared = input_of("CreateService").members
    for shape, fields in (
        ("Service", set(declared) & set(shape_named("Service").members)),
        ("Deployment", only_in_deployments()),
        ("ServiceRevision", only_in_revisions()),
        ("TaskSet", in_task_sets()),
    ):
        answered = shape_named(shape).members
        for name in fields:
            types = {shape.name.removeprefix("Boxed") for shape in (answered[name], declared[name])}
            assert len(types) == 1, name


def test_a_service_connect_configuration_is_read_from_the_primary_deployment() -> None:
    """An older deployment's is not what is wanted of the service now."""
    live = observed_service(
        {
            "serviceName": "web",
            "status": "ACTIVE",
            "deployments": [
                {"status": "ACTIVE", "serviceConnectConfiguration": {"enabled": False}},
                {"status": "PRIMARY", "serviceConnectConfiguration": {"enabled": True}},
            ],
        }
    )
    assert live.service["serviceConnectConfiguration"] == {"enabled": True}


def test_a_role_is_read_under_its_other_name() -> None:
    """The service-linked role is nobody's declaration."""
    assert observed_service({"roleArn": "arn:aws:iam::1:role/x"}).service["role"]
    assert "role" not in observed_service({"roleArn": SERVICE_LINKED}).service
    assert "role" in observed_service({}).unread


def test_a_task_set_is_a_deployment_of_another_controller() -> None:
    """Its own fields are what runs, and its counts say how far it is."""
    task_set = {
        "id": "ecs-svc/5",
        "status": "PRIMARY",
        "taskDefinition": "arn:aws:ecs:::task-definition/web:3",
        "computedDesiredCount": 2,
        "runningCount": 1,
        "pendingCount": 1,
        "launchType": "FARGATE",
        "loadBalancers": [{"targetGroupArn": "green"}],
    }
    live = observed_service(
        {
            "serviceName": "web",
            "status": "ACTIVE",
            "loadBalancers": [{"targetGroupArn": "blue"}],
            "taskSets": [{"status": "ACTIVE"}, task_set],
        }
    )
    assert live.task_definition_arn.endswith("web:3")
    assert live.service["loadBalancers"] == [{"targetGroupArn": "green"}]
    assert live.primary.id == "ecs-svc/5"
    assert (live.primary.desired_count, live.primary.running_count) == (2, 1)


def test_without_deployments_the_revision_tells_more(account) -> None:
    """A CodeDeploy service has none: its Service Connect configuration is in the revision."""
    connect = {"enabled": True}
    account.add("web", 7, serviceConnectConfiguration=connect)
    live = account.services["shop-production-web"]
    live |= {"deployments": [], "taskSets": [{"id": "ecs-svc/7", "status": "PRIMARY"}]}
    seen, _ = account.observe(a_service(serviceConnectConfiguration=connect))
    assert seen["web"].service["serviceConnectConfiguration"] == connect
    assert "serviceConnectConfiguration" not in seen["web"].unread
    _, calls = account.observe(a_service())
    assert "DescribeServiceRevisions" not in calls
