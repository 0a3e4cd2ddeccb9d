"""Two texts that mean one thing to AWS: data with its sources, for values that come back otherwise.

Read by `plan.spelling`. Sources as in `shapes.tables`. Units of task cpu and memory are in
`plan.canonical`, since they are written in one spelling from the start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reconciler.model.names import Path, last_part
from reconciler.shapes.tables import SERVICE, TASK_DEFINITION, Kind


@dataclass(frozen=True)
class Spelling:
    """Where two values may mean the same (`*` stands for any item), when they do, and who told us."""

    pattern: Path
    same: Callable[[Any, Any], bool]
    reason: str


def _same_role(one: Any, other: Any) -> bool:
    """Compare a role's short name with an ARN; two ARNs are two roles."""
    names = [last_part(str(text)) for text in (one, other)]
    arns = [str(text).startswith("arn:") for text in (one, other)]
    return names[0] == names[1] and arns.count(True) == 1


def _same_field(one: Any, other: Any) -> bool:
    return _field(one) == _field(other)


def _field(text: Any) -> str:
    lower = str(text).lower()
    return "instanceid" if lower == "host" else lower


def _same_directory(one: Any, other: Any) -> bool:
    return (str(one).rstrip("/") or "/") == (str(other).rstrip("/") or "/")


SPELLINGS: dict[Kind, tuple[Spelling, ...]] = {
    SERVICE: (
        Spelling(("role",), _same_role, "a role's name is its ARN [M CreateService]"),
        Spelling(
            ("placementStrategy", "*", "field"),
            _same_field,
            "case is ignored, host is instanceId [M PlacementStrategy; TF]",
        ),
    ),
    TASK_DEFINITION: (
        Spelling(
            ("taskRoleArn",), _same_role, "a role's name is its ARN [M RegisterTaskDefinition]"
        ),
        Spelling(
            ("executionRoleArn",), _same_role, "a role's name is its ARN [M RegisterTaskDefinition]"
        ),
        Spelling(
            ("volumes", "*", "efsVolumeConfiguration", "rootDirectory"),
            _same_directory,
            "a directory's last slash means nothing [M EFSVolumeConfiguration]",
        ),
    ),
}

PAIRS: dict[str, tuple[str, ...]] = {
    # Lists whose items name two target groups that a deployment swaps, and what tells the items apart
    # [M AdvancedConfiguration, VpcLatticeConfiguration].
    "loadBalancers": ("containerName", "containerPort", "loadBalancerName"),
    "vpcLatticeConfigurations": ("portName", "roleArn"),
}
TARGET_GROUP, ALTERNATE = "targetGroupArn", "alternateTargetGroupArn"
SWAPPED = "a blue/green deployment swaps the two target groups [M AdvancedConfiguration]"
SHIFTED = "CodeDeploy shifts traffic between two target groups [D deployment-type-bluegreen]"
SERVICE_LINKED = "/aws-service-role/"
"""In the ARN of the role that ECS takes when none is given (IAM user guide)."""
LINKED_ROLE = "the service-linked role is ECS's own [M CreateService]"
DAEMON_COUNT = "a DAEMON service has one task on each instance [M CreateService]"
