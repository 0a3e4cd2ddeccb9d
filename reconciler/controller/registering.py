"""A task definition revision for something that runs: an ACTIVE one with the same content, else a new one.

Called by `execute` for services and runs, and by `one_off`. Each registration is journaled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.aws.door import Aws
from reconciler.controller.journaled import Mutation, journaled
from reconciler.plan.spec_hash import SPEC_TAG, content_hash
from reconciler.resources.task_definition import newest_active, task_definition
from reconciler.store.session import Session
from reconciler.store.write import Write


def equal_revision(aws: Aws, cluster: str, document: Mapping[str, Any]) -> str | None:
    """Return the ARN of an ACTIVE revision that we registered with this content, None without one.

    One after the other, the newest first: where it is the newest, a job's next occurrence costs one look.
    """
    spec = content_hash(document)
    for arn in newest_active(aws, str(document["family"])):
        revision = task_definition.observe(aws, cluster, [arn])[arn]
        if revision.tags.get(SPEC_TAG) == spec and content_hash(revision.content) == spec:
            return arn
    return None


@dataclass(frozen=True)
class Registration:
    """A revision that is to be registered: for what, why, and its content."""

    address: str
    cause: str
    document: Mapping[str, Any]


def register(
    session: Session, aws: Aws, wanted: Registration, with_intent: Sequence[Write] = ()
) -> str:
    """Register a revision, with intent and outcome in the journal, and return its ARN."""
    document = wanted.document
    mutation = Mutation(
        address=wanted.address,
        operation="RegisterTaskDefinition",
        cause=wanted.cause,
        after={
            "family": document["family"],
            "images": {c["name"]: c.get("image") for c in document.get("containerDefinitions", ())},
        },
    )
    answer = journaled(
        session,
        mutation,
        lambda: task_definition.create(aws, document),
        with_intent=with_intent,
    )
    return str(answer.result["taskDefinitionArn"])
