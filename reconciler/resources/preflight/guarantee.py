"""Which guarantee migrations and jobs have, and whether their task role lets the guard claim a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.desired import DesiredApp, DesiredJob, DesiredMigration
from reconciler.model.errors import AwsError, BadCredentials, NotFound, Unreachable
from reconciler.model.finding import CheckState, Finding
from reconciler.model.job import occurrence_by_hand
from reconciler.model.run import Launch, RunKind
from reconciler.resources.grants.statement import Names
from reconciler.resources.preflight.simulator import SIMULATE
from reconciler.store.records import claim_key

Launched = DesiredMigration | DesiredJob


def runs(aws: Aws, desired: DesiredApp) -> Iterator[Finding]:
    """Name the guarantee, and look at the task role of each migration and job."""
    if not desired.launched:
        return
    if desired.guard is None:
        message = "no guard: protected by ECS's clientToken alone, Unknown after its window"
        yield Finding("guarantee", CheckState.WARNING, message)
        return
    message = "claim: a guard container claims each run"
    yield Finding("guarantee", CheckState.OK, message)
    for run in desired.launched:
        yield _guard_role(aws, desired, run)


def _guard_role(aws: Aws, desired: DesiredApp, run: Launched) -> Finding:
    name, about = f"guard of {run.address}", (run.address,)
    role = str(run.task_definition.get("taskRoleArn", ""))
    if not role:
        message = "no taskRoleArn: the guard cannot write its claim, nothing would ever start"
        return Finding(name, CheckState.FAILED, message, about)
    names = Names(desired)
    role = names.role(role)
    try:
        answer = aws.call(
            "iam",
            "SimulatePrincipalPolicy",
            PolicySourceArn=role,
            ActionNames=["dynamodb:UpdateItem"],
            ResourceArns=[names.table("claims")],
            ContextEntries=[_claim_key(desired, run)],
        )
    except (BadCredentials, Unreachable):
        raise
    except NotFound:
        return Finding(name, CheckState.FAILED, f"there is no role {role}", about)
    except AwsError:
        message = f"{SIMULATE} would tell whether {role} may write claims"
        return Finding(name, CheckState.UNSEEN, message, about, SIMULATE)
    decisions = {r.get("EvalDecision") for r in answer.get("EvaluationResults", ())}
    if decisions == {"allowed"}:
        return Finding(name, CheckState.OK, f"{role} may write claims", about)
    message = f"{role} lacks dynamodb:UpdateItem on {desired.table_prefix}-claims"
    return Finding(name, CheckState.FAILED, message, about)


def _claim_key(desired: DesiredApp, run: Launched) -> dict[str, Any]:
    revision = run.revision if isinstance(run, DesiredMigration) else occurrence_by_hand("1")
    key = claim_key(desired.key, Launch(run.name, revision, 1, 0, RunKind(run.address.kind)))
    return {
        "ContextKeyName": "dynamodb:LeadingKeys",
        "ContextKeyType": "stringList",
        "ContextKeyValues": [key],
    }
