"""IAM statements and the ARNs of one app: what every grant is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.model.desired import DesiredApp, Document
from reconciler.model.names import last_part

Statement = dict[str, Any]

_LOOK_UPS = re.compile(r"\$\{.*\}")
"""From the first look-up of a text to its last; IAM would take it for a variable of its own."""


@dataclass(frozen=True)
class Names:
    """The names of one app as IAM spells them."""

    app: DesiredApp

    @property
    def partition(self) -> str:
        """The ARN partition of the app's region."""
        return partition(self.app.region)

    @property
    def cluster_name(self) -> str:
        """The name of the cluster, which the files may give as an ARN."""
        return last_part(self.app.cluster)

    @property
    def cluster(self) -> str:
        """The ARN of the cluster."""
        return self.arn("ecs", f"cluster/{self.cluster_name}")

    @property
    def in_cluster(self) -> Document:
        """The condition for operations that know their cluster."""
        return {"ArnEquals": {"ecs:cluster": self.cluster}}

    @property
    def services(self) -> list[str]:
        """The ARNs of the declared services."""
        return [self.service(s.service_name) for s in self.app.services]

    @property
    def any_service(self) -> str:
        """Every service of the cluster: one that left the files must still be seen."""
        return self.service("*")

    def service(self, name: str) -> str:
        """Spell the ARN of a service of the cluster."""
        return self.arn("ecs", f"service/{self.cluster_name}/{name}")

    def families(self, documents: Iterable[Document]) -> list[str]:
        """Spell the ARNs of all revisions of the documents' families."""
        named = [d["family"] for d in documents if "family" in d]
        return [self.arn("ecs", f"task-definition/{family}:*") for family in named]

    def arn(self, service: str, resource: str) -> str:
        """Spell an ARN in the app's account and region."""
        return f"arn:{self.partition}:{service}:{self.app.region}:{self.app.account}:{resource}"

    def role(self, role: str) -> str:
        """ECS takes the name of a role in the same account, or its ARN; IAM wants the ARN."""
        if role.startswith("arn:"):
            return role
        return f"arn:{self.partition}:iam::{self.app.account}:role/{role}"

    def table(self, name: str) -> str:
        """Spell the ARN of one of the app's tables."""
        return self.arn("dynamodb", f"table/{self.app.table_prefix}-{name}")


def allow(
    sid: str,
    actions: Sequence[str],
    resources: Iterable[str],
    condition: Document | None = None,
) -> Statement:
    """Make a statement; actions and resources are sorted, so that the same grant has the same text.

    What a look-up stands for is known to AWS alone, which the policy is made without: it becomes `*`.
    """
    statement: Statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(set(actions)),
        "Resource": sorted({starred(resource) for resource in resources}),
    }
    if condition:
        statement["Condition"] = dict(condition)
    return statement


def starred(text: str) -> str:
    """Put a `*` where something is looked up, for a resource or a condition with StringLike."""
    return _LOOK_UPS.sub("*", text)


def merged(statements: Sequence[Statement]) -> list[Statement]:
    """Join equal statements of several apps and number the Sids that are then still the same.

    Only resources are joined, and only where actions and condition are equal: never a wider grant. What
    an earlier statement grants already is left out of the later ones.
    """
    joined: dict[str, Statement] = {}
    for statement in statements:
        rest = {k: v for k, v in statement.items() if k != "Resource"}
        known = joined.setdefault(repr(rest), statement)
        known["Resource"] = sorted({*known["Resource"], *statement["Resource"]})
    lean = _without_repeats(joined.values())
    seen: dict[str, int] = {}
    for statement in lean:
        sid = statement["Sid"]
        seen[sid] = seen.get(sid, 0) + 1
        if seen[sid] > 1:
            statement["Sid"] = f"{sid}{seen[sid]}"
    return lean


def _without_repeats(statements: Iterable[Statement]) -> list[Statement]:
    kept: list[Statement] = []
    for statement in statements:
        actions = [
            action
            for action in statement["Action"]
            if not any(_grants(earlier, action, statement) for earlier in kept)
        ]
        if actions:
            kept.append({**statement, "Action": actions})
    return kept


def _grants(earlier: Statement, action: str, statement: Statement) -> bool:
    """Say whether an earlier statement grants an action wherever the later one would."""
    if action not in earlier["Action"]:
        return False
    resources = set(earlier["Resource"])
    return earlier.get("Condition") in (None, statement.get("Condition")) and (
        "*" in resources or set(statement["Resource"]) <= resources
    )


def partition(region: str) -> str:
    """Return the ARN partition that a region belongs to."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
