"""task_definition: immutable revisions of a family. Read by ARN, searched newest first, registered.

Called by `resources.observe` and `controller.registering`. Never deregistered: rollbacks need old ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import UnexpectedAnswer
from reconciler.model.names import last_part
from reconciler.model.observed import ObservedTaskDefinition
from reconciler.plan.canonical import canonical_task_definition, repeated_variables
from reconciler.resources.kind import Answer, Kind, answer
from reconciler.shapes.botocore_model import input_of

SEARCHED = 5
"""How many ACTIVE revisions of a family are looked at for one that can be used again."""

task_definition: Kind[ObservedTaskDefinition] = Kind(
    name="task_definition",
    permissions={
        "observe": ("ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions"),
        "create": ("ecs:RegisterTaskDefinition", "ecs:TagResource", "iam:PassRole"),
    },
    immutable=True,
)


@task_definition.on_observe
def observe(aws: Aws, _cluster: str, arns: Sequence[str]) -> dict[str, ObservedTaskDefinition]:
    """Read revisions by ARN. Revisions know no cluster; the argument is the contract's."""
    return {arn: _describe(aws, arn) for arn in arns}


@task_definition.on_create
def create(aws: Aws, request: Mapping[str, Any]) -> Answer:
    """Register one revision. A repeat makes another one, harmless: the spec tag finds the newest."""
    response = aws.call("ecs", "RegisterTaskDefinition", **request)
    try:
        arn = response["taskDefinition"]["taskDefinitionArn"]
    except KeyError:
        raise UnexpectedAnswer(
            "ecs:RegisterTaskDefinition answered without an ARN",
            operation="ecs:RegisterTaskDefinition",
        ) from None
    return answer(response, taskDefinitionArn=arn)


def newest_active(aws: Aws, family: str) -> list[str]:
    """Return the ARNs of the newest ACTIVE revisions, newest first.

    `familyPrefix` is the full family name in spite of its name (botocore: ListTaskDefinitions).
    """
    response = aws.call(
        "ecs",
        "ListTaskDefinitions",
        familyPrefix=family,
        status="ACTIVE",
        sort="DESC",
        maxResults=SEARCHED,
    )
    arns = [str(arn) for arn in response.get("taskDefinitionArns", ())]
    return [arn for arn in arns if last_part(arn).partition(":")[0] == family][:SEARCHED]


def _describe(aws: Aws, arn: str) -> ObservedTaskDefinition:
    response = aws.call("ecs", "DescribeTaskDefinition", taskDefinition=arn, include=["TAGS"])
    try:
        live = response["taskDefinition"]
        family, revision = str(live["family"]), int(live["revision"])
    except (KeyError, TypeError, ValueError):
        raise UnexpectedAnswer(
            f"ecs:DescribeTaskDefinition answered without the definition of {arn}",
            operation="ecs:DescribeTaskDefinition",
        ) from None
    members = input_of("RegisterTaskDefinition").members
    content = {name: live[name] for name in members if name in live}
    content.pop("tags", None)
    return ObservedTaskDefinition(
        arn=arn,
        family=family,
        revision=revision,
        active=live.get("status", "ACTIVE") == "ACTIVE",
        content=canonical_task_definition(content),
        tags={t["key"]: t.get("value", "") for t in response.get("tags", ())},
        repeated=repeated_variables(content),
    )
