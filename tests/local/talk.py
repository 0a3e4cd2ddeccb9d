"""Talking to an embedded AWS in few words: clients, waiting for a state, common requests."""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "ap-northeast-1"
_LIMIT = 20.0


class Talk:
    """One embedded AWS and its clients. A container runs `sh -c` unless it says otherwise."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.aws.endpoint_url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20),
        )

    def with_alarm(self, name: str) -> Any:
        """Make an alarm; returns the client of CloudWatch, which sets its state."""
        cloudwatch = self.client("cloudwatch")
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            MetricName="m",
            Namespace="n",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
        )
        return cloudwatch

    @cached_property
    def ecs(self) -> Any:
        return self.client("ecs")

    @cached_property
    def logs(self) -> Any:
        return self.client("logs")

    @cached_property
    def dynamodb(self) -> Any:
        return self.client("dynamodb")

    def define(self, *containers: dict, family: str = "f", **fields: Any) -> str:
        """Register a bridge-mode task definition and return its ARN."""
        answer = self.ecs.register_task_definition(
            family=family, containerDefinitions=list(containers), **fields
        )
        return answer["taskDefinition"]["taskDefinitionArn"]

    def run(self, definition: str = "f", **fields: Any) -> str:
        """RunTask in cluster `c`; returns the task's ARN."""
        answer = self.ecs.run_task(cluster="c", taskDefinition=definition, **fields)
        return answer["tasks"][0]["taskArn"]

    def task(self, arn: str) -> dict:
        return self.ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"][0]

    def until_task(self, arn: str, status: str = "STOPPED") -> dict:
        return eventually(lambda: self.task(arn), lambda t: t["lastStatus"] == status)

    def finish(self, *containers: dict, **fields: Any) -> dict:
        """Define, run and wait; returns the stopped task."""
        return self.until_task(self.run(self.define(*containers), **fields))

    def service(self, name: str = "web", cluster: str = "c") -> dict:
        answer = self.ecs.describe_services(cluster=cluster, services=[name])
        return answer["services"][0]

    def create(
        self, definition: str = "f", name: str = "web", count: int = 1, **fields: Any
    ) -> dict:
        answer = self.ecs.create_service(
            cluster="c", serviceName=name, taskDefinition=definition, desiredCount=count, **fields
        )
        return answer["service"]

    def until_service(self, wanted: Any, name: str = "web") -> dict:
        return eventually(lambda: self.service(name), wanted)

    def messages(self, group: str) -> list[str]:
        events = self.logs.filter_log_events(logGroupName=group)["events"]
        return [event["message"] for event in events]


def sh(script: str, name: str = "main", **fields: Any) -> dict:
    """Return a container that runs a shell script in the image `app`."""
    return {
        "name": name,
        "image": "app:1",
        "memory": 16,
        "command": ["sh", "-c", script],
        **fields,
    }


def logging_to(group: str) -> dict:
    """Return a logConfiguration for awslogs."""
    options = {
        "awslogs-group": group,
        "awslogs-region": REGION,
        "awslogs-stream-prefix": "p",
        "awslogs-create-group": "true",
    }
    return {"logDriver": "awslogs", "options": options}


def completed(service: dict) -> bool:
    """Whether the PRIMARY deployment is COMPLETED and alone."""
    states = [d["rolloutState"] for d in service["deployments"]]
    return states == ["COMPLETED"]


def eventually(look: Any, wanted: Any, limit: float = _LIMIT) -> Any:
    """Look until it is as wanted; fails with what was seen last."""
    deadline = time.monotonic() + limit
    while True:
        seen = look()
        if wanted(seen):
            return seen
        assert time.monotonic() < deadline, f"still {seen}"
        time.sleep(0.01)


def code_of(call: Any, *args: Any, **kwargs: Any) -> str:
    """Return the error code that a call raises; fails when it raises none."""
    try:
        answer = call(*args, **kwargs)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"no error but {answer}")
