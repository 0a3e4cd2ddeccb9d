"""Giving a value to what the files look up: `${ssm:…}` and `${cfn:…}`. Called by `seed`.

The field that looks something up says what a value of it looks like. What has a default is left absent,
and a Terraform state is not made: the files name it, the user has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.local.moto_backend import MotoBackend, MotoError
from reconciler.model.desired import DesiredApp
from reconciler.model.lookups import Deferred, Lookup

_OTHER = "embedded"
_VALUES: Mapping[str, str] = {
    "cpu": "256",
    "memory": "512",
    "memoryReservation": "256",
    "containerPort": "80",
    "desiredCount": "1",
    "minCapacity": "1",
    "maxCapacity": "2",
    "healthCheckGracePeriodSeconds": "0",
    "subnets": "subnet-0embedded",
    "securityGroups": "sg-0embedded",
    "securityGroupIds": "sg-0embedded",
    "executionRoleArn": "arn:aws:iam::{account}:role/embedded-execution",
    "taskRoleArn": "arn:aws:iam::{account}:role/embedded-task",
    "roleArn": "arn:aws:iam::{account}:role/embedded-service",
    "targetGroupArn": "arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/embedded/0embedded",
}
"""Field → a value that suits it; any other field gets a word."""
_LISTS = ("subnets", "securityGroups", "securityGroupIds")
Found = tuple[str, str, bool]
"""Name of a look-up, the field that it is in, and whether it stands for a whole list."""


def seed_lookups(moto: MotoBackend, app: DesiredApp) -> Iterator[str]:
    """Make the parameters and stacks that an app looks up; yields the values given.

    What is there already stays as it is.
    """
    outputs: dict[str, dict[str, str]] = {}
    for name, field, whole in dict.fromkeys(_in_app(app)):
        family, _, rest = name.partition(":")
        value = _VALUES.get(field, _OTHER).format(account=app.account, region=app.region)
        if family == "ssm" and not rest.startswith("arn:"):
            kind = "StringList" if whole else "String"
            _parameter(moto, app.region, rest.partition(":")[0], (kind, value))
            yield value
        elif family == "cfn" and "." in rest:
            stack, _, output = rest.partition(".")
            outputs.setdefault(stack, {})[output] = value
            yield value
    for stack, values in outputs.items():
        _stack(moto, app.region, stack, values)


def _in_app(app: DesiredApp) -> Iterator[Found]:
    for service in app.services:
        yield from _in(service.service, "")
        yield from _in(service.task_definition, "")
        if service.autoscaling:
            yield from _in(vars(service.autoscaling), "")
    for run in app.launched:
        yield from _in(run.task_definition, "")
        yield from _in(run.launch, "")
    for redis in app.redis:
        yield from _in(redis.group, "")


def _in(document: Any, field: str, *, in_list: bool = False) -> Iterator[Found]:
    match document:
        case Deferred(parts=parts):
            whole = document.sole is not None and field in _LISTS and not in_list
            for part in parts:
                if isinstance(part, Lookup) and part.default is None:
                    yield part.name, field if document.sole else "", whole
        case Mapping():
            for name, value in document.items():
                yield from _in(value, str(name))
        case list() | tuple():
            for value in document:
                yield from _in(value, field, in_list=True)


def _parameter(moto: MotoBackend, region: str, name: str, content: tuple[str, str]) -> None:
    kind, value = content
    try:
        moto.call("ssm", "PutParameter", region, Name=name, Value=value, Type=kind)
    except MotoError as error:
        if error.code != "ParameterAlreadyExists":
            raise


def _stack(moto: MotoBackend, region: str, name: str, values: Mapping[str, str]) -> None:
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},  # a stack must have some resource
        "Outputs": {output: {"Value": value} for output, value in values.items()},
    }
    try:
        moto.submit(
            "cloudformation",
            "CreateStack",
            region,
            StackName=name,
            TemplateBody=json.dumps(template),
        )
    except MotoError as error:
        if error.code != "AlreadyExistsException":
            raise
