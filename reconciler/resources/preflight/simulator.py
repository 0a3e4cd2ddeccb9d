"""What IAM's policy simulator says of a role that is to read what tasks start with.

iam:SimulatePrincipalPolicy. Called by the families whose things the execution role reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from reconciler.model.batches import batches
from reconciler.model.errors import NotFound
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import Verdict, failed, ok, warning

_SIMULATED = 50
"""ARNs in one simulation, well below what one answer holds (botocore: maxItemsType, 100)."""
SIMULATE = "iam:SimulatePrincipalPolicy"


class Wanted(NamedTuple):
    """An action that the role needs on things; `shared` when a policy of the thing may allow it, too."""

    action: str
    arns: Iterable[str]
    shared: bool


def may_read(reader: Reader, role: str, wanted: Iterable[Wanted]) -> Verdict:
    """Ask the simulator; what no identity policy allows, a policy of the thing itself may."""
    refused: list[str] = []
    doubtful: list[str] = []
    for one in wanted:
        for result in _simulated(reader, role, one.action, sorted(set(one.arns))):
            if result.get("EvalDecision") == "allowed":
                continue
            certain = result.get("EvalDecision") == "explicitDeny" or not one.shared
            known = certain and not result.get("MissingContextValues")
            short = str(result.get("EvalResourceName", "")).split(":", 5)[-1]
            (refused if known else doubtful).append(f"{one.action} on {short}")
    if refused:
        return failed(f"the role lacks {', '.join(refused)}: no task can start")
    if doubtful:
        return warning(f"the role itself has no {', '.join(doubtful)}; a policy there may allow it")
    return ok("the role may read them")


def _simulated(
    reader: Reader, role: str, action: str, arns: Sequence[str]
) -> Iterator[dict[str, Any]]:
    for batch in batches(arns, _SIMULATED):
        try:
            yield from reader.listed(
                "iam",
                "SimulatePrincipalPolicy",
                "EvaluationResults",
                PolicySourceArn=role,
                ActionNames=[action],
                ResourceArns=batch,
            )
        except NotFound:
            return  # the role does not exist, which is said of the role
