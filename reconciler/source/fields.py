"""Which field belongs where, computed from botocore: the one-level split of a workload.

Read by the rest of this package. The only lists of our own are what this program fills in itself and
its own words.
"""

from __future__ import annotations

from functools import cache

from reconciler.shapes.botocore_model import container_shape, input_of, read_only_members
from reconciler.shapes.observable import MANAGED

# What we fill in ourselves, or what would break a run's frozen request.
MANAGED_SERVICE = MANAGED
MANAGED_RUN = MANAGED | {"startedBy", "count", "referenceId", "overrides", "group"}
SERVICE_OWN = frozenset({"after", "autoscaling", "from", "onMovedTag", "onChangedSecret"})
MIGRATION_OWN = frozenset(
    {
        "revision",
        "attempt",
        "when",
        "timeout",
        "startTimeout",
        "container",
        "irreversible",
        "from",
    }
)
JOB_OWN = frozenset(
    {
        *("schedule", "timeZone", "concurrency", "startingDeadline", "catchUp", "suspend"),
        *("timeout", "startTimeout", "retries", "retryBackoff", "container", "from"),
        *("successfulHistoryLimit", "failedHistoryLimit"),
    }
)

_PRINTED = frozenset({"version"})
"""What answers of CreateService show in AWS's tutorials though its model does not have it."""


@cache
def service_fields() -> frozenset[str]:
    """Return CreateService's fields that people declare."""
    return frozenset(input_of("CreateService").members) - MANAGED_SERVICE


@cache
def run_fields() -> frozenset[str]:
    """Return RunTask's fields that people declare."""
    return frozenset(input_of("RunTask").members) - MANAGED_RUN


@cache
def task_fields() -> frozenset[str]:
    """Return RegisterTaskDefinition's fields."""
    return frozenset(input_of("RegisterTaskDefinition").members)


@cache
def lifted_task_fields() -> frozenset[str]:
    """Return the task definition fields that may stand on the workload: the service wins a double name."""
    return task_fields() - service_fields()


@cache
def lifted_container_fields() -> frozenset[str]:
    """Return the container fields that may stand on the workload: service and task win a double name."""
    return frozenset(container_shape().members) - service_fields() - task_fields()


@cache
def read_only_service() -> frozenset[str]:
    """Return what `describe-services` answers and nobody can set."""
    return read_only_members("Service", "CreateService") | _PRINTED


@cache
def read_only_task() -> frozenset[str]:
    """Return what `describe-task-definition` answers and nobody can set."""
    return read_only_members("TaskDefinition", "RegisterTaskDefinition")


@cache
def misplaced_fields() -> frozenset[str]:
    """Return what a service takes and a migration or job does not, so that a message can say so."""
    return frozenset(input_of("CreateService").members) - frozenset(input_of("RunTask").members)
