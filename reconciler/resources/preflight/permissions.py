"""The reads that every pass makes, used once on names that need not exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import AccessDenied, AwsError, BadCredentials, NotFound, Unreachable
from reconciler.model.finding import CheckState, Finding

_NOBODY = "reconciler-preflight"


def probes(aws: Aws, desired: DesiredApp) -> Iterator[Finding]:
    """Use each read that the controller needs."""
    for service, operation, params in _reads(desired):
        name = f"{service}:{operation}"
        try:
            aws.call(service, operation, **params)
        except NotFound:
            yield Finding(name, CheckState.OK, "permitted")
        except (BadCredentials, Unreachable):
            raise
        except AccessDenied as error:
            # Not "cannot be seen": the controller makes this very call in every pass.
            message = f"missing: add {error.permission} to the role"
            yield Finding(name, CheckState.FAILED, message)
        except AwsError as error:
            yield Finding(name, CheckState.WARNING, str(error))
        else:
            yield Finding(name, CheckState.OK, "permitted")


def _reads(desired: DesiredApp) -> Iterator[tuple[str, str, dict[str, Any]]]:
    cluster = desired.cluster
    names = [s.service_name for s in desired.services][:10] or [_NOBODY]
    yield "ecs", "DescribeServices", {"cluster": cluster, "services": names}
    families = [str(document.get("family", "")) for document in desired.task_definitions]
    family = next((f for f in families if f), _NOBODY)
    yield "ecs", "ListTaskDefinitions", {"familyPrefix": family, "maxResults": 1}
    yield "ecs", "ListTasks", {"cluster": cluster, "family": family, "maxResults": 1}
    state = f"{desired.table_prefix}-state"
    key = {"pk": {"S": f"A#{desired.key}"}, "sk": {"S": "HEAD"}}
    yield "dynamodb", "GetItem", {"TableName": state, "Key": key, "ConsistentRead": True}
