"""What a job that runs every minute costs, hour after hour: counted, call by call."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from reconciler.plan.canonical import canonical_task_definition
from reconciler.resources.preflight.plan import TRUSTED
from tests.controller.job_stage import JobLab
from tests.controller.lab import Controller
from tests.fakes.ecs_nature import Exits
from tests.plan.builders import image

ROLE = "arn:aws:iam::123456789012:role/shop"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0aaa"], "securityGroups": ["sg-0aaa"]}}
PREFLIGHT = ("iam", "ec2", "ssm", "logs")
TABLES_AND_TAGS = {"dynamodb:UpdateItem", "dynamodb:Query", "ecr:DescribeImages"}
"""Heartbeats, which beat whether there is a job or not; and the look at tags of every ten minutes."""
RUNS = 60


def definition(tag: str = "1", **container: Any) -> dict[str, Any]:
    """Return a job's task definition with a role, a secret and a log group."""
    options = {"awslogs-group": "/g", "awslogs-region": "ap-northeast-1"}
    whole = {
        "name": "report",
        "image": image(tag),
        "command": ["rake", "report"],
        "secrets": [{"name": "URL", "valueFrom": "/shop/url"}],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
        **container,
    }
    document = {"family": "shop-production-report", "executionRoleArn": ROLE}
    return canonical_task_definition({**document, "containerDefinitions": [whole]})


def every_minute(*codes: int, seconds: float = 5.0) -> tuple[JobLab, Controller]:
    """Return a lab whose job ran for a while, and was released a few times before."""
    lab = JobLab(
        "* * * * *",
        Exits(*codes, seconds=seconds),
        task_definition=definition("3"),
        launch={"networkConfiguration": NETWORK},
    )
    controller = Controller(lab, "a")
    lab.for_a_while(controller, minutes=3)
    for tag in ("4", "2"):
        lab.say(task_definition=definition(tag))
        lab.for_a_while(controller, minutes=3)
    return lab, controller


def calls_of(lab: JobLab, controller: Controller, minutes: int) -> Counter[str]:
    """Count the calls of so many minutes."""
    controller.transport.calls.clear()
    lab.for_a_while(controller, minutes=minutes)
    return Counter(f"{s}:{o}" for s, o, _ in controller.transport.calls)


def rounds(counted: Counter[str]) -> int:
    """Return how often the role was looked at: once in each round of preflight."""
    return counted["iam:GetRole"]


def test_an_occurrence_costs_its_start_its_records_and_its_looks() -> None:
    """60 runs: 60 starts with a look for their revision, three records each, and six rounds of preflight."""
    lab, controller = every_minute(0)
    before = len(lab.started())

    counted = calls_of(lab, controller, RUNS)

    assert len(lab.started()) - before == RUNS
    once = {"ecs:RunTask", "ecs:ListTaskDefinitions", "ecs:DescribeTaskDefinition"}
    assert {name: counted[name] for name in once} == dict.fromkeys(once, RUNS)
    assert counted["dynamodb:TransactWriteItems"] == 3 * RUNS
    assert counted["dynamodb:PutItem"] <= 4 * RUNS
    passes = counted["ecs:DescribeServices"]
    assert passes <= 9 * RUNS
    assert counted["ecs:DescribeTasks"] <= 6 * RUNS
    assert counted["dynamodb:BatchGetItem"] <= counted["ecs:DescribeTasks"] + RUNS

    checks = {n: c for n, c in counted.items() if n.partition(":")[0] in PREFLIGHT}
    checks["ecs:DescribeClusters"] = counted["ecs:DescribeClusters"]
    most = timedelta(minutes=RUNS) // TRUSTED
    assert {"iam:GetRole", "ec2:DescribeSubnets", "logs:DescribeLogGroups"} < checks.keys()
    assert rounds(counted) == most
    assert max(checks.values()) <= 2 * most  # the look at secrets asks for parameters, too

    known = {*once, *checks, *TABLES_AND_TAGS, "ecs:DescribeServices", "ecs:DescribeTasks"}
    known |= {f"dynamodb:{n}" for n in ("TransactWriteItems", "PutItem", "BatchGetItem", "GetItem")}
    assert set(counted) == known


def test_a_job_that_fails_is_checked_as_often_as_anything() -> None:
    """Its last run did not prove that everything is there: what was found holds for a minute."""
    lab, controller = every_minute(*[1] * 30)
    assert rounds(calls_of(lab, controller, 10)) > 5


def test_a_job_that_is_another_one_now_is_checked_at_once() -> None:
    """Nothing is believed of what was not looked at."""
    lab, controller = every_minute(0)
    assert rounds(calls_of(lab, controller, 2)) == 0
    lab.say(task_definition=definition("2", command=["rake", "other"]))
    assert rounds(calls_of(lab, controller, 2)) == 1


def test_what_breaks_meanwhile_stops_the_job_after_a_while() -> None:
    """A role that is deleted is seen at the next round, and what is put right within a minute."""
    lab, controller = every_minute(0)
    lab.around.missing.add("shop")
    lab.for_a_while(controller, minutes=TRUSTED.total_seconds() / 60 + 1)
    before = len(lab.started())
    lab.for_a_while(controller, minutes=5)
    assert len(lab.started()) == before
    lab.around.missing.clear()
    lab.for_a_while(controller, minutes=5)
    assert len(lab.started()) > before
