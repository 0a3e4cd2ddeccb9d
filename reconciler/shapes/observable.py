"""Where ECS answers each field of CreateService: computed from botocore's model, so that none is missed.

Read by `resources.ecs_service`, `resources.observe` and, for pasted answers, by `source.pasted`.
DescribeServices tells most of them; some stand only in its `deployments[]`, some only in the service's
revision, the role under another name.
"""

from __future__ import annotations

from functools import cache

from reconciler.shapes.botocore_model import input_of, shape_named

MANAGED = frozenset({"cluster", "clientToken", "taskDefinition"})
"""What we fill in ourselves."""


@cache
def only_in_deployments() -> frozenset[str]:
    """Return the fields that are told by the primary deployment and not by the service."""
    return _declared() & _members("Deployment") - _members("Service")


@cache
def only_in_revisions() -> frozenset[str]:
    """Return the fields that only DescribeServiceRevisions tells."""
    known = _members("Service") | _members("Deployment")
    return _declared() & _members("ServiceRevision") - known


@cache
def told_by_revisions() -> frozenset[str]:
    """Return the fields that a service itself does not tell and its revision does."""
    return _declared() & _members("ServiceRevision") - _members("Service")


@cache
def never_answered() -> frozenset[str]:
    """Return the fields that no answer has under their own name."""
    told = (_members(name) for name in ("Service", "Deployment", "ServiceRevision"))
    return _declared().difference(*told)


@cache
def in_task_sets() -> frozenset[str]:
    """Return the fields that each task set has for itself, where ECS is not the deployer."""
    return _declared() & _members("TaskSet") - {"tags"}


def _declared() -> frozenset[str]:
    return frozenset(input_of("CreateService").members) - MANAGED


def _members(shape: str) -> frozenset[str]:
    return frozenset(shape_named(shape).members)
