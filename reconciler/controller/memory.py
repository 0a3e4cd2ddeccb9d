"""What the ledger remembers of a service after each thing that is done to it. Values in, values out.

Called by `execute`, which writes the records in the same transaction as the journal's entry.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.observed import LedgerView, ObservedService, RolloutState, ServiceRecord
from reconciler.model.plan import ServiceRequest
from reconciler.resources.kind import Answer


def before_creation(name: str, service_name: str) -> ServiceRecord:
    """Return the memory of a service that is about to be created.

    Written with the intent: a live service of ours that no ledger remembers is thereby proof that a
    ledger was lost (`plan.gate.unremembered`).
    """
    return ServiceRecord(
        name=name,
        applied={"service": {"serviceName": service_name}},
        desired_hash="",
        task_definition_arn="",
        deployment_id="",
        state=RolloutState.STEADY,
    )


def after_call(
    name: str, before: ServiceRecord | None, request: ServiceRequest, answer: Answer
) -> ServiceRecord:
    """Return the memory after CreateService or UpdateService, CONVERGING until it is judged."""
    if before is not None and not request.desired_hash:
        return _partly(before, request)
    arn = str(answer.result.get("taskDefinition", ""))
    record = _wanted(name, before, request, arn, str(answer.result.get("deploymentId", "")))
    return replace(
        record, previous_task_definition_arn=before.task_definition_arn if before else ""
    )


def as_seen(
    name: str, before: ServiceRecord | None, request: ServiceRequest, live: ObservedService
) -> ServiceRecord:
    """Return the memory of a service to which nothing was sent that could roll it."""
    if before is not None and not request.desired_hash:
        return _partly(before, request)
    deployment = live.primary.id if live.primary else ""
    return _wanted(name, before, request, live.task_definition_arn, deployment)


def begun(
    record: ServiceRecord, request: ServiceRequest, ledger: LedgerView, number: int
) -> ServiceRecord:
    """Return the memory with what a rollout carries out, and the journal's entry it began with.

    A part that rolls nothing leaves all of it as it was.
    """
    if not request.desired_hash:
        return record
    source = request.release or ledger
    return replace(record, generation=source.generation, commit=source.commit, begun=number)


def forgotten(record: ServiceRecord) -> ServiceRecord:
    """Return the record of a service that we deleted: it remembers nothing, its version goes on."""
    return ServiceRecord(
        name=record.name,
        applied={},
        desired_hash="",
        task_definition_arn="",
        deployment_id="",
        state=RolloutState.STEADY,
        version=record.version,
    )


def _wanted(
    name: str, before: ServiceRecord | None, request: ServiceRequest, arn: str, deployment: str
) -> ServiceRecord:
    """Return the memory of what is wanted as a whole, and of what carries it out."""
    return ServiceRecord(
        name=name,
        applied=request.applied,
        desired_hash=request.desired_hash,
        task_definition_arn=arn,
        deployment_id=deployment,
        state=RolloutState.CONVERGING,
        version=before.version if before else 0,
    )


def _partly(before: ServiceRecord, request: ServiceRequest) -> ServiceRecord:
    """Return the memory after a part that rolls nothing: what is wanted or held stays as it was.

    The live revision is not the wanted one here; recorded as such it would prove that it is.
    """
    return replace(before, applied=request.applied)
